from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from bots.domain.decision import DenialCode
from bots.domain.protections import ClosedTrade, Lock, max_drawdown
from bots.domain.protections.tests.builders import HOUR, MINUTE, NOON, asking

D = Decimal


def trades(*results: tuple[int, int | str]) -> list[ClosedTrade]:
    """Return closed trades of (minutes before noon, net result)."""
    return [ClosedTrade(at=NOON - minutes * MINUTE, net=D(net)) for minutes, net in results]


def ask(
    closed: list[ClosedTrade], *, equity: int = 1000, percent: int = 5, **changes: datetime
) -> Lock | None:
    return max_drawdown(
        asking(**changes),
        closed,
        equity=D(equity),
        percent=D(percent),
        within=4 * HOUR,
        lock_for=HOUR,
    )


def test_no_trade_and_gains_alone_lock_nothing() -> None:
    assert ask([]) is None
    assert ask(trades((50, 10), (10, 5))) is None


def test_a_loss_that_reaches_the_limit_begins_the_lock() -> None:
    # 950 are left of the 1000 before the first of them.
    assert ask(trades((50, -20), (10, -30)), equity=950) == Lock(
        kind=DenialCode.MAX_DRAWDOWN,
        starts_at=NOON - 10 * MINUTE,
        ends_at=NOON + 50 * MINUTE,
        reason="5 % of the equity lost within 240 minutes",
    )


def test_a_loss_just_below_the_limit_locks_nothing() -> None:
    assert ask(trades((50, -20), (10, "-29.99")), equity=950) is None


def test_the_fall_is_measured_from_the_best_moment_not_from_the_start() -> None:
    # 1000, 1100, 1050: as much as at the start and half of the gain, yet 5 % of 1000 lost.
    assert ask(trades((50, 100), (10, -50)), equity=1050) is not None
    assert ask(trades((50, 100), (10, -49)), equity=1051) is None


def test_a_gain_never_locks_however_deep_the_bot_still_is() -> None:
    lock = ask(trades((70, -100), (10, 20)), equity=920)
    assert lock is None  # the loss of more than an hour ago has had its lock


def test_a_loss_after_which_it_was_locked_stands_although_a_gain_followed() -> None:
    lock = ask(trades((50, -100), (10, 80)), equity=980)
    assert lock is not None
    assert lock.starts_at == NOON - 50 * MINUTE


@pytest.mark.parametrize(("minutes", "stands"), [(249, True), (250, False)])
def test_losses_before_the_time_do_not_count(*, minutes: int, stands: bool) -> None:
    assert (ask(trades((minutes, -45), (10, -5)), equity=950) is not None) is stands


def test_what_was_lost_before_makes_the_equity_smaller() -> None:
    assert ask(trades((10, -30)), equity=570) is not None  # 5 % of 600
    assert ask(trades((10, -30)), equity=571) is None


def test_a_bot_that_has_lost_everything_is_locked_by_any_loss() -> None:
    lock = ask(trades((10, -1)), equity=-10)
    assert lock is not None
    assert lock.reason == "1 lost within 240 minutes"


def test_a_lifted_lock_takes_its_losses_with_it() -> None:
    lifted = NOON - 20 * MINUTE
    assert ask(trades((20, -100), (10, -20)), equity=880, forgiven_until=lifted) is None
    # 900 were left when it was lifted: 45 are 5 % of them.
    assert ask(trades((20, -100), (10, -45)), equity=855, forgiven_until=lifted) is not None
