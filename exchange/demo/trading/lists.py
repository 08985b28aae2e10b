"""What a change of one order of a list means for the others.

OCO: an order that trades or triggers ends the other. OTO and its kin: pending orders reach the book
when the working order is filled completely, and end with it when it dies. Source: "Order lists" of
`rest-api.md` and `faqs/opo.md` of binance-spot-api-docs.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from exchange.demo.amounts import ZERO, floor_to
from exchange.demo.errors import VenueError
from exchange.demo.trading.asked import OrderRequest
from exchange.demo.trading.desk import Desk
from exchange.demo.trading.filters import check_amounts, check_prices, check_trading
from exchange.demo.trading.groups import Group
from exchange.demo.trading.orders import NOT_WORKING, Order
from exchange.demo.trading.taking import REJECTED, enter

_OTHER_LEG: Final = "OCO_TRIGGER"
_WORKING_DIED: Final = "OTO_PHASE_ONE_EXPIRED"
ALL_DONE: Final = "ALL_DONE"


def end_rivals(desk: Desk, group: Group, order: Order, at_ms: int) -> None:
    """Expire the other leg of an OCO whose one leg trades or triggers."""
    if all(order.order_id != one.order_id for one in group.rivals):
        return
    for other in group.rivals:
        if other.is_open and other.order_id != order.order_id:
            desk.expire(group, other, _OTHER_LEG, at_ms)
    desk.relock(group)


def follow_up(desk: Desk, group: Group, order: Order, at_ms: int) -> None:
    """Carry out what follows from an order that has changed, and end a list that is done."""
    working = group.working
    if working and working.order_id == order.order_id:
        if order.status == "FILLED":
            _place_pending(desk, group, at_ms)
        elif not order.is_open:
            _end_pending(desk, group, _WORKING_DIED, at_ms)
    elif not order.is_open:
        end_rivals(desk, group, order, at_ms)
    finish(desk, group)


def finish(desk: Desk, group: Group) -> None:
    """Lock what is still needed; a list without open orders is done."""
    if group.order_list and not group.open_orders:
        is_news = group.order_list.is_open
        done = replace(group.order_list, status_type=ALL_DONE, order_status=ALL_DONE, held=ZERO)
        group.order_list = done
        if is_news:
            desk.note_list(group)
    desk.relock(group)


def _end_pending(desk: Desk, group: Group, reason: str, at_ms: int) -> None:
    for order in group.rivals:
        if order.is_open:
            desk.expire(group, order, reason, at_ms)


def _place_pending(desk: Desk, group: Group, at_ms: int) -> None:
    held = group.order_list.held if group.order_list else ZERO
    try:
        placed = [_activated(desk, order, held, at_ms) for order in group.rivals]
    except VenueError:
        # The venue says nothing of this case; a refused order is one that expired as REJECTED.
        _end_pending(desk, group, REJECTED, at_ms)
        return
    for order in placed:
        desk.put(group, order)
        desk.since_ms[order.order_id] = at_ms
    if group.order_list:
        group.order_list = replace(group.order_list, held=ZERO)
    desk.relock(group)
    for order in placed:
        if not order.is_stop:
            follow_up(desk, group, enter(desk, group, order, at_ms), at_ms)


def _activated(desk: Desk, order: Order, held: Decimal, at_ms: int) -> Order:
    quantity = order.quantity or _sellable(desk, order, held)
    active = replace(
        order,
        status="NEW",
        quantity=quantity,
        updated_ms=at_ms,
        working_ms=NOT_WORKING if order.is_stop else at_ms,
    )
    asked = _asked_again(desk, active)
    check_trading(asked.symbol)
    check_amounts(desk, asked, at_ms)
    check_prices(desk, asked, at_ms)
    return active


def _sellable(desk: Desk, order: Order, held: Decimal) -> Decimal:
    symbol = desk.symbols[order.symbol]
    most = symbol.max_quantity if order.price else symbol.max_market_quantity
    return floor_to(min(held, most), symbol.step)


def _asked_again(desk: Desk, order: Order) -> OrderRequest:
    return OrderRequest(
        symbol=desk.symbols[order.symbol],
        side=order.side,
        type=order.type,
        time_in_force=order.time_in_force,
        quantity=order.quantity,
        price=order.price or None,
        stop_price=order.stop_price or None,
    )
