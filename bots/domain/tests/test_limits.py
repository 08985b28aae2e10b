from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.domain.decision import DenialCode, IntentReason
from bots.domain.direction import Direction
from bots.domain.limits import PAUSE_REASONS, daily_exit, daily_limit, unrealized_pnl
from bots.domain.snapshot import PositionState
from bots.domain.status import Reason
from bots.domain.tests.builders import DAY, QUIET, D, parameters, snapshot

LIMITS = parameters(max_daily_loss_perc=D(2), daily_target_perc=D(3), max_daily_trades=5)


def reached(**day: Any) -> tuple[DenialCode, str] | None:
    found = daily_limit(snapshot(QUIET, parameters=LIMITS, day=replace(DAY, **day)))
    return (found.code, found.detail) if found else None


def test_nothing_is_limited_when_no_limit_is_set() -> None:
    day = replace(DAY, realized_pnl=D(-999), trades_count=999)
    assert daily_limit(snapshot(QUIET, day=day)) is None


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ({"realized_pnl": D("-19.99")}, None),
        (
            {"realized_pnl": D(-20)},
            (DenialCode.MAX_DAILY_LOSS, "-20.00 USDT today, the limit is -20.00"),
        ),
        ({"realized_pnl": D("29.99")}, None),
        (
            {"realized_pnl": D(30)},
            (DenialCode.DAILY_TARGET, "30.00 USDT today, the target is 30.00"),
        ),
        ({"trades_count": 4}, None),
        ({"trades_count": 5}, (DenialCode.MAX_DAILY_TRADES, "5 of 5 trades today")),
        (
            {"realized_pnl": D(-20), "trades_count": 5},
            (DenialCode.MAX_DAILY_LOSS, "-20.00 USDT today, the limit is -20.00"),
        ),
        (
            {"realized_pnl": D(-10), "start_equity": D(500)},
            (DenialCode.MAX_DAILY_LOSS, "-10.00 USDT today, the limit is -10.00"),
        ),
    ],
)
def test_a_limit_is_reached_exactly_at_its_figure(
    day: dict[str, Any], expected: tuple[DenialCode, str] | None
) -> None:
    assert reached(**day) == expected


def test_unrealized_loss_counts_together_with_realized() -> None:
    held = PositionState(quantity=D(1), entry_price=D(100))
    now = snapshot(QUIET, parameters=LIMITS, position=held, price=D("90.5"))
    assert daily_limit(now) is None
    worse = replace(now, day=replace(DAY, realized_pnl=D("-10.5")))
    found = daily_limit(worse)
    assert found is not None
    assert found.code is DenialCode.MAX_DAILY_LOSS


def test_fees_of_the_buy_count_when_the_cost_is_known() -> None:
    held = PositionState(quantity=D("0.999"), entry_price=D(100), cost=D(100))
    assert unrealized_pnl(held, D(100)) == D("-0.1")
    assert unrealized_pnl(replace(held, cost=None), D(100)) == D(0)
    assert unrealized_pnl(PositionState(quantity=D(1)), D(100)) == D(0)


def test_a_limit_reached_earlier_today_stays_although_the_price_came_back() -> None:
    assert reached(limit_hit=Reason.MAX_DAILY_LOSS) == (
        DenialCode.MAX_DAILY_LOSS,
        "max_daily_loss_perc reached earlier today",
    )
    assert reached(limit_hit=Reason.PRICE_DATA) is None


def test_a_loss_of_earlier_today_is_not_forgotten_because_the_trades_are_used_up() -> None:
    assert reached(limit_hit=Reason.MAX_DAILY_LOSS, trades_count=5) == (
        DenialCode.MAX_DAILY_LOSS,
        "max_daily_loss_perc reached earlier today",
    )
    assert reached(limit_hit=Reason.MAX_DAILY_TRADES, realized_pnl=D(-20)) == (
        DenialCode.MAX_DAILY_LOSS,
        "-20.00 USDT today, the limit is -20.00",
    )


def test_a_limit_that_is_switched_off_or_raised_does_not_stop_what_it_stopped_before() -> None:
    off = parameters(daily_target_perc=D(3), max_daily_trades=5)
    for hit in (Reason.MAX_DAILY_LOSS, Reason.MAX_DAILY_TRADES):
        day = replace(DAY, limit_hit=hit, trades_count=4)
        assert daily_limit(snapshot(QUIET, parameters=off, day=day)) is None


