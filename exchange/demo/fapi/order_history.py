"""How far back the futures market remembers, and which stretch of time a query may ask for.

Source: "Query Order", "All Orders" and "Account Trade List" of the USD-M API. All of it is market
time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from exchange.demo.errors import VenueError
from exchange.demo.futures.values import NO_ORDER, AlgoOrder, Order
from exchange.demo.http.wire import Params
from exchange.demo.times import DAY_MS

LONGEST_SPAN_DAYS: Final = 7
LONGEST_SPAN_MS: Final = LONGEST_SPAN_DAYS * DAY_MS
MOST_ROWS: Final = 1000
USUAL_ROWS: Final = 500
EVERY_ROW: Final = -1  # SQLite: no limit
_DONE_WITHOUT_TRADE: Final = ("CANCELED", "EXPIRED")
_UNFILLED_KEPT_MS: Final = 3 * DAY_MS
KEPT_MS: Final = 90 * DAY_MS

Row = TypeVar("Row")


def read_span(params: Params, *, now_ms: int) -> tuple[int, int]:
    """Return `startTime` and `endTime`; the last seven days unless told, at most seven (-4165)."""
    start, end = params.moment("startTime"), params.moment("endTime")
    if start is None:
        last = now_ms if end is None else end
        return max(last - LONGEST_SPAN_MS, 0), last
    if end is None:
        return start, start + LONGEST_SPAN_MS
    if start > end:
        raise VenueError(-4165, "Invalid time interval")
    if end - start > LONGEST_SPAN_MS:
        raise VenueError(-4165, f"Maximum time interval is {LONGEST_SPAN_DAYS} days.")
    return start, end


def is_order_known(order: Order, now_ms: int) -> bool:
    """Say whether queries still find an order: without a trade it is forgotten after three days."""
    age_ms = now_ms - order.at_ms
    return age_ms <= KEPT_MS and (
        age_ms <= _UNFILLED_KEPT_MS
        or order.status not in _DONE_WITHOUT_TRADE
        or bool(order.executed)
    )


def is_algo_known(algo: AlgoOrder, now_ms: int) -> bool:
    """Say whether queries still find a conditional order; see `is_order_known`."""
    age_ms = now_ms - algo.at_ms
    return age_ms <= KEPT_MS and (
        age_ms <= _UNFILLED_KEPT_MS
        or algo.status not in _DONE_WITHOUT_TRADE
        or algo.child_id != NO_ORDER
    )


def page(
    rows: Sequence[Row], is_known: Callable[[Row], bool], *, limit: int, is_forward: bool
) -> list[Row]:
    """Return what is known of `rows`, oldest first: the first ones, else the last."""
    known = [row for row in rows if is_known(row)]
    return known[:limit] if is_forward else known[-limit:]
