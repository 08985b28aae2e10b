"""Canceling a single order, a list, or everything of a symbol.

Whoever cancels one order of a list cancels the list. Orders of a halted symbol can be canceled.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

from exchange.demo.errors import CANCEL_REJECTED, CANCEL_RESTRICTED, WRONG_CLIENT_ID, VenueError
from exchange.demo.trading.asked import CancelTarget
from exchange.demo.trading.desk import Desk
from exchange.demo.trading.groups import Group
from exchange.demo.trading.lists import finish
from exchange.demo.trading.orders import Order, OrderList
from exchange.demo.trading.placing import random_client_id

_ALLOWED: Final = {"ONLY_NEW": "NEW", "ONLY_PARTIALLY_FILLED": "PARTIALLY_FILLED"}
_BY_VENUE: Final = "EXCHANGE_CANCELED"


class Canceled(NamedTuple):
    """A canceled order; when it belonged to a list, that list and all its orders too."""

    order: Order
    cancel_client_id: str
    order_list: OrderList | None = None
    list_orders: tuple[Order, ...] = ()


class CanceledList(NamedTuple):
    """A canceled list with all its orders, those that were done before too."""

    order_list: OrderList
    orders: tuple[Order, ...]
    cancel_client_id: str


def cancel_order(desk: Desk, uid: int, symbol: str, target: CancelTarget, at_ms: int) -> Canceled:
    """Cancel one order and, with it, the list it belongs to."""
    order = _find(desk, uid, symbol, target)
    if target.restrictions and order.status != _ALLOWED[target.restrictions]:
        raise VenueError(*CANCEL_RESTRICTED)
    group = desk.groups[order.order_id]
    cancel_client_id = target.cancel_client_id or random_client_id()
    with desk.step(at_ms):
        _cancel_group(desk, group, cancel_client_id, at_ms)
    return Canceled(
        group.orders[order.order_id],
        cancel_client_id,
        group.order_list,
        tuple(group.orders.values()) if group.order_list else (),
    )


def cancel_list(
    desk: Desk,
    uid: int,
    symbol: str,
    *,
    list_id: int | None,
    client_order_id: str | None,
    cancel_client_id: str | None,
    at_ms: int,
) -> CanceledList:
    """Cancel every open order of a list, found by one id or both."""
    for group in _groups(desk, uid, symbol):
        known = group.order_list
        if known and list_id in (None, known.list_id):
            if client_order_id in (None, known.client_order_id):
                cancel_client_id = cancel_client_id or random_client_id()
                with desk.step(at_ms):
                    _cancel_group(desk, group, cancel_client_id, at_ms)
                return _canceled_list(group, cancel_client_id)
            if list_id is not None:
                raise VenueError(*WRONG_CLIENT_ID)
    raise VenueError(*CANCEL_REJECTED)


def cancel_all(desk: Desk, uid: int, symbol: str, at_ms: int) -> list[Canceled | CanceledList]:
    """Cancel every open order and list of a symbol; -2011 when there is none."""
    groups = _groups(desk, uid, symbol)
    if not groups:
        raise VenueError(*CANCEL_REJECTED)
    named = [(group, random_client_id()) for group in groups]
    with desk.step(at_ms):
        for group, cancel_client_id in named:
            _cancel_group(desk, group, cancel_client_id, at_ms)
    return [_canceled(*one) for one in named]


def end_all(desk: Desk, symbol: str, at_ms: int) -> None:
    """Expire every open order of a symbol that leaves the exchange."""
    for group in _unique([one for one in desk.groups.values() if one.symbol == symbol]):
        for order in group.open_orders:
            desk.expire(group, order, _BY_VENUE, at_ms)
        finish(desk, group)


def _find(desk: Desk, uid: int, symbol: str, target: CancelTarget) -> Order:
    for order in desk.open_orders_of(uid, symbol):
        if target.order_id is None:
            if order.client_order_id == target.client_order_id:
                return order
        elif order.order_id == target.order_id:
            if target.client_order_id not in (None, order.client_order_id):
                raise VenueError(*WRONG_CLIENT_ID)
            return order
    raise VenueError(*CANCEL_REJECTED)


def _cancel_group(desk: Desk, group: Group, cancel_client_id: str, at_ms: int) -> None:
    for order in group.open_orders:
        ended = replace(order, status="CANCELED", updated_ms=at_ms)
        desk.put(group, ended, cancel_client_id=cancel_client_id)
    finish(desk, group)


def _groups(desk: Desk, uid: int, symbol: str) -> list[Group]:
    return _unique([desk.groups[order.order_id] for order in desk.open_orders_of(uid, symbol)])


def _unique(groups: list[Group]) -> list[Group]:
    return list({id(group): group for group in groups}.values())


def _canceled(group: Group, cancel_client_id: str) -> Canceled | CanceledList:
    if group.order_list:
        return _canceled_list(group, cancel_client_id)
    return Canceled(next(iter(group.orders.values())), cancel_client_id)


def _canceled_list(group: Group, cancel_client_id: str) -> CanceledList:
    if group.order_list is None:
        raise LookupError("a single order has no list")
    return CanceledList(group.order_list, tuple(group.orders.values()), cancel_client_id)
