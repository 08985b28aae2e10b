"""The reset happens once per bot and day, whatever dies on the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone as django_timezone

from bots import journal
from bots.engine import reset
from bots.engine.reset import wake_daily_pauses
from bots.models import BotConfig, BotEvent, BotState, EventKind
from exchange.domain.types import Environment, Market

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

YESTERDAY = date(2025, 5, 12)
NEXT_DAY = datetime(2025, 5, 13, 0, 0, 1, tzinfo=UTC)


class KilledError(BaseException):
    """The worker dies here."""


@pytest.fixture
def two_bots(started_bot: BotConfig) -> list[BotConfig]:
    """Return two bots that a daily limit has paused yesterday."""
    second = BotConfig.objects.get(pk=started_bot.pk)
    second.pk = None
    second.name = "Second"
    second.save()
    BotState.objects.create(bot=second)
    BotState.objects.update(
        state="paused",
        reason="max_daily_trades reached",
        status="paused (max_daily_trades reached)",
        trading_day=YESTERDAY,
        day_start_equity=Decimal(5000),
        daily_pnl=Decimal(-120),
        total_realized_pnl=Decimal(-120),
        daily_trades_count=7,
        daily_limit_reason="max_daily_trades reached",
    )
    return [started_bot, second]


def reset_at(moment: datetime | None = NEXT_DAY) -> int:
    return wake_daily_pauses(lambda environment, market: moment)


def days_told(bot: BotConfig) -> int:
    return BotEvent.objects.filter(bot=bot, kind=EventKind.DAY_ROLLED).count()


def is_new_day(bot: BotConfig) -> bool:
    state = BotState.objects.get(pk=bot.pk)
    figures = (state.daily_trades_count, state.daily_pnl, state.daily_limit_reason)
    if state.status == "pending":
        assert figures == (0, 0, "")
        assert (state.trading_day, state.day_start_equity) == (NEXT_DAY.date(), Decimal(4880))
        return True
    assert state.status == "paused (max_daily_trades reached)"
    assert figures == (7, -120, "max_daily_trades reached")
    assert state.trading_day == YESTERDAY
    return False


def dying(call: Callable[..., Any], *, at_call: int, after: bool) -> Callable[..., Any]:
    calls = 0

    def run(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == at_call and not after:
            raise KilledError
        answer = call(*arguments, **options)
        if calls == at_call:
            raise KilledError
        return answer

    return run


PLACES = [
    (reset, "lock_due_states"),
    (reset, "roll_day"),
    (journal, "record_event"),
    (reset, "publish_state"),
    (BotState, "save"),
]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at_call", [1, 2])
@pytest.mark.parametrize(("place", "name"), PLACES, ids=[name for _, name in PLACES])
def test_a_reset_that_dies_anywhere_is_finished_by_the_next_and_done_once(
    two_bots: list[BotConfig],
    monkeypatch: pytest.MonkeyPatch,
    *,
    place: Any,
    name: str,
    at_call: int,
    after: bool,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(place, name, dying(getattr(place, name), at_call=at_call, after=after))
        with pytest.raises(KilledError):
            reset_at()
    assert [is_new_day(bot) for bot in two_bots] == [at_call == 2, False]

    assert reset_at() == 3 - at_call
    assert [is_new_day(bot) for bot in two_bots] == [True, True]
    assert [days_told(bot) for bot in two_bots] == [1, 1]
    assert reset_at() == 0
    assert [days_told(bot) for bot in two_bots] == [1, 1]


def test_what_happens_after_the_reset_is_not_cleared_by_a_second_one(
    two_bots: list[BotConfig],
) -> None:
    assert reset_at() == 2
    BotState.objects.update(daily_trades_count=1, daily_pnl=5, state="running", status="running")
    assert reset_at(NEXT_DAY + timedelta(hours=20)) == 0
    assert set(BotState.objects.values_list("daily_trades_count", "daily_pnl", "status")) == {
        (1, Decimal(5), "running")
    }


def test_a_reset_that_comes_days_late_begins_the_day_of_now(two_bots: list[BotConfig]) -> None:
    late = NEXT_DAY + timedelta(days=4, hours=7)
    assert (reset_at(late), reset_at(late)) == (2, 0)
    assert set(BotState.objects.values_list("trading_day", flat=True)) == {late.date()}
    assert [days_told(bot) for bot in two_bots] == [1, 1]


def test_a_market_whose_time_is_not_known_is_left_for_later(two_bots: list[BotConfig]) -> None:
    assert reset_at(None) == 0
    assert [is_new_day(bot) for bot in two_bots] == [False, False]


def test_each_market_has_its_own_midnight(two_bots: list[BotConfig]) -> None:
    BotConfig.objects.filter(pk=two_bots[1].pk).update(position_type="futures")
    asked = []

    def read(environment: Environment, market: Market) -> datetime:
        asked.append((environment, market))
        return NEXT_DAY if market is Market.FUTURES else NEXT_DAY - timedelta(seconds=2)

    assert wake_daily_pauses(read) == 1
    assert [is_new_day(bot) for bot in two_bots] == [False, True]
    assert asked == [(Environment.DEMO, Market.FUTURES), (Environment.DEMO, Market.SPOT)]


@pytest.mark.parametrize("hours", [-11, -4, 0, 5.5, 14])
def test_the_day_is_that_of_utc_in_whatever_zone_the_time_is_given(
    two_bots: list[BotConfig], hours: float
) -> None:
    zone = timezone(timedelta(hours=hours))
    with django_timezone.override(zone):
        before_midnight = (NEXT_DAY - timedelta(seconds=2)).astimezone(zone)
        assert reset_at(before_midnight) == 0
        assert reset_at(NEXT_DAY.astimezone(zone)) == 2
    assert [is_new_day(bot) for bot in two_bots] == [True, True]


def test_nothing_but_a_daily_pause_is_woken(two_bots: list[BotConfig]) -> None:
    running, stopped = two_bots
    BotConfig.objects.filter(pk=stopped.pk).update(is_active=False)
    BotState.objects.filter(pk=running.pk).update(
        state="waiting", reason="qty below filters", status="waiting (qty below filters)"
    )
    BotState.objects.filter(pk=stopped.pk).update(state="stopped", reason="", status="stopped")
    due = NEXT_DAY + timedelta(hours=1)
    BotState.objects.update(next_due_at=due)
    assert reset_at() == 2
    statuses = list(BotState.objects.order_by("pk").values_list("status", "next_due_at"))
    assert statuses == [("waiting (qty below filters)", due), ("stopped", due)]


def test_a_stopped_bot_that_has_nothing_to_clear_is_not_written_to_every_night(
    two_bots: list[BotConfig],
) -> None:
    BotConfig.objects.update(is_active=False)
    BotState.objects.update(state="stopped", reason="", status="stopped")
    assert reset_at() == 2
    assert reset_at(NEXT_DAY + timedelta(days=1)) == 0
    assert [days_told(bot) for bot in two_bots] == [1, 1]


def test_a_deleted_bot_and_one_without_a_key_are_left_alone(two_bots: list[BotConfig]) -> None:
    BotConfig.objects.filter(pk=two_bots[0].pk).update(deleted_at=NEXT_DAY)
    BotConfig.objects.filter(pk=two_bots[1].pk).update(api_key=None)
    assert reset_at() == 0
    assert BotEvent.objects.filter(kind=EventKind.DAY_ROLLED).count() == 0
