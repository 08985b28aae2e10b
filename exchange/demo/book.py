"""What a taker meets: best bid and ask around the last price, and limited levels behind them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal
from typing import Final, NamedTuple

from exchange.demo.amounts import UNIT
from exchange.demo.symbols import Symbol

DEFAULT_SPREAD_BPS: Final = Decimal(1)
# One level holds this share of the volume of the recorded minute, and no less than a tenth of the
# order, so that a large order is filled in several steps but never in more than ten.
LEVEL_SHARE: Final = Decimal("0.001")
MAXIMUM_FILLS: Final = 10
_HALF_BASIS_POINT: Final = Decimal("0.00005")
ZERO: Final = Decimal(0)


class PlannedFill(NamedTuple):
    """One execution: price in quote, quantity in base currency."""

    price: Decimal
    quantity: Decimal

    @property
    def quote_quantity(self) -> Decimal:
        """Return what is paid or received, in quote currency."""
        return (self.price * self.quantity).quantize(UNIT, rounding=ROUND_DOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """One symbol's book at one market time. `volume` is that of the whole recorded minute."""

    symbol: Symbol
    last: Decimal
    volume: Decimal
    spread_bps: Decimal

    @property
    def ask(self) -> Decimal:
        """Return what a buyer pays: half the spread above the last price, up to the tick."""
        return self._to_tick(self.last + self._half_spread, ROUND_CEILING)

    @property
    def bid(self) -> Decimal:
        """Return what a seller gets: half the spread below the last price, down to the tick."""
        return max(self._to_tick(self.last - self._half_spread, ROUND_FLOOR), self.symbol.tick)

    @property
    def level_quantity(self) -> Decimal:
        """Return how much the best level holds for a small order."""
        return max(self._to_step(self.volume * LEVEL_SHARE), self.symbol.step)

    def fills(self, quantity: Decimal, *, is_buy: bool) -> list[PlannedFill]:
        """Return the executions of an order by quantity, each a tick worse than the last."""
        planned: list[PlannedFill] = []
        left = quantity
        for price, size in self._levels(quantity, is_buy=is_buy):
            planned.append(PlannedFill(price, min(size, left)))
            left -= planned[-1].quantity
            if not left:
                return planned
        return planned

    def fills_worth(self, quote: Decimal, *, is_buy: bool) -> list[PlannedFill]:
        """Return the executions of a market order that pays or yields at most `quote`."""
        planned: list[PlannedFill] = []
        left = quote
        estimate = quote / (self.ask if is_buy else self.bid)
        for price, size in self._levels(estimate, is_buy=is_buy):
            quantity = min(size, self._to_step(left / price))
            if not quantity:
                return planned
            planned.append(PlannedFill(price, quantity))
            left -= planned[-1].quote_quantity
        return planned

    def _levels(self, quantity: Decimal, *, is_buy: bool) -> Iterator[tuple[Decimal, Decimal]]:
        least = self._to_step(quantity / MAXIMUM_FILLS) + self.symbol.step
        size = max(self.level_quantity, least)
        price = self.ask if is_buy else self.bid
        worse = self.symbol.tick if is_buy else -self.symbol.tick
        for _ in range(MAXIMUM_FILLS):
            yield price, size
            price = max(price + worse, self.symbol.tick)

    @property
    def _half_spread(self) -> Decimal:
        return self.last * self.spread_bps * _HALF_BASIS_POINT

    def _to_tick(self, price: Decimal, rounding: str) -> Decimal:
        ticks = (price / self.symbol.tick).to_integral_value(rounding=rounding)
        return ticks * self.symbol.tick

    def _to_step(self, quantity: Decimal) -> Decimal:
        return quantity // self.symbol.step * self.symbol.step
