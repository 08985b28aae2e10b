"""Placing what a client asked for: a single order, or a whole list."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Final, NamedTuple

from exchange.demo.amounts import ZERO
from exchange.demo.errors import INSUFFICIENT_BALANCE, VenueError
from exchange.demo.trading.asked import ListKind, ListRequest, OrderRequest
from exchange.demo.trading.desk import Desk
from exchange.demo.trading.filters import check_new_list, check_new_order
from exchange.demo.trading.groups import Group
from exchange.demo.trading.lists import follow_up
from exchange.demo.trading.orders import NOT_WORKING, PENDING, STOP_TYPES, Fill, Order, OrderList
from exchange.demo.trading.taking import REJECTED, enter, sized_by_worth

_STOP_LOSSES: Final = ("STOP_LOSS", "STOP_LOSS_LIMIT")


class Placed(NamedTuple):
    """A new order as it is after it met the book, and what it traded there."""

    order: Order
    fills: list[Fill]


class PlacedList(NamedTuple):
    """A new list, its orders by rising id, and by order id what they traded.

    As at the venue, a working order that is filled at once shows its pending orders as they were
    before.
    """

    order_list: OrderList
    orders: tuple[Order, ...]
    fills: dict[int, list[Fill]]


def place_order(desk: Desk, uid: int, asked: OrderRequest, at_ms: int) -> Placed:
    """Place a single order; VenueError leaves no trace of it."""
    check_new_order(desk, uid, asked, at_ms)
    with desk.step(at_ms) as fills:
        group = desk.new_group(uid, asked.symbol)
        order = _sized(desk, _order(uid, asked, at_ms), asked, at_ms)
        order = _enter(desk, group, desk.add(group, order), at_ms)
        follow_up(desk, group, order, at_ms)
        _refuse_debt(desk, group)
    return Placed(order, fills)


def place_list(desk: Desk, uid: int, asked: ListRequest, at_ms: int) -> PlacedList:
    """Place all orders of a list; VenueError leaves no trace of it."""
    check_new_list(desk, uid, asked, at_ms)
    with desk.step(at_ms) as fills:
        group = desk.new_group(uid, asked.symbol, _order_list(uid, asked, at_ms))
        for number, leg in enumerate(_in_order(asked)):
            is_pending = asked.kind is not ListKind.OCO and number > 0
            desk.add(group, _leg(uid, leg, at_ms, is_pending=is_pending))
        seen = _start(desk, group, at_ms)
        _refuse_debt(desk, group)
    by_order = {
        order.order_id: [one for one in fills if order.executed and one.order_id == order.order_id]
        for order in seen.orders
    }
    return seen._replace(fills=by_order)


def _start(desk: Desk, group: Group, at_ms: int) -> PlacedList:
    desk.relock(group)
    _refuse_debt(desk, group)
    desk.note_list(group)
    for order in group.open_orders:
        desk.since_ms[order.order_id] = at_ms
    if group.working is None:
        return _as_it_is(group)
    working = _enter(desk, group, group.working, at_ms)
    seen = _as_it_is(group)
    follow_up(desk, group, working, at_ms)
    return seen if working.status == "FILLED" else _as_it_is(group)


def _as_it_is(group: Group) -> PlacedList:
    if group.order_list is None:
        raise LookupError("a single order has no list")
    return PlacedList(group.order_list, tuple(group.orders.values()), {})


def _enter(desk: Desk, group: Group, order: Order, at_ms: int) -> Order:
    desk.since_ms[order.order_id] = at_ms
    if order.type in STOP_TYPES:
        return order
    # The whole value is locked first, so that a limit order is refused and not cut short.
    desk.relock(group)
    _refuse_debt(desk, group)
    order = enter(desk, group, order, at_ms)
    if order.expiry_reason == REJECTED:
        raise VenueError(*INSUFFICIENT_BALANCE)
    return order


def _refuse_debt(desk: Desk, group: Group) -> None:
    if desk.ledger.owing(group.uid):
        raise VenueError(*INSUFFICIENT_BALANCE)


def _order(uid: int, asked: OrderRequest, at_ms: int) -> Order:
    is_waiting = asked.type in STOP_TYPES
    return Order(
        uid=uid,
        symbol=asked.symbol.name,
        client_order_id=asked.client_order_id or random_client_id(),
        side=asked.side,
        type=asked.type,
        time_in_force=asked.time_in_force,
        quantity=asked.quantity or ZERO,
        price=asked.price or ZERO,
        stop_price=asked.stop_price or ZERO,
        quote_order_quantity=asked.quote_quantity or ZERO,
        prevention_mode=asked.prevention_mode,
        strategy_id=asked.strategy_id,
        strategy_type=asked.strategy_type,
        at_ms=at_ms,
        updated_ms=at_ms,
        working_ms=NOT_WORKING if is_waiting else at_ms,
    )


def _leg(uid: int, asked: OrderRequest, at_ms: int, *, is_pending: bool) -> Order:
    order = _order(uid, asked, at_ms)
    return replace(order, status=PENDING, working_ms=NOT_WORKING) if is_pending else order


def _sized(desk: Desk, order: Order, asked: OrderRequest, at_ms: int) -> Order:
    if not order.quote_order_quantity:
        return order
    sized = sized_by_worth(desk, order, at_ms)
    asked.symbol.check_quantity(sized.quantity, is_market=True)
    return sized


def _order_list(uid: int, asked: ListRequest, at_ms: int) -> OrderList:
    return OrderList(
        uid=uid,
        symbol=asked.symbol.name,
        client_order_id=asked.client_order_id or random_client_id(),
        kind=asked.kind.value,
        contingency="OCO" if asked.kind is ListKind.OCO else "OTO",
        at_ms=at_ms,
    )


def _in_order(asked: ListRequest) -> list[OrderRequest]:
    # As in the venue's examples the stop-loss leg of a pair has the lower id.
    first = 0 if asked.kind is ListKind.OCO else 1
    pair = sorted(asked.legs[first:], key=lambda leg: leg.type not in _STOP_LOSSES)
    return [*asked.legs[:first], *pair]


def random_client_id() -> str:
    """Return an id for what the client has not named."""
    return secrets.token_hex(11)
