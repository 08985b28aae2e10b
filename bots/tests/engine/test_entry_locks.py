"""Locks are what the protections say about the facts, written down once per cause."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from bots import journal
from bots.domain.decision import Denial, DenialCode, IntentReason, Leg
from bots.domain.orders import OrderStatus
from bots.engine.answers import failure_of
from bots.engine.entry_locks import entry_locks, note_locks, note_market_time
from bots.engine.protecting import NOT_ASKED
from bots.journal import entry_locks as entry_locks_journal
from bots.models import BotConfig, BotEvent, BotState, EntryLock, EventKind, Order, Tick, Trade
from bots.services.entry_locks import lift_lock
from bots.services.errors import BotError
from exchange.domain.errors import RateLimitedError
from exchange.domain.types import Side
from exchange.models import ExchangeAccount

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

MARKET = datetime(2025, 5, 12, 12, tzinfo=UTC)
WALL = datetime(2026, 1, 5, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)

Worker = Callable[[Callable[[], Any]], Future[Any]]


def settings(bot: BotConfig, **changes: object) -> None:
    BotConfig.objects.filter(pk=bot.pk).update(**changes)


def state_of(bot: BotConfig, **changes: object) -> BotState:
    BotState.objects.filter(pk=bot.pk).update(**changes)
    return BotState.objects.select_related("bot__api_key__account").get(pk=bot.pk)


def note(bot: BotConfig, *, now: datetime = WALL, market_time: datetime = MARKET) -> None:
    note_locks(state_of(bot), now=now, market_time=market_time)


def denials(
    bot: BotConfig, *, now: datetime = WALL, market_time: datetime = MARKET
) -> list[tuple[DenialCode, str]]:
    found = entry_locks(state_of(bot), now=now, market_time=market_time)
    assert all(isinstance(each, Denial) for each in found)
    return [(each.code, each.detail) for each in found]


def codes(bot: BotConfig, **moment: datetime) -> list[DenialCode]:
    return [code for code, _ in denials(bot, **moment)]


def close_a_trade(
    bot: BotConfig,
    *,
    at: datetime,
    net: int | None,
    reason: IntentReason = IntentReason.STOP_LOSS,
    leg: Leg = Leg.EXIT,
    account: ExchangeAccount | None = None,
) -> None:
    assert bot.api_key is not None
    number = Order.objects.count() + 1
    order = Order.objects.create(
        bot=bot,
        account=account or bot.api_key.account,
        market="spot",
        symbol=bot.symbol,
        source="t",
        slot=number,
        leg=leg,
        client_order_id=f"order-{number}",
        side=Side.SELL,
        quantity=1,
        intent_reason=reason,
        status=OrderStatus.FILLED,
        signed_at_ms=0,
        recv_window_ms=5000,
        sent_at=WALL,
    )
    Trade.objects.create(
        bot=bot,
        user=bot.user,
        order=order,
        symbol=bot.symbol,
        side=Side.SELL,
        order_type="MARKET",
        price=1,
        quantity_filled=1,
        quote_quantity_filled=1,
        commission_amount=0,
        commission_asset="USDT",
        pnl=net,
        realized_pnl=net,
        reason=reason,
        binance_order_id="1",
        market_time=at,
    )


class KilledError(BaseException):
    """The worker dies here."""


# Cooldown: what every lock has in common.


def test_a_bot_without_a_cause_has_no_lock(bot: BotConfig) -> None:
    settings(bot, order_cooldown_seconds=60)
    note(bot)
    assert not EntryLock.objects.exists()
    assert denials(bot) == []


def test_a_lock_says_why_and_until_when(bot: BotConfig) -> None:
    settings(bot, order_cooldown_seconds=90)
    state_of(bot, last_entry_time=MARKET - 30 * SECOND)
    note(bot)
    assert denials(bot) == [
        (
            DenialCode.COOLDOWN,
            "a pause of 90 s after an entry order; "
            "no entries until 2025-05-12 12:01:00 (market time)",
        )
    ]
    row = EntryLock.objects.get()
    assert (row.starts_at, row.ends_at) == (MARKET - 30 * SECOND, MARKET + MINUTE)
    assert (row.is_wall_time, row.lifted_at) == (False, None)
    event = BotEvent.objects.get(kind=EventKind.LOCKED)
    assert event.message == (
        "No entries until 2025-05-12 12:01:00: a pause of 90 s after an entry order."
    )


def test_looking_again_writes_nothing_new(bot: BotConfig) -> None:
    settings(bot, order_cooldown_seconds=90)
    state_of(bot, last_entry_time=MARKET)
    for seconds in (0, 1, 60):
        note(bot, market_time=MARKET + seconds * SECOND)
    assert EntryLock.objects.count() == 1
    assert BotEvent.objects.filter(kind=EventKind.LOCKED).count() == 1


def test_a_lock_ends_by_itself_in_market_time_however_much_wall_time_passes(
    bot: BotConfig,
) -> None:
    settings(bot, order_cooldown_seconds=90)
    state_of(bot, last_entry_time=MARKET)
    note(bot)
    almost = MARKET + 89 * SECOND
    assert codes(bot, now=WALL + timedelta(days=9), market_time=almost) == [DenialCode.COOLDOWN]
    assert codes(bot, market_time=MARKET + 90 * SECOND) == []


def test_a_newer_cause_takes_the_place_of_the_older(bot: BotConfig) -> None:
    settings(bot, order_cooldown_seconds=90)
    state_of(bot, last_entry_time=MARKET)
    note(bot)
    later = MARKET + 40 * SECOND
    state_of(bot, last_close_time=later)
    note(bot, market_time=later)
    assert codes(bot, market_time=later) == [DenialCode.COOLDOWN]
    ends = EntryLock.objects.order_by("starts_at").values_list("ends_at", flat=True)
    assert list(ends) == [later, later + 90 * SECOND]


def test_a_lock_follows_an_edit_of_its_setting(bot: BotConfig) -> None:
    settings(bot, order_cooldown_seconds=3600)
    state_of(bot, last_entry_time=MARKET)
    note(bot)
    settings(bot, order_cooldown_seconds=60)
    note(bot, market_time=MARKET + 30 * SECOND)
    assert EntryLock.objects.get().ends_at == MARKET + MINUTE
    settings(bot, order_cooldown_seconds=0)
    note(bot, market_time=MARKET + 31 * SECOND)
    assert codes(bot, market_time=MARKET + 31 * SECOND) == []
    settings(bot, order_cooldown_seconds=60)
    note(bot, market_time=MARKET + 32 * SECOND)
    assert codes(bot, market_time=MARKET + 32 * SECOND) == [DenialCode.COOLDOWN]
    assert EntryLock.objects.count() == 1


def test_a_lock_whose_cause_is_a_little_ahead_of_the_market_ends_where_it_starts(
    bot: BotConfig,
) -> None:
    settings(bot, order_cooldown_seconds=60)
    ahead = MARKET + SECOND
    state_of(bot, last_entry_time=ahead)
    note(bot)
    assert codes(bot) == [DenialCode.COOLDOWN]
    settings(bot, order_cooldown_seconds=0)
    note(bot)
    row = EntryLock.objects.get()
    assert (row.starts_at, row.ends_at) == (ahead, ahead)


def test_a_lock_of_a_recording_that_was_started_anew_does_not_stand(bot: BotConfig) -> None:
    settings(bot, order_cooldown_seconds=604_800)
    state_of(bot, last_entry_time=MARKET)
    note(bot)
    anew = MARKET - timedelta(days=2)
    assert codes(bot, market_time=anew) == []
    note(bot, market_time=anew)
    assert codes(bot, market_time=anew) == []


def test_a_worker_that_dies_while_it_writes_a_lock_leaves_it_to_the_next_tick(
    bot: BotConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(bot, order_cooldown_seconds=90)
    state_of(bot, last_entry_time=MARKET)

    def die(*_: object, **__: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(entry_locks_journal, "record_event", die)
        with pytest.raises(KilledError):
            note(bot)
    assert not EntryLock.objects.exists()
    note(bot)
    assert codes(bot) == [DenialCode.COOLDOWN]
    assert BotEvent.objects.filter(kind=EventKind.LOCKED).count() == 1


def test_two_workers_write_a_lock_once(bot: BotConfig, worker_thread: Worker) -> None:
    settings(bot, order_cooldown_seconds=90)
    state_of(bot, last_entry_time=MARKET)
    for work in [worker_thread(lambda: note(bot)) for _ in range(4)]:
        work.result(20)
    assert EntryLock.objects.count() == 1
    assert BotEvent.objects.filter(kind=EventKind.LOCKED).count() == 1


def test_a_quiet_bot_costs_three_queries(
    bot: BotConfig, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    state = state_of(bot)
    with (
        django_assert_num_queries(3),
        django_assert_num_queries(0, using=journal.JOURNAL),
    ):
        note_locks(state, now=WALL, market_time=MARKET)


# Lifting.


def test_a_lifted_lock_stays_lifted_for_its_cause_only(bot: BotConfig, trader: User) -> None:
    settings(bot, order_cooldown_seconds=90)
    state_of(bot, last_entry_time=MARKET)
    note(bot)
    row = lift_lock(EntryLock.objects.get().pk, actor=trader)
    assert (row.lifted_by, row.lifted_at is not None) == (trader, True)
    note(bot, market_time=MARKET + SECOND)
    assert codes(bot, market_time=MARKET + SECOND) == []
    assert EntryLock.objects.count() == 1

    later = MARKET + 20 * SECOND
    state_of(bot, last_close_time=later)
    note(bot, market_time=later)
    assert codes(bot, market_time=later) == [DenialCode.COOLDOWN]


def test_an_edit_does_not_bring_a_lifted_lock_back(bot: BotConfig) -> None:
    settings(bot, order_cooldown_seconds=90)
    state_of(bot, last_entry_time=MARKET)
    note(bot)
    lift_lock(EntryLock.objects.get().pk, actor=None)
    settings(bot, order_cooldown_seconds=3600)
    note(bot)
    assert codes(bot) == []
    assert EntryLock.objects.get().ends_at == MARKET + 90 * SECOND


def test_a_tick_that_did_not_see_the_lifting_changes_nothing(bot: BotConfig) -> None:
    settings(bot, order_cooldown_seconds=90)
    state_of(bot, last_entry_time=MARKET)
    note(bot)
    seen = EntryLock.objects.get()
    lift_lock(seen.pk, actor=None)
    journal.move_lock_end(seen, MARKET)
    assert EntryLock.objects.get().ends_at == MARKET + 90 * SECOND


def test_lifting_twice_is_told_once(bot: BotConfig, trader: User) -> None:
    settings(bot, order_cooldown_seconds=90)
    state_of(bot, last_entry_time=MARKET)
    note(bot)
    lock_id = EntryLock.objects.get().pk
    first = lift_lock(lock_id, actor=trader)
    second = lift_lock(lock_id, actor=None)
    assert second.lifted_at == first.lifted_at
    assert second.lifted_by == trader
    event = BotEvent.objects.get(kind=EventKind.LIFTED)
    assert event.actor == trader
    assert event.message == (
        "Lifted the lock until 2025-05-12 12:01:30: a pause of 90 s after an entry order."
    )


def test_a_lock_that_is_not_there_cannot_be_lifted(bot: BotConfig) -> None:
    with pytest.raises(BotError, match="no such lock"):
        lift_lock(999_999, actor=None)


# Stop-loss guard and drawdown: facts are the trades of what the bot trades now.


def test_stops_with_a_loss_are_counted_wherever_they_fired(bot: BotConfig) -> None:
    settings(bot, stop_loss_guard_count=4, exchange_error_count=None)
    reasons = (IntentReason.STOP_LOSS, IntentReason.TRAILING_STOP, IntentReason.LIQUIDATION)
    for minutes, reason in enumerate(reasons, start=10):
        close_a_trade(bot, at=MARKET - minutes * MINUTE, net=-1, reason=reason)
    note(bot)
    assert codes(bot) == []
    at_the_venue = MARKET - 5 * MINUTE
    close_a_trade(bot, at=at_the_venue, net=-1, reason=IntentReason.PROTECTION, leg=Leg.STOP)
    note(bot)
    assert codes(bot) == [DenialCode.STOP_LOSS_GUARD]
    assert EntryLock.objects.get().starts_at == at_the_venue


def test_other_exits_and_stops_with_a_gain_are_no_stops(
    bot: BotConfig, trader: User, api_key: object
) -> None:
    settings(bot, stop_loss_guard_count=1, max_drawdown_perc=1)
    paper = ExchangeAccount.objects.create(environment="demo", uid="another", owner=trader)
    close_a_trade(bot, at=MARKET - MINUTE, net=-9, reason=IntentReason.EXIT_SIGNAL)
    close_a_trade(bot, at=MARKET - 2 * MINUTE, net=9, reason=IntentReason.TRAILING_STOP)
    close_a_trade(bot, at=MARKET - 3 * MINUTE, net=-999, account=paper)
    close_a_trade(bot, at=MARKET - timedelta(days=3), net=-999)
    close_a_trade(bot, at=MARKET - MINUTE, net=None, leg=Leg.ENTRY)
    note(bot)
    assert codes(bot) == []


def test_the_stops_of_a_lifted_lock_count_no_more(bot: BotConfig) -> None:
    settings(bot, stop_loss_guard_count=2)
    for minutes in (30, 20):
        close_a_trade(bot, at=MARKET - minutes * MINUTE, net=-1)
    note(bot)
    lift_lock(EntryLock.objects.get().pk, actor=None)
    close_a_trade(bot, at=MARKET - 10 * MINUTE, net=-1)
    note(bot)
    assert codes(bot) == []
    close_a_trade(bot, at=MARKET, net=-1)
    note(bot)
    assert codes(bot) == [DenialCode.STOP_LOSS_GUARD]


def test_lifting_a_lock_forgives_nothing_of_another_kind(bot: BotConfig) -> None:
    settings(bot, stop_loss_guard_count=1, order_cooldown_seconds=90)
    state_of(bot, last_entry_time=MARKET)
    note(bot)
    lift_lock(EntryLock.objects.get().pk, actor=None)
    close_a_trade(bot, at=MARKET - MINUTE, net=-1)
    note(bot)
    assert codes(bot) == [DenialCode.STOP_LOSS_GUARD]


def test_a_drawdown_is_measured_against_what_the_bot_had_before_it(bot: BotConfig) -> None:
    settings(bot, max_drawdown_perc=Decimal("2.5"), initial_capital=4000)
    state_of(bot, total_realized_pnl=Decimal(-100))
    close_a_trade(bot, at=MARKET - 20 * MINUTE, net=-60, reason=IntentReason.EXIT_SIGNAL)
    close_a_trade(bot, at=MARKET - 10 * MINUTE, net=-40, reason=IntentReason.CLOSE_REQUEST)
    note(bot)
    assert denials(bot) == [
        (
            DenialCode.MAX_DRAWDOWN,
            "2.5 % of the equity lost within 1440 minutes; "
            "no entries until 2025-05-12 15:50:00 (market time)",
        )
    ]


# Exchange errors: wall time.


def fail_a_tick(bot: BotConfig, *, at: datetime, repeats: int = 1) -> None:
    Tick.objects.create(
        bot=bot,
        slot=1,
        started_at=at,
        error="the venue did not answer",
        repeats=repeats,
        last_started_at=at + (repeats - 1) * SECOND if repeats > 1 else None,
    )


def test_refused_and_unknown_orders_and_failed_ticks_add_up(bot: BotConfig) -> None:
    settings(bot, exchange_error_count=4)
    for kind in (EventKind.ORDER_REJECTED, EventKind.ORDER_UNKNOWN, EventKind.BOOKS):
        journal.record_event(bot.pk, kind, "something")
    now = timezone.now()
    fail_a_tick(bot, at=now)
    Tick.objects.create(bot=bot, slot=2, started_at=now, sentence="All is well.")
    note(bot, now=now + SECOND)
    assert codes(bot, now=now + SECOND) == []
    fail_a_tick(bot, at=now)
    note(bot, now=now + SECOND)
    assert codes(bot, now=now + SECOND) == [DenialCode.EXCHANGE_ERRORS]
    assert codes(bot, now=now + 10 * MINUTE) == []


def test_repeats_of_a_failed_tick_count_one_by_one(bot: BotConfig) -> None:
    settings(bot, exchange_error_count=5)
    fail_a_tick(bot, at=WALL, repeats=4)
    note(bot, now=WALL + MINUTE)
    assert codes(bot, now=WALL + MINUTE) == []
    fail_a_tick(bot, at=WALL + 30 * SECOND, repeats=5)
    note(bot, now=WALL + MINUTE)
    assert denials(bot, now=WALL + MINUTE) == [
        (
            DenialCode.EXCHANGE_ERRORS,
            "at least 5 errors of the venue within 10 minutes; "
            "no entries until 2026-01-05 09:10:34 (UTC)",
        )
    ]


def test_what_our_own_limits_kept_from_being_asked_is_no_error_of_the_venue(
    bot: BotConfig,
) -> None:
    settings(bot, exchange_error_count=2)
    fail_a_tick(bot, at=WALL, repeats=9)
    refused = RateLimitedError(f"{NOT_ASKED}weight is used up", retry_after=30)
    Tick.objects.filter(bot=bot).update(error=failure_of(refused).message)
    note(bot, now=WALL + MINUTE)
    assert codes(bot, now=WALL + MINUTE) == []


# Stale data.


def test_market_time_that_moves_on_is_noted_in_wall_time(bot: BotConfig) -> None:
    state = state_of(bot)
    note_market_time(state, now=WALL, market_time=MARKET)
    assert (state.last_market_time, state.market_moved_at) == (MARKET, WALL)
    note_market_time(state, now=WALL + MINUTE, market_time=MARKET)
    assert state.market_moved_at == WALL
    note_market_time(state, now=WALL + 2 * MINUTE, market_time=MARKET + SECOND)
    assert state.market_moved_at == WALL + 2 * MINUTE


def test_a_market_that_stands_still_locks_until_it_moves(bot: BotConfig) -> None:
    state = state_of(bot, market_moved_at=WALL, last_market_time=MARKET)
    late = WALL + timedelta(seconds=181)
    note(bot, now=late)
    assert codes(bot, now=late) == [DenialCode.STALE_DATA]
    later = late + MINUTE
    note(bot, now=later)
    assert EntryLock.objects.get().ends_at == later + timedelta(seconds=180)

    note_market_time(state, now=later, market_time=MARKET + SECOND)
    state.save()
    note(bot, now=later, market_time=MARKET + SECOND)
    assert codes(bot, now=later, market_time=MARKET + SECOND) == []
    assert BotEvent.objects.filter(kind=EventKind.LOCKED).count() == 1


def test_klines_that_stop_coming_lock_until_they_come_again(bot: BotConfig) -> None:
    old = MARKET - 16 * MINUTE
    note_locks(state_of(bot), now=WALL, market_time=MARKET, newest_kline=old)
    assert codes(bot) == [DenialCode.STALE_DATA]
    note_locks(state_of(bot), now=WALL, market_time=MARKET, newest_kline=MARKET - 5 * MINUTE)
    assert codes(bot) == []


def test_a_breaker_that_is_switched_off_says_nothing(bot: BotConfig) -> None:
    settings(bot, stale_data_seconds=None, exchange_error_count=None)
    state_of(bot, market_moved_at=WALL - timedelta(days=1))
    fail_a_tick(bot, at=WALL, repeats=100)
    note_locks(state_of(bot), now=WALL, market_time=MARKET, newest_kline=MARKET - timedelta(days=1))
    assert denials(bot) == []


def test_every_lock_that_stands_is_named_in_a_fixed_order(bot: BotConfig) -> None:
    settings(bot, order_cooldown_seconds=90, stop_loss_guard_count=1)
    state_of(bot, last_entry_time=MARKET, market_moved_at=WALL - timedelta(days=1))
    close_a_trade(bot, at=MARKET - MINUTE, net=-1)
    note(bot)
    assert codes(bot) == [
        DenialCode.COOLDOWN,
        DenialCode.STOP_LOSS_GUARD,
        DenialCode.STALE_DATA,
    ]
