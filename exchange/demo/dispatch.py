"""From a wire request to a reply: find the endpoint, charge its weight, authenticate, answer.

Both REST APIs, spot and USD-M futures, come together here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from exchange.demo.accounts import Account
from exchange.demo.errors import GONE, NOT_FOUND, VenueError, not_built
from exchange.demo.fapi import table
from exchange.demo.http import (
    account_endpoints,
    list_endpoints,
    market_endpoints,
    order_endpoints,
    replace_endpoint,
    transfer_endpoints,
)
from exchange.demo.http.auth import account_of_key, authenticate, check_permission
from exchange.demo.http.endpoint import Books, Call, Counted, Endpoint
from exchange.demo.http.wire import Params, WireRequest
from exchange.demo.limits import RateLimits
from exchange.demo.venue import Venue

ENDPOINTS: Final[dict[tuple[str, str], Endpoint]] = {
    **market_endpoints.ENDPOINTS,
    **account_endpoints.ENDPOINTS,
    **order_endpoints.ENDPOINTS,
    **replace_endpoint.ENDPOINTS,
    **list_endpoints.ENDPOINTS,
    **transfer_endpoints.ENDPOINTS,
    **table.ENDPOINTS,
}
_SAPI: Final = "/sapi/"
_FUTURES: Final = ("/fapi/", "/futures/")
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
    *table.NOT_BUILT,
    "/sapi",
)


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: HTTP status, JSON, and headers beside the content type."""

    status: int
    payload: Any
    headers: dict[str, str] = field(default_factory=dict)


class _Bill(NamedTuple):
    """Who pays how much weight out of which pool."""

    pool: RateLimits
    payer: str
    weight: int


def respond(venue: Venue, request: WireRequest, *, books: Books | None = None) -> Reply:
    """Answer one request. A refusal is a reply like any other.

    books   what queries read instead of the engine's own; the engine acts as ever
    """
    headers: dict[str, str] = {}
    try:
        payload = _answer(venue, request, headers, books)
    except VenueError as e:
        return refusal(e, headers or pool_of_request(venue, request).headers(request.peer))
    return Reply(200, payload, headers)


def refusal(error: VenueError, used: dict[str, str]) -> Reply:
    """Return the reply that refuses a request; `used` are the headers about weight."""
    headers = dict(used)
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    return Reply(error.status, error.body(), headers)


def limits_of(venue: Venue, path: str) -> RateLimits:
    """Return what counts and bans on the host that a path lies on."""
    return venue.futures_limits if is_futures_path(path) else venue.limits


def is_futures_path(path: str) -> bool:
    """Say whether a path lies on the host of the futures market."""
    return path.startswith(_FUTURES)


def pool_of(venue: Venue, path: str, counted: Counted = Counted.ADDRESS) -> RateLimits:
    """Return where the weight of a path is counted."""
    if counted is Counted.FUNDING:
        return venue.other_pools.funding
    if path.startswith(_SAPI):
        return venue.other_pools.of_path(path, is_per_account=counted is Counted.ACCOUNT)
    return limits_of(venue, path)


def pool_of_request(venue: Venue, request: WireRequest) -> RateLimits:
    """Return where an address is charged for a request before it is known who asks."""
    endpoint = ENDPOINTS.get((request.method, request.path))
    is_funding = endpoint is not None and endpoint.counted is Counted.FUNDING
    return pool_of(venue, request.path, Counted.FUNDING if is_funding else Counted.ADDRESS)


def _answer(
    venue: Venue, request: WireRequest, headers: dict[str, str], books: Books | None
) -> Any:
    endpoint = ENDPOINTS.get((request.method, request.path))
    if endpoint is None:
        pool_of(venue, request.path).charge(request.peer, 1)
        raise _no_endpoint(request)
    params = _params(venue, request)
    account, bill = _admitted(venue, request, params, endpoint)
    try:
        call = Call(
            venue=venue,
            params=params,
            peer=request.peer,
            now_ms=venue.advance(),
            books=books or _books(venue),
            limits=limits_of(venue, request.path),
            account=account,
            headers=headers,
        )
        payload = endpoint.handle(call)
        if endpoint.is_free:
            bill.pool.refund(bill.payer, bill.weight)
    finally:
        headers.update(bill.pool.headers(bill.payer))
    return payload


def _books(venue: Venue) -> Books:
    return Books(venue.engine.orders, venue.engine.ledger, venue.futures.books)


def _params(venue: Venue, request: WireRequest) -> Params:
    try:
        return Params(request)
    except VenueError:
        pool_of(venue, request.path).charge(request.peer, 1)
        raise


def _admitted(
    venue: Venue, request: WireRequest, params: Params, endpoint: Endpoint
) -> tuple[Account | None, _Bill]:
    pool, weight = pool_of(venue, request.path, endpoint.counted), endpoint.weight_of(params)
    if endpoint.counted is not Counted.ACCOUNT:
        pool.charge(request.peer, weight)
        has_account = endpoint.is_signed or endpoint.needs_key
        account = _account(venue, request, params, endpoint) if has_account else None
        return account, _Bill(pool, request.peer, weight)
    # What an account pays can only be charged when it is known who asks.
    pool_of(venue, request.path).charge(request.peer, 0)
    account = _account(venue, request, params, endpoint)
    payer = f"uid {account.uid}"
    pool.charge(payer, weight)
    return account, _Bill(pool, payer, weight)


def _account(venue: Venue, request: WireRequest, params: Params, endpoint: Endpoint) -> Account:
    if endpoint.needs_key:
        account = account_of_key(request.api_key, venue.accounts)
    else:
        account = authenticate(request, params, accounts=venue.accounts, wall_ms=venue.wall_ms)
    check_permission(account, endpoint.permission)
    return account


def _no_endpoint(request: WireRequest) -> VenueError:
    if request.path in _RETIRED:
        message = "User data streams by listenKey were retired; subscribe on the WebSocket API."
        return VenueError(-1020, message, status=GONE)
    if any(request.path == path or request.path.startswith(f"{path}/") for path in _NOT_BUILT):
        return not_built(f"{request.method} {request.path}")
    message = f"Path {request.path}, Method {request.method} is invalid"
    return VenueError(-5000, message, status=NOT_FOUND)
