"""One account in one market: its events, told to other processes as reasons to look."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, NamedTuple

from django.conf import settings as site
from django.db import Error as DatabaseError
from django.db import close_old_connections

from exchange.binance.streams.account import AccountStream
from exchange.binance.streams.futures_account import FuturesAccountStream
from exchange.binance.streams.spot_account import SpotAccountStream
from exchange.binance.urls import UrlSet
from exchange.credentials import Credentials, CredentialsDecryptError, credentials
from exchange.domain.errors import CredentialsError
from exchange.domain.streams import AccountEvent
from exchange.domain.types import Market
from exchange.feed.announcing import AccountNews
from exchange.feed.hands import Hands
from exchange.feed.settings import FeedSettings
from exchange.feed.wanted import AccountLine
from exchange.market_data import FeedStatus
from exchange.models import APIKey
from exchange.registry import (
    ClientInitError,
    KeyRevokedError,
    futures_gateway_for,
    gateway_for,
)

logger = logging.getLogger(__name__)


class _Opened(NamedTuple):
    api_key: APIKey
    plain: Credentials


class AccountFeed:
    """Listens to one account until it is canceled.

    tell   takes what is told, from the loop's thread
    """

    def __init__(
        self,
        line: AccountLine,
        *,
        hands: Hands,
        tell: Callable[[AccountNews], None],
        settings: FeedSettings,
    ) -> None:
        self.line: Final = line
        self._hands = hands
        self._tell = tell
        self._settings = settings
        self._stream: AccountStream | None = None
        self._reason = "not connected yet"
        self._since = datetime.now(UTC)
        self._told_up: bool | None = None

    @property
    def is_up(self) -> bool:
        """Say whether the account is listened to."""
        return self._stream is not None and self._stream.is_up

    def status(self) -> FeedStatus:
        """Return what pages may say about this account's events."""
        is_up = self.is_up
        return FeedStatus(
            up=is_up,
            since=self._stream.since if self._stream else self._since,
            reason="" if is_up else self._reason,
            at=datetime.now(UTC),
            streams=1,
        )

    async def run(self) -> None:
        """Listen for ever; cancellation closes the connection."""
        opened = await self._open()
        self._stream = self._stream_for(opened)
        await self._stream.run()

    async def _open(self) -> _Opened:
        while True:
            try:
                return await self._hands.do(_opened, self.line)
            except (CredentialsDecryptError, APIKey.DoesNotExist) as error:
                self._on_link(False, _why(error))  # noqa: FBT003
                await asyncio.sleep(self._settings.refused_seconds)
            except DatabaseError:
                self._on_link(False, "the key cannot be read from the database")  # noqa: FBT003
                await asyncio.sleep(self._settings.wanted_seconds)

    def _stream_for(self, opened: _Opened) -> AccountStream:
        urls: UrlSet = site.EXCHANGE_URLS[self.line.environment.value]
        if self.line.market is Market.FUTURES:
            return FuturesAccountStream(
                urls=urls,
                listen_keys=_ListenKeys(self._hands, opened.api_key),
                on_event=self._on_event,
                on_link=self._on_link,
                settings=self._settings.streams,
            )
        return SpotAccountStream(
            urls=urls,
            key=opened.plain.key,
            secret=opened.plain.secret,
            now_ms=lambda: self._hands.do(_signing_time, opened.api_key),
            on_event=self._on_event,
            on_link=self._on_link,
            settings=self._settings.streams,
        )

    def _on_event(self, event: AccountEvent) -> None:
        line = self.line
        self._tell(
            AccountNews(
                account_id=line.account_id,
                environment=line.environment,
                market=line.market,
                event=event,
            )
        )

    def _on_link(self, is_up: bool, reason: str) -> None:  # noqa: FBT001
        self._reason = reason
        if is_up and not self._told_up:
            logger.info("%s: listening", self.line)
        elif not is_up and self._told_up is not False:
            logger.info("%s: not listening: %s", self.line, reason)
        self._told_up = is_up


class _ListenKeys:
    def __init__(self, hands: Hands, api_key: APIKey) -> None:
        self._hands, self._api_key = hands, api_key

    async def open(self) -> str:
        """Ask the venue for the account's listen key."""
        return await self._hands.do(_open_listen_key, self._api_key)


def _opened(line: AccountLine) -> _Opened:
    close_old_connections()  # this thread's may have broken since it was used last
    api_key = APIKey.objects.select_related("account").get(pk=line.api_key_id)
    return _Opened(api_key, credentials(api_key))


def _signing_time(api_key: APIKey) -> int:
    try:
        return gateway_for(api_key, Market.SPOT).signing_time_ms()
    except (KeyRevokedError, ClientInitError, CredentialsDecryptError) as error:
        raise CredentialsError(_why(error)) from None


def _open_listen_key(api_key: APIKey) -> str:
    try:
        return futures_gateway_for(api_key).open_listen_key()
    except (KeyRevokedError, ClientInitError, CredentialsDecryptError) as error:
        raise CredentialsError(_why(error)) from None


def _why(error: Exception) -> str:
    if isinstance(error, CredentialsDecryptError):
        return "the stored key does not open"
    if isinstance(error, APIKey.DoesNotExist):
        return "the key is gone"
    return str(error)
