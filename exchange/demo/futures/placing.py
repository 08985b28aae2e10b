"""Placing what a client asked for: an order that takes from the book, or rests there."""

from __future__ import annotations

from typing import NamedTuple

from exchange.demo.amounts import ZERO
from exchange.demo.futures.asked import OrderRequest
from exchange.demo.futures.desk import Desk
from exchange.demo.futures.filters import check_new_order
from exchange.demo.futures.taking import enter_order as enter_order  # noqa: PLC0414 - as agreed
from exchange.demo.futures.values import Fill, Order
from exchange.demo.trading.placing import random_client_id


class Placed(NamedTuple):
    """A new order as it is after it met the book, and what it traded there."""

    order: Order
    fills: list[Fill]


def place_order(desk: Desk, uid: int, asked: OrderRequest, at_ms: int) -> Placed:
    """Place an order; VenueError leaves no trace of it."""
    check_new_order(desk, uid, asked, at_ms)
    with desk.step(at_ms) as fills:
        order = enter_order(desk, unplaced_order(uid, asked, at_ms), at_ms)
    return Placed(order, fills)


def unplaced_order(uid: int, asked: OrderRequest, at_ms: int) -> Order:
    """Return what was asked for as an order that is nowhere yet."""
    return Order(
        uid=uid,
        symbol=asked.symbol.name,
        client_order_id=asked.client_order_id or random_client_id(),
        side=asked.side,
        position_side=asked.position_side,
        type=asked.type,
        original_type=asked.type,
        time_in_force=asked.time_in_force,
        quantity=asked.quantity,
        price=asked.price or ZERO,
        reduce_only=asked.reduce_only,
        prevention_mode=asked.prevention_mode,
        good_till_ms=asked.good_till_ms,
        at_ms=at_ms,
        updated_ms=at_ms,
    )
