"""From a wire request to a reply: find the endpoint, charge its weight, authenticate, answer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

from exchange.demo.accounts import Account
from exchange.demo.errors import GONE, NOT_FOUND, VenueError, not_built
from exchange.demo.http import (
    account_endpoints,
    list_endpoints,
    market_endpoints,
    order_endpoints,
    replace_endpoint,
)
from exchange.demo.http.auth import authenticate, check_permission
from exchange.demo.http.endpoint import Books, Call, Endpoint
from exchange.demo.http.wire import Params, WireRequest
from exchange.demo.venue import Venue

ENDPOINTS: Final[dict[tuple[str, str], Endpoint]] = {
    **market_endpoints.ENDPOINTS,
    **account_endpoints.ENDPOINTS,
    **order_endpoints.ENDPOINTS,
    **replace_endpoint.ENDPOINTS,
    **list_endpoints.ENDPOINTS,
}
_RETIRED: Final = ("/api/v3/userDataStream", "/api/v1/userDataStream")
# What the venue has and this exchange has not yet: refused plainly, no wrong address.
_NOT_BUILT: Final = (
    "/api/v3/aggTrades",
    "/api/v3/depth",
    "/api/v3/executionRules",
    "/api/v3/historicalBlockTrades",
    "/api/v3/historicalTrades",
    "/api/v3/myAllocations",
    "/api/v3/myPreventedMatches",
    "/api/v3/order/amend",
    "/api/v3/order/amendments",
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


def respond(venue: Venue, request: WireRequest, *, books: Books | None = None) -> Reply:
    """Answer one request. A refusal is a reply like any other.

    books   what queries read instead of the engine's own; the engine acts as ever
    """
    headers: dict[str, str] = {}
    try:
        payload = _answer(venue, request, headers, books)
    except VenueError as e:
        reply = refusal(venue, e, request.peer)
        return replace(reply, headers=headers | reply.headers)
    return Reply(200, payload, headers | _used_weight(venue, request.peer))


def refusal(venue: Venue, error: VenueError, peer: str) -> Reply:
    """Return the reply that refuses a request."""
    headers = _used_weight(venue, peer)
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    return Reply(error.status, error.body(), headers)


def _used_weight(venue: Venue, peer: str) -> dict[str, str]:
    used = str(venue.limits.used_weight(peer))
    return {"X-MBX-USED-WEIGHT": used, "X-MBX-USED-WEIGHT-1M": used}


def _answer(
    venue: Venue, request: WireRequest, headers: dict[str, str], books: Books | None
) -> Any:
    endpoint = ENDPOINTS.get((request.method, request.path))
    if endpoint is None:
        venue.limits.charge(request.peer, 1)
        raise _no_endpoint(request)
    params = _charged_params(venue, request, endpoint)
    account = _account(venue, request, params, endpoint) if endpoint.is_signed else None
    call = Call(
        venue=venue,
        params=params,
        peer=request.peer,
        now_ms=venue.advance(),
        books=books or Books(venue.engine.orders, venue.engine.ledger),
        account=account,
        headers=headers,
    )
    payload = endpoint.handle(call)
    if endpoint.is_free:
        venue.limits.refund(request.peer, endpoint.weight_of(params))
    return payload


def _charged_params(venue: Venue, request: WireRequest, endpoint: Endpoint) -> Params:
    try:
        params = Params(request)
    except VenueError:
        venue.limits.charge(request.peer, 1)
        raise
    venue.limits.charge(request.peer, endpoint.weight_of(params))
    return params


def _account(venue: Venue, request: WireRequest, params: Params, endpoint: Endpoint) -> Account:
    account = authenticate(request, params, accounts=venue.accounts, wall_ms=venue.wall_ms)
    check_permission(account, is_trade=endpoint.is_trade)
    return account


def _no_endpoint(request: WireRequest) -> VenueError:
    if request.path in _RETIRED:
        message = "User data streams by listenKey were retired; subscribe on the WebSocket API."
        return VenueError(-1020, message, status=GONE)
    if any(request.path == path or request.path.startswith(f"{path}/") for path in _NOT_BUILT):
        return not_built(f"{request.method} {request.path}")
    message = f"Path {request.path}, Method {request.method} is invalid"
    return VenueError(-5000, message, status=NOT_FOUND)
