"""Orders that rest: they fill where the last price crosses their limit, or end at their time."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Final

from exchange.demo.amounts import ZERO, to_units
from exchange.demo.futures.desk import Desk
from exchange.demo.futures.events import GOOD_TILL, RESTING_FILL, Event
from exchange.demo.futures.lookahead import Lookahead
from exchange.demo.futures.margin import reduces
from exchange.demo.futures.values import Order
from exchange.demo.times import MINUTE_MS
from exchange.demo.trading.book import PlannedFill
from exchange.demo.trading.crossings import Mark, first_crossing

_END_REACHED: Final = "GOOD_TILL_DATE_REACHED"
_NO_MARGIN: Final = "INSUFFICIENT_MARGIN"


class RestingFills:
    """Fills of resting orders, at their limits and within their share of the minute's volume."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._ahead = Lookahead()

    def next(self, symbol: str, after_ms: int, until_ms: int) -> Event | None:
        """Return the first fill of a symbol in (after_ms, until_ms]."""
        marks = self._marks(symbol)
        look = partial(self._look, symbol, marks)
        return self._ahead.first(symbol, marks, after_ms, until_ms, look) if marks else None

    def _look(
        self, symbol: str, marks: tuple[Mark, ...], after_ms: int, until_ms: int
    ) -> Event | None:
        found = first_crossing(self._desk.quotes.tracks[symbol], marks, after_ms, until_ms)
        if found is None:
            return None
        at_ms, order_id = found
        return Event(at_ms, RESTING_FILL, order_id, lambda: self._happen(order_id, at_ms))

    def _marks(self, symbol: str) -> tuple[Mark, ...]:
        listed = self._desk.symbols.get(symbol)
        if listed is None or not listed.is_trading:
            return ()
        return tuple(
            Mark(
                one.order_id,
                to_units(one.price),
                not one.is_buy,
                self._desk.since_ms[one.order_id],
            )
            for one in self._desk.orders.values()
            if one.symbol == symbol
        )

    def _happen(self, order_id: int, at_ms: int) -> None:
        desk, order = self._desk, self._desk.orders[order_id]
        # The rest waits for the next minute, and for the price to be there then.
        desk.since_ms[order_id] = (at_ms // MINUTE_MS + 1) * MINUTE_MS - 1
        quantity = min(order.remaining, desk.share_left(order, at_ms))
        if reduces(order):
            quantity = min(quantity, desk.closable(order))
        if quantity > ZERO:
            with desk.step(at_ms - 1):
                self._fill(order, quantity, at_ms)

    def _fill(self, order: Order, quantity: Decimal, at_ms: int) -> None:
        planned = PlannedFill(order.price, quantity)
        if not self._is_backed(order, planned, at_ms):
            self._desk.end_order(order, "EXPIRED", at_ms, _NO_MARGIN)
            return
        self._desk.fill(order, planned, is_maker=True, at_ms=at_ms)
        self._desk.cover(order.uid, order.symbol, at_ms)

    def _is_backed(self, order: Order, planned: PlannedFill, at_ms: int) -> bool:
        # Funding and losses may have taken what was there when the order was placed.
        folded = self._desk.folded(order, planned, at_ms)
        if folded.closed == planned.quantity:
            return True
        before = self._desk.position_of(order).isolated_wallet
        set_aside = folded.position.isolated_wallet - before
        return self._desk.cross(order.uid) + folded.realized >= set_aside


class GoodTillDates:
    """Ends of GTD orders."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def next(self, symbol: str, after_ms: int, until_ms: int) -> Event | None:
        """Return the first end of a symbol in (after_ms, until_ms]."""
        ends = [
            (_end_ms(one), one.order_id)
            for one in self._desk.orders.values()
            if one.symbol == symbol and one.good_till_ms
        ]
        found = min((one for one in ends if after_ms < one[0] <= until_ms), default=None)
        if found is None:
            return None
        at_ms, order_id = found
        return Event(at_ms, GOOD_TILL, order_id, lambda: self._happen(order_id, at_ms))

    def _happen(self, order_id: int, at_ms: int) -> None:
        with self._desk.step(at_ms - 1):
            self._desk.end_order(self._desk.orders[order_id], "EXPIRED", at_ms, _END_REACHED)


def _end_ms(order: Order) -> int:
    # The child of an algo order may come later than it should have ended.
    return max(order.good_till_ms, order.at_ms + 1)
