"""The trading day: the UTC day of market time.

Every tick that sees a new day and the schedule at 00:00 UTC run the same roll. It is keyed by
(bot, day) under the bot's lock, so it happens once, and a late start catches up: what was realized
after midnight counts for the new day, however late it is noticed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from bots import journal
from bots.domain.decision import IntentReason, Leg
from bots.domain.status import Reason, State, Status
from bots.engine.facts import Books, position_before
from bots.models import BotEvent, BotState, EventKind
from exchange.domain.rules import TradingRules
from exchange.domain.types import ZERO, Environment, Kline
from exchange.market_data import RESTARTED_AFTER

DAILY_PAUSES = frozenset({Reason.MAX_DAILY_TRADES, Reason.MAX_DAILY_LOSS, Reason.DAILY_TARGET})


def day_start(day: date) -> datetime:
    """Return the first moment of a trading day."""
    return datetime.combine(day, time.min, tzinfo=UTC)


def day_end(day: date) -> datetime:
    """Return the first moment that is not part of a trading day any more."""
    return day_start(day) + timedelta(days=1)


def profit(state: BotState) -> Decimal:
    """Return all profit and loss of these books: net realized, funding, and unrealized now."""
    now: Decimal = state.total_realized_pnl + state.unrealized_pnl
    return now


def equity(state: BotState) -> Decimal:
    """Return what the bot's capital is worth now, in quote."""
    now: Decimal = state.bot.initial_capital + profit(state)
    return now


def profit_of_the_day(state: BotState) -> Decimal:
    """Return profit and loss since the start of the trading day; zero before the first one."""
    if state.day_start_equity is None:
        return ZERO
    # What an older version has not noted is told by the capital, as long as nobody edits that.
    start: Decimal | None = state.day_start_pnl
    if start is None:
        start = state.day_start_equity - state.bot.initial_capital
    return profit(state) - start


def count_day(state: BotState) -> None:
    """Count the entries of the bot's trading day, each on the day of its first fill."""
    if state.trading_day is None:
        return
    start = day_start(state.trading_day)
    entries = Books.of(state.bot).fills.filter(
        order__leg=Leg.ENTRY.value, market_time__lt=day_end(state.trading_day)
    )
    ours = entries.exclude(order__intent_reason=IntentReason.ADOPTED.value)
    today = set(ours.filter(market_time__gte=start).values_list("order_id", flat=True))
    begun_before = ours.filter(market_time__lt=start, order_id__in=today)
    state.daily_trades_count = len(today - set(begun_before.values_list("order_id", flat=True)))


def _runs_behind(market_time: datetime, day: date) -> bool:
    # Two symbols' times differ a little; further back, the recording has been started anew.
    return timedelta(0) < day_start(day) - market_time <= RESTARTED_AFTER


def roll_day(
    state: BotState,
    *,
    market_time: datetime,
    environment: Environment,
    rules: TradingRules | None = None,
    klines: Sequence[Kline] = (),
) -> bool:
    """Begin the trading day of `market_time` unless it has begun; True when it did.

    rules, klines   let a late tick find the baseline that the start of the day had; without them
                    it is what the bot's books and its last price say now

    Clears counters and daily P/L, takes the new baseline, and wakes a bot that a daily limit
    had paused. An error keeps its status and message until somebody starts the bot.
    The caller holds the bot's lock and saves `state`. Safe to repeat: a roll that was not saved
    comes to the same when it is done again.
    """
    day = market_time.astimezone(UTC).date()
    if state.trading_day is not None and (
        state.trading_day == day or _runs_behind(market_time, state.trading_day)
    ):
        return False
    first = state.trading_day is None
    state.day_start_pnl = _profit_at_start(state, day, rules=rules, klines=klines)
    state.day_start_equity = state.bot.initial_capital + state.day_start_pnl
    state.daily_pnl = profit_of_the_day(state)
    state.trading_day = day
    count_day(state)
    state.daily_limit_reason = Reason.NONE
    current = state.current
    if current.state is not State.ERROR:
        state.last_error_message = ""
    if current.state is State.PAUSED and current.reason in DAILY_PAUSES:
        state.show(Status(State.PENDING), environment)
        state.next_due_at = None
    if not first:
        _tell(state, day)
    return True


def opening_price(klines: Sequence[Kline], day: date) -> Decimal | None:
    """Return the price at the start of a day, None when the klines do not reach back to it.

    `klines` oldest first, the open one may be among them.
    """
    start = day_start(day)
    opened = next((kline.open for kline in klines if kline.open_time == start), None)
    if opened is not None:
        return opened
    before = [kline.close for kline in klines if kline.close_time < start]
    return before[-1] if before else None


def _profit_at_start(
    state: BotState, day: date, *, rules: TradingRules | None, klines: Sequence[Kline]
) -> Decimal:
    if rules is None:
        return profit(state)
    # From the facts alone, so that it makes no difference when, or how often, this is asked.
    position = position_before(day_start(day), Books.of(state.bot), rules=rules)
    price = opening_price(klines, day) or state.last_price
    return position.realized_net + (ZERO if price is None else position.unrealized(price))


def _tell(state: BotState, day: date) -> None:
    told = BotEvent.objects.using(journal.JOURNAL).filter(
        bot_id=state.pk, kind=EventKind.DAY_ROLLED, data__day=day.isoformat()
    )
    if told.exists():
        return  # by a tick that died before its roll was saved
    journal.record_event(
        state.pk,
        EventKind.DAY_ROLLED,
        f"Trading day {day} begins.",
        data={"day": day.isoformat(), "day_start_equity": f"{state.day_start_equity:f}"},
    )
