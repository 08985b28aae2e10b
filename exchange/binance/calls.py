"""One request to the venue and what came of it: permitted, signed with the right time, sorted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeVar

import requests

from exchange.binance import parsing
from exchange.binance.clock import SigningClock
from exchange.binance.errors import (
    TRANSPORT_ERRORS,
    AlreadySoError,
    RefusedReplyError,
    UnreadableReplyError,
    from_reply,
    from_transport,
    provably_not_sent,
    uncertain,
)
from exchange.binance.governor import Aftermath, Governor, Reservation
from exchange.binance.outcomes import TOO_MANY_ORDERS
from exchange.binance.retry import Retry, repeat
from exchange.domain.budget import OrderPermit, current_asking, one_asking
from exchange.domain.errors import (
    CredentialsError,
    GatewayError,
    OutcomeUnknownError,
    RateLimitedError,
    TimestampError,
)
from exchange.domain.types import Market

T = TypeVar("T")

# Method and path begin like this where a request creates orders. A prefix, for the kinds of lists.
CREATE_ORDERS: Final = (
    *("POST /api/v3/order/cancelReplace", "POST /api/v3/orderList/"),
    *("POST /fapi/v1/algoOrder", "POST /fapi/v1/batchOrders"),
)
CREATE_AN_ORDER: Final = frozenset({"POST /api/v3/order", "POST /fapi/v1/order"})
# Endpoint and the library's method for it.
SERVER_TIME: Final = MappingProxyType(
    {
        Market.SPOT: ("GET /api/v3/time", "get_server_time"),
        Market.FUTURES: ("GET /fapi/v1/time", "futures_time"),
    }
)
# What the venue answers when a change was made; parsed in place of "no need to change".
ALREADY_SO_REPLY: Final = {"code": 200, "msg": "success"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    reply: Any = None
    failure: GatewayError | None = None
    was_unsent: bool = False

    @property
    def created_orders(self) -> bool | None:
        if isinstance(self.failure, OutcomeUnknownError):
            return None
        return not self.failure


class Caller:
    """Sends what a gateway asks for. One instance serves one client, in one thread.

    endpoint   method and path as the venue's documentation names them, for logs and counters
    weight     request weight of the call, known before it is sent
    governor   the budgets of the venue's address; without one, this instance has its own

    Reads are repeated by themselves, in the caller's patience. Whatever changes something at the
    venue is sent once.
    """

    def __init__(
        self,
        client: Any,
        *,
        market: Market,
        host: str,
        has_key: bool,
        governor: Governor | None = None,
    ) -> None:
        self.client: Final = client
        self.market: Final = market
        self._host = host
        self._has_key = has_key
        self._governor = governor or Governor(market=market)
        self._heard: requests.Response | None = None
        self.clock: Final = SigningClock(self.server_time_ms, self._governor.note_offset)
        client.session.hooks["response"].append(self._hear)

    def read(
        self, endpoint: str, ask: Callable[[], Any], parse: Callable[[Any], T], *, weight: int
    ) -> T:
        """Return what the venue tells everybody."""
        with one_asking():
            return repeat(
                lambda: self._ask(ask, parse, weight=weight),
                endpoint=endpoint,
                policy=self._governor.retry,
                on_retry=self._governor.note_retry,
                sleep=self._governor.sleep,
            )

    def signed_read(
        self, endpoint: str, ask: Callable[[], Any], parse: Callable[[Any], T], *, weight: int
    ) -> T:
        """Return what the venue tells the holder of the key; -1021 resyncs the clock, once."""
        self.require_key()
        with one_asking():
            self.client.timestamp_offset = self.clock.offset_ms()
            try:
                return self.read(endpoint, ask, parse, weight=weight)
            except TimestampError as error:
                late = Retry(endpoint=endpoint, error=error, attempt=1, of=2, delay=0.0)
            self._governor.note_retry(late)
            self.client.timestamp_offset = self.clock.resync()
            return self.read(endpoint, ask, parse, weight=weight)

    def permit_orders(self, count: int = 1) -> OrderPermit:
        """Return leave to create `count` orders with one request; wait politely for it.

        Take it before the timestamp that the order is signed with: what waits must not grow old.
        RateLimitedError, and nothing is reserved, when there is no room in time.
        """
        self.require_key()
        with one_asking():
            reservation = self._governor.take(weight=1, orders=count)
        return OrderPermit(
            orders=count,
            reservation=reservation,
            give_back=lambda: self._governor.release(reservation),
        )

    def write(
        self,
        endpoint: str,
        ask: Callable[[], Any],
        parse: Callable[[Any], T],
        *,
        weight: int,
        permit: OrderPermit | None = None,
    ) -> T:
        """Send what changes something at the venue exactly once, whatever happens.

        permit   of `permit_orders`, for whatever creates orders; ValueError when it is missing
                 there, or was used before

        When everything is that way already (-4046, -4059, -4171, -5027 of futures), `parse` gets
        `ALREADY_SO_REPLY`.
        """
        self.require_key()
        if permit is None and (endpoint in CREATE_AN_ORDER or endpoint.startswith(CREATE_ORDERS)):
            raise ValueError(f"{endpoint} needs a permit")
        with one_asking():
            reservation = permit.spend() if permit else self._governor.take(weight=weight)
            return self._send(ask, parse, reservation=reservation, changes=True)

    def server_time_ms(self) -> int:
        """Ask this market for its wall clock: each has servers of its own."""
        endpoint, method = SERVER_TIME[self.market]

        def ask() -> Any:
            self.clock.note_asking()
            return getattr(self.client, method)()

        return self.read(endpoint, ask, parsing.server_time_ms, weight=1)

    def require_key(self) -> None:
        """Raise CredentialsError when this gateway was opened without a key."""
        if not self._has_key:
            raise CredentialsError("this call needs an API key")

    def _ask(self, ask: Callable[[], Any], parse: Callable[[Any], T], *, weight: int) -> T:
        reservation = self._governor.take(weight=weight)
        return self._send(ask, parse, reservation=reservation, changes=False)

    def _send(
        self,
        ask: Callable[[], Any],
        parse: Callable[[Any], T],
        *,
        reservation: Reservation | None,
        changes: bool,
    ) -> T:
        self._heard, started = None, time.monotonic()
        answer: _Answer | None = None  # of an interruption nothing is known
        try:
            answer = self._exchange(ask, changes=changes)
        finally:
            self._settle(reservation, answer)
        failure = answer.failure
        if not failure:
            try:
                return parse(answer.reply)
            except parsing.MalformedReplyError as error:
                failure = uncertain(f"{self._host}: {error}", creates_order=changes)
        current_asking().lose(time.monotonic() - started)
        # Outside of the handlers, or the failure would carry the library's exception,
        # whose request holds the key and whose text holds the signed URL.
        raise failure

    def _exchange(self, ask: Callable[[], Any], *, changes: bool) -> _Answer:
        try:
            return _Answer(reply=ask())
        except RefusedReplyError as error:
            return self._refused(error, changes=changes)
        except UnreadableReplyError as error:
            return _Answer(failure=uncertain(f"{self._host}: {error}", creates_order=changes))
        except TRANSPORT_ERRORS as error:
            return _Answer(
                failure=from_transport(error, host=self._host, creates_order=changes),
                was_unsent=provably_not_sent(error),
            )

    def _refused(self, error: RefusedReplyError, *, changes: bool) -> _Answer:
        try:
            failure = from_reply(error, market=self.market, creates_order=changes)
        except AlreadySoError:
            return _Answer(reply=ALREADY_SO_REPLY)
        if isinstance(failure, RateLimitedError):
            is_about_orders = failure.code == TOO_MANY_ORDERS
            stop = self._governor.stop_orders if is_about_orders else self._governor.stop_everybody
            stop(failure.retry_after)
        return _Answer(failure=failure)

    def _settle(self, reservation: Reservation | None, answer: _Answer | None) -> None:
        if answer and not answer.failure:
            self._governor.learn(answer.reply)
        if reservation:
            aftermath = Aftermath(
                headers=self._heard.headers if self._heard is not None else None,
                was_unsent=bool(answer and answer.was_unsent),
                created_orders=answer.created_orders if answer else None,
            )
            self._governor.settle(reservation, aftermath)

    def _hear(self, response: requests.Response, **_: Any) -> None:
        self._heard = response
