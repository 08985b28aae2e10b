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
from exchange.binance.streams.losses import LinkLostError, lost_by_reply
from exchange.binance.streams.session import Say, Session
from exchange.binance.streams.settings import DEFAULT_SETTINGS, StreamSettings
from exchange.binance.streams.spot_events import spot_event
from exchange.binance.urls import UrlSet
from exchange.domain.streams import AccountEvent

PATH: Final = "/ws-api/v3"
METHOD: Final = "userDataStream.subscribe.signature"
TERMINATED_EVENT: Final = "eventStreamTerminated"
REQUEST_ID: Final = "subscribe"  # one request per connection


class SpotAccountStream(AccountStream):
    """Spot account events for the holder of a key; callbacks as of `AccountStream`.

    now_ms   the venue's wall clock in ms (signing time); its GatewayErrors are waited out

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
            request=self._request,
            on_event=lambda event: self._tell(event, spot_event),
            settings=self._settings,
        )

    async def _request(self) -> str:
        parameters: dict[str, Any] = {
            "apiKey": self._key,
            "recvWindow": self._settings.recv_window_ms,
            "timestamp": await self._now_ms(),
        }
        parameters["signature"] = signature(parameters, self._secret)
        return json.dumps({"id": REQUEST_ID, "method": METHOD, "params": parameters})


class _Subscription(Session):
    path = PATH

    def __init__(
        self,
        *,
        request: Callable[[], Awaitable[str]],
        on_event: Callable[[Mapping[str, Any]], None],
        settings: StreamSettings,
    ) -> None:
        self._request, self._on_event, self._settings = request, on_event, settings
        self._reply: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()

    async def converse(self, say: Say, ready: Callable[[], None]) -> None:
        """Subscribe, then listen."""
        request = await self._request()
        try:
            async with asyncio.timeout(self._settings.reply_seconds):
                await say(request)
                reply = await self._reply
        except TimeoutError:
            raise LinkLostError("no answer to the subscription in time") from None
        if reply.get("status") != HTTPStatus.OK:
            error = reply.get("error")
            raise lost_by_reply(error if isinstance(error, dict) else {}, "the subscription")
        ready()
        await asyncio.Event().wait()

    def hear(self, message: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """Take the reply, or an event, which may come right behind it."""
        if event.get("e") == TERMINATED_EVENT:
            raise LinkLostError("the venue ended the subscription", is_planned=True)
        if "status" not in message:
            self._on_event(event)
        elif message.get("id") in (REQUEST_ID, None) and not self._reply.done():
            # A request that the venue cannot read is answered without its id.
            self._reply.set_result(message)


def signature(parameters: Mapping[str, Any], secret: str) -> str:
    """Return the HMAC-SHA256 of the parameters in the order of their names, in hex.

    web-socket-api.md, "SIGNED request security".
    """
    payload = "&".join(f"{name}={parameters[name]}" for name in sorted(parameters))
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
