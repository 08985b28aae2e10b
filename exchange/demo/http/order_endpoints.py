"""Signed endpoints of single orders: new, test, cancel, and what can be asked about them."""

from __future__ import annotations

from typing import Any, Final

from exchange.demo.errors import (
    ACCOUNT_DISABLED,
    UNKNOWN_ORDER,
    WRONG_CLIENT_ID,
    VenueError,
    bad_combination,
    invalid_data,
    missing_either,
)
from exchange.demo.http.auth import SPOT_TRADING
from exchange.demo.http.commissions import order_rates
from exchange.demo.http.endpoint import Call, Endpoint, reading, trading, weight_by_symbol
from exchange.demo.http.order_parameters import (
    default_response_type,
    read_cancel,
    read_order,
    read_response_type,
)
from exchange.demo.http.replies import (
    canceled_list,
    canceled_order,
    new_order,
    order_row,
    trade_row,
)
from exchange.demo.http.wire import CLIENT_ORDER_ID, Params
from exchange.demo.times import DAY_MS
from exchange.demo.trading.engine import Canceled, CanceledList
from exchange.demo.trading.orders import Order

MOST_ROWS: Final = 1000
USUAL_ROWS: Final = 500
_END_OF_TIME: Final = 2**62


def place_order(call: Call) -> dict[str, Any]:
    """Place an order and return it as the client wants to see it."""
    asked = read_order(call.params, call.symbol())
    response_type = read_response_type(call.params, default_response_type(asked.type))
    call.params.finish()
    refuse_disabled(call, code=-2010)
    with call.counted(1):
        placed = call.venue.engine.place(call.uid, asked, at_ms=call.now_ms)
    return new_order(placed.order, placed.fills, response_type)


def check_order(call: Call) -> dict[str, Any]:
    """Check an order without sending it to the engine."""
    asked = read_order(call.params, call.symbol())
    read_response_type(call.params, default_response_type(asked.type))
    wants_rates = call.params.boolean("computeCommissionRates")
    call.params.finish()
    refuse_disabled(call, code=-2010)
    call.venue.engine.check(call.uid, asked, at_ms=call.now_ms)
    return order_rates(call) if wants_rates else {}


def cancel_order(call: Call) -> dict[str, Any]:
    """Cancel an order; of a leg of a list, the whole list."""
    symbol = call.symbol().name
    target = read_cancel(
        call.params,
        order_id="orderId",
        client_order_id="origClientOrderId",
        cancel_client_id="newClientOrderId",
    )
    call.params.finish()
    refuse_disabled(call, code=-2011)
    return cancel_reply(call.venue.engine.cancel(call.uid, symbol, target, at_ms=call.now_ms))


def cancel_open_orders(call: Call) -> list[dict[str, Any]]:
    """Cancel every open order of a symbol, those of lists included."""
    symbol = call.symbol().name
    call.params.finish()
    refuse_disabled(call, code=-2011)
    canceled = call.venue.engine.cancel_all(call.uid, symbol, at_ms=call.now_ms)
    return [cancel_reply(one) for one in canceled]


def query_order(call: Call) -> dict[str, Any]:
    """Return one order; of several with the same client id the newest."""
    symbol = call.symbol().name
    order_id = call.params.integer("orderId")
    client_id = call.params.text("origClientOrderId", CLIENT_ORDER_ID)
    call.params.finish()
    if order_id is None and client_id is None:
        raise missing_either("origClientOrderId", "orderId")
    order = _find_order(call, symbol, order_id, client_id)
    if order is None:
        raise VenueError(*UNKNOWN_ORDER)
    return order_row(order)


def open_orders(call: Call) -> list[dict[str, Any]]:
    """Return orders that may still be filled."""
    symbol = call.symbol_if_sent()
    call.params.finish()
    found = call.books.orders.open_orders(call.uid, symbol.name if symbol else None)
    return [order_row(order) for order in found]


