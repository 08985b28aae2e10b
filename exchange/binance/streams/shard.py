"""The kline streams that share one connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from weakref import WeakSet

from exchange.binance.streams.connection import Link
from exchange.binance.streams.messages import Oddities
from exchange.binance.streams.settings import StreamSettings
from exchange.binance.streams.subscribing import KlineSession
from exchange.domain.streams import KlineStream, KlineUpdate


class Shard:
    """Some of a market's streams and the link that serves them; callbacks as of `MarketStream`."""

    def __init__(
        self,
        *,
        origin: str,
        path: str,
        on_kline: Callable[[KlineUpdate], None],
        on_subscribed: Callable[[frozenset[KlineStream]], None],
        on_down: Callable[[str], None],
        oddities: Oddities,
        settings: StreamSettings,
    ) -> None:
        self.streams: set[KlineStream] = set()
        self._path, self._oddities, self._settings = path, oddities, settings
        self._on_kline, self._on_subscribed = on_kline, on_subscribed
        # Two while a connection is replaced, both of which follow what is wanted.
        self._sessions: WeakSet[KlineSession] = WeakSet()
        self._task: asyncio.Task[None] | None = None
        self.link = Link(
            origin=origin,
            begin=self._begin,
            on_up=lambda: None,
            on_down=on_down,
            oddities=oddities,
            settings=settings,
        )

    def start(self, group: asyncio.TaskGroup) -> None:
        """Keep the link up in `group`, unless that is done already."""
        if self._task is None:
            self._task = group.create_task(self.link.run())

    def stop(self) -> None:
        """Close the link for good."""
        if self._task:
            self._task.cancel()

    def keep_only(self, wanted: Collection[KlineStream]) -> None:
        """Drop the streams that are not among `wanted`."""
        self.streams.intersection_update(wanted)

    def wake(self) -> None:
        """Let the connections follow `streams`."""
        for session in self._sessions:
            session.wake()

    async def _begin(self) -> KlineSession:
        session = KlineSession(
            path=self._path,
            wanted=lambda: self.streams,
            on_kline=self._on_kline,
            on_subscribed=self._on_subscribed,
            oddities=self._oddities,
            settings=self._settings,
        )
        self._sessions.add(session)
        return session
