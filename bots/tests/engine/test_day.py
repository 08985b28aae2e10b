"""The trading day rolls once, whoever sees it first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bots.engine.reset import wake_daily_pauses
from bots.locks import bot_lock
from bots.models import BotConfig, BotEvent, BotState, EventKind

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

NEXT_DAY = datetime(2025, 5, 13, 0, 0, 1, tzinfo=UTC)


def _yesterday(**columns: object) -> None:
    BotState.objects.update(
        trading_day=datetime(2025, 5, 12, tzinfo=UTC).date(),
        day_start_equity=Decimal(5000),
        total_realized_pnl=Decimal(-120),
        daily_pnl=Decimal(-120),
        daily_trades_count=7,
        daily_limit_reason="max_daily_loss_perc reached",
        last_error_message="an old message",
        **columns,
    )


def _reset() -> int:
    return wake_daily_pauses(lambda environment, market: NEXT_DAY)


def test_a_daily_pause_ends_and_the_bot_is_due_at_once(started_bot: BotConfig) -> None:
    _yesterday(
        state="paused",
        reason="max_daily_loss_perc reached",
        status="paused (…)",
        next_due_at=NEXT_DAY,
    )
    assert _reset() == 1
    state = BotState.objects.get()
    assert (state.status, state.next_due_at) == ("pending", None)
    assert (state.daily_trades_count, state.daily_pnl) == (0, 0)
    assert state.daily_limit_reason == ""
    assert state.last_error_message == ""
    assert state.day_start_equity == Decimal(4880)


def test_the_reset_happens_once_a_day(started_bot: BotConfig) -> None:
    _yesterday(state="running")
    assert (_reset(), _reset(), _reset()) == (1, 0, 0)
    assert BotEvent.objects.filter(kind=EventKind.DAY_ROLLED).count() == 1


def test_a_day_that_has_begun_is_not_begun_again_by_a_market_that_is_a_little_behind(
    started_bot: BotConfig,
) -> None:
    _yesterday(state="running")
    assert _reset() == 1
    BotState.objects.update(daily_limit_reason="max_daily_loss_perc reached", daily_trades_count=3)
    behind = NEXT_DAY - timedelta(seconds=2)
    for moment in (behind, NEXT_DAY):
        assert wake_daily_pauses(lambda *_, moment=moment: moment) == 0
    state = BotState.objects.get()
    assert state.trading_day == NEXT_DAY.date()
    assert (state.daily_limit_reason, state.daily_trades_count) == (
        "max_daily_loss_perc reached",
        3,
    )


def test_a_recording_that_is_started_anew_begins_its_own_day(started_bot: BotConfig) -> None:
    _yesterday(state="running")
    assert _reset() == 1
    assert wake_daily_pauses(lambda *_: NEXT_DAY - timedelta(hours=3)) == 1
    assert BotState.objects.get().trading_day == (NEXT_DAY - timedelta(hours=3)).date()


def test_an_error_keeps_its_status_and_message(started_bot: BotConfig) -> None:
    _yesterday(state="error", reason="", status="error")
    assert _reset() == 1
    state = BotState.objects.get()
    assert (state.status, state.last_error_message) == ("error", "an old message")
    assert state.daily_trades_count == 0


def test_a_running_bot_is_not_made_pending(started_bot: BotConfig) -> None:
    _yesterday(state="running", status="running (demo mode)")
    _reset()
    assert BotState.objects.get().status == "running (demo mode)"


def test_a_stopped_bot_shows_the_new_day_and_stays_stopped(bot: BotConfig) -> None:
    _yesterday()
    assert _reset() == 1
    state = BotState.objects.get()
    assert (state.status, state.daily_trades_count, state.daily_pnl) == ("stopped", 0, 0)


def test_a_bot_whose_tick_is_under_way_is_passed_over(
    started_bot: BotConfig, worker_thread: object
) -> None:
    _yesterday(state="running")
    with bot_lock(started_bot.pk):
        assert worker_thread(_reset).result(5) == 0  # type: ignore[operator]
    assert _reset() == 1
