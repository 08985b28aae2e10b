"""From a wire request to a reply: find the endpoint, charge its weight, authenticate, answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from exchange.demo import market_endpoints, trade_endpoints
from exchange.demo.auth import Account, authenticate
from exchange.demo.endpoint import Call, Endpoint
from exchange.demo.errors import GONE, NOT_FOUND, VenueError, not_built
from exchange.demo.venue import Venue
from exchange.demo.wire import Params, WireRequest

ENDPOINTS: Final = market_endpoints.ENDPOINTS | trade_endpoints.ENDPOINTS
_RETIRED: Final = ("/api/v3/userDataStream", "/api/v1/userDataStream")
# What the venue has and this exchange has not yet: refused plainly, no wrong address.
_NOT_BUILT: Final = (
    "/api/v3/aggTrades",
    "/api/v3/allOrderList",
    "/api/v3/depth",
    "/api/v3/executionRules",
    "/api/v3/historicalTrades",
    "/api/v3/myAllocations",
    "/api/v3/myFilters",
    "/api/v3/myPreventedMatches",
    "/api/v3/openOrderList",
    "/api/v3/openOrders",
    "/api/v3/order",
    "/api/v3/orderList",
    "/api/v3/referencePrice",
    "/api/v3/sor",
    "/api/v3/ticker",
    "/api/v3/trades",
    "/api/v3/uiKlines",
    "/fapi",
    "/futures",
    "/sapi",
    "/ws-api",
)


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: HTTP status, JSON, and headers beside the content type."""

    status: int
    payload: Any
    headers: dict[str, str] = field(default_factory=dict)


def respond(venue: Venue, request: WireRequest) -> Reply:
    """Answer one request. A refusal is a reply like any other."""
    headers: dict[str, str] = {}
    try:
        status, payload = 200, _answer(venue, request, headers)
    except VenueError as e:
        status, payload = e.status, {"code": e.code, "msg": e.message}
        if e.retry_after_seconds is not None:
            headers["Retry-After"] = str(e.retry_after_seconds)
    used = str(venue.limits.used_weight(request.peer))
    return Reply(
        status, payload, headers | {"X-MBX-USED-WEIGHT": used, "X-MBX-USED-WEIGHT-1M": used}
    )


def _answer(venue: Venue, request: WireRequest, headers: dict[str, str]) -> Any:
    endpoint = ENDPOINTS.get((request.method, request.path))
    if endpoint is None:
        venue.limits.charge(request.peer, 1)
        raise _no_endpoint(request)
    params = _charged_params(venue, request, endpoint)
    account = _account(venue, request, params) if endpoint.is_signed else None
    payload = endpoint.handle(Call(venue=venue, params=params, peer=request.peer, account=account))
    if endpoint.places_order and account:
        venue.limits.refund(request.peer, endpoint.weight_of(params))
        venue.limits.count_order(account.uid)
        ten_seconds, day = venue.limits.order_counts(account.uid)
        headers["X-MBX-ORDER-COUNT-10S"] = str(ten_seconds)
        headers["X-MBX-ORDER-COUNT-1D"] = str(day)
    return payload


def _charged_params(venue: Venue, request: WireRequest, endpoint: Endpoint) -> Params:
    try:
        params = Params(request)
    except VenueError:
        venue.limits.charge(request.peer, 1)
        raise
    venue.limits.charge(request.peer, endpoint.weight_of(params))
    return params


def _account(venue: Venue, request: WireRequest, params: Params) -> Account:
    return authenticate(request, params, accounts=venue.accounts, wall_ms=venue.wall_ms)


def _no_endpoint(request: WireRequest) -> VenueError:
    if request.path in _RETIRED:
        message = "User data streams by listenKey were retired; subscribe on the WebSocket API."
        return VenueError(-1020, message, status=GONE)
    if any(request.path == path or request.path.startswith(f"{path}/") for path in _NOT_BUILT):
        return not_built(f"{request.method} {request.path}")
    message = f"Path {request.path}, Method {request.method} is invalid"
    return VenueError(-5000, message, status=NOT_FOUND)
