"""The protections of a bot with its settings, and the facts that each of them asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q, QuerySet

from bots.domain.decision import DenialCode, IntentReason, Leg
from bots.domain.protections import (
    Asking,
    ClosedTrade,
    Errors,
    Lock,
    cooldown,
    exchange_errors,
    max_drawdown,
    missing_klines,
    standing_market,
    stop_loss_guard,
)
from bots.models import BotConfig, BotEvent, BotState, EventKind, Tick, Trade
from exchange.domain.intervals import interval_length
from exchange.domain.types import ZERO

ORDER_ERRORS: Final = (EventKind.ORDER_UNKNOWN, EventKind.ORDER_REJECTED)
NOT_ASKED: Final = "not asked: "  # how our own governor's refusals begin: no error of the venue
_STOPPED_BY: Final = (
    IntentReason.STOP_LOSS,
    IntentReason.TRAILING_STOP,
    IntentReason.LIQUIDATION,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The bot, and what only the tick knows: the newest closed kline's open time."""

    state: BotState
    newest_kline: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One protection; `ask` returns None also when the bot has it switched off."""

    kind: DenialCode
    ask: Callable[[Facts, Asking], Lock | None]
    is_wall_time: bool = False


def _cooldown(facts: Facts, asking: Asking) -> Lock | None:
    state = facts.state
    return cooldown(
        asking,
        pause=timedelta(seconds=state.bot.order_cooldown_seconds),
        last_entry=state.last_entry_time,
        last_close=state.last_close_time,
    )


def _stop_loss_guard(facts: Facts, asking: Asking) -> Lock | None:
    bot = facts.state.bot
    if bot.stop_loss_guard_count is None:
        return None
    within = timedelta(minutes=bot.stop_loss_guard_minutes)
    lock_for = timedelta(minutes=bot.stop_loss_guard_lock_minutes)
    # A stop that rests at the venue was wanted as protection: its leg says what it was.
    stops = _closed_trades(bot, asking, back=within + lock_for).filter(
        Q(reason__in=_STOPPED_BY) | Q(order__leg=Leg.STOP), realized_pnl__lt=0
    )
    moments = list(stops.values_list("market_time", flat=True))
    return stop_loss_guard(
        asking, moments, count=bot.stop_loss_guard_count, within=within, lock_for=lock_for
    )


def _max_drawdown(facts: Facts, asking: Asking) -> Lock | None:
    bot = facts.state.bot
    if bot.max_drawdown_perc is None:
        return None
    within = timedelta(minutes=bot.max_drawdown_minutes)
    lock_for = timedelta(minutes=bot.max_drawdown_lock_minutes)
    rows = _closed_trades(bot, asking, back=within + lock_for)
    closed = [
        ClosedTrade(at=at, net=net or ZERO)
        for at, net in rows.values_list("market_time", "realized_pnl")
    ]
    return max_drawdown(
        asking,
        closed,
        equity=bot.initial_capital + facts.state.total_realized_pnl,
        percent=bot.max_drawdown_perc,
        within=within,
        lock_for=lock_for,
    )


def _closed_trades(bot: BotConfig, asking: Asking, *, back: timedelta) -> QuerySet[Trade]:
    # Of what the bot trades now: losses of paper money lock nothing that is live.
    return Trade.objects.filter(
        bot_id=bot.pk,
        symbol=bot.symbol,
        order__market=bot.position_type,
        order__account_id=bot.api_key.account_id if bot.api_key else None,
        realized_pnl__isnull=False,
        market_time__gt=asking.now - back,
        market_time__lte=asking.newest,
    ).order_by("market_time", "id")


def _exchange_errors(facts: Facts, asking: Asking) -> Lock | None:
    bot = facts.state.bot
    if bot.exchange_error_count is None:
        return None
    within = timedelta(minutes=bot.exchange_error_minutes)
    lock_for = timedelta(minutes=bot.exchange_error_lock_minutes)
    since = asking.now - within - lock_for
    return exchange_errors(
        asking,
        [*_order_errors(bot, since), *_failed_ticks(bot, since)],
        count=bot.exchange_error_count,
        within=within,
        lock_for=lock_for,
    )


def _order_errors(bot: BotConfig, since: datetime) -> list[Errors]:
    rows = BotEvent.objects.filter(bot_id=bot.pk, kind__in=ORDER_ERRORS, created_at__gt=since)
    return [Errors(first=at, last=at) for at in rows.values_list("created_at", flat=True)]


def _failed_ticks(bot: BotConfig, since: datetime) -> list[Errors]:
    newest = Q(started_at__gt=since) | Q(last_started_at__gt=since)
    failed = Tick.objects.filter(newest, bot_id=bot.pk).exclude(error="")
    rows = failed.exclude(error__startswith=NOT_ASKED)
    return [
        Errors(first=first, last=last or first, count=count)
        for first, last, count in rows.values_list("started_at", "last_started_at", "repeats")
    ]


def _standing_market(facts: Facts, asking: Asking) -> Lock | None:
    seconds = facts.state.bot.stale_data_seconds
    if seconds is None:
        return None
    patience = timedelta(seconds=seconds)
    return standing_market(asking, moved_at=facts.state.market_moved_at, patience=patience)


def _missing_klines(facts: Facts, asking: Asking) -> Lock | None:
    bot = facts.state.bot
    if bot.stale_data_seconds is None:
        return None
    interval = interval_length(bot.timeframe)
    return missing_klines(asking, newest_kline=facts.newest_kline, interval=interval)


RULES: Final = (
    Rule(kind=DenialCode.COOLDOWN, ask=_cooldown),
    Rule(kind=DenialCode.STOP_LOSS_GUARD, ask=_stop_loss_guard),
    Rule(kind=DenialCode.MAX_DRAWDOWN, ask=_max_drawdown),
    Rule(kind=DenialCode.EXCHANGE_ERRORS, ask=_exchange_errors, is_wall_time=True),
    Rule(kind=DenialCode.STALE_DATA, ask=_standing_market, is_wall_time=True),
    Rule(kind=DenialCode.STALE_DATA, ask=_missing_klines),
)
