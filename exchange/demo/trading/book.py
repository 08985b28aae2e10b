"""What a taker meets: best bid and ask around the last price, and limited levels behind them.

Ten levels on each side, each `slippage_bps` of the last price, and at least a tick, worse than the
one before. Together they hold the volume of the recorded minute, and no less than a tenth of the
largest market order that the symbol allows: a market order of ordinary size is always filled whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal
from typing import Final, NamedTuple, Protocol

from exchange.demo.amounts import UNIT, ZERO, floor_to

DEFAULT_SPREAD_BPS: Final = Decimal(1)
# One level holds this share of the volume of the recorded minute, and no less than a tenth of the
# order, so that a large order is filled in several steps but never in more than ten.
LEVEL_SHARE: Final = Decimal("0.001")
MAXIMUM_FILLS: Final = 10
_HALF_BASIS_POINT: Final = Decimal("0.00005")
_BASIS_POINT: Final = Decimal("0.0001")
_DEPTH_SHARE: Final = Decimal("0.1")


class Tradable(Protocol):
    """What a book has to know of a symbol, of the spot or of the futures market."""

    @property
    def name(self) -> str:
        """Return what it is called."""
        ...

    @property
    def tick(self) -> Decimal:
        """Return the smallest step of a price."""
        ...

    @property
    def step(self) -> Decimal:
        """Return the smallest step of a quantity."""
        ...

    @property
    def max_market_quantity(self) -> Decimal:
        """Return the largest order at the market."""
        ...


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

    symbol: Tradable
    last: Decimal
    volume: Decimal
    spread_bps: Decimal
    slippage_bps: Decimal = ZERO

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

    def best(self, *, is_buy: bool) -> Decimal:
        """Return the first price that a taker of this side meets."""
        return self.ask if is_buy else self.bid

    def crosses(self, price: Decimal, *, is_buy: bool) -> bool:
        """Say whether an order with this limit would take."""
        return price >= self.ask if is_buy else price <= self.bid

    def fills(
        self, quantity: Decimal, *, is_buy: bool, limit: Decimal | None = None
    ) -> list[PlannedFill]:
        """Return the executions of an order by quantity, each level worse than the last.

        They may fall short: of levels within `limit`, or of levels at all.
        """
        planned: list[PlannedFill] = []
        left = quantity
        for price, size in self._levels(quantity, is_buy=is_buy):
            if not left or (limit and (price > limit if is_buy else price < limit)):
                break
            planned.append(PlannedFill(price, min(size, left)))
            left -= planned[-1].quantity
        return planned

    def fills_worth(self, quote: Decimal, *, is_buy: bool) -> list[PlannedFill]:
        """Return the executions of a market order that pays or yields at most `quote`."""
        planned: list[PlannedFill] = []
        left = quote
        for price, size in self._levels(quote / self._cheapest(is_buy=is_buy), is_buy=is_buy):
            quantity = min(size, self._to_step(left / price))
            if not quantity:
                break
            planned.append(PlannedFill(price, quantity))
            left -= planned[-1].quote_quantity
        return planned

    def _levels(self, quantity: Decimal, *, is_buy: bool) -> Iterator[tuple[Decimal, Decimal]]:
        depth = max(self.volume, self.symbol.max_market_quantity * _DEPTH_SHARE)
        least = self._to_step(quantity / MAXIMUM_FILLS) + self.symbol.step
        most = max(self._to_step(depth / MAXIMUM_FILLS), self.symbol.step)
        size = min(max(self.level_quantity, least), most)
        price = self.best(is_buy=is_buy)
        worse = self._level_distance if is_buy else -self._level_distance
        for _ in range(MAXIMUM_FILLS):
            yield price, size
            price = max(price + worse, self.symbol.tick)

    def _cheapest(self, *, is_buy: bool) -> Decimal:
        best = self.best(is_buy=is_buy)
        fall = 0 if is_buy else self._level_distance * MAXIMUM_FILLS
        return max(best - fall, self.symbol.tick)

    @property
    def _level_distance(self) -> Decimal:
        slipped = self._to_tick(self.last * self.slippage_bps * _BASIS_POINT, ROUND_CEILING)
        return max(slipped, self.symbol.tick)

    @property
    def _half_spread(self) -> Decimal:
        return self.last * self.spread_bps * _HALF_BASIS_POINT

    def _to_tick(self, price: Decimal, rounding: str) -> Decimal:
        ticks = (price / self.symbol.tick).to_integral_value(rounding=rounding)
        return ticks * self.symbol.tick

    def _to_step(self, quantity: Decimal) -> Decimal:
        return floor_to(quantity, self.symbol.step)
