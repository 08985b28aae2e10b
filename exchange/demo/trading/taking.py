"""An order that reaches the book: it takes what it may, and the rest waits or ends."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from exchange.demo.amounts import ZERO
from exchange.demo.trading.book import Book, PlannedFill
from exchange.demo.trading.desk import Desk
from exchange.demo.trading.groups import Group
from exchange.demo.trading.orders import Order

REJECTED: Final = "REJECTED"
_NO_FILL_OR_KILL: Final = "UNFILLED_FOK_ORDER_EXPIRED"
_NOT_IMMEDIATE: Final = "UNFILLED_IOC_QUANTITY_EXPIRED"
_NO_LIQUIDITY: Final = "INSUFFICIENT_LIQUIDITY"


def enter(desk: Desk, group: Group, order: Order, at_ms: int) -> Order:
    """Let an order take from the book of this moment; return it as it is then.

    FOK: all or nothing. IOC and orders at the market: what is left expires. An order at the market
    that the account cannot pay expires unfilled, with the reason REJECTED.
    """
    if order.type == "LIMIT_MAKER":
        return order
    book = desk.quotes.book(desk.symbols[group.symbol], at_ms)
    planned = _plan(book, order)
    if not order.price and not _can_pay(desk, group, order, planned):
        return desk.expire(group, order, REJECTED, at_ms)
    is_short = sum((one.quantity for one in planned), ZERO) < order.quantity
    if order.time_in_force == "FOK" and is_short:
        return desk.expire(group, order, _NO_FILL_OR_KILL, at_ms)
    for one in planned:
        order = desk.fill(group, order, one, is_maker=False, at_ms=at_ms)
        desk.relock(group)
    return _after(desk, group, order, at_ms)


def sized_by_worth(desk: Desk, order: Order, at_ms: int) -> Order:
    """Return a market order by quote amount with the quantity that the book gives for it."""
    book = desk.quotes.book(desk.symbols[order.symbol], at_ms)
    planned = book.fills_worth(order.quote_order_quantity, is_buy=order.is_buy)
    return replace(order, quantity=sum((one.quantity for one in planned), ZERO))


def _plan(book: Book, order: Order) -> list[PlannedFill]:
    if order.quote_order_quantity:
        return book.fills_worth(order.quote_order_quantity, is_buy=order.is_buy)
    return book.fills(order.remaining, is_buy=order.is_buy, limit=order.price or None)


def _can_pay(desk: Desk, group: Group, order: Order, planned: list[PlannedFill]) -> bool:
    asset = group.quote if order.is_buy else group.base
    has = desk.ledger.free(group.uid, asset) + group.locked.get(asset, ZERO)
    return has >= sum((_cost(one, order) for one in planned), ZERO)


def _cost(planned: PlannedFill, order: Order) -> Decimal:
    return planned.quote_quantity if order.is_buy else planned.quantity


def _after(desk: Desk, group: Group, order: Order, at_ms: int) -> Order:
    if not order.is_open:
        return order
    reason = None if order.price else _NO_LIQUIDITY
    if order.time_in_force == "IOC":
        reason = _NOT_IMMEDIATE
    return desk.expire(group, order, reason, at_ms) if reason else order
