"""An order that reaches the book: what it needs, what it takes at once, and what rests of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final, NamedTuple

from exchange.demo.amounts import ZERO
from exchange.demo.errors import VenueError, not_built
from exchange.demo.futures.desk import Desk
from exchange.demo.futures.fees import commission
from exchange.demo.futures.margin import open_loss, order_margin, reduces
from exchange.demo.futures.refusals import (
    INSUFFICIENT_MARGIN,
    NOT_FILLABLE,
    POSITION_TOO_LARGE,
    REDUCE_ONLY_REJECTED,
    WOULD_TAKE,
)
from exchange.demo.futures.values import CROSSED, Order
from exchange.demo.trading.book import PlannedFill

NOT_IMMEDIATE: Final = "UNFILLED_IOC_QUANTITY_EXPIRED"
NO_LIQUIDITY: Final = "INSUFFICIENT_LIQUIDITY"


class Entry(NamedTuple):
    """What becomes of an order at once.

    quantity   what it may fill: no more than its position, if it only reduces
    opens      how much of that opens something, in base currency
    price      its limit, or what it pays on average
    """

    quantity: Decimal
    opens: Decimal
    price: Decimal
    fills: list[PlannedFill]


def enter_order(desk: Desk, order: Order, at_ms: int) -> Order:
    """Let an order take from the book of this moment, inside a step; return it as it is then.

    An order without an id gets one. VenueError (-2019 -2022 -2027 -5021 -5022, and -1020 in cross
    margin) before anything has changed. FOK: all or nothing. GTX: never takes. IOC and orders at
    the market: what is left expires. One that only reduces is cut to its position.
    """
    entry = planned_entry(desk, order, at_ms)
    _check_time_in_force(order, entry)
    check_margin(desk, order, entry, at_ms)
    if not order.order_id:
        order = desk.add_order(order)
    for one in entry.fills:
        order = desk.fill(order, one, is_maker=False, at_ms=at_ms)
    desk.cover(order.uid, order.symbol, at_ms)
    return _after(desk, order, at_ms)


def planned_entry(desk: Desk, order: Order, at_ms: int) -> Entry:
    """Return what an order would do now; -2022 when it only reduces and there is nothing."""
    closable = desk.closable(order)
    quantity = order.remaining
    if reduces(order):
        if not closable:
            raise VenueError(*REDUCE_ONLY_REJECTED)
        quantity = min(quantity, closable)
    book = desk.book(order.symbol, at_ms)
    fills = book.fills(quantity, is_buy=order.is_buy, limit=order.price or None)
    price = order.price or _average(fills) or book.best(is_buy=order.is_buy)
    return Entry(quantity, max(quantity - closable, ZERO), price, fills)


def check_margin(desk: Desk, order: Order, entry: Entry, at_ms: int) -> None:
    """Refuse an order that the account cannot back (-2019, -2027); never one that only reduces.

    What it needs: the margin that its part of the open orders adds, what it would lose against the
    mark price, and the fee; for the part that opens something. Source: the venue's article on the
    cost required to open a position; the fee is what the fill takes a moment later.
    """
    if reduces(order):
        return
    if entry.opens:
        if desk.settings(order.uid, order.symbol).margin_type == CROSSED:
            raise not_built("cross margin")
        _check_size(desk, order, entry, at_ms)
    needed = _added_margin(desk, order, entry) + _opening_costs(desk, order, entry, at_ms)
    if needed > ZERO and needed > desk.available(order.uid):
        raise VenueError(*INSUFFICIENT_MARGIN)


def _check_time_in_force(order: Order, entry: Entry) -> None:
    if order.time_in_force == "GTX" and entry.fills:
        raise VenueError(*WOULD_TAKE)
    if order.time_in_force == "FOK" and _total(entry.fills) < entry.quantity:
        raise VenueError(*NOT_FILLABLE)


def _check_size(desk: Desk, order: Order, entry: Entry, at_ms: int) -> None:
    leverage = desk.settings(order.uid, order.symbol).leverage
    held = desk.position_of(order).amount * desk.mark(order.symbol, at_ms)
    resting = sum(
        (
            one.remaining * one.price
            for one in _companions(desk, order)
            if one.is_buy == order.is_buy and not reduces(one)
        ),
        ZERO,
    )
    notional = (held if order.is_buy else -held) + resting + entry.quantity * entry.price
    if notional > desk.brackets[order.symbol].max_notional(leverage):
        raise VenueError(*POSITION_TOO_LARGE)


def _added_margin(desk: Desk, order: Order, entry: Entry) -> Decimal:
    leverage = desk.settings(order.uid, order.symbol).leverage
    position, others = desk.position_of(order), _companions(desk, order)
    with_it = [*others, replace(order, price=entry.price)]
    return order_margin(position, with_it, leverage) - order_margin(position, others, leverage)


def _opening_costs(desk: Desk, order: Order, entry: Entry, at_ms: int) -> Decimal:
    fee = commission(entry.opens * entry.price, is_maker=not entry.fills)
    mark = desk.mark(order.symbol, at_ms)
    return fee + open_loss(entry.opens, entry.price, mark, is_buy=order.is_buy)


def _companions(desk: Desk, order: Order) -> list[Order]:
    return [
        one
        for one in desk.open_orders(order.uid, order.symbol)
        if one.position_side == order.position_side and one.order_id != order.order_id
    ]


def _average(fills: list[PlannedFill]) -> Decimal:
    total = _total(fills)
    return sum((one.price * one.quantity for one in fills), ZERO) / total if total else ZERO


def _total(fills: list[PlannedFill]) -> Decimal:
    return sum((one.quantity for one in fills), ZERO)


def _after(desk: Desk, order: Order, at_ms: int) -> Order:
    if not order.is_open:
        return order
    reason = None if order.price else NO_LIQUIDITY
    if order.time_in_force in ("IOC", "FOK"):
        reason = NOT_IMMEDIATE
    return desk.end_order(order, "EXPIRED", at_ms, reason) if reason else order
