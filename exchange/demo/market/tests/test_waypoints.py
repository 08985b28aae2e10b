"""Where the price may turn: what the engine walks along to find what is filled."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from exchange.demo.market.steering import Steering
from exchange.demo.market.tests.test_track import FALLING, MINUTE, RISING, START, TICK, recording_of
from exchange.demo.market.track import Track

LENGTH = 3 * MINUTE
ROWS = st.lists(
    st.tuples(*[st.integers(1, 400)] * 4).map(
        lambda one: (one[0], max(one), min(one), one[3]),
    ),
    min_size=1,
    max_size=4,
)
# Price, hold or release, and the time until the next steering: moments of two plays.
STEERED = st.lists(
    st.tuples(st.integers(1, 400), st.none() | st.integers(1, 90_000), st.integers(0, 90_000)),
    max_size=5,
)


def steered_track(
    rows: list[tuple[int, int, int, int]], held: list[tuple[int, int | None, int]]
) -> Track:
    steering, at_ms = Steering(), START
    for price, for_ms, wait_ms in held:
        at_ms += wait_ms
        until_ms = None if for_ms is None else at_ms + for_ms
        steering.hold(price * TICK, from_ms=at_ms, until_ms=until_ms)
    return Track(recording_of(*rows), tick=TICK, steering=steering)


@given(
    rows=ROWS,
    held=STEERED,
    after=st.integers(0, 2 * LENGTH),
    span=st.integers(0, 2 * LENGTH),
    shares=st.lists(st.integers(0, 1_000), max_size=5).map(sorted),
)
def test_between_neighbouring_waypoints_the_price_never_turns(
    rows: list[tuple[int, int, int, int]],
    held: list[tuple[int, int | None, int]],
    after: int,
    span: int,
    shares: list[int],
) -> None:
    track = steered_track(rows, held)
    after_ms, until_ms = START + after, START + after + span
    points = list(track.waypoints(after_ms, until_ms))
    assert all(point.price == track.price(point.at_ms) for point in points)
    moments = [after_ms, *(point.at_ms for point in points)]
    assert moments == sorted(set(moments))
    assert moments[-1] == until_ms
    for earlier, later in pairwise(moments):
        inside = [earlier + (later - 1 - earlier) * share // 1_000 for share in shares]
        prices = [track.price(one) for one in (earlier, *inside, later - 1, later)]
        assert prices in (sorted(prices), sorted(prices, reverse=True))


def test_a_minute_turns_at_its_four_points_and_the_way_ends_where_asked() -> None:
    track = Track(recording_of(RISING, FALLING), tick=TICK)
    points = list(track.waypoints(START, START + MINUTE + 30_000))
    assert [(point.at_ms - START, point.price // 10**8) for point in points] == [
        (20_000, 90),
        (40_000, 130),
        (59_999, 120),
        (60_000, 120),
        (80_000, 130),
        (90_000, 110),
    ]


def test_no_way_has_no_waypoints() -> None:
    track = Track(recording_of(RISING), tick=TICK)
    assert list(track.waypoints(START + 20_000, START + 20_000)) == []


def test_one_millisecond_has_one_waypoint() -> None:
    track = Track(recording_of(RISING), tick=TICK)
    assert [point.at_ms for point in track.waypoints(START + 19_999, START + 20_000)] == [
        START + 20_000
    ]


def test_a_steered_price_jumps_between_two_waypoints_and_hides_the_turns_below_it() -> None:
    steering = Steering()
    track = Track(recording_of(RISING, RISING), tick=TICK, steering=steering)
    steering.hold(200 * 10**8, from_ms=START + 10_000, until_ms=START + 59_000)
    points = list(track.waypoints(START, START + MINUTE))
    assert [(point.at_ms - START, point.price // 10**8) for point in points] == [
        (9_999, 95),
        (10_000, 200),
        (58_999, 200),
        (59_000, 120),
        (59_999, 120),
        (60_000, 100),
    ]


def test_waypoints_run_on_through_the_seam_of_two_plays() -> None:
    track = Track(recording_of(RISING, FALLING), tick=TICK)
    seam = START + 2 * MINUTE
    moments = [point.at_ms - seam for point in track.waypoints(seam - 30_000, seam + 30_000)]
    assert moments == [-20_000, -1, 0, 20_000, 30_000]
