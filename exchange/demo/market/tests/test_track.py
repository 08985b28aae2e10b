from __future__ import annotations

import csv
import gzip
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.demo.market.recording import BUNDLED_DIRECTORY, Recording, load_directory
from exchange.demo.market.steering import Steering
from exchange.demo.market.track import Candle, Track

MINUTE = 60_000
FIVE_MINUTES = 5 * MINUTE
START = 1_746_372_780_000
TICK = 10**6  # 0.01
LENGTH = 43_199 * MINUTE  # of the bundled recordings


def recording_of(*rows: tuple[int, int, int, int], volume: int = 60) -> Recording:
    recording = Recording("BTCUSDT", "usdm", START)
    for prices in rows:
        recording.append(tuple(price * 10**8 for price in prices), volume * 10**8)  # type: ignore[arg-type]  # four of them
    return recording


RISING = (100, 130, 90, 120)
FALLING = (120, 130, 90, 100)


@pytest.fixture(scope="module")
def bitcoin() -> Track:
    return Track(load_directory(BUNDLED_DIRECTORY)["BTCUSDT"], tick=TICK)


@pytest.mark.parametrize(
    ("row", "points"),
    [(RISING, (100, 90, 130, 120)), (FALLING, (120, 130, 90, 100))],
)
def test_the_path_visits_open_both_extremes_and_close(
    row: tuple[int, int, int, int], points: tuple[int, ...]
) -> None:
    track = Track(recording_of(row, row), tick=TICK)
    moments = (0, 20_000, 40_000, 59_999)
    assert [track.price(START + moment) for moment in moments] == [one * 10**8 for one in points]


