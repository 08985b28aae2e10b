"""What the day's profit is counted from: the start of the UTC day, however late that is noticed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.domain.tests.builders import D, kline
from bots.engine.books import fold_books, mark_to_market
from bots.engine.day import day_end, day_start, opening_price, profit_of_the_day, roll_day
from bots.models import BotConfig, BotEvent, BotState, EventKind
from bots.tests.engine.booking import pay_funding, rules_of, trade
from bots.tests.engine.conftest import AT_BUY
from exchange.domain.types import Environment, Kline, Side

DAY = AT_BUY.date() + timedelta(days=1)
MIDNIGHT = day_start(DAY)
TO_MIDNIGHT = (MIDNIGHT - AT_BUY) / timedelta(minutes=1)

with_database = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


def _state(bot: BotConfig) -> BotState:
    return BotState.objects.select_related("bot__api_key").get(pk=bot.pk)


def _tick(state: BotState, price: str, at: datetime, klines: tuple[Kline, ...] = ()) -> bool:
    """Do what a tick does with books and day."""
    rules = rules_of(state.bot)
    fold_books(state, rules=rules)
    mark_to_market(state, D(price))
    rolled = roll_day(
        state, market_time=at, environment=Environment.DEMO, rules=rules, klines=klines
    )
    mark_to_market(state, D(price))
    return rolled


@with_database
def test_fees_count_from_the_first_day_on(bot: BotConfig) -> None:
    trade(bot, Side.BUY, "100", "10", commission=D(1))
    state = _state(bot)
    assert _tick(state, "100", AT_BUY)
    assert (state.day_start_equity, state.daily_pnl) == (D(5000), D(-1))
    assert state.daily_trades_count == 1


@with_database
def test_what_happened_after_midnight_counts_for_the_new_day_although_it_is_noticed_late(
    bot: BotConfig,
) -> None:
    trade(bot, Side.BUY, "100", "10")
    state = _state(bot)
    _tick(state, "100", AT_BUY)
    trade(bot, Side.SELL, "90", "10", minute=TO_MIDNIGHT + 30)  # a stop, while no worker ran
    trade(bot, Side.BUY, "91", "10", minute=TO_MIDNIGHT + 40)
    before = opening_klines("98")
    assert _tick(state, "92", MIDNIGHT + timedelta(hours=1), before)
    assert state.day_start_equity == D(4980)  # ten coins at 98 at midnight
    assert state.daily_pnl == D(-70)  # sold at 90 instead of 98, and 1 won since
    assert state.daily_trades_count == 1


@with_database
def test_a_roll_that_was_not_saved_comes_to_the_same_and_is_told_once(bot: BotConfig) -> None:
    trade(bot, Side.BUY, "100", "10")
    state = _state(bot)
    _tick(state, "100", AT_BUY)
    state.save()
    for price, minutes in (("95", 1), ("70", 8)):
        state = _state(bot)  # the worker before this one was killed before it could save
        assert _tick(state, price, MIDNIGHT + timedelta(minutes=minutes), opening_klines("98"))
        assert state.day_start_equity == D(4980)
    assert state.daily_pnl == D(-280)
    assert BotEvent.objects.filter(kind=EventKind.DAY_ROLLED).count() == 1
    state.save()
    assert not _tick(_state(bot), "60", MIDNIGHT + timedelta(minutes=9))


@with_database
def test_another_capital_is_neither_profit_nor_loss(bot: BotConfig) -> None:
    state = _state(bot)
    _tick(state, "100", AT_BUY)
    state.bot.initial_capital = D(1)
    mark_to_market(state, D(100))
    assert state.daily_pnl == D(0)
    state.day_start_pnl = None  # of a version that did not note it
    state.bot.initial_capital = D(5000)
    assert profit_of_the_day(state) == D(0)


@with_database
def test_funding_is_part_of_the_day_it_was_paid_on(bot: BotConfig) -> None:
    BotConfig.objects.filter(pk=bot.pk).update(position_type="futures")
    trade(_state(bot).bot, Side.BUY, "100", "10")
    pay_funding(_state(bot).bot, "-3", minute=TO_MIDNIGHT - 1)
    pay_funding(_state(bot).bot, "-2", minute=TO_MIDNIGHT)
    state = _state(bot)
    _tick(state, "100", MIDNIGHT + timedelta(minutes=1))
    assert (state.day_start_equity, state.daily_pnl) == (D(4997), D(-2))


@with_database
def test_an_entry_that_fills_over_midnight_counts_on_the_day_it_began(bot: BotConfig) -> None:
    from_before = trade(bot, Side.BUY, "100", "1", minute=TO_MIDNIGHT - 1)
    from_before.pk, from_before.trade_id = None, "99"
    from_before.market_time = MIDNIGHT + timedelta(minutes=1)
    from_before.save(using="journal")
    trade(bot, Side.BUY, "100", "1", minute=TO_MIDNIGHT + 2)
    trade(bot, Side.BUY, "100", "1", minute=TO_MIDNIGHT + 3, intent_reason="adopted")
    state = _state(bot)
    _tick(state, "100", MIDNIGHT + timedelta(minutes=5))
    assert state.daily_trades_count == 1


def opening_klines(price: str) -> tuple[Kline, ...]:
    """Return two klines of an hour, the second opening at midnight at `price`."""
    index = int((MIDNIGHT - kline(0, D(1)).open_time) / timedelta(hours=1))
    return (kline(index - 1, D(999)), kline(index, D(price)))


def test_the_opening_price_of_a_day_is_that_of_its_first_kline_or_the_last_one_before() -> None:
    earlier, first = opening_klines("98")
    assert opening_price((earlier, first), DAY) == D(98)
    assert opening_price((earlier,), DAY) == D(999)
    assert opening_price((first,), DAY + timedelta(days=1)) == D(98)
    assert opening_price((), DAY) is None
    assert opening_price((first,), DAY - timedelta(days=1)) is None


@given(
    st.integers(0, 3 * 365 * 24 * 60),
    st.sampled_from(["Europe/Vienna", "America/New_York", "Pacific/Apia", "Asia/Kathmandu"]),
)
def test_days_are_24_hours_of_utc_whatever_zone_and_summer_time_the_user_has(
    minutes: int, name: str
) -> None:
    moment = (AT_BUY + timedelta(minutes=minutes)).astimezone(ZoneInfo(name))
    day: date = moment.astimezone(UTC).date()
    assert day_start(day) <= moment < day_end(day)
    assert day_end(day) - day_start(day) == timedelta(hours=24)
    assert day_end(day) == day_start(day + timedelta(days=1))


@with_database
def test_any_sequence_of_ticks_adds_the_days_up_to_the_whole_and_rolls_each_once(
    bot: BotConfig,
) -> None:
    """Every path from day to day ends with the same sums, in any zone, with any restarts."""

    @settings(max_examples=15, deadline=None)
    @given(
        st.lists(
            st.tuples(st.integers(0, 40 * 60), st.integers(50, 150), st.booleans(), st.booleans()),
            max_size=8,
        ),
        st.sampled_from(["UTC", "Europe/Vienna", "America/New_York"]),
    )
    def run(steps: list[tuple[int, int, bool, bool]], zone: str) -> None:
        with timezone.override(zone), transaction.atomic(using="journal"), transaction.atomic():
            _run_days(bot, steps)
            transaction.set_rollback(True, using="journal")
            transaction.set_rollback(True)

    run()


def _run_days(bot: BotConfig, steps: list[tuple[int, int, bool, bool]]) -> None:
    trade(bot, Side.BUY, "100", "1", commission=D("0.1"))
    state, rolled_days, days_sum, at = _state(bot), [], D(0), AT_BUY
    _tick(state, "100", at)
    state.save()
    for minutes, price, trades, dies in steps:
        at += timedelta(minutes=minutes)
        if trades:
            minute = (at - AT_BUY) / timedelta(minutes=1)
            trade(bot, Side.BUY, str(price), "1", minute=minute, commission=D("0.1"))
        yesterday = state.day_start_pnl
        rolled = _tick(state, str(price), at)
        if dies:
            state = _state(bot)
            assert _tick(state, str(price), at) is rolled
        if rolled:
            rolled_days.append(state.trading_day)
            assert state.day_start_pnl is not None
            assert yesterday is not None
            days_sum += state.day_start_pnl - yesterday
        assert state.trading_day == at.astimezone(UTC).date()
        state.save()
    assert len(rolled_days) == len(set(rolled_days))
    whole = state.total_realized_pnl + state.unrealized_pnl
    assert days_sum + state.daily_pnl == whole
