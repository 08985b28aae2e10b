from __future__ import annotations

import pytest

from exchange.demo.clock import FollowingClock, MarketClock

START = 1_747_699_200_000


class Wall:
    """A wall clock that moves when told, and the times that were stored."""

    def __init__(self) -> None:
        self.seconds = 5_000.0
        self.stored: list[int] = []

    def clock(self, *, speed: float = 60.0, is_running: bool = True) -> MarketClock:
        return MarketClock(
            START,
            speed=speed,
            is_running=is_running,
            store=self.stored.append,
            monotonic=lambda: self.seconds,
        )


@pytest.fixture
def wall() -> Wall:
    return Wall()


def test_market_time_runs_speed_times_as_fast_as_the_wall(wall: Wall) -> None:
    clock = wall.clock()
    wall.seconds += 2
    assert clock.now_ms() == START + 120_000


def test_a_paused_clock_stands_still_until_it_runs(wall: Wall) -> None:
    clock = wall.clock(is_running=False)
    wall.seconds += 100
    assert clock.now_ms() == START
    clock.set_running(is_running=True)
    wall.seconds += 1
    assert clock.now_ms() == START + 60_000


def test_a_change_of_speed_makes_no_jump(wall: Wall) -> None:
    clock = wall.clock()
    wall.seconds += 1
    clock.set_speed(1)
    assert clock.now_ms() == START + 60_000
    wall.seconds += 1
    assert clock.now_ms() == START + 61_000


def test_market_time_jumps_forward_only(wall: Wall) -> None:
    clock = wall.clock()
    clock.jump_to(START + 10_000)
    assert clock.now_ms() == START + 10_000
    with pytest.raises(ValueError, match="only goes forward"):
        clock.jump_to(START + 9_999)
    assert clock.now_ms() == START + 10_000


def test_no_time_is_shown_that_a_restart_could_fall_behind(wall: Wall) -> None:
    clock = wall.clock()
    for pause in (0.0, 0.1, 0.5, 3.0, 100.0, 0.01):
        wall.seconds += pause
        assert clock.now_ms() <= wall.stored[-1]
    clock.jump_to(START + 10**9)
    assert clock.now_ms() <= wall.stored[-1]


def test_the_time_is_stored_about_once_a_second_not_at_every_look(wall: Wall) -> None:
    clock = wall.clock()
    for _ in range(1_000):
        wall.seconds += 0.0099
        clock.now_ms()
    assert 9 <= len(wall.stored) <= 11


def test_a_slower_clock_does_not_keep_the_reserve_of_a_faster_one(wall: Wall) -> None:
    clock = wall.clock()
    clock.set_speed(100_000.0)
    wall.seconds += 1
    clock.set_speed(1.0)
    shown = clock.now_ms()
    # What a kill would leave lies one wall second ahead, at the speed of now.
    assert wall.stored[-1] == shown + 1_000
    clock.set_running(is_running=False)
    clock.set_speed(100_000.0)
    assert wall.stored[-1] == clock.now_ms() == shown


def test_pausing_and_closing_store_the_exact_time(wall: Wall) -> None:
    clock = wall.clock()
    wall.seconds += 2
    clock.set_running(is_running=False)
    assert wall.stored[-1] == START + 120_000
    clock.set_running(is_running=True)
    wall.seconds += 0.5
    clock.close()
    assert wall.stored[-1] == START + 150_000


def test_a_clock_that_follows_stands_still_until_something_new_was_shown() -> None:
    stored: list[int] = []
    clock = FollowingClock(START, store=stored.append)
    assert (clock.now_ms(), clock.speed, clock.is_running) == (START, 1.0, True)
    clock.follow(START + 5)
    clock.follow(START + 4)
    assert clock.now_ms() == START + 5
    clock.close()
    assert stored == [START, START + 5]


def test_a_clock_that_follows_cannot_be_steered() -> None:
    clock = FollowingClock(START)
    with pytest.raises(ValueError, match="follows the mirrored venue"):
        clock.set_speed(2)
    with pytest.raises(ValueError, match="follows the mirrored venue"):
        clock.set_running(is_running=False)
    with pytest.raises(ValueError, match="follows the mirrored venue"):
        clock.jump_to(START + 1)
    assert clock.now_ms() == START
