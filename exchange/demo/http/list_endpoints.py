"""Signed endpoints of order lists: OCO, OTO, OTOCO, OPO, OPOCO, their cancel and queries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from exchange.demo.errors import (
    UNKNOWN_LIST,
    WRONG_CLIENT_ID,
    VenueError,
    bad_combination,
    missing_either,
)
from exchange.demo.http.endpoint import Call, reading, trading
from exchange.demo.http.list_parameters import read_list, read_old_oco
from exchange.demo.http.order_endpoints import (
    MOST_ROWS,
    USUAL_ROWS,
    cancel_reply,
    read_span,
    refuse_disabled,
)
from exchange.demo.http.order_parameters import read_response_type
from exchange.demo.http.replies import list_row, new_list
from exchange.demo.http.wire import CLIENT_ORDER_ID
from exchange.demo.trading.asked import ListKind, ListRequest
from exchange.demo.trading.orders import OrderList


def place_old_oco(call: Call) -> dict[str, Any]:
    """Place an OCO by the deprecated parameters."""
    return _place(call, read_old_oco(call.params, call.symbol()))


def cancel_list(call: Call) -> dict[str, Any]:
    """Cancel every order of a list."""
    params = call.params
    symbol = call.symbol().name
    list_id = params.integer("orderListId")
    client_id = params.text("listClientOrderId", CLIENT_ORDER_ID)
    cancel_client_id = params.text("newClientOrderId", CLIENT_ORDER_ID)
    params.finish()
    if list_id is None and client_id is None:
        raise missing_either("orderListId", "listClientOrderId")
    refuse_disabled(call, code=-2011)
    canceled = call.venue.engine.cancel_list(
        call.uid,
        symbol,
        list_id=list_id,
        client_order_id=client_id,
        cancel_client_id=cancel_client_id,
        at_ms=call.now_ms,
    )
    return cancel_reply(canceled)


def query_list(call: Call) -> dict[str, Any]:
    """Return one list by its id or its client id."""
    list_id = call.params.integer("orderListId")
    client_id = call.params.text("origClientOrderId", CLIENT_ORDER_ID)
    call.params.finish()
    if list_id is None and client_id is None:
        raise missing_either("origClientOrderId", "orderListId")
    found = _find_list(call, list_id, client_id)
    if found is None:
        raise VenueError(*UNKNOWN_LIST)
    return _row(call, found)


def all_lists(call: Call) -> list[dict[str, Any]]:
    """Return lists of any status, oldest first."""
    params = call.params
    from_id = params.integer("fromId")
    is_timed = params.has("startTime") or params.has("endTime")
    if from_id is not None and is_timed:
        raise bad_combination()
    is_forward = from_id is not None or params.has("startTime")
    span = read_span(params)
    limit = params.limit(default=USUAL_ROWS, maximum=MOST_ROWS)
    params.finish()
    first = from_id or 0 if is_forward else None
    found = call.books.orders.lists_of(call.uid, from_id=first, span=span, limit=limit)
    return [_row(call, one) for one in found]


def open_lists(call: Call) -> list[dict[str, Any]]:
    """Return lists that still have an open order."""
    call.params.finish()
    return [_row(call, one) for one in call.books.orders.open_lists(call.uid)]


def _placing(kind: ListKind) -> Callable[[Call], dict[str, Any]]:
    def place(call: Call) -> dict[str, Any]:
        return _place(call, read_list(call.params, call.symbol(), kind))

    return place


def _place(call: Call, asked: ListRequest) -> dict[str, Any]:
    response_type = read_response_type(call.params, "RESULT")
    call.params.finish()
    refuse_disabled(call, code=-2010)
    with call.counted(len(asked.legs)):
        placed = call.venue.engine.place_list(call.uid, asked, at_ms=call.now_ms)
    return new_list(placed.order_list, placed.orders, placed.fills, response_type)


def _find_list(call: Call, list_id: int | None, client_id: str | None) -> OrderList | None:
    orders = call.books.orders
    if list_id is None:
        return orders.list_by_client_id(call.uid, client_id or "")
    found = orders.list_by_id(call.uid, list_id)
    if found and client_id is not None and found.client_order_id != client_id:
        raise VenueError(*WRONG_CLIENT_ID)
    return found


def _row(call: Call, found: OrderList) -> dict[str, Any]:
    return list_row(found, call.books.orders.orders_of_list(found.list_id))


ENDPOINTS: Final = {
    **{("POST", f"/api/v3/orderList/{kind.lower()}"): trading(_placing(kind)) for kind in ListKind},
    ("POST", "/api/v3/order/oco"): trading(place_old_oco),
    ("DELETE", "/api/v3/orderList"): trading(cancel_list),
    ("GET", "/api/v3/orderList"): reading(query_list, 4),
    ("GET", "/api/v3/allOrderList"): reading(all_lists, 20),
    ("GET", "/api/v3/openOrderList"): reading(open_lists, 6),
}
