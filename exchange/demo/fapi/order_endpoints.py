"""Signed endpoints of orders in the futures book: new, test, cancel, and what can be asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from exchange.demo.errors import (
    UNKNOWN_ORDER,
    VenueError,
    bad_combination,
    missing_either,
    not_required,
)
from exchange.demo.fapi.order_history import (
    EVERY_ROW,
    KEPT_MS,
    MOST_ROWS,
    USUAL_ROWS,
    is_order_known,
    page,
    read_span,
)
from exchange.demo.fapi.order_parameters import read_client_id, read_order, read_response_type
from exchange.demo.fapi.parameters import read_limit
from exchange.demo.fapi.replies import (
    all_canceled,
    checked_order,
    history_row,
    new_order,
    order_reply,
    order_row,
    trade_row,
)
from exchange.demo.futures.asked import OrderRequest
from exchange.demo.futures.placing import unplaced_order
from exchange.demo.futures.values import Order
from exchange.demo.http.endpoint import Call, futures_signed, weight_by_symbol

_TRADING_OFF: Final = (-4088, "User can not place order currently")


def place_order(call: Call) -> dict[str, Any]:
    """Place an order; acknowledged only, or with what became of it."""
    asked = _read_order(call)
    response_type = read_response_type(call.params)
    call.params.finish()
    refuse_placing(call)
    with call.counted(1):
        placed = call.venue.futures.place(call.uid, asked, at_ms=call.now_ms)
    return new_order(placed.order, call.venue.futures_market.symbols, response_type)


def check_order(call: Call) -> dict[str, Any]:
    """Check an order without sending it to the engine."""
    asked = _read_order(call)
    read_response_type(call.params)
    call.params.finish()
    refuse_placing(call)
    call.venue.futures.check(call.uid, asked, at_ms=call.now_ms)
    order = unplaced_order(call.uid, asked, call.now_ms)
    order = replace(order, client_order_id=asked.client_order_id or "")
    return checked_order(order, call.venue.futures_market.symbols)


def cancel_order(call: Call) -> dict[str, Any]:
    """Cancel an order."""
    symbol = call.futures_symbol().name
    order_id, client_id = _read_ids(call)
    call.params.finish()
    canceled = call.venue.futures.cancel(
        call.uid, symbol, order_id=order_id, client_order_id=client_id, at_ms=call.now_ms
    )
    return order_reply(canceled, call.venue.futures_market.symbols)


def cancel_open_orders(call: Call) -> dict[str, Any]:
    """Cancel every order of a symbol in the book; conditional orders stay."""
    symbol = call.futures_symbol().name
    call.params.finish()
    call.venue.futures.cancel_all(call.uid, symbol, at_ms=call.now_ms)
    return all_canceled()


def query_order(call: Call) -> dict[str, Any]:
    """Return one order; of several with the same client id the newest."""
    return order_row(_known_order(call), call.venue.futures_market.symbols)


def query_open_order(call: Call) -> dict[str, Any]:
    """Return one order that may still be filled; -2013 for all others."""
    order = _known_order(call)
    if not order.is_open:
        raise VenueError(*UNKNOWN_ORDER)
    return order_row(order, call.venue.futures_market.symbols)


def open_orders(call: Call) -> list[dict[str, Any]]:
    """Return orders that may still be filled."""
    symbol = call.futures_symbol_if_sent()
    call.params.finish()
    found = call.books.futures.open_orders(call.uid, symbol.name if symbol else None)
    symbols = call.venue.futures_market.symbols
    return [order_row(order, symbols) for order in found if is_shown(call, order)]


def all_orders(call: Call) -> list[dict[str, Any]]:
    """Return orders of any status of at most seven days, oldest first; of one symbol or all."""
    symbol = call.futures_symbol_if_sent()
    from_id = call.params.integer("orderId")
    is_forward = from_id is not None or call.params.has("startTime")
    span = read_span(call.params, now_ms=call.now_ms)
    limit = read_limit(call.params, default=USUAL_ROWS, maximum=MOST_ROWS)
    call.params.finish()
    names = [symbol.name] if symbol else list(call.venue.futures_market.symbols)
    found = [
        order
        for name in names
        for order in call.books.futures.orders_of(
            call.uid, name, from_id=from_id or 0, span=span, limit=EVERY_ROW
        )
    ]
    found.sort(key=lambda one: one.order_id)
    rows = page(found, lambda one: is_shown(call, one), limit=limit, is_forward=is_forward)
    return [history_row(order, call.venue.futures_market.symbols) for order in rows]


def user_trades(call: Call) -> list[dict[str, Any]]:
    """Return the account's trades, oldest first: of at most seven days, or from an id on."""
    params = call.params
    symbol = call.futures_symbol().name
    order_id, from_id = params.integer("orderId"), params.integer("fromId")
    is_timed = params.has("startTime") or params.has("endTime")
    if is_timed and from_id is not None:
        raise bad_combination()
    is_forward = from_id is not None or params.has("startTime")
    oldest = max(call.now_ms - KEPT_MS, 0)
    start, end = (oldest, call.now_ms)
    if from_id is None:
        start, end = read_span(params, now_ms=call.now_ms)
    limit = read_limit(params, default=USUAL_ROWS, maximum=MOST_ROWS)
    params.finish()
    found = call.books.futures.fills_of(
        call.uid,
        symbol,
        order_id=order_id,
        from_id=from_id or 0 if is_forward else None,
        span=(max(start, oldest), end),
        limit=limit,
    )
    return [trade_row(fill, call.venue.futures_market.symbols) for fill in found]


