"""Following the walk of the prices: resting orders fill, stops trigger, in order of market time."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from exchange.demo.amounts import ZERO, to_units
from exchange.demo.times import MINUTE_MS
from exchange.demo.trading.book import PlannedFill
from exchange.demo.trading.crossings import Crossing, Mark, first_crossing
from exchange.demo.trading.desk import Desk
from exchange.demo.trading.filters import triggers_upwards
from exchange.demo.trading.groups import Group
from exchange.demo.trading.lists import end_rivals, follow_up
from exchange.demo.trading.orders import PENDING, Order
from exchange.demo.trading.taking import enter


def walk(desk: Desk, until_ms: int) -> None:
    """Let everything happen that the prices up to a market time bring about.

    Events of all symbols happen in order of time, at the same moment in order of their ids. How far
    one call goes makes no difference to what happens.
    """
    after_ms = until_ms if desk.matched_ms is None else desk.matched_ms
    if desk.groups and after_ms < until_ms:
        _walk_open(desk, after_ms, until_ms)
    desk.matched_ms = max(after_ms, until_ms)


def _walk_open(desk: Desk, after_ms: int, until_ms: int) -> None:
    waiting = {name: _next(desk, name, after_ms, until_ms) for name in _walked(desk)}
    while found := min(((one, name) for name, one in waiting.items() if one), default=None):
        crossing, name = found
        _happen(desk, crossing)
        # Others may be reached at the same moment.
        waiting[name] = _next(desk, name, crossing.at_ms - 1, until_ms)


def _walked(desk: Desk) -> set[str]:
    names = {group.symbol for group in desk.groups.values()} & set(desk.quotes.tracks)
    return {name for name in names if name in desk.symbols and desk.symbols[name].is_trading}


def _next(desk: Desk, name: str, after_ms: int, until_ms: int) -> Crossing | None:
    marks = [
        _mark(group.orders[order_id], desk.since_ms.get(order_id, after_ms))
        for order_id, group in desk.groups.items()
        if group.symbol == name and group.orders[order_id].status != PENDING
    ]
    return first_crossing(desk.quotes.tracks[name], marks, after_ms, until_ms) if marks else None


def _mark(order: Order, since_ms: int) -> Mark:
    if order.is_stop and not order.is_working:
        is_rising = triggers_upwards(order.type, is_buy=order.is_buy)
        return Mark(order.order_id, to_units(order.stop_price), is_rising, since_ms)
    return Mark(order.order_id, to_units(order.price), not order.is_buy, since_ms)


def _happen(desk: Desk, crossing: Crossing) -> None:
    group = desk.groups[crossing.order_id]
    order = group.orders[crossing.order_id]
    if order.is_stop and not order.is_working:
        _trigger(desk, group, order, crossing.at_ms)
    else:
        _fill_resting(desk, group, order, crossing.at_ms)


def _trigger(desk: Desk, group: Group, order: Order, at_ms: int) -> None:
    with desk.step(at_ms - 1):
        end_rivals(desk, group, order, at_ms)
        active = desk.put(group, replace(order, working_ms=at_ms, updated_ms=at_ms))
        desk.since_ms[order.order_id] = at_ms
        follow_up(desk, group, enter(desk, group, active, at_ms), at_ms)


def _fill_resting(desk: Desk, group: Group, order: Order, at_ms: int) -> None:
    # The rest waits for the next minute, and for the price to be there then.
    desk.since_ms[order.order_id] = (at_ms // MINUTE_MS + 1) * MINUTE_MS - 1
    quantity = min(order.remaining, desk.share_left(order, at_ms))
    if quantity > ZERO:
        with desk.step(at_ms - 1):
            _fill_as_maker(desk, group, order, quantity, at_ms)


def _fill_as_maker(desk: Desk, group: Group, order: Order, quantity: Decimal, at_ms: int) -> None:
    end_rivals(desk, group, order, at_ms)
    planned = PlannedFill(order.price, quantity)
    filled = desk.fill(group, order, planned, is_maker=True, at_ms=at_ms)
    desk.relock(group)
    follow_up(desk, group, filled, at_ms)
