"""Random prices that are the same on every machine, and behave like prices."""

from __future__ import annotations

import math
import statistics
import time
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.demo.market.minutes import Minutes
from exchange.demo.market.track import Track
from exchange.demo.market.walk import ANCHOR_MS, CHEAPEST, DEAREST, WALK_START_MS, Walk
from exchange.demo.times import DAY_MS, MINUTE_MS

PRICE = 100_000 * 10**8
TICK = 10**6


@pytest.fixture(scope="module")
def walk() -> Walk:
    return Walk("BTCUSDT", Decimal(100_000), seed=0)


def test_the_price_that_was_given_is_that_of_the_anchor(walk: Walk) -> None:
    assert Track(walk, tick=TICK).price(ANCHOR_MS) == PRICE


def test_these_are_the_digits_on_every_machine_and_every_python(walk: Walk) -> None:
    day = walk.block(ANCHOR_MS)
    at = day.index(ANCHOR_MS)
    columns = (day.opens, day.highs, day.lows, day.closes, day.volumes, day.quotes, day.trades)
    assert [column[at] for column in columns] == [
        10_000_000_000_000,
        10_002_140_000_000,
        9_981_686_435_940,
        9_990_158_090_000,
        670_500_000,
        67_006_391_561_606,
        671,
    ]


def test_the_same_seed_gives_the_same_prices_and_another_one_others(walk: Walk) -> None:
    same = Walk("BTCUSDT", Decimal(100_000), seed=0)
    other = Walk("BTCUSDT", Decimal(100_000), seed=1)
    sister = Walk("ETHUSDT", Decimal(100_000), seed=0)
    assert same.block(ANCHOR_MS) == walk.block(ANCHOR_MS)
    for different in (other, sister):
        assert different.block(ANCHOR_MS).closes != walk.block(ANCHOR_MS).closes


def test_a_day_does_not_depend_on_what_was_asked_before(walk: Walk) -> None:
    fresh = Walk("BTCUSDT", Decimal(100_000), seed=0)
    for day in range(100):
        walk.block(ANCHOR_MS + day * DAY_MS)
    assert walk.block(ANCHOR_MS) == fresh.block(ANCHOR_MS)


@given(
    day=st.integers(0, 10_000),
    seed=st.integers(-(2**70), 2**70),
    price=st.decimals(CHEAPEST, DEAREST, places=4),
)
def test_every_minute_opens_at_the_last_close_and_holds_its_extremes(
    day: int, seed: int, price: Decimal
) -> None:
    walk = Walk("ABCUSDT", price, seed=seed)
    start_ms = WALK_START_MS + day * DAY_MS
    block, following = walk.block(start_ms), walk.block(start_ms + DAY_MS)
    assert (block.start_ms, block.end_ms) == (start_ms, following.start_ms)
    assert [*block.opens[1:], following.opens[0]] == list(block.closes)
    columns = zip(block.opens, block.highs, block.lows, block.closes, strict=True)
    for opened, high, low, closed in columns:
        assert 0 < low <= min(opened, closed) <= max(opened, closed) <= high
    assert min(block.volumes) > 0
    assert max(block.closes) <= price * 10**8 * Decimal("2.86")
    assert min(block.closes) >= price * 10**8 * Decimal("0.35") - 1


def test_it_moves_like_a_market_and_leads_nowhere(walk: Walk) -> None:
    closes: list[int] = []
    for day in range(60):
        closes += walk.block(ANCHOR_MS + day * DAY_MS).closes
    steps = [math.log(later / earlier) for earlier, later in pairwise(closes)]
    assert 0.0005 < statistics.stdev(steps) < 0.001
    assert abs(statistics.correlation(steps[1:], steps[:-1])) < 0.02
    hours = [math.log(later / earlier) for earlier, later in pairwise(closes[::60])]
    assert statistics.stdev(hours) == pytest.approx(statistics.stdev(steps) * 60**0.5, rel=0.1)


def test_a_hundred_years_ahead_it_is_still_bounded(walk: Walk) -> None:
    track = Track(walk, tick=TICK)
    for year in range(1, 101):
        assert 0.35 * PRICE < track.price(ANCHOR_MS + year * 365 * DAY_MS) < 2.86 * PRICE


def test_klines_and_the_day_run_over_midnight_and_are_quick(walk: Walk) -> None:
    track = Track(walk, tick=TICK)
    midnight = ANCHOR_MS // DAY_MS * DAY_MS
    hour = track.candle(midnight - 30 * MINUTE_MS, midnight + 30 * MINUTE_MS - 1)
    minutes = [
        track.candle(one, one + MINUTE_MS - 1)
        for one in range(hour.open_ms, hour.until_ms, MINUTE_MS)
    ]
    assert (hour.open, hour.close) == (minutes[0].open, minutes[-1].close)
    assert hour.high == max(one.high for one in minutes)
    assert hour.low == min(one.low for one in minutes)
    assert hour.volume == sum(one.volume for one in minutes)
    begun = time.perf_counter()
    for minute in range(100):
        track.candle(midnight + minute * MINUTE_MS, midnight + DAY_MS + minute * MINUTE_MS - 1)
    assert time.perf_counter() - begun < 1


def test_klines_that_were_shown_before_are_not_made_again() -> None:
    class Counted(Walk):
        asked = 0

        def block(self, at_ms: int) -> Minutes:
            self.asked += 1
            return super().block(at_ms)

    source = Counted("BTCUSDT", Decimal(100_000), seed=1)
    track = Track(source, tick=10**6)
    span = {"first_ms": WALK_START_MS, "last_ms": WALK_START_MS + 99 * DAY_MS}
    now_ms = WALK_START_MS + 100 * DAY_MS - 1
    first = track.klines(DAY_MS, **span, now_ms=now_ms)
    asked = source.asked
    assert track.klines(DAY_MS, **span, now_ms=now_ms) == first
    assert source.asked == asked
    # A price that is steered later than that is seen all the same.
    track.steering.hold(10**8, from_ms=now_ms, until_ms=None)
    assert track.klines(DAY_MS, **span, now_ms=now_ms)[-1].close == 10**8


def test_an_earlier_start_brings_history_and_changes_no_price(walk: Walk) -> None:
    early = Walk("BTCUSDT", Decimal(100_000), seed=0, start_ms=ANCHOR_MS - 3_000 * DAY_MS)
    assert early.block(ANCHOR_MS) == walk.block(ANCHOR_MS)
    assert Track(early, tick=TICK).start_ms == ANCHOR_MS - 3_000 * DAY_MS
