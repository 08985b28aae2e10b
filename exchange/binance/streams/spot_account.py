"""Account events of the spot market: a signed subscription on the WebSocket API."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from exchange.binance.streams.account import AccountStream
from exchange.binance.streams.losses import LinkLostError, code_of, lost_by_reply
from exchange.binance.streams.session import Say, Session
from exchange.binance.streams.settings import DEFAULT_SETTINGS, StreamSettings
from exchange.binance.streams.spot_events import spot_event
from exchange.binance.urls import UrlSet
from exchange.domain.streams import AccountEvent

PATH: Final = "/ws-api/v3"
METHOD: Final = "userDataStream.subscribe.signature"
TERMINATED_EVENT: Final = "eventStreamTerminated"
REQUEST_ID: Final = "subscribe"
TIME_REQUEST: Final = json.dumps({"id": REQUEST_ID, "method": "time"})
BAD_TIMESTAMP: Final = -1021


class SpotAccountStream(AccountStream):
    """Spot account events for the holder of a key; callbacks as of `AccountStream`.

    now_ms   the venue's wall clock in ms (signing time); its GatewayErrors are waited out. Where
             the venue refuses it, the venue is asked for its clock on the connection itself

    The venue forgets a subscription with its connection, so every connection subscribes anew
    (weight 2 for it and 2 for the connection).
    """

    def __init__(
        self,
        *,
        urls: UrlSet,
        key: str,
        secret: str,
        now_ms: Callable[[], Awaitable[int]],
        on_event: Callable[[AccountEvent], None],
        on_link: Callable[[bool, str], None],
        settings: StreamSettings = DEFAULT_SETTINGS,
    ) -> None:
        super().__init__(
            name="spot account stream",
            origin=urls.spot_ws_api,
            on_event=on_event,
            on_link=on_link,
            settings=settings,
        )
        self._key, self._secret, self._now_ms = key, secret, now_ms

    async def _begin(self) -> Session:
        return _Subscription(
            now_ms=self._now_ms,
            request=self._request,
            on_event=lambda event: self._tell(event, spot_event),
            settings=self._settings,
        )

    def _request(self, timestamp: int) -> str:
        parameters: dict[str, Any] = {
            "apiKey": self._key,
            "recvWindow": self._settings.recv_window_ms,
            "timestamp": timestamp,
        }
        parameters["signature"] = signature(parameters, self._secret)
        return json.dumps({"id": REQUEST_ID, "method": METHOD, "params": parameters})


class _Subscription(Session):
    path = PATH

    def __init__(
        self,
        *,
        now_ms: Callable[[], Awaitable[int]],
        request: Callable[[int], str],
        on_event: Callable[[Mapping[str, Any]], None],
        settings: StreamSettings,
    ) -> None:
        self._now_ms, self._request = now_ms, request
        self._on_event, self._settings = on_event, settings
        self._reply: asyncio.Future[Mapping[str, Any]] | None = None

    async def converse(self, say: Say, ready: Callable[[], None]) -> None:
        """Subscribe, then listen."""
        reply = await self._ask(say, self._request(await self._now_ms()))
        if _has_bad_timestamp(reply):
            # One of the clocks was set since their difference was measured; nobody else may sign
            # anything soon that would tell.
            reply = await self._ask(say, self._request(await self._venue_ms(say)))
        if reply.get("status") != HTTPStatus.OK:
            raise lost_by_reply(reply, "the subscription")
        ready()
        await asyncio.Event().wait()

    async def _venue_ms(self, say: Say) -> int:
        result = (await self._ask(say, TIME_REQUEST)).get("result")
        told = result.get("serverTime") if isinstance(result, dict) else None
        if not isinstance(told, int):
            raise LinkLostError("the venue does not tell its time")
        return told

    async def _ask(self, say: Say, request: str) -> Mapping[str, Any]:
        self._reply = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._settings.reply_seconds):
                await say(request)
                return await self._reply
        except TimeoutError:
            raise LinkLostError("no answer to the subscription in time") from None

    def hear(self, message: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """Take the reply, or an event, which may come right behind it."""
        if event.get("e") == TERMINATED_EVENT:
            raise LinkLostError("the venue ended the subscription", is_planned=True)
        if "status" not in message:
            self._on_event(event)
        elif message.get("id") in (REQUEST_ID, None):
            # A request that the venue cannot read is answered without its id.
            self._take_reply(message)

    def _take_reply(self, reply: Mapping[str, Any]) -> None:
        if reply["status"] != HTTPStatus.OK and not _has_bad_timestamp(reply):
            # At once, asked or not: who is banned is told so and cut, and the ban must be known.
            raise lost_by_reply(reply, "the subscription")
        if self._reply and not self._reply.done():
            self._reply.set_result(reply)


def _has_bad_timestamp(reply: Mapping[str, Any]) -> bool:
    return code_of(reply.get("error")) == BAD_TIMESTAMP


def signature(parameters: Mapping[str, Any], secret: str) -> str:
    """Return the HMAC-SHA256 of the parameters in the order of their names, in hex.

    web-socket-api.md, "SIGNED request security".
    """
    payload = "&".join(f"{name}={parameters[name]}" for name in sorted(parameters))
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
