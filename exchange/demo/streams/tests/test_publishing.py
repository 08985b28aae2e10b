"""The publisher alone, on a venue whose market time the test moves by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from exchange.demo.clock import MarketClock
from exchange.demo.streams.names import parse_stream
from exchange.demo.streams.publisher import Publisher
from exchange.demo.streams.targets import Category
from exchange.demo.times import MINUTE_MS
from exchange.demo.venue import ExchangeConfig, Venue

# The recordings begin at 15:33: the hour and the day before it have no first half.
BEGINNING = datetime(2025, 5, 4, 15, 35, tzinfo=UTC)
BEGIN_MS = int(BEGINNING.timestamp() * 1000)


class Stage:
    """A publisher, what one listener hears, and the hand that moves the clock."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.publisher = Publisher(venue)
        self.heard: list[dict[str, Any]] = []

    def listen(self, *streams: str, category: Category = Category.SPOT) -> None:
        for stream in streams:
            name = parse_stream(stream, category)
            assert name is not None
            self.publisher.subscribe(name, lambda _stream, event: self.heard.append(event))

    async def jump(self, milliseconds: int) -> None:
        """Move market time and let the publisher speak."""
        self.venue.clock.jump_to(self.venue.clock.now_ms() + milliseconds)
        self.publisher.wake()
        await asyncio.sleep(0.02)

    def closes(self) -> list[tuple[int, str, str]]:
        """Return minute of the close, interval and symbol of every closed kline."""
        closed = [one["k"] for one in self.heard if one["k"]["x"]]
        return [((one["T"] + 1 - BEGIN_MS) // MINUTE_MS, one["i"], one["s"]) for one in closed]


@pytest.fixture
def stage(short_recordings: Path) -> Stage:
    config = ExchangeConfig(market_data=short_recordings, start=BEGINNING, is_paused=True)
    return Stage(Venue(config))


def play(stage: Stage, script: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        task = asyncio.create_task(stage.publisher.run())
        await asyncio.sleep(0.01)
        await script()
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    stage.venue.close()


def test_of_klines_that_close_together_the_shorter_come_first(stage: Stage) -> None:
    async def script() -> None:
        stage.listen("ethusdt@kline_5m", "ethusdt@kline_1m", "btcusdt@kline_5m", "btcusdt@kline_1m")
        await stage.jump(6 * MINUTE_MS)

    play(stage, script)
    both = ("ETHUSDT", "BTCUSDT")
    expected = [(minute, "1m", symbol) for minute in range(1, 7) for symbol in both]
    at_five = expected.index((5, "1m", "BTCUSDT")) + 1
    expected[at_five:at_five] = [(5, "5m", symbol) for symbol in both]
    assert stage.closes() == expected


def test_a_kline_that_began_before_the_prices_is_never_told(stage: Stage) -> None:
    async def script() -> None:
        stage.listen("btcusdt@kline_1h", "btcusdt@kline_1d", "btcusdt@kline_1m")
        await stage.jump(25 * MINUTE_MS)
        await stage.jump(60 * MINUTE_MS)

    play(stage, script)
    hours = [one for one in stage.closes() if one[1] != "1m"]
    assert hours == [(85, "1h", "BTCUSDT")]
    assert not [one for one in stage.heard if one["k"]["i"] == "1d"]
    assert len(stage.closes()) == 86


def test_a_clock_that_runs_on_while_events_are_written_closes_each_kline_once(
    stage: Stage,
) -> None:
    class Rushing(MarketClock):
        def now_ms(self) -> int:
            self._anchor_ms += 17_000
            return super().now_ms()

    async def script() -> None:
        stage.venue.clock = Rushing(BEGIN_MS, is_running=False)
        stage.listen("btcusdt@kline_1m", "btcusdt@kline_3m", "ethusdt@kline_1m")
        for _ in range(60):
            stage.publisher.wake(is_changed=True)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    play(stage, script)
    closes = stage.closes()
    for symbol, interval, length in (("BTCUSDT", "1m", 1), ("BTCUSDT", "3m", 3)):
        minutes = [one[0] for one in closes if one[1:] == (interval, symbol)]
        assert len(minutes) > 5
        assert minutes == list(range(minutes[0], minutes[-1] + 1, length))
    assert all(one["E"] > one["k"]["T"] for one in stage.heard if one["k"]["x"])
    assert all(one["E"] <= one["k"]["T"] for one in stage.heard if not one["k"]["x"])
    assert [one["E"] for one in stage.heard] == sorted(one["E"] for one in stage.heard)


def test_while_a_long_way_is_told_others_get_their_turn(stage: Stage) -> None:
    turns = []

    async def script() -> None:
        stage.listen("btcusdt@kline_1m")
        await asyncio.sleep(0.01)
        stage.venue.clock.jump_to(BEGIN_MS + 1000 * MINUTE_MS)
        stage.publisher.wake()
        while len(stage.closes()) < 1000:
            turns.append(len(stage.heard))
            await asyncio.sleep(0)

    play(stage, script)
    steps = [later - earlier for earlier, later in pairwise(turns)]
    assert len(turns) >= 10
    assert max(steps) <= 101


@pytest.mark.parametrize(
    ("category", "every_ms"), [(Category.SPOT, 2000), (Category.FUTURES_MARKET, 250)]
)
def test_a_running_kline_is_told_as_often_as_the_venue_does(
    stage: Stage, category: Category, every_ms: int
) -> None:
    async def script() -> None:
        stage.listen("btcusdt@kline_5m", category=category)
        await asyncio.sleep(0.3)
        assert len(stage.heard) == 1
        await stage.jump(every_ms - 1)
        assert len(stage.heard) == 1
        await stage.jump(1)
        assert len(stage.heard) == 2

    play(stage, script)
    assert [one["E"] - BEGIN_MS for one in stage.heard] == [0, every_ms]


@pytest.mark.parametrize("stream", ["btcusdt@kline_1m", "btcusdt@bookTicker", "!ticker@arr"])
def test_everybody_who_begins_to_listen_hears_the_state_although_nothing_moves(
    stage: Stage, stream: str
) -> None:
    second: list[Any] = []
    name = parse_stream(stream, Category.SPOT)
    assert name is not None

    async def script() -> None:
        stage.listen(stream)
        await asyncio.sleep(0.02)
        stage.publisher.subscribe(name, lambda _stream, event: second.append(event))
        await asyncio.sleep(0.02)

    play(stage, script)
    # And whoever knows it already is not told again.
    assert second == stage.heard
    assert len(second) == 1


def test_a_stream_that_is_given_up_in_the_middle_of_a_close_is_silent(stage: Stage) -> None:
    told: list[dict[str, Any]] = []
    name = parse_stream("btcusdt@kline_1m", Category.SPOT)
    assert name is not None

    def once(_stream: str, event: dict[str, Any]) -> None:
        told.append(event)
        if event["k"]["x"]:
            stage.publisher.unsubscribe(name, once)
            stage.publisher.subscribe(name, once)

    async def script() -> None:
        stage.publisher.subscribe(name, once)
        await asyncio.sleep(0.01)
        await stage.jump(5 * MINUTE_MS)
        await asyncio.sleep(0.3)
        await stage.jump(MINUTE_MS)

    play(stage, script)
    closed = [(one["k"]["T"] + 1 - BEGIN_MS) // MINUTE_MS for one in told if one["k"]["x"]]
    # Whoever asks anew begins with the kline that runs then.
    assert closed == [1, 6]


def test_somebody_who_comes_in_the_middle_of_a_close_hears_what_is_still_to_come(
    stage: Stage,
) -> None:
    late: list[int] = []
    name = parse_stream("btcusdt@kline_1m", Category.SPOT)
    assert name is not None

    def note(_stream: str, event: dict[str, Any]) -> None:
        if event["k"]["x"]:
            late.append((event["k"]["T"] + 1 - BEGIN_MS) // MINUTE_MS)

    async def script() -> None:
        stage.listen("btcusdt@kline_1m")
        await asyncio.sleep(0.01)
        stage.venue.clock.jump_to(BEGIN_MS + 400 * MINUTE_MS)
        stage.publisher.wake()
        while len(stage.closes()) < 100:
            await asyncio.sleep(0)
        stage.publisher.subscribe(name, note)
        await asyncio.sleep(0.3)
        await stage.jump(MINUTE_MS)

    play(stage, script)
    assert late == list(range(late[0], 402))
    assert 100 < late[0] <= 202
    assert [one[0] for one in stage.closes()] == list(range(1, 402))
