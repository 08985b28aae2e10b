"""The trading day: the UTC day of market time.

Every tick that sees a new day and the schedule at 00:00 UTC run the same roll. It is keyed by
(bot, day) under the bot's lock, so it happens once, and a late start catches up.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from bots import journal
from bots.domain.status import Reason, State, Status
from bots.models import BotState, EventKind
from exchange.domain.types import Environment
from exchange.market_data import RESTARTED_AFTER

DAILY_PAUSES = frozenset({Reason.MAX_DAILY_TRADES, Reason.MAX_DAILY_LOSS, Reason.DAILY_TARGET})


def day_start(day: date) -> datetime:
    """Return the first moment of a trading day."""
    return datetime.combine(day, time.min, tzinfo=UTC)


def equity(state: BotState) -> Decimal:
    """Return what the bot's capital is worth now, in quote."""
    now: Decimal = state.bot.initial_capital + state.total_realized_pnl + state.unrealized_pnl
    return now


def _runs_behind(market_time: datetime, day: date) -> bool:
    # Two symbols' times differ a little; further back, the recording has been started anew.
    return timedelta(0) < day_start(day) - market_time <= RESTARTED_AFTER


def roll_day(state: BotState, *, market_time: datetime, environment: Environment) -> bool:
    """Begin the trading day of `market_time` unless it has begun; True when it did.

    Clears counters and daily P/L, takes the new baseline, and wakes a bot that a daily limit
    had paused. An error keeps its status and message until somebody starts the bot.
    The caller holds the bot's lock and saves `state`.
    """
    day = market_time.astimezone(UTC).date()
    if state.trading_day is not None and (
        state.trading_day == day or _runs_behind(market_time, state.trading_day)
    ):
        return False
    first = state.trading_day is None
    state.trading_day = day
    state.day_start_equity = equity(state)
    state.daily_pnl = Decimal(0)
    state.daily_trades_count = 0
    state.daily_limit_reason = Reason.NONE
    current = state.current
    if current.state is not State.ERROR:
        state.last_error_message = ""
    if current.state is State.PAUSED and current.reason in DAILY_PAUSES:
        state.show(Status(State.PENDING), environment)
        state.next_due_at = None
    if not first:
        journal.record_event(
            state.pk,
            EventKind.DAY_ROLLED,
            f"Trading day {day} begins.",
            data={"day_start_equity": f"{state.day_start_equity:f}"},
        )
    return True
