"""`POST order/cancelReplace`: one request that cancels an order and places another.

Filters are checked before either half, then the cancel comes first. Codes: -2021 with HTTP 409 when
one half failed, -2022 with HTTP 400 when both did or the second was not attempted.
Source: "Cancel an Existing Order and Send a New Order".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from exchange.demo.errors import BAD_REQUEST, CONFLICT, TOO_MANY_REQUESTS, VenueError
from exchange.demo.http.endpoint import Call, trading
from exchange.demo.http.order_endpoints import cancel_reply, refuse_disabled
from exchange.demo.http.order_parameters import (
    default_response_type,
    read_cancel,
    read_order,
    read_response_type,
)
from exchange.demo.http.replies import new_order
from exchange.demo.trading.asked import CancelTarget, OrderRequest

_MODES: Final = ("STOP_ON_FAILURE", "ALLOW_FAILURE")
_LIMIT_MODES: Final = ("DO_NOTHING", "CANCEL_ONLY")
# What the venue refuses before it touches either order; the rest is said by the second half.
_FILTER_CODES: Final = (-1013, -1111)
_SUCCESS: Final = "SUCCESS"
_FAILURE: Final = "FAILURE"
_NOT_ATTEMPTED: Final = "NOT_ATTEMPTED"


@dataclass(frozen=True, slots=True)
class _Half:
    result: str
    response: dict[str, Any] | None
    status: int = 200

    @property
    def is_success(self) -> bool:
        return self.result == _SUCCESS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Replacement:
    target: CancelTarget
    order: OrderRequest
    response_type: str
    stops_on_failure: bool
    cancels_over_limit: bool


def cancel_replace(call: Call) -> dict[str, Any]:
    """Cancel an order, then place another; each half tells its own result."""
    asked = _read(call)
    refuse_disabled(call, code=-2010)
    if not asked.cancels_over_limit:
        call.limits.check_orders(call.uid, 1)
    _refuse_filtered(call, asked)
    canceled = _cancel(call, asked)
    placed = _place(call, asked, canceled)
    data = {
        "cancelResult": canceled.result,
        "newOrderResult": placed.result,
        "cancelResponse": canceled.response,
        "newOrderResponse": placed.response,
    }
    if canceled.is_success and placed.is_success:
        return data
    raise _failure(asked, canceled, placed, data)


def _read(call: Call) -> _Replacement:
    params = call.params
    symbol = call.symbol()
    mode = params.required_choice("cancelReplaceMode", _MODES)
    limit_mode = params.choice("orderRateLimitExceededMode", _LIMIT_MODES, default="DO_NOTHING")
    target = read_cancel(
        params,
        order_id="cancelOrderId",
        client_order_id="cancelOrigClientOrderId",
        cancel_client_id="cancelNewClientOrderId",
    )
    order = read_order(params, symbol)
    response_type = read_response_type(params, default_response_type(order.type))
    params.finish()
    return _Replacement(
        target=target,
        order=order,
        response_type=response_type,
        stops_on_failure=mode == "STOP_ON_FAILURE",
        cancels_over_limit=limit_mode == "CANCEL_ONLY",
    )


def _refuse_filtered(call: Call, asked: _Replacement) -> None:
    try:
        call.venue.engine.check(call.uid, asked.order, at_ms=call.now_ms)
    except VenueError as e:
        if e.code in _FILTER_CODES:
            raise


def _cancel(call: Call, asked: _Replacement) -> _Half:
    name = asked.order.symbol.name
    try:
        canceled = call.venue.engine.cancel(call.uid, name, asked.target, at_ms=call.now_ms)
    except VenueError as e:
        return _Half(_FAILURE, e.body(), e.status)
    return _Half(_SUCCESS, cancel_reply(canceled))


def _place(call: Call, asked: _Replacement, canceled: _Half) -> _Half:
    is_attempted = canceled.is_success or not asked.stops_on_failure
    try:
        # As documented, an order that was not attempted counts all the same.
        with call.counted(1):
            if not is_attempted:
                return _Half(_NOT_ATTEMPTED, None)
            placed = call.venue.engine.place(call.uid, asked.order, at_ms=call.now_ms)
    except VenueError as e:
        if not is_attempted:
            return _Half(_NOT_ATTEMPTED, None, e.status)
        return _Half(_FAILURE, e.body(), e.status)
    return _Half(_SUCCESS, new_order(placed.order, placed.fills, asked.response_type))


def _failure(
    asked: _Replacement, canceled: _Half, placed: _Half, data: dict[str, Any]
) -> VenueError:
    code, message, status = -2021, "Order cancel-replace partially failed.", CONFLICT
    if not canceled.is_success and not placed.is_success:
        code, message, status = -2022, "Order cancel-replace failed.", BAD_REQUEST
    if asked.stops_on_failure and placed.status == TOO_MANY_REQUESTS:
        status = TOO_MANY_REQUESTS
    return VenueError(code, message, status=status, data=data)


ENDPOINTS: Final = {("POST", "/api/v3/order/cancelReplace"): trading(cancel_replace)}
