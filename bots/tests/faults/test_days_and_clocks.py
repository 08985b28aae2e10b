"""Real incidents with clocks and days: summer time, steps of the wall clock, limits over night."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts.models import User
from bots.engine.reset import wake_daily_pauses
from bots.models import BotEvent, EventKind, Fill, FundingPayment
from bots.services import start_bot, stop_bot
from bots.tests.engine.conftest import AT_SELL
from bots.tests.faults.conftest import MakeStage
from bots.tests.faults.promises import placed_by_us
from bots.tests.faults.recovery import recover
from bots.tests.faults.scenarios import Action, Market, place_of
from bots.tests.faults.stage import Stage
from bots.tests.faults.striking import Blow, Call, Request
from bots.tests.faults.table import Row
from bots.tests.faults.test_orders_and_replies import ASK, the_entry
from bots.tests.faults.test_stops_and_positions import is_flat, is_guarded
from exchange.binance import clock

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "journal"]),
    pytest.mark.long,
]

SAVE: Final = Call(target="bots.engine.tick.save_and_publish")
LOSS: Final = "paused (max_daily_loss_perc reached)"
MINUTE: Final = timedelta(minutes=1)


@contextmanager
def _living_in(zone: str) -> Iterator[None]:
    """Let the machine's and the request's local time be that of `zone`."""
    with pytest.MonkeyPatch.context() as patch, timezone.override(ZoneInfo(zone)):
        patch.setenv("TZ", zone)
        time.tzset()
        yield
    time.tzset()


def _days(stage: Stage) -> int:
    return BotEvent.objects.filter(bot=stage.bot, kind=EventKind.DAY_ROLLED).count()


_CHANGES: Final = [
    # Moments (UTC) at which clocks are put on or back, and where.
    pytest.param("Europe/Berlin", datetime(2025, 10, 26, 1, tzinfo=UTC), id="back"),
    pytest.param("America/New_York", datetime(2026, 3, 8, 7, tzinfo=UTC), id="forward"),
]


@pytest.mark.parametrize(("zone", "change"), _CHANGES)
def test_summer_time_begins_or_ends_where_the_user_lives(
    zone: str,
    change: datetime,
    make_holder: MakeStage,
    trader: User,
    row: Row,
    request: pytest.FixtureRequest,
) -> None:
    row.name = f"clocks go {request.node.callspec.id} an hour where the user lives"
    User.objects.filter(pk=trader.pk).update(time_zone=zone)
    stage = make_holder(Market.SPOT)
    stage.venue.set_price("BTCUSDT", f"{stage.state.last_price}")
    midnights = {change.replace(hour=0), change.replace(hour=0) + timedelta(days=1)}
    with _living_in(zone):
        local = _local_midnights(change, ZoneInfo(zone))
        assert local[0] - local[1] in (-timedelta(hours=23), -timedelta(hours=25))
        moments = sorted({*local, change, *midnights})
        stage.go_to(moments[0] - MINUTE)
        stage.tick()
        for moment in moments:
            _just_after(stage, moment, is_new_day=moment in midnights)
        stage.strike_when_due(SAVE, Blow.KILL)
        row.ticks = recover(stage)
    assert len([one for one in placed_by_us(stage.ledger()) if one.filled]) == 1


def _local_midnights(change: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    day = change.astimezone(zone).replace(hour=0)
    return day.astimezone(UTC), (day + timedelta(days=1)).astimezone(UTC)


def _just_after(stage: Stage, moment: datetime, *, is_new_day: bool) -> None:
    """Tick; a day has begun at 00:00 UTC and then alone."""
    before = _days(stage)
    stage.go_to(moment + timedelta(seconds=20))
    assert stage.tick()
    assert wake_daily_pauses(lambda *_: stage.venue.market_time()) == 0
    assert _days(stage) - before == is_new_day
    assert stage.state.trading_day == stage.venue.market_time().date()


@pytest.mark.parametrize("hours", [1, -1], ids=["forward", "back"])
def test_the_wall_clock_is_stepped_while_an_order_is_in_doubt(
    hours: int, make_stage: MakeStage, row: Row
) -> None:
    row.name, row.did = f"the wall clock is stepped by {hours} h, an order in doubt", "filled"
    stage = make_stage(Market.SPOT, entry_slippage_perc=None)
    # Its own answers lag behind, so that it does not find what it has filled.
    lag = {"when": "before", "action": "stale", "seconds": 60, "times": None}
    stage.venue.set_fault(endpoint=ASK[Market.SPOT], **lag)
    stage.strike(Request(endpoint=place_of(Action.EXIT, Market.SPOT), is_after=True), Blow.KILL)
    _step_wall_clock(stage, timedelta(hours=hours))
    stage.forget_waits()
    for _ in range(2):
        stage.pass_time()
        assert stage.tick()
        assert the_entry().status == "unknown"
    assert the_entry().not_found_looks == 0  # the venue's own clock says: it may still arrive
    stage.go_to(AT_SELL)
    row.ticks = recover(stage, until=is_flat)
    assert [one.side for one in placed_by_us(stage.ledger()) if one.filled] == ["BUY", "SELL"]
    _step_wall_clock(stage, timedelta(hours=-2))
    stage.pass_time()
    assert stage.tick()
    checked = stage.state.foreign_checked_at
    assert checked is not None
    assert checked <= timezone.now()  # the account is looked at again, not in two hours


def _step_wall_clock(stage: Stage, span: timedelta) -> None:
    before, before_ms = timezone.now, clock.wall_milliseconds
    span_ms = span // timedelta(milliseconds=1)
    stepped = SimpleNamespace(time=lambda: clock.wall_milliseconds() / 1000)
    stage.patch.setattr("django.utils.timezone.now", lambda: before() + span)
    stage.patch.setattr(clock, "wall_milliseconds", lambda: before_ms() + span_ms)
    stage.patch.setattr("binance.base_client.time", stepped)  # signs what is only read


def test_a_daily_limit_outlives_restarts_of_the_day_and_ends_with_it(
    make_holder: MakeStage, row: Row
) -> None:
    stage = make_holder(Market.SPOT, max_daily_loss_perc=Decimal("0.01"))
    stage.go_to(AT_SELL)
    row.ticks = recover(stage, until=is_flat)
    assert stage.state.status == LOSS
    start, lost = stage.state.day_start_equity, round(stage.state.daily_pnl, 2)
    assert lost < 0
    stop_bot(bot_id=stage.bot.pk, actor=None)
    stage.start()
    row.ticks += recover(stage)
    state = stage.state
    assert (state.status, state.day_start_equity) == (LOSS, start)
    assert round(state.daily_pnl, 2) == lost
    stop_bot(bot_id=stage.bot.pk, actor=None)
    stage.go_to(datetime(2025, 5, 13, 0, 0, 30, tzinfo=UTC))  # nobody runs at midnight
    stage.pass_time(timedelta(hours=2))
    start_bot(bot_id=stage.bot.pk, actor=None)
    stage.strike(SAVE, Blow.KILL)
    row.ticks += recover(stage)
    state = stage.state
    assert state.status != LOSS
    assert round(state.day_start_pnl, 2) == lost
    assert state.daily_trades_count <= 1
    assert _days(stage) == 1


def test_a_daily_limit_is_broken_by_fees_alone(make_holder: MakeStage, row: Row) -> None:
    stage = make_holder(Market.SPOT, max_daily_loss_perc=Decimal("0.015"))
    stage.venue.set_price("BTCUSDT", f"{stage.state.entry_price}")
    row.ticks = recover(stage, until=lambda one: one.state.status == LOSS)
    state = stage.state
    assert is_guarded(stage)
    assert state.entry_price == state.last_price
    (bought,) = Fill.objects.all()
    assert state.daily_pnl == -bought.commission * bought.price


def test_a_daily_limit_is_broken_by_funding_alone(make_holder: MakeStage, row: Row) -> None:
    row.did = "taken funding"
    stage = make_holder(Market.FUTURES, max_daily_loss_perc=Decimal("0.025"))
    stage.venue.set_price("BTCUSDT", f"{stage.state.entry_price}")
    for day, hour in ((12, 8), (12, 16), (13, 0)):
        stage.go_to(datetime(2025, 5, day, hour, 2, tzinfo=UTC))
        stage.tick()
    stage.configure(max_daily_loss_perc=Decimal("0.005"))  # the fee of the entry was yesterday's
    stage.pass_time()
    stage.tick()
    assert stage.state.state == "running"
    stage.go_to(datetime(2025, 5, 13, 8, 2, tzinfo=UTC))
    stage.strike(Call(target="bots.journal.record_funding", is_after=True), Blow.KILL)
    row.ticks = recover(stage, until=lambda one: one.state.status == LOSS)
    assert is_guarded(stage)
    midnight = datetime(2025, 5, 13, tzinfo=UTC)
    today = FundingPayment.objects.filter(market_time__gte=midnight)
    assert today.count() == 2
    assert stage.state.daily_pnl == sum(one.amount for one in today)


def test_funding_of_yesterday_is_read_after_a_night_in_which_nothing_ran(
    make_holder: MakeStage, row: Row
) -> None:
    row.did = "taken funding three times"
    stage = make_holder(Market.FUTURES, max_daily_loss_perc=Decimal("0.005"))
    stage.venue.set_price("BTCUSDT", f"{stage.state.entry_price}")
    stage.go_to(datetime(2025, 5, 13, 0, 0, 10, tzinfo=UTC))
    stage.strike(Call(target="bots.journal.record_funding", is_after=True), Blow.KILL)
    stage.forget_waits()
    stage.pass_time()
    assert stage.tick()
    state = stage.state
    midnight = datetime(2025, 5, 13, tzinfo=UTC)
    (paid,) = FundingPayment.objects.filter(market_time__gte=midnight)
    assert FundingPayment.objects.filter(market_time__lt=midnight).count() == 2
    assert (state.trading_day, state.daily_pnl) == (midnight.date(), paid.amount)
    assert state.state == "running"  # with all three of them the limit would be broken
    row.ticks = recover(stage, until=is_guarded)
