"""Another venue's minutes, look by look: nothing invented, and nothing that was shown changes."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from exchange.demo.market.minutes import Amounts
from exchange.demo.market.mirror import OBSERVED_MINUTES, MirroredSource, Row
from exchange.demo.market.tests.test_track import MINUTE, START, TICK
from exchange.demo.market.track import Track
from exchange.demo.market.walk import ANCHOR_MS, Walk

ONE = 10**8


def row(minute: int, *prices: int, volume: int = 6) -> Row:
    scaled = tuple(price * ONE for price in prices)
    traded = Amounts(volume * ONE, volume * 100 * ONE, volume)
    return Row(START + minute * MINUTE, scaled, traded)  # type: ignore[arg-type]  # four of them


def source_at(offset: int, *rows: Row) -> MirroredSource:
    return MirroredSource("BTCUSDT", rows, newest_ms=START + offset)


def points(source: MirroredSource, minute: int = 0) -> list[tuple[int, int]]:
    path = source.path(START + minute * MINUTE)
    return [(at, price // ONE) for at, price in zip(path.offsets, path.prices, strict=True)]


def test_the_running_minute_is_led_over_its_extremes_to_the_price_that_was_seen() -> None:
    source = source_at(30_000, row(0, 100, 130, 90, 120))
    assert points(source) == [(0, 100), (10_000, 90), (20_000, 130), (30_000, 120)]
    falling = source_at(30_000, row(0, 120, 130, 90, 100))
    assert points(falling) == [(0, 120), (10_000, 130), (20_000, 90), (30_000, 100)]


def test_a_look_without_a_new_extreme_goes_straight_to_the_price() -> None:
    source = source_at(30_000, row(0, 100, 130, 90, 120))
    source.see([row(0, 100, 130, 90, 110)], START + 31_000)
    assert points(source)[-2:] == [(30_000, 120), (31_000, 110)]


def test_a_new_high_between_two_looks_is_walked_to() -> None:
    source = source_at(30_000, row(0, 100, 130, 90, 120))
    source.see([row(0, 100, 150, 90, 110)], START + 31_000)
    assert points(source)[-3:] == [(30_000, 120), (30_500, 150), (31_000, 110)]


def test_extremes_that_do_not_fit_between_two_looks_are_walked_to_later() -> None:
    source = source_at(30_000, row(0, 100, 130, 90, 120))
    source.see([row(0, 100, 150, 80, 110)], START + 30_002)
    assert points(source)[-1] == (30_002, 110)
    source.see([row(0, 100, 150, 80, 110)], START + 30_302)
    assert points(source)[-3:] == [(30_102, 80), (30_202, 150), (30_302, 110)]


def test_a_minute_that_closed_between_two_looks_ends_at_its_close() -> None:
    source = source_at(50_000, row(0, 100, 130, 90, 120))
    rows = [row(0, 100, 140, 90, 125, volume=9), row(1, 126, 127, 124, 124, volume=2)]
    source.see(rows, START + MINUTE + 1_000)
    assert points(source)[-2:] == [(54_999, 140), (59_999, 125)]
    assert points(source, 1) == [(0, 126), (500, 127), (1_000, 124)]
    track = Track(source, tick=TICK)
    assert track.candle(START, START + MINUTE - 1)[2:] == (
        *(100 * ONE, 140 * ONE, 90 * ONE, 125 * ONE),
        *(9 * ONE, 900 * ONE, 9),
    )
    running = track.candle(START + MINUTE, START + MINUTE + 1_000)
    assert running[2:] == (
        *(126 * ONE, 127 * ONE, 124 * ONE, 124 * ONE),
        *(2 * ONE, 200 * ONE, 2),
    )


def test_a_running_minute_is_worth_no_less_volume_than_the_one_before() -> None:
    source = source_at(50_000, row(0, 100, 130, 90, 120, volume=6))
    track = Track(source, tick=TICK)
    assert track.minute_volume(START + 5) == 6 * ONE
    rows = [row(0, 100, 130, 90, 120, volume=9), row(1, 120, 120, 120, 120, volume=2)]
    source.see(rows, START + MINUTE + 1_000)
    assert track.minute_volume(START + MINUTE + 1_000) == 9 * ONE
    source.see([row(1, 120, 120, 120, 120, volume=3)], START + 2 * MINUTE - 1)
    assert track.minute_volume(START + MINUTE) == 3 * ONE


def test_a_kline_that_was_shown_as_it_closed_shows_later_what_the_venue_counted() -> None:
    source = source_at(MINUTE - 1, row(0, 100, 130, 90, 120, volume=6))
    track = Track(source, tick=TICK)
    assert track.candle(START, START + MINUTE - 1).volume == 6 * ONE
    rows = [row(0, 100, 130, 90, 120, volume=7), row(1, 120, 120, 120, 120)]
    source.see(rows, START + MINUTE + 1_000)
    assert track.candle(START, START + MINUTE - 1).volume == 7 * ONE


def test_a_gap_is_filled_by_klines_that_walk_their_four_points() -> None:
    source = source_at(50_000, row(0, 100, 130, 90, 120))
    rows = [row(number, 120, 121, 119, 120) for number in (0, 1, 2, 3)]
    source.see(rows, START + 3 * MINUTE + 10_000)
    for minute in (1, 2):
        assert points(source, minute) == [
            (0, 120),
            (20_000, 119),
            (40_000, 121),
            (59_999, 120),
        ]
    assert points(source, 3)[-1] == (10_000, 120)


def test_a_symbol_that_shows_nothing_stands_still_without_volume() -> None:
    source = source_at(50_000, row(0, 100, 130, 90, 120))
    source.see([], START + 2 * MINUTE + 1)
    track = Track(source, tick=TICK)
    assert track.candle(START + MINUTE, START + 2 * MINUTE - 1)[2:] == (*(120 * ONE,) * 4, 0, 0, 0)
    assert track.price(START + 2 * MINUTE + 1) == 120 * ONE
    source.see([row(2, 125, 127, 125, 126)], START + 2 * MINUTE + 5_000)
    assert track.price(START + 2 * MINUTE + 1) == 120 * ONE
    assert track.price(START + 2 * MINUTE + 5_000) == 126 * ONE


def test_missing_minutes_of_the_history_are_flat() -> None:
    source = source_at(3 * MINUTE, row(0, 100, 130, 90, 120), row(3, 110, 111, 109, 110))
    assert list(source.block(START).closes) == [price * ONE for price in (120, 120, 120, 110)]
    assert list(source.block(START).volumes) == [6 * ONE, 0, 0, 6 * ONE]


def test_a_look_at_an_older_time_changes_nothing() -> None:
    source = source_at(30_000, row(0, 100, 130, 90, 120))
    before = points(source)
    source.see([row(0, 100, 500, 90, 400)], START + 30_000)
    assert points(source) == before
    assert source.block(START).closes[0] == 120 * ONE


def test_what_was_observed_long_ago_is_forgotten_and_walks_its_kline() -> None:
    source = source_at(30_000, row(0, 100, 130, 90, 120))
    source.see([row(0, 100, 130, 90, 110)], START + 40_000)
    source.see([], START + (OBSERVED_MINUTES + 2) * MINUTE)
    assert points(source) == [(0, 100), (20_000, 90), (40_000, 130), (59_999, 110)]


def _looks(waits: list[int]) -> Iterator[tuple[list[Row], int]]:
    """Show a walk as a venue would: its klines up to each look."""
    upstream = Track(Walk("BTCUSDT", Decimal(100_000), seed=0), tick=TICK)
    now_ms, running_ms = ANCHOR_MS, ANCHOR_MS
    for wait in [0, *waits]:
        now_ms += wait
        candles = upstream.klines(MINUTE, first_ms=running_ms, last_ms=now_ms, now_ms=now_ms)
        yield [Row(one.open_ms, one[2:6], Amounts(*one[6:])) for one in candles], now_ms
        running_ms = now_ms // MINUTE * MINUTE


@given(waits=st.lists(st.integers(1, 3 * MINUTE), min_size=1, max_size=40))
def test_whatever_was_shown_stays_and_every_look_shows_what_the_venue_shows(
    waits: list[int],
) -> None:
    (history, first_ms), *looks = _looks(waits)
    source = MirroredSource("BTCUSDT", history, newest_ms=first_ms)
    track = Track(source, tick=TICK)
    shown: list[tuple[int, int]] = [(first_ms, track.price(first_ms))]
    for rows, now_ms in looks:
        source.see(rows, now_ms)
        last = rows[-1]
        running = track.candle(last.open_ms, now_ms)
        if now_ms > last.open_ms:
            assert (running.open, running.close) == (last.prices[0], last.prices[3])
            assert tuple(running[6:]) == last.traded
        for closed in rows[:-1]:
            candle = track.candle(closed.open_ms, closed.open_ms + MINUTE - 1)
            assert candle[2:] == closed.prices + closed.traded
        assert all(track.price(at_ms) == price for at_ms, price in shown)
        shown.append((now_ms, track.price(now_ms)))
    moments = [one.at_ms for one in track.waypoints(first_ms, looks[-1][1])]
    assert moments == sorted(set(moments))
    for earlier, later in pairwise([first_ms, *moments]):
        middle = track.price((earlier + later) // 2)
        ends = sorted((track.price(earlier), track.price(later)))
        assert ends[0] <= middle <= ends[1]
