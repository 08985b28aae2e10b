"""A feed that runs beside a test, a place to hear what it announces, and the truth to compare."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Any, Final

import redis
from django.conf import settings as site

from exchange.binance.streams.settings import StreamSettings
from exchange.demo.testing import RunningExchange
from exchange.domain.paging import read_klines
from exchange.domain.streams import Series
from exchange.domain.types import Kline
from exchange.feed.process import run_feed
from exchange.feed.settings import FeedSettings
from exchange.feed.silence import SilenceSettings
from exchange.feed.wanted import Wanted
from exchange.market_data import ClosedKline, SeriesStore, announcement, names
from exchange.registry import market_data_gateway

PATIENCE: Final = 15.0
QUICK: Final = FeedSettings(
    wanted_seconds=0.1,
    look_seconds=0.05,
    clock_seconds=0.1,
    status_seconds=0.2,
    ready_seconds=5.0,
    subscribed_seconds=0.5,
    deaf_again_seconds=2.0,
    failed_seconds=0.1,
    longest_failed=0.5,
    refused_seconds=0.5,
    calm_seconds=0.05,
    silence=SilenceSettings(
        skipped=0.1, overdue=0.3, quiet=0.5, longest_quiet=1.0, again=0.1, deaf=0.3
    ),
    streams=StreamSettings(first_delay=0.05, longest_delay=0.2, reply_seconds=1.0),
)


class RunningFeed:
    """A feed in a thread of its own, for as long as the `with` block does.

    wanted   what it listens to; may be replaced at any time
    """

    def __init__(self, wanted: Wanted, *, settings: FeedSettings = QUICK) -> None:
        self.wanted = wanted
        self.look: Callable[[], Wanted] = lambda: self.wanted
        self._settings = settings
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop
        self._task: asyncio.Task[None]

    def __enter__(self) -> RunningFeed:
        self._thread.start()
        assert self._ready.wait(PATIENCE)
        if self._failure:
            raise self._failure
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._task.cancel)
        began = time.monotonic()
        self._thread.join(PATIENCE)
        if error is None:
            assert time.monotonic() - began < 2
            if self._failure:
                raise self._failure

    def _look(self) -> Wanted:
        return self.look()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as failure:  # noqa: BLE001  # handed to the test's thread
            self._failure = failure
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(
            run_feed(self._look, on_ready=self._ready.set, settings=self._settings)
        )
        with suppress(asyncio.CancelledError):
            await self._task


class Heard:
    """Everything that is published on one channel while the `with` block runs."""

    def __init__(self, channel: str) -> None:
        self._connection = redis.Redis.from_url(site.REDIS_URL)
        self._listener: Any = self._connection.pubsub(  # type: ignore[no-untyped-call]
            ignore_subscribe_messages=True
        )
        self._channel = channel
        self.messages: list[bytes] = []

    def __enter__(self) -> Heard:
        self._listener.subscribe(self._channel)
        self._listener.get_message(timeout=PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        self.collect()
        self._listener.close()
        self._connection.close()

    def collect(self) -> list[bytes]:
        """Return what has been published so far."""
        while message := self._listener.get_message(timeout=0.05):
            self.messages.append(message["data"])
        return self.messages

    def closed(self, series: Series) -> list[ClosedKline]:
        """Return the closed klines of a series that were announced so far."""
        told = [announcement(message) for message in self.collect()]
        return [one for one in told if one.series == series]


def hearing_closes() -> Heard:
    """Listen to the channel of closed klines."""
    return Heard(names.closed_channel())


def eventually(holds: Callable[[], Any], *, within: float = PATIENCE) -> Any:
    """Return what `holds` returns once it is true; fail when that takes too long."""
    until = time.monotonic() + within
    while not (found := holds()):
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)
    return found


def stored(series: Series, count: int = 5000) -> list[Kline]:
    """Return the closed klines that everybody reads."""
    cached = SeriesStore().read(series, count)
    return list(cached.closed) if cached else []


def truth(series: Series, count: int) -> list[Kline]:
    """Return the newest closed klines of the venue."""
    gateway = market_data_gateway(series.environment, series.market)
    klines = read_klines(gateway, series.symbol, series.interval, count=count + 1)
    return [kline for kline in klines if kline.is_closed]


def assert_whole(exchange: RunningExchange, *every: Series) -> None:
    """Let the market stand still; what is stored must come to be what the venue has, to the end."""
    exchange.clear_faults()
    exchange.set_clock(running=False)
    for series in every:
        newest = truth(series, 1)[-1]
        eventually(lambda s=series, k=newest: stored(s, 1) == [k])  # type: ignore[misc]
        found = stored(series)
        assert len(found) > 100
        assert found == truth(series, len(found))


def assert_announced_once_in_order(told: list[ClosedKline]) -> None:
    """No closed kline is announced twice, and none after a newer one."""
    opened = [one.open_time for one in told]
    assert opened == sorted(set(opened))


def with_settings(**changed: Any) -> FeedSettings:
    """Return the quick settings with some changed."""
    return replace(QUICK, **changed)