def refuse_placing(call: Call) -> None:
    """Refuse accounts that may not trade (-4088), and `reduceOnly` in hedge mode (-1106)."""
    if not call.holder.flags["canTrade"]:
        raise VenueError(*_TRADING_OFF)
    if call.params.has("reduceOnly") and call.venue.futures.books.is_hedge_mode(call.uid):
        raise not_required("reduceonly")


def is_shown(call: Call, order: Order) -> bool:
    """Say whether queries find an order: not forgotten yet, and not hidden by a hitch."""
    is_hidden = call.venue.futures.hitches.hides(order.order_id, call.now_ms)
    return is_order_known(order, call.now_ms) and not is_hidden


def _read_order(call: Call) -> OrderRequest:
    return read_order(call.params, call.futures_symbol(), now_ms=call.now_ms)


def _read_ids(call: Call) -> tuple[int | None, str | None]:
    order_id = call.params.integer("orderId")
    client_id = read_client_id(call.params, "origClientOrderId")
    if order_id is None and client_id is None:
        raise missing_either("origClientOrderId", "orderId")
    return order_id, client_id


def _known_order(call: Call) -> Order:
    symbol = call.futures_symbol().name
    order_id, client_id = _read_ids(call)
    call.params.finish()
    if order_id is None:
        order = call.books.futures.order_by_client_id(call.uid, symbol, client_id or "")
    else:
        order = call.books.futures.order_by_id(call.uid, symbol, order_id)
    if order is None or not is_shown(call, order):
        raise VenueError(*UNKNOWN_ORDER)
    if client_id is not None and order.client_order_id != client_id:
        raise VenueError(*UNKNOWN_ORDER)
    return order


ENDPOINTS: Final = {
    # Orders are counted by account, and of no weight, whatever becomes of them.
    ("POST", "/fapi/v1/order"): futures_signed(place_order, 0),
    ("POST", "/fapi/v1/order/test"): futures_signed(check_order, 0),
    ("DELETE", "/fapi/v1/order"): futures_signed(cancel_order, 1),
    ("DELETE", "/fapi/v1/allOpenOrders"): futures_signed(cancel_open_orders, 1),
    ("GET", "/fapi/v1/order"): futures_signed(query_order, 1),
    ("GET", "/fapi/v1/openOrder"): futures_signed(query_open_order, 1),
    ("GET", "/fapi/v1/openOrders"): futures_signed(open_orders, weight_by_symbol(1, 40)),
    ("GET", "/fapi/v1/allOrders"): futures_signed(all_orders, 5),
    ("GET", "/fapi/v1/userTrades"): futures_signed(user_trades, 5),
}
