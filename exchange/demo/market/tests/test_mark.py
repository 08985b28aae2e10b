"""Mark prices: the recorded ones at every stamp, straight lines between, and nothing else."""

from __future__ import annotations

import csv
import gzip
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.demo.amounts import to_units
from exchange.demo.market.mark import MarkRatios, MarkSource, ratios_of
from exchange.demo.market.recording import (
    BUNDLED_DIRECTORY,
    Recording,
    RecordingError,
    load_directory,
)
from exchange.demo.market.stamps import RecordedMark, load_marks
from exchange.demo.market.steering import Steering
from exchange.demo.market.track import Track
from exchange.demo.market.walk import ANCHOR_MS, Walk
from exchange.demo.trading.crossings import Mark, first_crossing

MINUTE = 60_000
INTERVAL = 8 * 60 * MINUTE
STAMP = 1_746_374_400_000
START = STAMP - 2 * MINUTE
LENGTH = 5 * MINUTE
ONE = 10**8
SYMBOLS = ("BTCUSDT", "ETHUSDT")


def bundled(symbol: str) -> tuple[Recording, Track]:
    recording = load_directory(BUNDLED_DIRECTORY)[symbol]
    ratios = ratios_of(recording, load_marks(BUNDLED_DIRECTORY)[symbol])
    return recording, Track(MarkSource(recording, ratios), tick=1)


def recording_of(*rows: tuple[int, int, int, int]) -> Recording:
    recording = Recording("BTCUSDT", "usdm", START)
    for prices in rows:
        recording.append(tuple(price * ONE for price in prices), 60 * ONE)  # type: ignore[arg-type]  # four of them
    return recording


def marked(recording: Recording, **marks: int) -> Track:
    """Return the track of a recording with marks, named `at_<minute>`, in units of 1e-8."""
    rows = {
        START + int(name.removeprefix("at_")) * MINUTE: RecordedMark(price, name)
        for name, price in marks.items()
    }
    return Track(MarkSource(recording, ratios_of(recording, rows)), tick=1)


ROWS = [(100, 130, 90, 110), (112, 115, 80, 100), (100, 100, 100, 100)] + [(100, 300, 50, 104)] * 2


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_at_every_stamp_of_the_first_play_the_mark_is_the_recorded_one(symbol: str) -> None:
    recording, track = bundled(symbol)
    path: Path = BUNDLED_DIRECTORY / f"{symbol}-8h-usdm-mark.csv.gz"
    with gzip.open(path, "rt") as file:
        recorded = {int(row["open_time"]): row["open"] for row in csv.DictReader(file)}
    inside = [one for one in recorded if recording.start_ms <= one < recording.end_ms]
    assert len(inside) == {"BTCUSDT": 89, "ETHUSDT": 90}[symbol]
    assert [track.price(one) for one in inside] == [
        to_units(Decimal(recorded[one])) for one in inside
    ]


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_the_mark_never_strays_far_from_the_last_price(symbol: str) -> None:
    recording, track = bundled(symbol)
    for open_ms in range(recording.start_ms, recording.end_ms, 97 * MINUTE):
        index = recording.index(open_ms)
        for at_ms, last in (
            (open_ms, recording.opens[index]),
            (open_ms + MINUTE - 1, recording.closes[index]),
        ):
            assert abs(track.price(at_ms) - last) * 2_000 < last


def test_wicks_do_not_move_the_mark() -> None:
    track = Track(MarkSource(recording_of(*ROWS), MarkRatios()), tick=1)
    moments = (0, 20_000, 40_000, MINUTE - 1)
    assert [track.price(START + one) for one in moments] == [
        100 * ONE,
        100 * ONE + 10 * ONE * 20_000 // 59_999,
        100 * ONE + 10 * ONE * 40_000 // 59_999,
        110 * ONE,
    ]
    candle = track.candle(START, START + MINUTE - 1)
    assert candle[2:] == (100 * ONE, 110 * ONE, 100 * ONE, 110 * ONE, 0, 0, 0)
    falling = track.candle(START + MINUTE, START + 2 * MINUTE - 1)
    assert falling[2:] == (112 * ONE, 112 * ONE, 100 * ONE, 100 * ONE, 0, 0, 0)


def test_from_stamp_to_stamp_the_ratio_runs_straight() -> None:
    track = marked(recording_of(*ROWS), at_0=101 * ONE, at_2=105 * ONE)
    # 1.01 at minute 0, 1.05 at minute 2, so 1.03 where one minute ends and the next begins.
    assert [track.price(START + one) for one in (0, MINUTE - 1, MINUTE, 2 * MINUTE - 1)] == [
        101 * ONE,
        11_330_000_000,
        11_536_000_000,
        105 * ONE,
    ]
    assert track.price(START + 3 * MINUTE) == 105 * ONE
    assert track.price(START + LENGTH - 1) == 10_920_000_000


def test_before_the_first_stamp_its_ratio_holds() -> None:
    track = marked(recording_of(*ROWS), at_2=101 * ONE)
    assert (track.price(START), track.price(START + MINUTE - 1)) == (101 * ONE, 11_110_000_000)


def test_a_later_play_has_the_ratios_of_the_recordings_own_time() -> None:
    recording = recording_of(*ROWS)
    track = marked(recording, at_0=101 * ONE, at_2=105 * ONE)
    last = Track(recording, tick=1)
    for play in (1, 2):
        start_ms = START + play * LENGTH
        assert track.price(start_ms) * 100 == last.price(start_ms) * 101
        second = start_ms + 2 * MINUTE
        assert abs(track.price(second) * 100 - last.price(second) * 105) <= 50
        assert track.price(second) != track.price(START + 2 * MINUTE)


