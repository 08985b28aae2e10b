"""The kline streams of one market of one venue, over as many connections as they need."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import partial
from typing import Final

from exchange.binance.streams.messages import Oddities
from exchange.binance.streams.settings import DEFAULT_SETTINGS, StreamSettings
from exchange.binance.streams.shard import Shard
from exchange.binance.urls import UrlSet
from exchange.domain.streams import KlineStream, KlineUpdate
from exchange.domain.types import Market

# Klines of futures are served below /market alone; elsewhere a subscription stays silent.
PATHS: Final = {Market.SPOT: "/ws", Market.FUTURES: "/market/ws"}


class MarketStream:
    """Tells every kline event of the streams that are wanted, for as long as `run` runs.

    on_kline        every event, in the order of its arrival: repeated, late and lost ones happen
    on_subscribed   these streams tell from now on; between connections anything may be missing
    on_down         a connection was lost, or could still not be opened for another reason

    Callbacks are plain functions on the loop; what they raise ends `run`. Everything is called
    from the loop's thread.
    """

    def __init__(
        self,
        *,
        urls: UrlSet,
        market: Market,
        on_kline: Callable[[KlineUpdate], None],
        on_subscribed: Callable[[frozenset[KlineStream]], None],
        on_down: Callable[[str], None],
        settings: StreamSettings = DEFAULT_SETTINGS,
    ) -> None:
        self._settings = settings
        self._new_shard = partial(
            Shard,
            origin=urls.futures_ws if market is Market.FUTURES else urls.spot_ws,
            path=PATHS[market],
            on_kline=on_kline,
            on_subscribed=on_subscribed,
            on_down=on_down,
            oddities=Oddities(f"{market} market stream"),
            settings=settings,
        )
        self._shards: list[Shard] = []
        self._changed = asyncio.Event()
        self._made_at = datetime.now(UTC)

    @property
    def is_up(self) -> bool:
        """Say whether everything that is wanted is subscribed to; False when nothing is."""
        return bool(self._shards) and all(shard.link.is_up for shard in self._shards)

    @property
    def since(self) -> datetime:
        """Return when `is_up` became what it is (wall time)."""
        up = self.is_up
        times = [shard.link.since for shard in self._shards if shard.link.is_up is up]
        if not times:
            return self._made_at
        return max(times) if up else min(times)

    @property
    def last_message_at(self) -> float | None:
        """Return when anything was heard last, by the loop's monotonic clock, in seconds."""
        times = (shard.link.last_message_at for shard in self._shards)
        return max((time for time in times if time is not None), default=None)

    async def run(self) -> None:
        """Serve for ever; cancellation closes all connections. Runs once."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._changed.clear()
                    self._follow(group)
                    await self._changed.wait()
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None

    def want(self, streams: Collection[KlineStream]) -> None:
        """Serve exactly `streams` from now on; the same set again changes nothing."""
        wanted = frozenset(streams)
        for shard in self._shards:
            shard.keep_only(wanted)
        served = frozenset().union(*(shard.streams for shard in self._shards))
        for stream in sorted(wanted - served):
            self._shard_with_room().streams.add(stream)
        for shard in self._shards:
            shard.wake()
        self._changed.set()

    def reconnect(self, reason: str) -> None:
        """Open every connection anew; those that are being opened already are left alone."""
        for shard in self._shards:
            shard.link.reconnect(reason)

    def _follow(self, group: asyncio.TaskGroup) -> None:
        for shard in [shard for shard in self._shards if not shard.streams]:
            self._shards.remove(shard)
            shard.stop()
        for shard in self._shards:
            shard.start(group)

    def _shard_with_room(self) -> Shard:
        room = self._settings.streams_per_connection
        for shard in self._shards:
            if len(shard.streams) < room:
                return shard
        self._shards.append(self._new_shard())
        return self._shards[-1]
