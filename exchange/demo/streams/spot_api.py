"""The WebSocket API of the spot market, as far as an account's events need it: `/ws-api/v3`.

Signing time is the wall's, the time of events the market's. Where the documentation is silent:
a reply comes before what it ends, and a refusal by a ban is the last word of a connection.
Source: `web-socket-api.md` of binance-spot-api-docs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs

from exchange.demo.accounts import Account
from exchange.demo.errors import BANNED, VenueError, not_permitted
from exchange.demo.http.auth import authenticate, check_permission
from exchange.demo.limits import rate_limits
from exchange.demo.streams.conversation import Socket
from exchange.demo.streams.spot_events import TERMINATED, Payload, terminated
from exchange.demo.streams.spot_requests import Request
from exchange.demo.streams.users import UserHub
from exchange.demo.venue import Venue
from exchange.domain.types import Market

CONNECTION_WEIGHT: Final = 2
POLICY_VIOLATION: Final = 1008
MOST_SUBSCRIPTIONS: Final = 1_000
MOST_SUBSCRIPTIONS_EVER: Final = 65_535
_STREAM: Final = "user"
_OK: Final = 200


class _Subscription(NamedTuple):
    uid: int
    leave: Callable[[], None]


class SpotApi:
    """One client's conversation. Its subscriptions end with it.

    query   of the URL; `returnRateLimits=false` leaves the limits out of replies
    """

    def __init__(self, socket: Socket, venue: Venue, users: UserHub, *, query: str = "") -> None:
        self._socket, self._venue, self._users = socket, venue, users
        self._shows_limits = parse_qs(query).get("returnRateLimits", [""])[-1] != "false"
        self._active: dict[int, _Subscription] = {}
        self._next_number = 0

    def opened(self) -> None:
        """Charge what a connection costs; an address beyond its limits is told so and cut."""
        try:
            self._venue.limits.charge(self._socket.peer, CONNECTION_WEIGHT)
        except VenueError as e:
            self._send_reply(None, e.status, {"error": self._error(e)}, with_limits=True)
            self._socket.close(POLICY_VIOLATION)

    def heard(self, text: str) -> None:
        """Answer one request. A refusal is a reply like any other; who is banned is cut."""
        request = Request(text, peer=self._socket.peer)
        method = _METHODS.get(request.method, _REFUSED)
        try:
            self._venue.limits.charge(self._socket.peer, method.weight)
            request.check()
            method.handle(self, request)
        except VenueError as e:
            self._reply(request, e.status, {"error": self._error(e)})
            if e.status == BANNED:
                self._socket.close(POLICY_VIOLATION)

    def closed(self) -> None:
        """End all subscriptions, without a word."""
        active, self._active = self._active, {}
        for one in active.values():
            one.leave()

    def _ping(self, request: Request) -> None:
        request.params.finish()
        self._answer(request, {})

    def _time(self, request: Request) -> None:
        request.params.finish()
        self._answer(request, {"serverTime": self._venue.wall_ms()})

    def _subscribe(self, request: Request) -> None:
        account = self._account(request)
        self._refuse_surplus(account.uid)
        # What has happened before is told to those who listened then.
        self._venue.advance()
        number = self._next_number
        self._next_number += 1
        self._answer(request, {"subscriptionId": number})
        leave = self._users.join(account.uid, Market.SPOT, lambda one: self._deliver(number, one))
        self._active[number] = _Subscription(account.uid, leave)

    def _refuse_surplus(self, uid: int) -> None:
        if any(one.uid == uid for one in self._active.values()):
            raise VenueError(-2035, "User Data Stream subscription already active.")
        if len(self._active) >= MOST_SUBSCRIPTIONS:
            most = f"Connection may create up to '{MOST_SUBSCRIPTIONS}' subscriptions at a time."
            raise VenueError(-1191, f"Too many subscriptions. {most}")
        if self._next_number >= MOST_SUBSCRIPTIONS_EVER:
            raise VenueError(-2042, "Maximum subscription ID reached for this connection.")

    def _unsubscribe(self, request: Request) -> None:
        chosen = request.params.integer("subscriptionId")
        request.params.finish()
        self._answer(request, {})
        now_ms = self._venue.advance()
        for number in [one for one in self._active if chosen in (None, one)]:
            self._deliver(number, terminated(now_ms))

    def _subscriptions(self, request: Request) -> None:
        request.params.finish()
        self._answer(request, [{"subscriptionId": number} for number in self._active])

    def _log_on(self, request: Request) -> None:
        self._account(request)
        raise VenueError(-4056, "HMAC_SHA256 API key is not supported.")

    def _subscribe_session(self, request: Request) -> None:
        # Nobody can be logged on: all keys here are of the kind that `_log_on` refuses.
        raise not_permitted()

    def _refuse_method(self, request: Request) -> None:
        request.refuse_method()

    def _account(self, request: Request) -> Account:
        request.params.required_text("apiKey")
        account = authenticate(
            request.wire,
            request.params,
            accounts=self._venue.accounts,
            wall_ms=self._venue.wall_ms,
        )
        check_permission(account, None)
        request.params.finish()
        return account

    def _deliver(self, number: int, payload: Payload) -> None:
        if number not in self._active:
            return
        self._socket.send({"subscriptionId": number, "event": payload}, stream=_STREAM)
        if payload["e"] == TERMINATED:
            self._active.pop(number).leave()

    def _answer(self, request: Request, result: Any) -> None:
        self._reply(request, _OK, {"result": result})

    def _reply(self, request: Request, status: int, content: dict[str, Any]) -> None:
        with_limits = request.shows_limits(default=self._shows_limits)
        self._send_reply(request.id, status, content, with_limits=with_limits)

    def _send_reply(
        self, id: int | str | None, status: int, content: dict[str, Any], *, with_limits: bool
    ) -> None:
        reply = {"id": id, "status": status} | content
        if with_limits:
            used = self._venue.limits.used_weight(self._socket.peer)
            reply["rateLimits"] = [rate_limits()[0] | {"count": used}]
        self._socket.reply(reply)

    def _error(self, error: VenueError) -> dict[str, Any]:
        if error.retry_after_seconds is None:
            return error.body()
        wall_ms = self._venue.wall_ms()
        retry_after = wall_ms + error.retry_after_seconds * 1_000
        return error.body() | {"data": {"serverTime": wall_ms, "retryAfter": retry_after}}


class _Method(NamedTuple):
    handle: Callable[[SpotApi, Request], None]
    weight: int


_REFUSED: Final = _Method(SpotApi._refuse_method, 1)
_METHODS: Final = {
    "ping": _Method(SpotApi._ping, 1),
    "time": _Method(SpotApi._time, 1),
    "session.logon": _Method(SpotApi._log_on, 2),
    "session.subscriptions": _Method(SpotApi._subscriptions, 2),
    "userDataStream.subscribe": _Method(SpotApi._subscribe_session, 2),
    "userDataStream.subscribe.signature": _Method(SpotApi._subscribe, 2),
    "userDataStream.unsubscribe": _Method(SpotApi._unsubscribe, 2),
}
