"""Trailing stops follow the path to the millisecond, whatever pieces it is looked at in."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.demo.amounts import to_units
from exchange.demo.futures.trailing import Trail, Turn, follow, next_turn
from exchange.demo.market.track import Track
from exchange.demo.times import MINUTE_MS
from exchange.demo.trading.tests.engine_world import START, recording_of

HOUR_MS = 60 * MINUTE_MS
PRICES = st.integers(80, 120)
MINUTES = st.lists(
    st.tuples(PRICES, PRICES, PRICES, PRICES).map(
        lambda drawn: (drawn[0], max(drawn), min(drawn), drawn[3])
    ),
    min_size=1,
    max_size=4,
)


def units(price: Any) -> int:
    return to_units(Decimal(str(price)))


def track_of(*minutes: tuple[Any, Any, Any, Any]) -> Track:
    last = minutes[-1][3]
    flat = [(last,) * 4] * 120
    return Track(recording_of("BTCUSDT", [*minutes, *flat]), tick=10**6)


def trail_of(side: str, rate: Any, peak: Any, as_of: int = START - 1) -> Trail:
    return Trail(side == "SELL", units(rate), units(peak), as_of)


def first_by_the_millisecond(track: Track, trail: Trail, until_ms: int) -> int | None:
    for at_ms in range(trail.as_of + 1, until_ms + 1):
        price = track.price(at_ms)
        trail = trail.best(price, price)
        if trail.is_pulled_back(price):
            return at_ms
    return None


def first_trigger(track: Track, trail: Trail, until_ms: int, steps: int) -> Turn | None:
    """Look in several pieces, keeping the peaks that are to be kept."""
    kept, ends = trail.peak, [START + (until_ms - START) * n // steps for n in range(1, steps + 1)]
    for end_ms in ends:
        while turn := next_turn(track, trail, kept, end_ms):
            if turn.is_trigger:
                return turn
            trail, kept = Trail(trail.sells, trail.rate, turn.peak, turn.at_ms), turn.peak
        trail = follow(track, trail, end_ms)
    return None


def test_a_seller_triggers_when_the_price_has_fallen_from_its_highest_by_the_rate() -> None:
    # 100, up to 110 after 20 s, down to 98 after 40 s, 99 at the end.
    track = track_of((100, 110, 98, 99))
    turn = next_turn(track, trail_of("SELL", 5, 100), units(100), START + HOUR_MS)
    assert turn is not None
    assert turn.is_trigger
    assert turn.peak == units(110)
    assert track.price(turn.at_ms) <= units("104.5") < track.price(turn.at_ms - 1)
    assert 20_000 < turn.at_ms - START < 40_000


def test_a_buyer_triggers_when_the_price_has_risen_from_its_lowest_by_the_rate() -> None:
    track = track_of((100, 110, 90, 100))
    turn = next_turn(track, trail_of("BUY", 10, 100), units(100), START + HOUR_MS)
    assert turn is not None
    assert turn.is_trigger
    assert turn.peak == units(90)
    assert track.price(turn.at_ms) >= units(99) > track.price(turn.at_ms - 1)


def test_exactly_the_callback_rate_is_enough_and_less_is_not() -> None:
    trail = trail_of("SELL", "0.1", 1000)
    assert trail.is_pulled_back(units(999))
    assert not trail.is_pulled_back(units(999) + 1)
    trail = trail_of("BUY", "0.1", 1000)
    assert trail.is_pulled_back(units(1001))
    assert not trail.is_pulled_back(units(1001) - 1)


def test_a_peak_is_kept_at_the_end_of_a_whole_hour_and_only_when_it_is_new() -> None:
    track = track_of((100, 110, 100, 110))
    turn = next_turn(track, trail_of("SELL", 5, 100), units(100), START + 2 * HOUR_MS)
    assert turn is not None
    assert not turn.is_trigger
    assert (turn.at_ms + 1) % HOUR_MS == 0
    assert turn.peak == units(110)
    after = Trail(True, units(5), turn.peak, turn.at_ms)  # noqa: FBT003 - as the tuple is
    assert next_turn(track, after, turn.peak, START + 2 * HOUR_MS) is None


def test_what_lies_before_the_look_does_not_trigger_but_counts_as_peak() -> None:
    track = track_of((100, 110, 100, 100), (100, 100, 100, 100))
    trail = follow(track, trail_of("SELL", 20, 100), START + MINUTE_MS)
    assert trail == trail_of("SELL", 20, 110, START + MINUTE_MS)
    assert next_turn(track, trail, units(110), START + HOUR_MS) is None


@pytest.mark.parametrize("side", ["SELL", "BUY"])
@pytest.mark.parametrize("minute", [(100, 107, 95, 103), (100, 104, 91, 92), (100, 100, 100, 100)])
def test_the_first_millisecond_is_that_of_a_look_at_every_millisecond(
    side: str, minute: tuple[int, int, int, int]
) -> None:
    track, trail, until_ms = track_of(minute), trail_of(side, 4, 100), START + MINUTE_MS
    turn = next_turn(track, trail, trail.peak, until_ms)
    found = turn.at_ms if turn and turn.is_trigger else None
    assert found == first_by_the_millisecond(track, trail, until_ms)


@settings(max_examples=60, deadline=None)
@given(MINUTES, st.sampled_from(["SELL", "BUY"]), st.integers(1, 15), st.integers(2, 40))
def test_how_often_one_looks_changes_nothing(
    minutes: list[Any], side: str, rate: int, steps: int
) -> None:
    track, trail = track_of(*minutes), trail_of(side, rate, minutes[0][0])
    until_ms = START + 90 * MINUTE_MS
    assert first_trigger(track, trail, until_ms, 1) == first_trigger(track, trail, until_ms, steps)
