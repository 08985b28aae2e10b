from __future__ import annotations

from datetime import datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.domain.decision import DenialCode
from bots.domain.protections import Lock, stop_loss_guard
from bots.domain.protections.tests.builders import HOUR, MINUTE, NOON, asking, before_noon


def ask(stops: list[datetime], *, count: int = 3, **changes: datetime) -> Lock | None:
    return stop_loss_guard(
        asking(**changes), stops, count=count, within=2 * HOUR, lock_for=30 * MINUTE
    )


def test_as_many_stops_as_allowed_less_one_lock_nothing() -> None:
    assert ask([]) is None
    assert ask(before_noon(10, 20)) is None


def test_the_last_of_too_many_stops_begins_the_lock() -> None:
    newest, *older = before_noon(10, 40, 100)
    assert ask([*older, newest]) == Lock(
        kind=DenialCode.STOP_LOSS_GUARD,
        starts_at=newest,
        ends_at=newest + 30 * MINUTE,
        reason="3 stop-losses within 120 minutes",
    )


@pytest.mark.parametrize(("minutes", "stands"), [(129, True), (130, False), (131, False)])
def test_stops_count_for_the_time_before_the_newest(*, minutes: int, stands: bool) -> None:
    assert (ask(before_noon(10, 40, minutes)) is not None) is stands


@pytest.mark.parametrize(("minutes", "stands"), [(29, True), (30, False), (31, False)])
def test_the_lock_ends_by_itself(*, minutes: int, stands: bool) -> None:
    assert (ask(before_noon(minutes, 40, 50)) is not None) is stands


def test_a_later_stop_that_is_one_of_too_many_locks_anew() -> None:
    lock = ask(before_noon(1, 29, 40, 50))
    assert lock is not None
    assert lock.starts_at == NOON - MINUTE


def test_a_lifted_lock_takes_its_stops_with_it() -> None:
    lifted = NOON - 20 * MINUTE
    assert ask(before_noon(10, 20, 30, 40), forgiven_until=lifted) is None
    assert ask(before_noon(1, 5, 10, 20, 30, 40), forgiven_until=lifted) is not None


minutes_ago = st.lists(st.integers(0, 300), max_size=12)


@given(minutes_ago, st.integers(1, 4), st.randoms())
def test_the_order_of_the_facts_changes_nothing(
    minutes: list[int], count: int, chance: Random
) -> None:
    stops = before_noon(*minutes)
    mixed = chance.sample(stops, len(stops))
    assert ask(mixed, count=count) == ask(stops, count=count)


@given(minutes_ago, st.integers(1, 4), st.integers(0, 29))
def test_a_late_look_finds_the_same_lock_while_it_stands(
    minutes: list[int], count: int, late: int
) -> None:
    stops = before_noon(*minutes)
    lock = ask(stops, count=count)
    later = NOON + late * MINUTE
    expected = lock if lock is not None and lock.ends_at > later else None
    assert ask(stops, count=count, now=later) == expected
