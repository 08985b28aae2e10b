"""Building blocks of a symbol's rules: grids, ranges, bands, and the words of a refusal.

Sources: filters.md of the venue's spot API; `exchangeInfo` of USD-M futures.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal
from enum import StrEnum
from fractions import Fraction
from math import gcd, lcm
from typing import Final

from exchange.domain.types import ZERO

# The default context rounds a quotient to 28 digits, possibly up, and then to more than was asked.
EXACT: Final = Context(prec=100, rounding=ROUND_DOWN)
MAX_MAGNITUDE: Final = 30  # no venue trades 1e30 of anything; the arithmetic stays exact below


class Filter(StrEnum):
    """Which rule an order breaks: the venue's name of it, where the venue has one."""

    INVALID_NUMBER = "INVALID_NUMBER"  # zero, negative, infinite or absurd
    ORDER_TYPE = "ORDER_TYPE"
    QUOTE_QUANTITY = "QUOTE_QUANTITY"
    LOT_SIZE = "LOT_SIZE"
    MARKET_LOT_SIZE = "MARKET_LOT_SIZE"
    PRICE_FILTER = "PRICE_FILTER"
    NOTIONAL = "NOTIONAL"  # MIN_NOTIONAL too, its older and its futures form
    PERCENT_PRICE = "PERCENT_PRICE"  # PERCENT_PRICE_BY_SIDE too
    MAX_POSITION = "MAX_POSITION"
    MAX_NUM_ORDERS = "MAX_NUM_ORDERS"
    MAX_NUM_ALGO_ORDERS = "MAX_NUM_ALGO_ORDERS"
    MAX_NUM_ORDER_LISTS = "MAX_NUM_ORDER_LISTS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """Why the venue would refuse an order. `words` name what was asked and what is allowed."""

    code: Filter
    words: str

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The points `origin` + n x `increment`, n = 0, 1, 2 …; without an increment every number.

    Spot grids start at zero, those of futures at the filter's minimum ((x - min) % step = 0).
    """

    increment: Decimal = ZERO
    origin: Decimal = ZERO

    def floor(self, value: Decimal) -> Decimal:
        """Return the highest point that is not above `value`; zero when there is none."""
        if not self.increment:
            return value
        if value < self.origin:
            return ZERO
        steps = EXACT.divide_int(EXACT.subtract(value, self.origin), self.increment)
        return EXACT.add(self.origin, EXACT.multiply(steps, self.increment))

    def ceil(self, value: Decimal) -> Decimal:
        """Return the lowest point that is not below `value`."""
        if self.increment and value < self.origin:
            return self.origin
        below = self.floor(value)
        return value if below == value else EXACT.add(below, self.increment)

    def has(self, value: Decimal) -> bool:
        """Say whether `value` is a point of the grid."""
        return self.ceil(value) == value

    def common(self, other: Grid) -> Grid | None:
        """Return the grid of the points that both have; None when there are none."""
        if not self.increment or not other.increment:
            return self if self.increment else other
        scale = lcm(*(Fraction(each).denominator for each in (*self._numbers, *other._numbers)))
        step, start = (int(Fraction(each) * scale) for each in self._numbers)
        other_step, other_start = (int(Fraction(each) * scale) for each in other._numbers)
        divisor = gcd(step, other_step)
        away, rest = divmod(other_start - start, divisor)
        if rest:
            return None
        inverse = pow(step // divisor, -1, other_step // divisor)
        first = start + step * (away * inverse % (other_step // divisor))
        both = lcm(step, other_step)
        latest = max(start, other_start)
        first += -((first - latest) // both) * both if first < latest else 0
        return Grid(increment=_scaled(both, scale), origin=_scaled(first, scale))

    @property
    def _numbers(self) -> tuple[Decimal, Decimal]:
        return self.increment, self.origin


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeLimits:
    """How large an order may be: quantities in base, notionals in quote currency; 0 = no limit."""

    min_quantity: Decimal = ZERO
    max_quantity: Decimal = ZERO
    quantity_increment: Decimal = ZERO
    quantity_origin: Decimal = ZERO
    min_notional: Decimal = ZERO
    max_notional: Decimal = ZERO

    @property
    def grid(self) -> Grid:
        """Return the quantities that the increment allows."""
        return Grid(increment=self.quantity_increment, origin=self.quantity_origin)

    def largest(self, quantity: Decimal, *, price: Decimal) -> Decimal:
        """Return the largest quantity within maximum and grid that is not above `quantity`."""
        limits = [self.max_quantity] if self.max_quantity else []
        if self.max_notional:
            limits.append(EXACT.divide(self.max_notional, price))  # rounds down
        return self.grid.floor(min([quantity, *limits]))

    def quantity_violation(self, quantity: Decimal, *, code: Filter) -> Violation | None:
        """Say why this quantity is none for the venue."""
        words = None
        if quantity <= ZERO:
            words = "quantity is zero after rounding to the increment"
        elif not self.grid.has(quantity):
            words = f"quantity {quantity:f} is no multiple of {self.quantity_increment:f}"
            words += f" counted from {self.quantity_origin:f}" if self.quantity_origin else ""
        elif quantity < self.min_quantity:
            words = f"quantity {quantity:f} is below the minimum {self.min_quantity:f}"
        elif self.max_quantity and quantity > self.max_quantity:
            words = f"quantity {quantity:f} is above the maximum {self.max_quantity:f}"
        return Violation(code=code, words=words) if words else None

    def notional_violation(
        self, notional: Decimal, *, reduces_only: bool = False
    ) -> Violation | None:
        """Say why an order of this value is none for the venue.

        The minimum does not bind a futures order that only reduces a position.
        """
        words = None
        if notional < self.min_notional and not reduces_only:
            words = f"value {notional:f} is below the minimum {self.min_notional:f}"
        elif self.max_notional and notional > self.max_notional:
            words = f"value {notional:f} is above the maximum {self.max_notional:f}"
        return Violation(code=Filter.NOTIONAL, words=words) if words else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceBand:
    """How far a limit price may be from the reference price, in multiples of it; 0 = no limit."""

    down: Decimal = ZERO
    up: Decimal = ZERO

    def violation(self, price: Decimal, *, reference_price: Decimal) -> Violation | None:
        """Say why the venue would refuse `price` while its reference price is this one."""
        lowest = EXACT.multiply(reference_price, self.down)
        highest = EXACT.multiply(reference_price, self.up)
        words = None
        if price < lowest:
            words = f"price {price:f} is below {lowest:f}, the lowest that is allowed now"
        elif self.up and price > highest:
            words = f"price {price:f} is above {highest:f}, the highest that is allowed now"
        return Violation(code=Filter.PERCENT_PRICE, words=words) if words else None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrders:
    """How many orders are open on a symbol, or are about to be.

    orders   of every kind; the legs of a list count one by one
    stops    those among them that wait for a trigger ("algo" orders in the venue's words)
    lists    OCO, OTO, OTOCO, OPO and OPOCO, each counted once
    """

    orders: int = 0
    stops: int = 0
    lists: int = 0


def number_violation(**numbers: Decimal | None) -> Violation | None:
    """Say which of these is no positive number that an order could carry; None is left out."""
    for name, value in numbers.items():
        if value is None:
            continue
        if not value.is_finite() or value <= ZERO or value.adjusted() >= MAX_MAGNITUDE:
            words = f"{name.replace('_', ' ')} {value!s:.40} is no usable positive number"
            return Violation(code=Filter.INVALID_NUMBER, words=words)
    return None


def _scaled(value: int, scale: int) -> Decimal:
    return EXACT.divide(Decimal(value), Decimal(scale))
