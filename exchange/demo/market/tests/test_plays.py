"""After its end a recording starts over: without a jump, and without drifting away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.demo.market.recording import BUNDLED_DIRECTORY, Recording, load_directory
from exchange.demo.market.tests.test_track import MINUTE, START, TICK, recording_of
from exchange.demo.market.tests.test_waypoints import ROWS
from exchange.demo.market.track import Track


@pytest.fixture(scope="module")
def recordings() -> dict[str, Recording]:
    return load_directory(BUNDLED_DIRECTORY)


@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT"])
@pytest.mark.parametrize("play", [1, 2, 3, 1_000_000])
def test_every_play_begins_where_the_one_before_it_ended(
    recordings: dict[str, Recording], symbol: str, play: int
) -> None:
    recording = recordings[symbol]
    track, seam = Track(recording, tick=TICK), START + play * recording.length_ms
    assert track.price(seam - 1) == recording.closes[-1]
    assert track.price(seam) == recording.closes[-1]


def test_the_first_play_is_the_recording_as_it_is(recordings: dict[str, Recording]) -> None:
    recording = recordings["ETHUSDT"]
    assert recording.block(START) is recording
    assert recording.block(recording.end_ms - 1) is recording


def test_all_later_plays_are_the_same(recordings: dict[str, Recording]) -> None:
    recording = recordings["BTCUSDT"]
    track = Track(recording, tick=TICK)
    for offset in range(0, recording.length_ms, 7_654_321):
        prices = {track.price(START + play * recording.length_ms + offset) for play in (1, 2, 500)}
        assert len(prices) == 1


def test_a_later_play_stays_between_the_recording_and_the_recording_times_its_growth(
    recordings: dict[str, Recording],
) -> None:
    recording = recordings["ETHUSDT"]
    later = recording.block(recording.end_ms)
    first, last = recording.opens[0], recording.closes[-1]
    assert last > first
    for raw, scaled in zip(recording.closes, later.closes, strict=True):
        assert raw <= scaled <= raw * last // first + 1
    middle = len(recording.closes) // 2
    half_grown = recording.closes[middle] * (last / first) ** 0.5
    assert later.closes[middle] == pytest.approx(half_grown, rel=1e-4)


def test_volumes_and_trades_stay_and_quote_volume_follows_the_price() -> None:
    recording = recording_of((100, 100, 100, 100), (200, 200, 200, 200))
    later = recording.block(recording.end_ms)
    assert list(later.opens) == [200 * 10**8, 200 * 10**8]
    assert later.volumes == recording.volumes
    assert later.trades == recording.trades
    assert list(later.quotes) == [recording.quotes[0] * 2, recording.quotes[1]]


def test_a_single_minute_stands_still_at_its_close() -> None:
    track = Track(recording_of((100, 130, 1, 2)), tick=TICK)
    later = track.candle(START + MINUTE, START + 1_000 * MINUTE - 1)
    assert later[2:6] == (2 * 10**8,) * 4


def test_a_price_that_no_column_could_hold_stops_at_the_largest_that_fits() -> None:
    recording = recording_of((1, 92 * 10**9, 1, 1), (1, 1_000, 1, 1_000), volume=0)
    later = recording.block(recording.end_ms)
    assert later.highs[0] == 2**63 - 1


@given(rows=ROWS.filter(lambda rows: len(rows) > 1), play=st.integers(1, 10**6))
def test_every_scaled_minute_keeps_its_shape(
    rows: list[tuple[int, int, int, int]], play: int
) -> None:
    recording = recording_of(*rows)
    block = recording.block(START + play * recording.length_ms)
    assert block.start_ms == START + play * recording.length_ms
    assert block.opens[0] == recording.closes[-1] == block.closes[-1]
    columns = zip(block.opens, block.highs, block.lows, block.closes, strict=True)
    for opened, high, low, closed in columns:
        assert 0 < low <= min(opened, closed) <= max(opened, closed) <= high


def test_a_block_that_somebody_holds_keeps_its_times() -> None:
    recording = recording_of((100, 130, 90, 120), (120, 130, 90, 110))
    second = recording.block(recording.end_ms)
    third = recording.block(recording.end_ms + recording.length_ms)
    assert (second.start_ms, third.start_ms) == (
        recording.end_ms,
        recording.end_ms + recording.length_ms,
    )
