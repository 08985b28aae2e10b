"""The watch round of a bot that does not trade but still holds something.

Stopped, or in an error that waits for a person: it reconciles, folds and keeps the stops, and it
closes the position when somebody asked. Nothing is decided beyond that, no level is moved by the
price, and the words of the bot's status stay as they are.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from bots import journal
from bots.domain.decide import decide
from bots.domain.decision import Decision
from bots.domain.snapshot import CloseRequest
from bots.domain.status import State
from bots.engine.account_watch import is_look_due, watch_account
from bots.engine.answers import EXPECTED_FAILURES
from bots.engine.books import fold_books, mark_to_market
from bots.engine.closing import close_request_of, may_close, note_closed
from bots.engine.day import roll_day
from bots.engine.execution import submit_orders
from bots.engine.funding import read_funding
from bots.engine.publishing import publish_trades
from bots.engine.reconciliation import reconcile_orders
from bots.engine.recording import commit_decision, record_failure, record_round
from bots.engine.sending import make_way
from bots.engine.showing import save_and_publish, show_stopped, wait_after_failure
from bots.engine.snapshot import read_futures, read_market, take_snapshot
from bots.engine.stops import keep_stops
from bots.engine.symbol import read_rules
from bots.engine.venue import VenueGateway, open_gateway
from bots.models import BotState, Tick, Trade
from exchange.domain.budget import Priority, asking_for
from exchange.domain.rules import TradingRules

logger = logging.getLogger(__name__)

WATCHED: Final = "Watched"
NOT_WATCHED: Final = "Could not be watched"


def watch_round(state: BotState) -> str:
    """Look after what a bot holds that does not trade; return the short answer.

    Call it under the bot's lock when `bots.engine.watched.is_watched` says so. Saves `state`.
    Safe to repeat: a round that died half-way is finished by the next one. A venue that cannot be
    asked is said in the bot's sentence, and asked again at the next check.
    """
    state.last_run_at = started = timezone.now()
    claimed = state.next_due_at
    if not state.bot.is_active:
        show_stopped(state)
    try:
        with asking_for(Priority.EXIT):
            _look_after(state, started=started)
        answer = WATCHED
    except EXPECTED_FAILURES as error:
        _show_not_watched(state, error, started=started, claimed=claimed)
        answer = NOT_WATCHED
    save_and_publish(state)
    return answer


def _look_after(state: BotState, *, started: datetime) -> None:
    clock = time.monotonic()
    gateway = open_gateway(state.bot)
    was_held = state.in_position
    view = reconcile_orders(state.bot, gateway=gateway, look=is_look_due(state))
    rules = read_rules(state, gateway=gateway)
    trades = fold_books(state, rules=rules, gateway=gateway)
    _take_price(state, gateway)
    if view.settled and read_funding(state, gateway=gateway):
        trades += fold_books(state, rules=rules, gateway=gateway)
    if watch_account(state, view, gateway=gateway, rules=rules):
        trades += fold_books(state, rules=rules, gateway=gateway)
    request = close_request_of(state)
    if request is not None and (view.settled or may_close(state, view)):
        tick, closing = _close(state, request, gateway=gateway, rules=rules, started=started)
        trades += closing
    else:
        tick = record_round(state, started=started)
    _end(state, tick, trades, gateway=gateway, rules=rules, was_held=was_held, clock=clock)


def _take_price(state: BotState, gateway: VenueGateway) -> None:
    ticker = gateway.ticker(state.bot.symbol)
    read_futures(state, gateway=gateway)
    mark_to_market(state, ticker.price)
    if roll_day(state, market_time=ticker.market_time, environment=gateway.environment):
        mark_to_market(state, ticker.price)  # against the new baseline
    state.last_market_time = ticker.market_time
    check = timedelta(seconds=state.bot.check_interval_seconds)
    state.next_due_at = ticker.market_time + check


def _close(
    state: BotState,
    request: CloseRequest,
    *,
    gateway: VenueGateway,
    rules: TradingRules,
    started: datetime,
) -> tuple[Tick, list[Trade]]:
    snapshot = take_snapshot(
        state,
        read_market(state, gateway=gateway),
        gateway=gateway,
        rules=rules,
        close_request=request,
    )
    decision = decide(snapshot)  # somebody's wish goes before everything else
    recorded = commit_decision(state, snapshot, decision, gateway=gateway, started=started)
    state.last_sentence = recorded.decision.sentence
    if recorded.orders and make_way(state, recorded.orders, gateway=gateway):
        submit_orders(recorded.orders, gateway=gateway)
    _note_result(state, recorded.decision)
    return recorded.tick, fold_books(state, rules=rules, gateway=gateway)


def _note_result(state: BotState, decision: Decision) -> None:
    if decision.intents:
        state.next_due_at = None  # look at once at what has become of it


def _end(
    state: BotState,
    tick: Tick,
    trades: list[Trade],
    *,
    gateway: VenueGateway,
    rules: TradingRules,
    was_held: bool,
    clock: float,
) -> None:
    price = state.last_price
    if price is None:
        raise ValueError(f"bot {state.pk} has no price")
    kept = keep_stops(
        state,
        gateway=gateway,
        rules=rules,
        price=price,
        mark_price=state.mark_price if state.bot.is_futures else None,
        slot=state.claimed_slot,
    )
    trades += kept.trades
    mark_to_market(state, price)
    note_closed(state)
    if was_held and not state.in_position and state.current.state is State.STOPPED:
        state.last_sentence = "Stopped. Its position is closed."
    publish_trades(state, trades)
    milliseconds = int((time.monotonic() - clock) * 1000)
    journal.finish_tick(tick, status=state.status, duration_ms=milliseconds, stops=kept.record)


def _show_not_watched(
    state: BotState, error: Exception, *, started: datetime, claimed: datetime | None
) -> None:
    """Say it in the sentence alone: status and message are those that a person has to see."""
    logger.warning("bot %s could not be watched: %s", state.pk, error)
    state.last_sentence = f"What it holds could not be looked at: {error}"
    wait_after_failure(state, now=started, claimed=claimed)
    record_failure(state, started=started)
