from __future__ import annotations

import time

import pytest

from exchange.binance.clock import SigningClock, wall_milliseconds
from exchange.domain.errors import UnavailableError


def test_the_offset_is_measured_once_and_by_the_first_caller() -> None:
    asked: list[int] = []

    def an_hour_ahead() -> int:
        asked.append(1)
        return wall_milliseconds() + 3_600_000

    clock = SigningClock(an_hour_ahead)
    assert asked == []

    assert abs(clock.now_ms() - wall_milliseconds() - 3_600_000) < 50
    clock.now_ms()
    assert len(asked) == 1


def test_a_drift_is_measured_again_after_half_an_hour_and_a_failure_keeps_the_old_offset() -> None:
    seconds = [0.0]
    answers: list[int | None] = [100_000, 200_000, None, 300_000]
    told: list[int] = []

    def venue() -> int:
        ahead = answers.pop(0)
        if ahead is None:
            raise UnavailableError("gone")
        return wall_milliseconds() + ahead

    clock = SigningClock(venue, told.append, monotonic=lambda: seconds[0])
    seen = []
    for moment in (0, 1799, 1800, 3599, 3600, 3601, 5400):
        seconds[0] = moment
        seen.append(round(clock.offset_ms(), -4))

    assert seen == [100_000, 100_000, 200_000, 200_000, 200_000, 200_000, 300_000]
    assert answers == []
    assert [round(offset, -4) for offset in told] == [100_000, 200_000, 300_000]


def test_half_of_the_round_trip_is_the_age_of_the_answer() -> None:
    def slow() -> int:
        time.sleep(0.1)
        now = wall_milliseconds()
        time.sleep(0.1)
        return now

    assert abs(SigningClock(slow).resync()) < 40


def test_a_failed_resync_keeps_the_old_offset() -> None:
    answers = iter([wall_milliseconds() + 5000])

    def venue() -> int:
        for answer in answers:
            return answer
        raise UnavailableError("gone")

    clock = SigningClock(venue)
    offset = clock.offset_ms()

    with pytest.raises(UnavailableError):
        clock.resync()
    assert clock.offset_ms() == offset
    assert abs(offset - 5000) < 50


def test_an_attempt_that_failed_before_is_no_part_of_the_round_trip() -> None:
    def second_attempt() -> int:
        time.sleep(0.2)  # the governor's wait, or an attempt that nobody answered
        clock.note_asking()
        return wall_milliseconds()

    clock = SigningClock(second_attempt)

    assert abs(clock.resync()) < 40
