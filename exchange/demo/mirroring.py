"""Keeping up with a mirrored venue: history when it starts, then a look every second.

Market time is the newest that the venue's data have shown: its own time, asked for before the
klines, but never later than the end of its newest kline. When it falls silent, market time stands
still; when it is back, the gap is filled with its klines.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from exchange.demo.errors import DemoExchangeError
from exchange.demo.market.beginning import HISTORY_MS
from exchange.demo.market.futures_sources import plain_futures
from exchange.demo.market.mirror import MirroredSource, Row
from exchange.demo.market.sources import Listing, Market, Prices
from exchange.demo.market.upstream import (
    Upstream,
    UpstreamError,
    UpstreamLimitError,
    UpstreamRefusalError,
)
from exchange.demo.state import State
from exchange.demo.times import DAY_MS, MINUTE_MS, iso
from exchange.demo.venue import MARKET_TIME, ExchangeConfig

# A stored state that is older than this finds a market without the time between.
LONGEST_HISTORY_MS: Final = 30 * DAY_MS
_PATIENT_LOOKS: Final = 5
_LONGEST_WAIT_SECONDS: Final = 30.0
_OLDEST_NEWS_MS: Final = 10 * MINUTE_MS
_log: Final = logging.getLogger(__name__)


class Mirror:
    """The mirrored market, and the task that keeps up with it."""

    def __init__(self, upstream: Upstream, market: Market, *, look_seconds: float) -> None:
        self.market = market
        self._look_seconds = look_seconds
        self._upstream = upstream
        self._sources = {
            name: listing.source
            for name, listing in market.listings.items()
            if isinstance(listing.source, MirroredSource)
        }
        self._newest_ms = market.newest_ms or 0
        self._failures = 0
        self._is_silent = False

    async def follow(self, on_news: Callable[[int], None]) -> None:
        """Look until canceled; after each that shows something new `on_news` gets market time."""
        while True:
            await asyncio.sleep(await self._next_look(on_news))

    async def _next_look(self, on_news: Callable[[int], None]) -> float:
        try:
            is_new = await self._look()
        except UpstreamLimitError as e:
            self._note_silence(str(e))
            return e.seconds
        except UpstreamError as e:
            self._note_silence(str(e))
            return min(self._look_seconds * 2.0 ** min(self._failures, 9), _LONGEST_WAIT_SECONDS)
        if is_new:
            self._note_news()
            on_news(self._newest_ms)
        else:
            # A quiet second is nothing to report; several are.
            self._note_silence(f"{self._upstream.url}: shows nothing new", patience=_PATIENT_LOOKS)
        return self._look_seconds

    async def _look(self) -> bool:
        time_ms = await self._upstream.time_ms()
        since_ms = self._newest_ms // MINUTE_MS * MINUTE_MS
        rows = await _klines(self._upstream, tuple(self._sources), since_ms, time_ms)
        newest_ms = min(time_ms, _end_ms(rows))
        if newest_ms <= self._newest_ms:
            return False
        for name, source in self._sources.items():
            source.see(rows[name], newest_ms)
        self._newest_ms = newest_ms
        return True

    def _note_silence(self, why: str, *, patience: int = 0) -> None:
        self._failures += 1
        if self._failures > patience and not self._is_silent:
            self._is_silent = True
            _log.warning("Market time stands still at %s: %s", iso(self._newest_ms), why)

    def _note_news(self) -> None:
        if self._is_silent:
            _log.warning("Market time goes on at %s", iso(self._newest_ms))
        self._failures, self._is_silent = 0, False


@asynccontextmanager
async def mirror_of(config: ExchangeConfig) -> AsyncIterator[Mirror | None]:
    """Open the mirror that is configured, if any; DemoExchangeError when it cannot begin."""
    if config.prices is not Prices.MIRROR:
        yield None
        return
    async with Upstream(config.mirror_url) as upstream:
        try:
            market = await _begin(upstream, config)
        except UpstreamError as e:
            raise DemoExchangeError(f"--mirror-url {e}") from e
        yield Mirror(upstream, market, look_seconds=config.look_seconds)


async def _begin(upstream: Upstream, config: ExchangeConfig) -> Market:
    stored_ms = _stored_market_ms(config.state_dir)
    try:
        symbols = await upstream.symbols(config.mirrored)
    except UpstreamRefusalError as e:
        raise DemoExchangeError(f"--symbols {','.join(config.mirrored)}: {e}") from e
    time_ms = await upstream.time_ms()
    since_ms = min(time_ms - HISTORY_MS, max(stored_ms or time_ms, time_ms - LONGEST_HISTORY_MS))
    since_ms = since_ms // MINUTE_MS * MINUTE_MS
    rows = await _klines(upstream, config.mirrored, since_ms, time_ms)
    for name, history in rows.items():
        if not history:
            raise UpstreamError(f"{upstream.url}: no klines of {name} since {iso(since_ms)}")
    end_ms = _end_ms(rows)
    if not time_ms - _OLDEST_NEWS_MS <= end_ms <= time_ms + 2 * MINUTE_MS:
        raise UpstreamError(
            f"{upstream.url}: its newest kline ends at {iso(end_ms)}, its time is"
            f" {iso(time_ms)}; only a market that runs in wall time can be mirrored"
        )
    newest_ms = min(time_ms, end_ms)
    # A restart may come a moment before what was shown last.
    reached_ms = max(newest_ms, min(stored_ms or 0, newest_ms + MINUTE_MS))
    listings = {
        name: Listing(symbols[name], MirroredSource(name, rows[name], newest_ms=reached_ms))
        for name in config.mirrored
    }
    return Market(listings, newest_ms=newest_ms, futures=plain_futures(listings))


def _stored_market_ms(state_dir: Path | None) -> int | None:
    state = State(state_dir)
    try:
        stored = state.meta(MARKET_TIME)
    finally:
        state.close()
    return None if stored is None else int(stored)


async def _klines(
    upstream: Upstream, names: tuple[str, ...], since_ms: int, until_ms: int
) -> dict[str, list[Row]]:
    pages = (upstream.klines(name, since_ms, until_ms=until_ms) for name in names)
    return dict(zip(names, await asyncio.gather(*pages), strict=True))


def _end_ms(rows: dict[str, list[Row]]) -> int:
    return max((one[-1].open_ms + MINUTE_MS - 1 for one in rows.values() if one), default=0)
