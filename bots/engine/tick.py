"""One tick of one bot: lock, reconcile, snapshot, decide, record, execute, publish."""

from __future__ import annotations

import time
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from bots import journal
from bots.domain.decide import decide
from bots.domain.decision import Denial, DenialCode
from bots.domain.status import Reason, State
from bots.engine.answers import EXPECTED_FAILURES, Answer, KeyMissingError
from bots.engine.books import count_day, fold_books, mark_to_market
from bots.engine.day import roll_day
from bots.engine.execution import submit_orders
from bots.engine.leverage import set_up_leverage
from bots.engine.publishing import publish_klines, publish_trades
from bots.engine.reconciliation import reconcile_orders
from bots.engine.recording import record_decision
from bots.engine.schedule import next_due
from bots.engine.showing import (
    save_and_publish,
    show_decision,
    show_failure,
    show_outcome,
    show_stop_asked_meanwhile,
    show_stopped,
    show_unforeseen,
    show_waiting_for_the_venue,
)
from bots.engine.snapshot import MarketView, newest_closed, read_market, take_snapshot
from bots.engine.symbol import (
    note_symbol,
    note_symbol_gone,
    read_rules,
    show_symbol_trouble,
)
from bots.locks import BotLockedError, bot_lock, heal_missing_state
from bots.models import BotConfig, BotState, EventKind
from exchange.domain.budget import Priority, asking_for
from exchange.domain.errors import UnknownSymbolError
from exchange.domain.gateway import ExchangeGateway
from exchange.domain.types import Environment, Market
from exchange.registry import gateway_for


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
        if show_stopped(state):
            save_and_publish(state)
        return Answer.NOT_ACTIVE
    if state.current.state is State.ERROR and state.current.reason is not Reason.PRICE_DATA:
        return state.last_error_message  # waits for a person
    state.last_run_at = started = timezone.now()
    answer: str = Answer.DONE
    try:
        with asking_for(Priority.EXIT if state.in_position else Priority.ENTRY):
            _tick(state, started=started)
    except EXPECTED_FAILURES as error:
        if isinstance(error, UnknownSymbolError):
            note_symbol_gone(state)
        answer = show_failure(state, error, started=started)
    show_stop_asked_meanwhile(state)
    save_and_publish(state)
    return answer


def _tick(state: BotState, *, started: datetime) -> None:
    clock = time.monotonic()
    gateway = _gateway(state.bot)
    environment = gateway.environment
    with asking_for(Priority.EXIT):
        settled = reconcile_orders(state.bot, gateway=gateway)
    rules = read_rules(state, gateway=gateway)
    trades = fold_books(state, rules=rules)
    view = read_market(state, gateway=gateway)
    note_symbol(state, rules)
    _take_market(state, view, environment=environment)
    if trades:
        count_day(state)
    publish_klines(state, view.klines)
    if not settled:
        show_waiting_for_the_venue(state, environment=environment)
        publish_trades(state, trades)
        return
    snapshot = take_snapshot(
        state, view, gateway=gateway, rules=rules, entry_blocks=_entry_blocks(environment)
    )
    decision = decide(snapshot)  # pure: no clock, no database, no network
    tick, orders = record_decision(state, snapshot, decision, gateway=gateway, started=started)
    show_decision(state, decision, environment=environment)
    show_symbol_trouble(state, rules)
    set_up_leverage(state, orders)
    submit_orders(orders, gateway=gateway)
    show_outcome(state, decision, orders)
    if new_trades := fold_books(state, rules=rules):
        count_day(state)
    mark_to_market(state, view.ticker.price)
    publish_trades(state, trades + new_trades)
    milliseconds = int((time.monotonic() - clock) * 1000)
    journal.finish_tick(tick, status=state.status, duration_ms=milliseconds)


def _gateway(bot: BotConfig) -> ExchangeGateway:
    if bot.api_key is None:
        raise KeyMissingError(f"bot {bot.pk} has no API key")
    return gateway_for(bot.api_key, Market(bot.position_type))


def _entry_blocks(environment: Environment) -> tuple[Denial, ...]:
    if environment is Environment.LIVE and not settings.LIVE_TRADING_ENABLED:
        detail = "live trading is switched off on this installation (LIVE_TRADING_ENABLED)"
        return (Denial(code=DenialCode.ENTRY_BLOCKED, detail=detail),)
    return ()


def _take_market(state: BotState, view: MarketView, *, environment: Environment) -> None:
    market_time = view.ticker.market_time
    mark_to_market(state, view.ticker.price)
    if roll_day(state, market_time=market_time, environment=environment):
        mark_to_market(state, view.ticker.price)  # against the new baseline
    state.last_market_time = market_time
    if state.last_seen_kline is not None and state.last_seen_kline > market_time:
        state.last_seen_kline = None  # a recording that has been started anew
    state.next_due_at = next_due(
        market_time=market_time,
        newest_kline=newest_closed(view),
        timeframe=state.bot.timeframe,
        check_seconds=state.bot.check_interval_seconds,
    )


def fail_unexpectedly(bot_id: int, error: Exception) -> str:
    """Show a failure that nobody foresaw on the bot, which then waits for a person."""
    message = f"{type(error).__name__}: {error}"
    journal.record_event(bot_id, EventKind.ERROR, f"The tick failed: {message}")
    try:
        with bot_lock(bot_id) as state:
            show_unforeseen(state, message)
            save_and_publish(state)
    except (BotLockedError, BotState.DoesNotExist):
        pass  # another tick is at work, or the bot is gone: the journal has the message
    return f"Failed: {message}"
