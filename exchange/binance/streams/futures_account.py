"""Account events of the USD-M futures market: a listen key that is kept alive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol
from urllib.parse import quote

from exchange.binance.streams.account import AccountStream
from exchange.binance.streams.futures_events import futures_event
from exchange.binance.streams.losses import LinkLostError
from exchange.binance.streams.session import Say, Session
from exchange.binance.streams.settings import DEFAULT_SETTINGS, StreamSettings
from exchange.binance.urls import UrlSet
from exchange.domain.errors import RateLimitedError, UnavailableError
from exchange.domain.streams import AccountEvent

PATH: Final = "/private/ws?listenKey="
EXPIRED_EVENT: Final = "listenKeyExpired"


class ListenKeys(Protocol):
    """Who asks the venue, by REST, for the key of an account's stream.

    GatewayErrors are waited out, a CredentialsError for minutes.
    """

    async def open(self) -> str:
        """Return the account's listen key, which lives for another hour from now on.

        It is a new one where the old one has expired or was closed.
        """
        ...


class FuturesAccountStream(AccountStream):
    """Futures account events for the holder of a key; callbacks as of `AccountStream`.

    Every connection asks for the listen key anew: one that expired leaves its connection open
    and silent. For the same reason the key is prolonged by asking for it: prolonging alone is
    answered well when another program has closed our key and opened the next one.
    """

    def __init__(
        self,
        *,
        urls: UrlSet,
        listen_keys: ListenKeys,
        on_event: Callable[[AccountEvent], None],
        on_link: Callable[[bool, str], None],
        settings: StreamSettings = DEFAULT_SETTINGS,
    ) -> None:
        super().__init__(
            name="futures account stream",
            origin=urls.futures_ws,
            on_event=on_event,
            on_link=on_link,
            settings=settings,
        )
        self._listen_keys = listen_keys

    async def _begin(self) -> Session:
        listen_key = await self._listen_keys.open()
        return _Listening(
            listen_key=listen_key,
            listen_keys=self._listen_keys,
            on_event=lambda event: self._tell(event, futures_event),
            settings=self._settings,
        )


class _Listening(Session):
    def __init__(
        self,
        *,
        listen_key: str,
        listen_keys: ListenKeys,
        on_event: Callable[[Mapping[str, Any]], None],
        settings: StreamSettings,
    ) -> None:
        self.path = PATH + quote(listen_key, safe="")
        self._listen_key = listen_key
        self._listen_keys, self._on_event, self._settings = listen_keys, on_event, settings

    async def converse(self, say: Say, ready: Callable[[], None]) -> None:
        """Prolong the listen key for as long as the connection lives."""
        ready()
        while True:
            await asyncio.sleep(self._settings.keep_seconds)
            if await self._prolonged() != self._listen_key:
                raise LinkLostError("the listen key was replaced", is_planned=True)

    async def _prolonged(self) -> str:
        # The listen key outlives many failures, and losing the connection would help nobody.
        while True:
            try:
                return await self._listen_keys.open()
            except UnavailableError as error:
                wait = error.retry_after if isinstance(error, RateLimitedError) else 0.0
            await asyncio.sleep(max(wait, self._settings.keep_again_seconds))

    def hear(self, message: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """Hand on an event, or end with the listen key."""
        if event.get("e") == EXPIRED_EVENT:
            raise LinkLostError("the listen key expired", is_planned=True)
        self._on_event(event)
