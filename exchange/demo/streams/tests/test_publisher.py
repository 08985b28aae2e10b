from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from websockets.asyncio.client import ClientConnection, connect

from exchange.demo.clock import FollowingClock, MarketClock
from exchange.demo.market.mirror import MirroredSource
from exchange.demo.market.sources import Prices
from exchange.demo.streams.names import parse_stream
from exchange.demo.streams.publisher import MOST_CLOSES, Publisher
from exchange.demo.streams.targets import Category
from exchange.demo.streams.tests.listening import (
    START_MS,
    after,
    all_for,
    closed_klines,
    heard,
    listen,
    until,
)
from exchange.demo.testing import RunningExchange
from exchange.demo.times import MINUTE_MS, iso
from exchange.demo.venue import ExchangeConfig, Venue
from exchange.domain.intervals import interval_milliseconds


def as_row(kline: Mapping[str, Any]) -> list[Any]:
    return [kline[key] for key in ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q", "B")]


@pytest.mark.parametrize(("path", "rest"), [("/stream", "/api"), ("/market/stream", "/fapi")])
def test_every_kline_that_closes_is_told_once_in_order_with_the_figures_of_rest(
    demo: RunningExchange, path: str, rest: str
) -> None:
    names = [f"{symbol}@kline_{i}" for symbol in ("btcusdt", "ethusdt") for i in ("1m", "5m", "1h")]

    async def script(client: ClientConnection) -> list[dict[str, Any]]:
        demo.set_clock(market_time=after(60))
        told = await closed_klines(client, 2 * (60 + 12 + 1))
        assert [one for one in await all_for(client, 0.2) if one["data"]["k"]["x"]] == []
        return told

    told = listen(demo, f"{path}?streams={'/'.join(names)}", script)
    closes = [one["k"]["T"] for one in told]
    assert closes == sorted(closes)
    for interval, count in (("1m", 60), ("5m", 12), ("1h", 1)):
        length = interval_milliseconds(interval)
        btc = [one["k"] for one in told if one["s"] == "BTCUSDT"]
        opens = [one["t"] for one in btc if one["i"] == interval]
        first = START_MS // length * length
        assert opens == list(range(first, first + count * length, length))
    for event in (told[0], told[7], told[-1]):
        assert event["E"] > event["k"]["T"]
        version = "/api/v3" if rest == "/api" else "/fapi/v1"
        kline = event["k"]
        query: dict[str, Any] = {"symbol": event["s"], "interval": kline["i"]}
        query["startTime"] = kline["t"]
        rows = requests.get(f"{demo.url}{version}/klines", params=query, timeout=10).json()
        assert as_row(kline) == rows[0]


def test_after_a_long_jump_the_newest_thousand_closes_of_each_stream_are_told(
    demo: RunningExchange,
) -> None:
    async def script(client: ClientConnection) -> list[dict[str, Any]]:
        demo.set_clock(market_time=after(1200))
        return await closed_klines(client, MOST_CLOSES + 20)

    told = listen(demo, "/stream?streams=btcusdt@kline_1m/btcusdt@kline_1h", script)
    minutes = [one["k"]["t"] for one in told if one["k"]["i"] == "1m"]
    end_ms = START_MS + 1200 * MINUTE_MS
    assert minutes == list(range(end_ms - MOST_CLOSES * MINUTE_MS, end_ms, MINUTE_MS))
    assert len([one for one in told if one["k"]["i"] == "1h"]) == 20


def test_a_running_kline_is_that_of_rest_at_the_same_market_time(demo: RunningExchange) -> None:
    async def script(client: ClientConnection) -> dict[str, Any]:
        demo.set_clock(market_time=after(31.5 / 60))
        event = await heard(client)
        while event["E"] != START_MS + 31_500:
            event = await heard(client)
        return dict(event)

    event = listen(demo, "/ws/btcusdt@kline_5m", script)
    assert event["k"]["x"] is False
    query: dict[str, Any] = {"symbol": "BTCUSDT", "interval": "5m", "limit": 1}
    rows = requests.get(f"{demo.url}/api/v3/klines", params=query, timeout=10).json()
    assert as_row(event["k"]) == rows[0]


def test_a_market_that_stands_still_says_nothing_until_a_price_is_steered(
    demo: RunningExchange,
) -> None:
    async def script(client: ClientConnection) -> list[str]:
        first = await heard(client)
        assert await all_for(client, 0.3) == []
        demo.set_price("BTCUSDT", "95000.5")
        steered = await heard(client)
        assert steered["E"] == first["E"] == START_MS
        demo.set_price("BTCUSDT", None)
        released = await heard(client)
        assert released["k"]["c"] == first["k"]["c"]
        return [steered["k"]["c"], steered["k"]["l"]]

    assert listen(demo, "/ws/btcusdt@kline_1m", script) == ["95000.50000000"] * 2


def test_setting_a_fault_makes_nobody_speak(demo: RunningExchange) -> None:
    async def script(client: ClientConnection) -> list[Any]:
        await heard(client)
        demo.set_fault(endpoint="GET /api/v3/ping", action="drop")
        return await all_for(client, 0.15)

    assert listen(demo, "/ws/btcusdt@kline_1m", script) == []


def test_two_listeners_of_one_stream_hear_the_same_closes(demo: RunningExchange) -> None:
    async def script(first: ClientConnection) -> None:
        async with connect(f"{demo.ws_url}/ws/btcusdt@kline_1m", proxy=None) as second:
            demo.set_clock(market_time=after(3))
            told = await closed_klines(first, 3)
            assert [one["k"] for one in await closed_klines(second, 3)] == [
                one["k"] for one in told
            ]

    listen(demo, "/ws/btcusdt@kline_1m", script)


def test_at_speed_sixty_a_close_is_told_within_a_blink_and_none_is_missed(
    short_recordings: Path,
) -> None:
    with RunningExchange(market_data=short_recordings) as demo:
        told = listen(demo, "/ws/btcusdt@kline_1m", lambda client: closed_klines(client, 3))
    opens = [one["k"]["t"] for one in told]
    assert opens == [opens[0] + number * MINUTE_MS for number in range(3)]
    # Market time that had passed since the close, as wall time: a noisy machine may take longer.
    late = sorted((one["E"] - one["k"]["T"] - 1) / 60_000 for one in told)
    assert 0 <= late[0] < 0.05


def test_running_klines_keep_the_pace_of_wall_time_at_any_speed(short_recordings: Path) -> None:
    with RunningExchange(market_data=short_recordings, speed=600) as demo:
        events = listen(demo, "/ws/btcusdt@kline_1h", lambda client: all_for(client, 1.0))
    running = [one for one in events if not one["k"]["x"]]
    assert 2 <= len(running) <= 5
    assert [one["E"] for one in running] == sorted(one["E"] for one in running)


def test_a_random_walk_far_faster_than_anybody_reads_loses_no_close() -> None:
    with RunningExchange(prices=Prices.WALK, speed=20_000) as demo:
        told = listen(demo, "/ws/btcusdt@kline_1m", lambda client: closed_klines(client, 300))
    opens = [one["k"]["t"] for one in told]
    assert opens == [opens[0] + number * MINUTE_MS for number in range(300)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_is_done_to_the_clock_no_close_is_missed_or_told_twice(
    short_recordings: Path, seed: int
) -> None:
    dice = random.Random(seed)
    with RunningExchange(market_data=short_recordings, speed=600) as demo:

        def meddle() -> None:
            for _ in range(12):
                at_ms = int(demo.market_time().timestamp() * 1000)
                what = dice.choice(("jump", "pause", "speed", "price"))
                if what == "jump":
                    demo.set_clock(market_time=iso(at_ms + dice.randrange(30 * MINUTE_MS)))
                elif what == "pause":
                    demo.set_clock(running=False)
                    demo.set_clock(running=True)
                elif what == "speed":
                    demo.set_clock(speed=dice.choice((60, 600, 6000)))
                else:
                    demo.set_price("BTCUSDT", f"{dice.randrange(90_000, 110_000)}")
            demo.set_clock(running=False)

        async def script(client: ClientConnection) -> list[Any]:
            await heard(client)
            await asyncio.to_thread(meddle)
            return [one["data"] for one in await all_for(client, 0.7)]

        names = ("btcusdt@kline_1m", "btcusdt@kline_3m", "ethusdt@kline_1m")
        told = listen(demo, f"/stream?streams={'/'.join(names)}", script)
        closed = [one for one in told if one["k"]["x"]]
        assert [one["E"] for one in told] == sorted(one["E"] for one in told)
        for symbol, interval in (("BTCUSDT", "1m"), ("BTCUSDT", "3m"), ("ETHUSDT", "1m")):
            rows = [
                as_row(one["k"])
                for one in closed
                if (one["s"], one["k"]["i"]) == (symbol, interval)
            ]
            query: dict[str, Any] = {"symbol": symbol, "interval": interval, "limit": 1000}
            query["startTime"] = rows[0][0]
            all_rows = requests.get(f"{demo.url}/api/v3/klines", params=query, timeout=10).json()
            assert rows == all_rows[:-1]


def test_a_mirror_tells_what_closes_when_the_mirrored_venue_moves_on() -> None:
    moment = datetime.now(UTC)
    with (
        RunningExchange(prices=Prices.WALK, speed=1.0, start=moment) as upstream,
        RunningExchange(prices=Prices.MIRROR, mirror_url=upstream.url) as mirror,
    ):

        def move_on(venue: Venue) -> None:
            later_ms = venue.clock.now_ms() + 2 * MINUTE_MS
            for track in venue.tracks.values():
                assert isinstance(track.source, MirroredSource)
                track.source.see([], later_ms)
            venue.follow(later_ms)

        async def script(client: ClientConnection) -> list[dict[str, Any]]:
            await heard(client)
            mirror.run_inside(move_on)
            return await closed_klines(client, 2)

        told = listen(mirror, "/ws/btcusdt@kline_1m", script)
        query: dict[str, Any] = {"symbol": "BTCUSDT", "interval": "1m", "limit": 3}
        rows = requests.get(f"{mirror.url}/api/v3/klines", params=query, timeout=10).json()
    assert [as_row(one["k"]) for one in told] == rows[:2]


def test_a_delisted_symbol_falls_silent_and_comes_back(demo: RunningExchange) -> None:
    async def script(client: ClientConnection) -> list[int]:
        await heard(client)
        demo.control("symbols", {"symbol": "BTCUSDT", "listed": False})
        demo.set_clock(market_time=after(2))
        assert await all_for(client, 0.2) == []
        demo.control("symbols", {"symbol": "BTCUSDT", "listed": True})
        demo.set_clock(market_time=after(3))
        return [one["k"]["t"] for one in await closed_klines(client, 1)]

    assert listen(demo, "/ws/btcusdt@kline_1m", script) == [START_MS + 2 * MINUTE_MS]


def test_without_a_socket_nothing_runs(demo: RunningExchange) -> None:
    steps: list[int] = []

    def count(venue: Any) -> None:
        advance = venue.advance

        def counted() -> int:
            steps.append(1)
            return int(advance())

        venue.advance = counted

    demo.run_inside(count)
    time.sleep(0.2)
    assert steps == []
    listen(demo, "/ws/btcusdt@kline_1m", heard)
    assert steps
    listen(demo, "/ws", lambda _: until(lambda: demo.streams()[0]["streams"] == []))
    seen = len(steps)
    time.sleep(0.2)
    assert len(steps) == seen


# Where a mirror stands when its venue falls silent: at the end of the newest kline.
SILENT = FollowingClock(START_MS + MINUTE_MS - 1)


@pytest.mark.parametrize(
    ("clock", "stream"),
    [
        (SILENT, "btcusdt@kline_1m"),
        (SILENT, "btcusdt@bookTicker"),
        (MarketClock(START_MS, speed=0.001), "btcusdt@bookTicker"),
    ],
)
def test_a_market_that_hardly_moves_keeps_nobody_busy(clock: MarketClock, stream: str) -> None:
    told, looks = [], []
    venue = Venue(ExchangeConfig(prices=Prices.WALK))
    advance = venue.advance

    def looked() -> int:
        looks.append(1)
        return advance()

    venue.advance = looked  # type: ignore[method-assign]
    venue.clock = clock
    publisher = Publisher(venue)
    name = parse_stream(stream, Category.SPOT)
    assert name is not None

    async def main() -> None:
        publisher.subscribe(name, lambda _name, event: told.append(event))
        task = asyncio.create_task(publisher.run())
        await asyncio.sleep(0.25)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    venue.close()
    assert 1 <= len(told) <= 2
    assert 1 <= len(looks) <= 9


def test_the_ticker_tells_what_rest_tells(demo: RunningExchange) -> None:
    event = listen(demo, "/ws/btcusdt@ticker", heard)
    query = {"symbol": "BTCUSDT"}
    row = requests.get(f"{demo.url}/api/v3/ticker/24hr", params=query, timeout=10).json()
    assert event == {
        "e": "24hrTicker",
        "E": START_MS,
        "s": "BTCUSDT",
        "p": row["priceChange"],
        "P": row["priceChangePercent"],
        "w": row["weightedAvgPrice"],
        "x": row["prevClosePrice"],
        "c": row["lastPrice"],
        "Q": row["lastQty"],
        "b": row["bidPrice"],
        "B": row["bidQty"],
        "a": row["askPrice"],
        "A": row["askQty"],
        "o": row["openPrice"],
        "h": row["highPrice"],
        "l": row["lowPrice"],
        "v": row["volume"],
        "q": row["quoteVolume"],
        "O": row["openTime"],
        "C": row["closeTime"],
        "F": row["firstId"],
        "L": row["lastId"],
        "n": row["count"],
    }


def test_the_futures_ticker_has_no_book_and_the_mini_ticker_six_figures(
    demo: RunningExchange,
) -> None:
    ticker = listen(demo, "/market/ws/btcusdt@ticker", heard)
    assert not set("bBaAx") & set(ticker)
    mini = listen(demo, "/market/ws/btcusdt@miniTicker", heard)
    assert mini == {"e": "24hrMiniTicker", "E": START_MS, "s": "BTCUSDT"} | {
        key: ticker[key] for key in "cohlvq"
    }
    assert Decimal(mini["l"]) <= Decimal(mini["c"]) <= Decimal(mini["h"])


def test_mark_prices_are_those_of_the_premium_index_one_by_one_and_all(
    demo: RunningExchange,
) -> None:
    one = listen(demo, "/market/ws/btcusdt@markPrice@1s", heard)
    query = {"symbol": "BTCUSDT"}
    row = requests.get(f"{demo.url}/fapi/v1/premiumIndex", params=query, timeout=10).json()
    assert one == {
        "e": "markPriceUpdate",
        "E": START_MS,
        "s": "BTCUSDT",
        "p": row["markPrice"],
        "i": row["indexPrice"],
        "P": row["estimatedSettlePrice"],
        "r": row["lastFundingRate"],
        "T": row["nextFundingTime"],
    }
    every = listen(demo, "/market/ws/!markPrice@arr", heard)
    assert [mark["s"] for mark in every] == ["BTCUSDT", "ETHUSDT"]
    assert every[0] == one


def test_the_book_ticker_speaks_when_the_book_has_changed(demo: RunningExchange) -> None:
    async def script(client: ClientConnection) -> list[Any]:
        first = await heard(client)
        demo.set_clock(market_time=after(0.6))
        second = await heard(client)
        return [first, second, await all_for(client, 0.25)]

    first, second, more = listen(demo, "/ws/btcusdt@bookTicker", script)
    assert sorted(first) == ["A", "B", "a", "b", "s", "u"]
    assert first["b"] != second["b"]
    assert first["u"] < second["u"]
    assert more == []
    row = listen(demo, "/public/ws/btcusdt@bookTicker", heard)
    assert row["e"] == "bookTicker"
