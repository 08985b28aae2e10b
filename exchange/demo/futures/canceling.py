"""Canceling an order, or everything of a symbol."""

from __future__ import annotations

from exchange.demo.errors import CANCEL_REJECTED, VenueError
from exchange.demo.futures.desk import Desk
from exchange.demo.futures.values import Order


def cancel_order(
    desk: Desk,
    uid: int,
    symbol: str,
    *,
    order_id: int | None,
    client_order_id: str | None,
    at_ms: int,
) -> Order:
    """Cancel one order by its id, else by its client id (-2011 when it is not open)."""
    order = _find(desk.open_orders(uid, symbol), order_id, client_order_id)
    with desk.step(at_ms):
        return desk.end_order(order, "CANCELED", at_ms)


def cancel_all(desk: Desk, uid: int, symbol: str, at_ms: int) -> int:
    """Cancel every open order of a symbol and return how many there were."""
    orders = desk.open_orders(uid, symbol)
    if orders:
        with desk.step(at_ms):
            for order in orders:
                desk.end_order(order, "CANCELED", at_ms)
    return len(orders)


def _find(orders: list[Order], order_id: int | None, client_order_id: str | None) -> Order:
    for order in orders:
        wanted = order.client_order_id == client_order_id
        if order.order_id == order_id if order_id is not None else wanted:
            return order
    raise VenueError(*CANCEL_REJECTED)