def all_orders(call: Call) -> list[dict[str, Any]]:
    """Return orders of any status, oldest first."""
    symbol = call.symbol().name
    from_id = call.params.integer("orderId")
    is_forward = from_id is not None or call.params.has("startTime")
    span = read_span(call.params)
    limit = call.params.limit(default=USUAL_ROWS, maximum=MOST_ROWS)
    call.params.finish()
    first = from_id or 0 if is_forward else None
    found = call.books.orders.orders_of(call.uid, symbol, from_id=first, span=span, limit=limit)
    return [order_row(order) for order in found]


def my_trades(call: Call) -> list[dict[str, Any]]:
    """Return the account's trades, oldest first."""
    params = call.params
    symbol = call.symbol().name
    order_id, from_id = params.integer("orderId"), params.integer("fromId")
    is_timed = params.has("startTime") or params.has("endTime")
    if is_timed and (order_id is not None or from_id is not None):
        raise bad_combination()
    is_forward = from_id is not None or params.has("startTime")
    span = read_span(params)
    limit = params.limit(default=USUAL_ROWS, maximum=MOST_ROWS)
    params.finish()
    found = call.books.orders.fills_of(
        call.uid,
        symbol,
        order_id=order_id,
        from_id=from_id or 0 if is_forward else None,
        span=span,
        limit=limit,
    )
    return [trade_row(fill) for fill in found]


def cancel_reply(canceled: Canceled | CanceledList) -> dict[str, Any]:
    """Return the reply to a cancel: an order, or the list that went with it."""
    if isinstance(canceled, CanceledList):
        return canceled_list(canceled.order_list, canceled.orders, canceled.cancel_client_id)
    if canceled.order_list is not None:
        return canceled_list(canceled.order_list, canceled.list_orders, canceled.cancel_client_id)
    return canceled_order(canceled.order, canceled.cancel_client_id)


def refuse_disabled(call: Call, *, code: int) -> None:
    """Refuse an account that may not trade at all (-2010 for orders, -2011 for cancels)."""
    if not call.holder.flags["canTrade"]:
        raise VenueError(code, ACCOUNT_DISABLED)


def read_span(params: Params) -> tuple[int, int]:
    """Return `startTime` and `endTime` in ms of market time, at most 24 hours apart (-1127)."""
    start, end = params.moment("startTime"), params.moment("endTime")
    if start is not None and end is not None:
        if start > end:
            raise invalid_data("startTime")
        if end - start > DAY_MS:
            raise VenueError(-1127, "More than 24 hours between startTime and endTime.")
    return start or 0, _END_OF_TIME if end is None else end


def _find_order(
    call: Call, symbol: str, order_id: int | None, client_id: str | None
) -> Order | None:
    orders = call.books.orders
    if order_id is None:
        return orders.by_client_id(call.uid, symbol, client_id or "")
    order = orders.by_id(call.uid, symbol, order_id)
    if order and client_id is not None and order.client_order_id != client_id:
        raise VenueError(*WRONG_CLIENT_ID)
    return order


def _check_weight(params: Params) -> int:
    return 20 if params.has("computeCommissionRates") else 1


def _trades_weight(params: Params) -> int:
    return 5 if params.has("orderId") else 20


ENDPOINTS: Final = {
    ("POST", "/api/v3/order"): trading(place_order),
    ("POST", "/api/v3/order/test"): Endpoint(
        handle=check_order, weight=_check_weight, is_signed=True, permission=SPOT_TRADING
    ),
    ("DELETE", "/api/v3/order"): trading(cancel_order),
    ("DELETE", "/api/v3/openOrders"): trading(cancel_open_orders),
    ("GET", "/api/v3/order"): reading(query_order, 4),
    ("GET", "/api/v3/openOrders"): reading(open_orders, weight_by_symbol(6, 80)),
    ("GET", "/api/v3/allOrders"): reading(all_orders, 20),
    ("GET", "/api/v3/myTrades"): reading(my_trades, _trades_weight),
}
