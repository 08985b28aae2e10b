"""One tick of one bot: lock, reconcile, snapshot, decide, record, execute, publish."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from bots import journal
from bots.domain.decide import decide
from bots.domain.decision import Decision
from bots.domain.orders import OrderStatus
from bots.domain.status import Reason, State, Status
from bots.engine.answers import EXPECTED_FAILURES, Answer, KeyMissingError, failure_of
from bots.engine.books import count_day, fold_books, mark_to_market
from bots.engine.day import roll_day
from bots.engine.execution import submit_orders
from bots.engine.publishing import publish_klines, publish_state, publish_trades
from bots.engine.reconciliation import reconcile_orders
from bots.engine.recording import record_decision, record_failure
from bots.engine.schedule import next_due
from bots.engine.snapshot import MarketView, newest_closed, read_market, take_snapshot
from bots.locks import BotLockedError, bot_lock, heal_missing_state
from bots.models import BotConfig, BotState, EventKind, Order
from exchange.domain.gateway import ExchangeGateway
from exchange.domain.types import Environment, Market
from exchange.registry import gateway_for

logger = logging.getLogger(__name__)


def run_tick(bot_id: int) -> str:
    """Read everything, decide once, write everything; return the short answer.

    Safe to repeat: a tick that died half-way is finished by the reconciliation at the start
    of the next one, never by sending its orders again.
    """
    heal_missing_state(bot_id)
    try:
        with bot_lock(bot_id) as state:
            return _locked_tick(state)
    except BotLockedError:
        return Answer.LOCKED
    except BotState.DoesNotExist:
        return Answer.NOT_ACTIVE


def _locked_tick(state: BotState) -> str:
    if not state.bot.is_active:
        _rest(state)
        return Answer.NOT_ACTIVE
    if state.current.state is State.ERROR and state.current.reason is not Reason.PRICE_DATA:
        return state.last_error_message  # waits for a person
    started, clock = timezone.now(), time.monotonic()
    state.last_run_at = started
    answer: str = Answer.DONE
    try:
        _tick(state, started=started, clock=clock)
    except EXPECTED_FAILURES as error:
        answer = _fail(state, error, started=started)
    _stop_if_asked_meanwhile(state)
    publish_state(state)
    state.save()
    return answer


def _tick(state: BotState, *, started: datetime, clock: float) -> None:
    bot = state.bot
    gateway = _gateway(bot)
    settled = reconcile_orders(bot, gateway=gateway)
    rules = gateway.rules(bot.symbol)
    trades = fold_books(state, rules=rules)
    view = read_market(state, gateway=gateway)
    _take_market(state, view, gateway=gateway)
    if not settled:
        _wait_for_the_venue(state, gateway=gateway)
        publish_trades(state, trades)
        return
    snapshot = take_snapshot(
        state, view, gateway=gateway, rules=rules, entry_block=_entry_block(gateway.environment)
    )
    decision = decide(snapshot)
    tick, orders = record_decision(state, snapshot, decision, gateway=gateway, started=started)
    _show_decision(state, decision, environment=gateway.environment)
    submit_orders(orders, gateway=gateway)
    trades += fold_books(state, rules=rules)
    _show_outcome(state, decision, orders)
    count_day(state)
    mark_to_market(state, view.ticker.price)
    journal.finish_tick(
        tick, status=state.status, duration_ms=int((time.monotonic() - clock) * 1000)
    )
    publish_trades(state, trades)
    publish_klines(state, view.klines)


def _gateway(bot: BotConfig) -> ExchangeGateway:
    if bot.api_key is None:
        raise KeyMissingError(f"bot {bot.pk} has no API key")
    return gateway_for(bot.api_key, Market(bot.position_type))


def _entry_block(environment: Environment) -> str | None:
    if environment is Environment.LIVE and not settings.LIVE_TRADING_ENABLED:
        return "live trading is switched off on this installation (LIVE_TRADING_ENABLED)"
    return None


def _take_market(state: BotState, view: MarketView, *, gateway: ExchangeGateway) -> None:
    market_time = view.ticker.market_time
    mark_to_market(state, view.ticker.price)
    if roll_day(state, market_time=market_time, environment=gateway.environment):
        mark_to_market(state, view.ticker.price)
    count_day(state)
    state.last_market_time = market_time
    if state.last_seen_kline is not None and state.last_seen_kline > market_time:
        state.last_seen_kline = None  # a recording that has been started anew
    state.next_due_at = next_due(
        market_time=market_time,
        newest_kline=newest_closed(view),
        timeframe=state.bot.timeframe,
        check_seconds=state.bot.check_interval_seconds,
    )


def _wait_for_the_venue(state: BotState, *, gateway: ExchangeGateway) -> None:
    state.show(Status(State.RUNNING), gateway.environment)
    state.last_sentence = "Waits: the venue has not said yet what became of the last order."


def _show_decision(state: BotState, decision: Decision, *, environment: Environment) -> None:
    state.show(decision.status, environment)
    state.last_error_message = ""
    state.last_sentence = decision.sentence
    state.stop_loss_price = decision.levels.stop_loss
    state.take_profit_price = decision.levels.take_profit
    state.trailing_stop_price = decision.levels.trailing_stop
    state.max_price_since_entry = decision.levels.max_price_since_entry
    state.last_seen_kline = decision.seen_until
    if decision.status.state is State.PAUSED:
        state.daily_limit_reason = decision.status.reason


def _show_outcome(state: BotState, decision: Decision, orders: list[Order]) -> None:
    """Say what became of the orders, where that is not what the decision expected."""
    for order in orders:
        if order.status == OrderStatus.FILLED:
            continue
        state.last_sentence = f"{decision.sentence} But: {order.message or order.status}"
        if order.status == OrderStatus.REJECTED:
            state.last_error_message = order.message
            # The venue would say the same to the same entry: wait for the next signal.
            state.last_order_time = state.last_market_time
    if orders:
        state.next_due_at = None  # look at once at what has become of it, and set the levels


def _fail(state: BotState, error: Exception, *, started: datetime) -> str:
    """Show an expected failure on the bot, and record the tick that ended early."""
    failure = failure_of(error)
    environment = Environment(state.bot.api_key.environment) if state.bot.api_key else None
    changed = state.current != failure.status or state.last_error_message != failure.message
    state.show(
        failure.status, environment or Environment.LIVE
    )  # an error has the same words in all
    state.last_error_message = failure.message
    state.last_sentence = failure.message
    if state.last_market_time is not None:
        state.next_due_at = state.last_market_time + timedelta(
            seconds=state.bot.check_interval_seconds
        )
    record_failure(state, started=started)
    if changed:
        journal.record_event(state.pk, EventKind.ERROR, f"{state.status}: {failure.message}")
        logger.warning("bot %s: %s: %s", state.pk, state.status, failure.message)
    return failure.answer


def _rest(state: BotState) -> None:
    """Make state and `is_active` agree on a bot that has been stopped."""
    if state.current.state is not State.STOPPED:
        state.show(Status(State.STOPPED), Environment.LIVE)
        publish_state(state)
        state.save()


def _stop_if_asked_meanwhile(state: BotState) -> None:
    if not BotConfig.objects.filter(pk=state.pk, is_active=True).exists():
        state.bot.is_active = False
        state.show(Status(State.STOPPED), Environment.LIVE)


def fail_unexpectedly(bot_id: int, error: Exception) -> str:
    """Show a failure that nobody foresaw on the bot, which then waits for a person."""
    message = f"{type(error).__name__}: {error}"
    journal.record_event(bot_id, EventKind.ERROR, f"The tick failed: {message}")
    try:
        with bot_lock(bot_id) as state:
            state.show(Status(State.ERROR), Environment.LIVE)
            state.last_error_message = message
            state.last_sentence = (
                "Stopped after an unexpected error; start it to try again."
            )
            publish_state(state)
            state.save()
    except (BotLockedError, BotState.DoesNotExist):
        pass  # another tick is at work, or the bot is gone: the journal has the message
    return f"Failed: {message}"
