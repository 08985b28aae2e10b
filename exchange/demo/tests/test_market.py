from __future__ import annotations

import csv
import gzip
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.demo.market import Candle, Track
from exchange.demo.recording import BUNDLED_DIRECTORY, Recording, load_directory
from exchange.demo.steering import Steering

MINUTE = 60_000
FIVE_MINUTES = 5 * MINUTE
START = 1_746_372_780_000
TICK = 10**6  # 0.01


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


def test_at_the_end_the_recording_starts_over_without_a_jump(bitcoin: Track) -> None:
    length = bitcoin.recording.length_ms
    growth = Decimal(bitcoin.recording.closes[-1]) / Decimal(bitcoin.recording.opens[0])
    for play in (1, 2, 3):
        seam = START + play * length
        assert abs(bitcoin.price(seam) - bitcoin.price(seam - 1)) <= TICK
        later = seam + 12_345 * MINUTE
        scaled = bitcoin.price(later - play * length) * growth**play
        assert abs(bitcoin.price(later) - scaled) <= TICK
        assert bitcoin.price(later) % TICK == 0


def test_klines_run_through_the_seam(bitcoin: Track) -> None:
    seam = START + bitcoin.recording.length_ms
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
        by_hand = _by_hand(minutes)
        assert kline._replace(quote_volume=0) == by_hand._replace(quote_volume=0)
        # Later plays scale the sum, not each minute: one unit of rounding per minute.
        assert abs(kline.quote_volume - by_hand.quote_volume) <= len(minutes)


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


def test_a_falling_recording_never_reaches_zero() -> None:
    track = Track(recording_of((100, 100, 1, 1)), tick=TICK)
    assert track.price(START + 1_000 * MINUTE) == TICK


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