def test_a_mark_that_belongs_to_other_prices_is_refused_by_its_line() -> None:
    with pytest.raises(RecordingError, match=r"at_2: the mark price 110\.00000000 is not near"):
        marked(recording_of(*ROWS), at_0=100 * ONE, at_2=110 * ONE)


def test_marks_outside_of_the_recording_are_not_used() -> None:
    rows = {STAMP - INTERVAL: RecordedMark(1, "a"), START + LENGTH: RecordedMark(1, "b")}
    assert ratios_of(recording_of(*ROWS), rows).stamps == ()


def test_a_random_walk_has_the_mark_of_its_lines() -> None:
    walk = Walk("BNBUSDT", Decimal(600), seed=7)
    last, track = Track(walk, tick=1), Track(MarkSource(walk, MarkRatios()), tick=1)
    for at_ms in (ANCHOR_MS, ANCHOR_MS + MINUTE - 1, ANCHOR_MS + 7 * MINUTE):
        assert track.price(at_ms) == last.price(at_ms)
    assert track.start_ms == walk.start_ms


PRICES = st.tuples(*[st.integers(50, 400)] * 4).map(
    lambda one: (one[0], max(one), min(one), one[3])
)
SMALL = st.lists(PRICES, min_size=5, max_size=5)
# In thousandths of the last price at the minutes 0, 2 and 4.
RATIOS = st.tuples(*[st.integers(950, 1_050)] * 3)
HELD = st.none() | st.tuples(
    st.integers(0, 2 * LENGTH), st.integers(50, 400), st.integers(1, LENGTH)
)


def mark_track(
    rows: list[tuple[int, int, int, int]],
    ratios: tuple[int, int, int],
    held: tuple[int, int, int] | None = None,
) -> Track:
    recording, steering = recording_of(*rows), Steering()
    if held:
        from_ms, price, for_ms = START + held[0], held[1] * ONE + 7, held[2]
        steering.hold(price, from_ms=from_ms, until_ms=from_ms + for_ms)
    marks = {
        START + minute * MINUTE: RecordedMark(rows[minute][0] * ONE * ratio // 1_000, "")
        for minute, ratio in zip((0, 2, 4), ratios, strict=True)
    }
    source = MarkSource(recording, ratios_of(recording, marks))
    return Track(source, tick=1, steering=steering)


@given(
    rows=SMALL,
    ratios=RATIOS,
    held=HELD,
    after=st.integers(0, 3 * LENGTH),
    span=st.integers(0, LENGTH),
    shares=st.lists(st.integers(0, 1_000), max_size=5).map(sorted),
)
def test_between_neighbouring_waypoints_the_mark_never_turns(
    rows: list[tuple[int, int, int, int]],
    ratios: tuple[int, int, int],
    held: tuple[int, int, int] | None,
    after: int,
    span: int,
    shares: list[int],
) -> None:
    track = mark_track(rows, ratios, held)
    after_ms, until_ms = START + after, START + after + span
    moments = [after_ms, *(one.at_ms for one in track.waypoints(after_ms, until_ms))]
    assert moments == sorted(set(moments))
    for earlier, later in pairwise(moments):
        inside = [earlier + (later - 1 - earlier) * share // 1_000 for share in shares]
        prices = [track.price(one) for one in (earlier, *inside, later - 1, later)]
        assert prices in (sorted(prices), sorted(prices, reverse=True))


@given(
    rows=SMALL,
    ratios=RATIOS,
    held=HELD,
    after=st.integers(0, 2 * LENGTH),
    price=st.integers(45, 420),
    is_rising=st.booleans(),
)
def test_the_first_crossing_is_found_where_every_millisecond_would_find_it(
    rows: list[tuple[int, int, int, int]],
    ratios: tuple[int, int, int],
    held: tuple[int, int, int] | None,
    after: int,
    price: int,
    is_rising: bool,  # noqa: FBT001 - drawn by name
) -> None:
    track = mark_track(rows, ratios, held)
    mark = Mark(1, price * ONE, is_rising, START + after)
    after_ms, until_ms = START + after, START + after + LENGTH
    found = first_crossing(track, [mark], after_ms, until_ms)
    last_ms = until_ms if found is None else found.at_ms - 1
    moments = {*range(after_ms + 1, last_ms + 1, 499), last_ms} - {after_ms}
    assert not any(mark.is_reached(track.price(one)) for one in moments)
    assert found is None or mark.is_reached(track.price(found.at_ms))


@given(rows=SMALL, ratios=RATIOS, minute=st.integers(0, 14), moment=st.integers(0, MINUTE - 1))
def test_a_candle_holds_every_mark_of_its_time(
    rows: list[tuple[int, int, int, int]], ratios: tuple[int, int, int], minute: int, moment: int
) -> None:
    track = mark_track(rows, ratios)
    at_ms = START + minute * MINUTE + moment
    candle = track.candle(START, START + (minute + 1) * MINUTE - 1)
    assert candle.low <= track.price(at_ms) <= candle.high
    assert (candle.open, candle.close) == (track.price(START), track.price(candle.until_ms))
    assert candle.volume == candle.quote_volume == candle.trades == 0
