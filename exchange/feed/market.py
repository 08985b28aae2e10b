"""One market of one venue: its kline streams, what they lack, and how old it all is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime
from typing import Final

import redis
from django.conf import settings as site

from exchange.binance.streams.market import MarketStream
from exchange.binance.urls import UrlSet
from exchange.domain.errors import GatewayError, RateLimitedError, UnknownSymbolError
from exchange.domain.streams import KlineStream, KlineUpdate, Series
from exchange.domain.types import Environment, Market
from exchange.feed.filling import Found
from exchange.feed.inbox import Inbox, Word
from exchange.feed.lines import Line
from exchange.feed.settings import FeedSettings
from exchange.feed.writer import Written
from exchange.market_data import RESTARTED_AFTER, Added, FeedStatus
from exchange.registry import ClientInitError

logger = logging.getLogger(__name__)

# Brings a series up to what REST says, in a thread; market time as far as it is known.
Fill = Callable[[Series, datetime | None], Awaitable[Found]]


class MarketFeed:
    """Listens to the wanted series of a market and has REST fill what the streams leave out.

    fill   asks REST and writes to the store

    Everything is called from the loop's thread.
    """

    def __init__(
        self,
        environment: Environment,
        market: Market,
        *,
        inbox: Inbox,
        fill: Fill,
        settings: FeedSettings,
    ) -> None:
        self.environment: Final = environment
        self.market: Final = market
        self._inbox = inbox
        self._fill = fill
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._lines: dict[KlineStream, Line] = {}
        self._group = asyncio.TaskGroup()
        self._heard_time: datetime | None = None  # by the streams of this connection
        self._other_time: datetime | None = None  # what other processes have seen
        self._down_reason = "not connected yet"
        self._rest_reason = ""
        self._deaf_at: float | None = None
        self._told_up: bool | None = None
        urls: UrlSet = site.EXCHANGE_URLS[environment.value]
        self._stream = MarketStream(
            urls=urls,
            market=market,
            on_kline=self._on_kline,
            on_subscribed=self._on_subscribed,
            on_down=self._on_down,
            settings=settings.streams,
        )

    def __str__(self) -> str:
        return f"{self.environment} {self.market}"

    @property
    def is_ready(self) -> bool:
        """Say whether every series is listened to and has been filled."""
        return self._stream.is_up and all(line.is_filled for line in self._lines.values())

    def status(self) -> FeedStatus:
        """Return what pages may say about this market."""
        is_up = self._stream.is_up
        return FeedStatus(
            up=is_up,
            since=self._stream.since,
            reason=self._rest_reason if is_up else self._down_reason,
            at=datetime.now(UTC),
            streams=len(self._lines),
        )

    def want(self, series: Collection[Series]) -> None:
        """Listen to exactly these series of this market from now on."""
        wanted = {one.stream: one for one in series}
        for stream in self._lines.keys() - wanted.keys():
            self._inbox.forget(self._lines.pop(stream).series)
        now = self._loop.time()
        for stream in sorted(wanted.keys() - self._lines.keys()):
            line = Line(wanted[stream], now=now, settings=self._settings)
            # Its subscription, when it comes, brings the filling forward.
            line.fill_at(now + self._settings.subscribed_seconds)
            self._lines[stream] = line
        self._stream.want(wanted.keys())

    def note_other_time(self, market_time: datetime | None) -> None:
        """Take the market time that other processes have seen."""
        self._other_time = market_time

    @staticmethod
    def cares_about(written: Written) -> bool:
        """Say whether `on_trouble` wants to hear of it."""
        return written.needs_filling or written.added is Added.OLD

    def on_trouble(self, written: Written) -> None:
        """Take a word that the store did not take."""
        line = self._lines.get(written.series.stream)
        if line is None:
            self._inbox.forget(written.series)
            return
        now, word = self._loop.time(), written.word
        if written.added is Added.OLD:
            line.is_old(word.update.kline, now=now)
        elif not line.does_not_fit(word, now=now):
            logger.warning("%s: %s, forgotten", line.series, _in_words(written))
            self._inbox.forget(line.series)
        self._fill_if_due(line)

    async def run(self) -> None:
        """Listen for ever; cancellation closes the connections. Runs once."""
        async with self._group:
            self._group.create_task(self._stream.run())
            self._group.create_task(self._watch())

    def _on_kline(self, update: KlineUpdate) -> None:
        line = self._lines.get(update.stream)
        if line is None:
            return  # let go a moment ago
        heard = self._heard_time
        if (
            heard is None
            or update.event_time > heard
            or heard - update.event_time > RESTARTED_AFTER
        ):
            self._heard_time = update.event_time
        line.watch.heard(update.kline, now=self._loop.time())
        self._inbox.put(line.series, Word(update, datetime.now(UTC)))

    def _on_subscribed(self, streams: frozenset[KlineStream]) -> None:
        if not self._told_up:
            self._told_up = True
            self._heard_time = None  # it may be another market by now
            logger.info("%s: listening, %s series are wanted", self, len(self._lines))
        now = self._loop.time()
        for line in self._lines_of(streams):
            line.subscribed(now=now)
            self._fill_if_due(line)

    def _on_down(self, reason: str) -> None:
        self._down_reason = reason
        if self._told_up is not False:
            self._told_up = False
            logger.info("%s: the stream is down (%s), klines come by request", self, reason)

    async def _watch(self) -> None:
        while True:
            for line in self._lines.values():
                self._fill_if_due(line)
            self._give_up_deaf_stream()
            await asyncio.sleep(self._settings.look_seconds)

    def _fill_if_due(self, line: Line) -> None:
        now, is_up = self._loop.time(), self._stream.is_up
        if line.begin_filling(now=now, market_time=self._market_time, is_up=is_up):
            self._group.create_task(self._fill_line(line))

    async def _fill_line(self, line: Line) -> None:
        try:
            found = await self._fill(line.series, self._fill_time)
        except (GatewayError, ClientInitError) as error:
            self._rest_failed(line, error)
        except redis.RedisError:
            line.filling_failed(now=self._loop.time())  # whoever writes has said so
        else:
            self._rest_answered(line, found)

    def _rest_answered(self, line: Line, found: Found) -> None:
        if self._rest_reason:
            logger.info("%s: requests are answered again", self)
            self._rest_reason = ""
        if line.filled(found, now=self._loop.time()):
            self._inbox.release(line.series)

    def _rest_failed(self, line: Line, error: Exception) -> None:
        least = 0.0
        if isinstance(error, RateLimitedError):
            least = error.retry_after
        elif isinstance(error, UnknownSymbolError | ClientInitError):
            least = self._settings.refused_seconds
        line.filling_failed(now=self._loop.time(), least_delay=least)
        if not self._rest_reason:
            logger.warning("%s: no klines by request: %s", line.series, error)
        self._rest_reason = f"no klines by request: {error}"

    def _give_up_deaf_stream(self) -> None:
        now = self._loop.time()
        deaf = [line.series for line in self._lines.values() if line.watch.is_deaf(now)]
        if not deaf or not self._stream.is_up:
            return
        if self._deaf_at is None or now - self._deaf_at >= self._settings.deaf_again_seconds:
            self._deaf_at = now
            logger.warning("%s: its stream is silent, REST has news", ", ".join(map(str, deaf)))
            self._stream.reconnect("the stream was silent")

    def _lines_of(self, streams: Collection[KlineStream]) -> list[Line]:
        return [self._lines[stream] for stream in sorted(streams) if stream in self._lines]

    @property
    def _fill_time(self) -> datetime | None:
        """Return the time that a stale answer of REST is told by: the stream's, when there is."""
        return self._heard_time if self._stream.is_up else self._market_time

    @property
    def _market_time(self) -> datetime | None:
        times = [time for time in (self._heard_time, self._other_time) if time is not None]
        return max(times, default=None)


def _in_words(written: Written) -> str:
    kline = written.word.update.kline
    return f"kline of {kline.open_time:%Y-%m-%d %H:%M} fits nothing ({written.added})"