def test_a_bot_that_has_lost_more_than_it_had_is_stopped_by_any_loss_limit() -> None:
    assert reached(start_equity=D(-100)) == (
        DenialCode.MAX_DAILY_LOSS,
        "0.00 USDT today, the limit is 0.00",
    )


def test_a_loss_of_earlier_today_goes_before_a_target_of_now() -> None:
    found = reached(limit_hit=Reason.MAX_DAILY_LOSS, realized_pnl=D(30))
    assert found == (DenialCode.MAX_DAILY_LOSS, "max_daily_loss_perc reached earlier today")


SHORT = PositionState(quantity=D(2), entry_price=D(100), direction=Direction.SHORT)


def test_a_short_position_loses_when_the_price_rises() -> None:
    assert unrealized_pnl(SHORT, D(110)) == D(-20)
    assert unrealized_pnl(SHORT, D(90)) == D(20)
    # It brought 200 and paid 0.2 of fees.
    assert unrealized_pnl(replace(SHORT, cost=D("199.8")), D(110)) == D("-20.2")


def test_a_rising_price_takes_a_short_position_over_the_loss_limit() -> None:
    now = snapshot(QUIET, parameters=LIMITS, position=SHORT, price=D("109.99"))
    assert daily_limit(now) is None
    assert daily_limit(replace(now, price=D(110))) is not None


CLOSING = replace(LIMITS, closes_at_daily_limit=True)
HELD = PositionState(quantity=D(1), entry_price=D(100))


def exit_at(price: str, **day: Any) -> IntentReason | None:
    now = snapshot(QUIET, parameters=CLOSING, position=HELD, price=D(price))
    return daily_exit(replace(now, day=replace(DAY, **day)))


@pytest.mark.parametrize("price", ["80", "79", "130", "131"])
def test_a_bot_that_closes_at_its_limits_leaves_at_the_loss_and_at_the_target(price: str) -> None:
    assert exit_at(price) is IntentReason.DAILY_LIMIT


@pytest.mark.parametrize("price", ["80.01", "100", "129.99"])
def test_it_stays_between_them(price: str) -> None:
    assert exit_at(price) is None


def test_it_leaves_too_when_the_price_came_back_before_it_could() -> None:
    assert exit_at("100", limit_hit=Reason.MAX_DAILY_LOSS) is IntentReason.DAILY_LIMIT
    assert exit_at("100", limit_hit=Reason.DAILY_TARGET) is IntentReason.DAILY_LIMIT


def test_the_number_of_trades_closes_nothing() -> None:
    assert exit_at("100", trades_count=5) is None
    assert exit_at("100", limit_hit=Reason.MAX_DAILY_TRADES) is None


def test_a_bot_that_is_not_set_to_close_keeps_its_position_at_every_limit() -> None:
    now = snapshot(QUIET, parameters=LIMITS, position=HELD, price=D(50))
    assert daily_limit(now) is not None
    assert daily_exit(now) is None


money_of_a_day = st.decimals(-5000, 5000, places=2)


@given(realized=money_of_a_day, entry=st.decimals(1, 500, places=2), price=money_of_a_day)
def test_only_the_sum_of_realized_and_unrealized_counts(
    realized: Decimal, entry: Decimal, price: Decimal
) -> None:
    held = PositionState(quantity=D(3), entry_price=entry)
    now = snapshot(QUIET, parameters=LIMITS, position=held, price=price)
    split = replace(now, day=replace(DAY, realized_pnl=realized))
    total = realized + 3 * (price - entry)
    closed = snapshot(QUIET, parameters=LIMITS, day=replace(DAY, realized_pnl=total))
    assert daily_limit(split) == daily_limit(closed)
    assert (daily_limit(split) is not None) is (total <= -20 or total >= 30)


@given(st.lists(st.tuples(st.integers(-60, 60), st.integers(0, 7)), min_size=1, max_size=20))
def test_a_limit_that_was_reached_stays_until_the_day_ends(
    looks: list[tuple[int, int]],
) -> None:
    """Each look is the profit of the day and the number of its trades at one tick."""
    hit: Reason | None = None
    for pnl, trades in looks:
        day = replace(DAY, realized_pnl=D(pnl), trades_count=trades, limit_hit=hit)
        found = daily_limit(snapshot(QUIET, parameters=LIMITS, day=day))
        if hit in (Reason.MAX_DAILY_LOSS, Reason.DAILY_TARGET):
            assert found is not None
            assert hit is not Reason.MAX_DAILY_LOSS or found.code is DenialCode.MAX_DAILY_LOSS
        if found is not None:
            hit = PAUSE_REASONS[found.code]
