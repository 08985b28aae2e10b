from __future__ import annotations

from datetime import datetime, timedelta

from bots.domain.decision import DenialCode
from bots.domain.protections import Lock, missing_klines, standing_market
from bots.domain.protections.tests.builders import HOUR, MINUTE, NOON, SECOND, asking

PATIENCE = timedelta(seconds=180)


def market(moved_at: datetime | None, **changes: datetime) -> Lock | None:
    return standing_market(asking(**changes), moved_at=moved_at, patience=PATIENCE)


def klines(newest: datetime | None, **changes: datetime) -> Lock | None:
    return missing_klines(asking(**changes), newest_kline=newest, interval=5 * MINUTE)


def test_a_market_that_moves_locks_nothing() -> None:
    assert market(None) is None
    assert market(NOON) is None
    assert market(NOON - PATIENCE) is None


def test_a_market_that_stands_still_locks_in_wall_time_for_as_long_as_it_does() -> None:
    moved_at = NOON - PATIENCE - SECOND
    assert market(moved_at) == Lock(
        kind=DenialCode.STALE_DATA,
        starts_at=moved_at,
        ends_at=NOON + PATIENCE,
        reason="prices have not moved on for more than 180 s",
        is_wall_time=True,
    )
    later = market(moved_at, now=NOON + HOUR)
    assert later is not None
    assert (later.starts_at, later.ends_at) == (moved_at, NOON + HOUR + PATIENCE)


def test_a_lifted_standstill_locks_no_more_until_prices_have_moved() -> None:
    moved_at = NOON - HOUR
    assert market(moved_at, forgiven_until=moved_at) is None
    assert market(moved_at + SECOND, forgiven_until=moved_at) is not None


def test_klines_may_be_two_intervals_late() -> None:
    assert klines(None) is None
    assert klines(NOON - 5 * MINUTE) is None
    assert klines(NOON - 15 * MINUTE) is None


def test_klines_that_stop_coming_lock_in_market_time() -> None:
    newest = NOON - 15 * MINUTE - SECOND
    assert klines(newest) == Lock(
        kind=DenialCode.STALE_DATA,
        starts_at=newest + 5 * MINUTE,
        ends_at=NOON + 5 * MINUTE,
        reason="klines have stopped coming, the newest is more than two intervals old",
    )
    assert klines(newest, forgiven_until=newest + 5 * MINUTE) is None
