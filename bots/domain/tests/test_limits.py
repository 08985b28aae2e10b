from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bots.domain.decision import DenialCode
from bots.domain.limits import cooldown, daily_limit, unrealized_pnl
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


def test_the_cooldown_ends_on_the_second() -> None:
    now = snapshot(QUIET, parameters=parameters(order_cooldown_seconds=60))
    assert cooldown(now) is None
    late = replace(now, last_order_time=now.market_time - timedelta(seconds=60))
    assert cooldown(late) is None
    early = replace(now, last_order_time=now.market_time - timedelta(seconds=18))
    found = cooldown(early)
    assert found is not None
    assert found.code is DenialCode.COOLDOWN
    assert found.detail == "42 s of the 60 s after the last order are left"
