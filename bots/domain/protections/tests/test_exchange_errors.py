from __future__ import annotations

from datetime import datetime

import pytest

from bots.domain.decision import DenialCode
from bots.domain.protections import Errors, Lock, exchange_errors
from bots.domain.protections.tests.builders import HOUR, MINUTE, NOON, asking, before_noon


def ask(errors: list[Errors], **changes: datetime) -> Lock | None:
    return exchange_errors(
        asking(**changes), errors, count=3, within=10 * MINUTE, lock_for=20 * MINUTE
    )


def single(*minutes: int) -> list[Errors]:
    return [Errors(first=moment, last=moment) for moment in before_noon(*minutes)]


def test_fewer_errors_than_allowed_lock_nothing() -> None:
    assert ask([]) is None
    assert ask(single(1, 2)) is None


def test_too_many_errors_lock_in_wall_time_from_the_newest() -> None:
    assert ask(single(1, 5, 10)) == Lock(
        kind=DenialCode.EXCHANGE_ERRORS,
        starts_at=NOON - MINUTE,
        ends_at=NOON + 19 * MINUTE,
        reason="at least 3 errors of the venue within 10 minutes",
        is_wall_time=True,
    )


@pytest.mark.parametrize(("minutes", "stands"), [(10, True), (11, False)])
def test_errors_have_to_come_close_together(*, minutes: int, stands: bool) -> None:
    assert (ask(single(1, 5, minutes)) is not None) is stands


@pytest.mark.parametrize(("minutes", "stands"), [(19, True), (20, False)])
def test_a_venue_that_has_been_quiet_for_long_enough_is_trusted_again(
    *, minutes: int, stands: bool
) -> None:
    assert (ask(single(minutes, 21, 22)) is not None) is stands


def test_repeats_that_are_kept_as_one_row_count_one_by_one() -> None:
    hours = Errors(first=NOON - HOUR, last=NOON, count=7)  # one every ten minutes
    assert ask([hours]) is None
    minutes = Errors(first=NOON - HOUR, last=NOON, count=13)  # one every five minutes
    assert ask([minutes]) is None
    dense = Errors(first=NOON - HOUR, last=NOON, count=21)  # one every three minutes
    lock = ask([dense])
    assert lock is not None
    assert lock.starts_at == NOON


def test_a_lifted_lock_takes_its_errors_with_it() -> None:
    lifted = NOON - 5 * MINUTE
    assert ask(single(1, 5, 6), forgiven_until=lifted) is None
    assert ask(single(1, 2, 3, 5, 6), forgiven_until=lifted) is not None