def test_between_two_points_the_price_runs_straight_and_on_ticks() -> None:
    track = Track(recording_of(RISING, RISING), tick=10**8)
    prices = [track.price(START + moment) // 10**8 for moment in range(0, 20_001, 2_000)]
    assert prices == list(range(100, 89, -1))


def test_a_running_kline_ends_as_the_closed_one() -> None:
    track = Track(recording_of(RISING, FALLING), tick=TICK)
    running = track.klines(MINUTE, first_ms=START, last_ms=START, now_ms=START + MINUTE - 1)
    closed = track.klines(MINUTE, first_ms=START, last_ms=START, now_ms=START + MINUTE)
    assert running == closed
    expected = (100, 130, 90, 120, 60)
    assert closed[0][2:7] == tuple(one * 10**8 for one in expected)


@given(minute=st.integers(0, 200), moment=st.integers(0, 2 * FIVE_MINUTES - 1))
def test_a_running_kline_holds_what_was_seen_so_far(
    bitcoin: Track, minute: int, moment: int
) -> None:
    open_ms = START + minute * MINUTE
    seen = bitcoin.candle(open_ms, open_ms + moment)
    assert seen.open == bitcoin.price(open_ms)
    assert seen.close == bitcoin.price(open_ms + moment)
    sampled = [bitcoin.price(open_ms + one) for one in range(0, moment + 1, 997)]
    assert seen.low <= min(sampled)
    assert seen.high >= max(sampled)
    later = bitcoin.candle(open_ms, open_ms + moment + 1)
    assert (later.high >= seen.high, later.low <= seen.low, later.volume >= seen.volume) == (
        (True,) * 3
    )
    whole = bitcoin.candle(open_ms, open_ms + 2 * FIVE_MINUTES - 1)
    assert whole.high >= seen.high
    assert whole.low <= seen.low
    assert whole.volume >= seen.volume


def test_five_minute_klines_equal_an_aggregation_of_the_file(bitcoin: Track) -> None:
    path = BUNDLED_DIRECTORY / "BTCUSDT-1m-usdm.csv.gz"
    first = -(-START // FIVE_MINUTES) * FIVE_MINUTES
    last = first + 999 * FIVE_MINUTES
    klines = bitcoin.klines(FIVE_MINUTES, first_ms=first, last_ms=last, now_ms=last * 2)
    assert len(klines) == 1000
    for kline, expected in zip(klines, _aggregated(path, first), strict=False):
        assert kline[2:7] == expected


def _aggregated(path: Path, first: int) -> list[tuple[int, ...]]:
    groups: dict[int, list[list[int]]] = {}
    with gzip.open(path, "rt") as lines:
        for row in list(csv.reader(lines))[1:]:
            key = int(row[0]) // FIVE_MINUTES * FIVE_MINUTES
            if key >= first:
                groups.setdefault(key, []).append(
                    [int(Decimal(value) * 10**8) for value in row[1:]]
                )
    return [
        (
            group[0][0],
            max(row[1] for row in group),
            min(row[2] for row in group),
            group[-1][3],
            sum(row[4] for row in group),
        )
        for group in groups.values()
    ]


@pytest.mark.parametrize("play", [1, 2])
def test_klines_run_through_the_seam(bitcoin: Track, play: int) -> None:
    seam = START + play * LENGTH
    first = (seam - 10 * FIVE_MINUTES) // FIVE_MINUTES * FIVE_MINUTES
    last = first + 20 * FIVE_MINUTES
    klines = bitcoin.klines(FIVE_MINUTES, first_ms=first, last_ms=last, now_ms=last * 2)
    assert [after.open_ms - before.open_ms for before, after in pairwise(klines)] == (
        [FIVE_MINUTES] * 20
    )
    for kline in klines:
        assert kline.low <= min(kline.open, kline.close) <= max(kline.open, kline.close)
        assert max(kline.open, kline.close) <= kline.high
        minutes = [
            bitcoin.candle(one, one + MINUTE - 1)
            for one in range(kline.open_ms, kline.open_ms + FIVE_MINUTES, MINUTE)
        ]
        assert kline == _by_hand(minutes)


def _by_hand(minutes: list[Candle]) -> Candle:
    return Candle(
        minutes[0].open_ms,
        minutes[-1].until_ms,
        minutes[0].open,
        max(one.high for one in minutes),
        min(one.low for one in minutes),
        minutes[-1].close,
        sum(one.volume for one in minutes),
        sum(one.quote_volume for one in minutes),
        sum(one.trades for one in minutes),
    )


def test_before_the_start_the_price_stands_still_without_volume() -> None:
    track = Track(recording_of(RISING, FALLING), tick=TICK)
    first = 100 * 10**8
    assert track.price(START - 1) == track.price(START - 50 * MINUTE) == first
    early = track.candle(START - 2 * MINUTE, START - MINUTE)
    assert early == (START - 2 * MINUTE, START - MINUTE, *(first,) * 4, 0, 0, 0)
    points = list(track.waypoints(START - 5 * MINUTE, START - MINUTE))
    assert points == [(START - MINUTE, first)]
    later = [point.at_ms - START for point in track.waypoints(START - 5 * MINUTE, START + 20_000)]
    assert later == [0, 20_000]


def test_a_price_below_half_a_tick_is_shown_as_one_tick() -> None:
    track = Track(recording_of((1, 1, 1, 1)), tick=3 * 10**8)
    assert track.price(START) == 3 * 10**8


def test_a_steered_price_shapes_the_running_kline_until_released() -> None:
    steering = Steering()
    track = Track(recording_of(RISING, RISING, RISING), tick=TICK, steering=steering)
    before = track.candle(START, START + 9_999)
    steering.hold(200 * 10**8, from_ms=START + 10_000, until_ms=None)
    assert track.candle(START, START + 9_999) == before
    assert track.candle(START, START + 15_000)[2:6] == (
        *(100 * 10**8, 200 * 10**8),
        track.price(START + 9_999),
        200 * 10**8,
    )
    steering.release(START + MINUTE + 30_000)
    second = track.candle(START + MINUTE, START + 2 * MINUTE - 1)
    assert second[2:6] == (200 * 10**8, 200 * 10**8, 110 * 10**8, 120 * 10**8)
    assert track.candle(START + 2 * MINUTE, START + 3 * MINUTE - 1).high == 130 * 10**8
    assert track.candle(START, START + 3 * MINUTE - 1).high == 200 * 10**8


def test_a_price_held_for_a_while_ends_by_itself() -> None:
    steering = Steering()
    steering.hold(7, from_ms=100, until_ms=200)
    assert [steering.at(moment) for moment in (99, 100, 199, 200)] == [None, 7, 7, None]


def test_a_second_steered_price_ends_the_first() -> None:
    steering = Steering()
    steering.hold(7, from_ms=100, until_ms=None)
    steering.hold(8, from_ms=150, until_ms=None)
    steering.hold(9, from_ms=150, until_ms=None)
    assert [steering.at(moment) for moment in (149, 150)] == [7, 9]
    assert len(steering.all) == 2


HELD = st.lists(
    st.tuples(st.integers(1, 400), st.none() | st.integers(1, 400_000), st.integers(0, 400_000)),
    max_size=6,
)


@given(held=HELD, first=st.integers(0, 10), count=st.integers(1, 30), moment=st.integers(0, 59_999))
def test_a_kline_over_steered_minutes_is_the_sum_of_its_minutes(
    held: list[tuple[int, int | None, int]], first: int, count: int, moment: int
) -> None:
    steering, at_ms = Steering(), START
    for price, for_ms, wait_ms in held:
        at_ms += wait_ms
        until_ms = None if for_ms is None else at_ms + for_ms
        steering.hold(price * 10**8, from_ms=at_ms, until_ms=until_ms)
    track = Track(recording_of(RISING, FALLING, RISING), tick=TICK, steering=steering)
    open_ms, until_ms = START + first * MINUTE, START + (first + count) * MINUTE + moment
    whole = track.candle(open_ms, until_ms)
    minutes = [
        track.candle(one, min(one + MINUTE - 1, until_ms))
        for one in range(open_ms, until_ms + 1, MINUTE)
    ]
    by_hand = _by_hand(minutes)
    assert whole._replace(quote_volume=0) == by_hand._replace(quote_volume=0)
    assert abs(whole.quote_volume - by_hand.quote_volume) <= len(minutes)


@given(held=HELD, start=st.integers(-10, 10**6), length=st.integers(0, 10**6))
def test_what_touches_a_span_is_found_without_looking_at_everything(
    held: list[tuple[int, int | None, int]], start: int, length: int
) -> None:
    steering, at_ms = Steering(), 0
    for price, for_ms, wait_ms in held:
        at_ms += wait_ms
        steering.hold(price, from_ms=at_ms, until_ms=None if for_ms is None else at_ms + for_ms)
    expected = [
        one
        for one in steering.all
        if one.from_ms <= start + length and (one.until_ms is None or one.until_ms > start)
    ]
    assert steering.touching(start, start + length) == expected
