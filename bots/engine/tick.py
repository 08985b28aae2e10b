"""One tick of one bot: lock, observe, decide, record, send, keep the stops, publish."""

from __future__ import annotations

import time
from datetime import datetime

from django.utils import timezone

from bots import journal
from bots.domain.decide import decide, decide_again, limit_reached, old_prices
from bots.domain.decision import Decision
from bots.domain.life import is_waiting_for_a_person
from bots.domain.snapshot import Snapshot
from bots.engine.account_watch import look_before_entry
from bots.engine.answers import EXPECTED_FAILURES, Answer
from bots.engine.blocks import entry_blocks
from bots.engine.books import fold_books, mark_to_market
from bots.engine.closing import close_request_of, may_close, note_closed
from bots.engine.leverage import prepare_entry
from bots.engine.observing import Observed, observe
from bots.engine.publishing import publish_trades
from bots.engine.recording import commit_decision, record_round
from bots.engine.sending import send_orders
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
from bots.engine.snapshot import take_snapshot
from bots.engine.stops import keep_stops
from bots.engine.symbol import note_symbol_gone, show_symbol_trouble
from bots.engine.venue import VenueGateway, open_gateway
from bots.engine.watched import is_watched
from bots.engine.watching import watch_round
from bots.locks import BotLockedError, bot_lock, heal_missing_state
from bots.models import BotState, EventKind, Tick
from bots.selectors.halts import exit_block
from exchange.domain.budget import Priority, asking_for
from exchange.domain.errors import UnknownSymbolError


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
    if is_watched(state):
        return watch_round(state)
    if not state.bot.is_active:
        if show_stopped(state):
            save_and_publish(state)
        return Answer.NOT_ACTIVE
    if is_waiting_for_a_person(state.current):
        return state.last_error_message
    state.last_run_at = started = timezone.now()
    claimed = state.next_due_at
    answer: str = Answer.DONE
    try:
        with asking_for(Priority.EXIT if state.in_position else Priority.ENTRY):
            _tick(state, started=started)
    except EXPECTED_FAILURES as error:
        if isinstance(error, UnknownSymbolError):
            note_symbol_gone(state)
        answer = show_failure(state, error, started=started, claimed=claimed)
    show_stop_asked_meanwhile(state)
    save_and_publish(state)
    return answer


def _tick(state: BotState, *, started: datetime) -> None:
    clock = time.monotonic()
    gateway = open_gateway(state.bot)
    seen = observe(state, gateway=gateway, started=started)
    if seen.venue.settled or may_close(state, seen.venue):
        tick = _decide_and_send(state, seen, gateway=gateway, started=started)
    else:
        show_waiting_for_the_venue(state, environment=gateway.environment)
        tick = record_round(state, started=started)
    price = seen.market.ticker.price
    kept = keep_stops(
        state,
        gateway=gateway,
        rules=seen.rules,
        price=price,
        mark_price=seen.futures.mark_price if seen.futures else None,
        slot=state.claimed_slot,
    )
    note_closed(state)
    mark_to_market(state, price)
    publish_trades(state, seen.trades + kept.trades)
    milliseconds = int((time.monotonic() - clock) * 1000)
    journal.finish_tick(tick, status=state.status, duration_ms=milliseconds, stops=kept.record)


def _decide_and_send(
    state: BotState, seen: Observed, *, gateway: VenueGateway, started: datetime
) -> Tick:
    account_read_at = timezone.now()
    snapshot = take_snapshot(
        state,
        seen.market,
        gateway=gateway,
        rules=seen.rules,
        entry_blocks=entry_blocks(
            state,
            environment=gateway.environment,
            now=started,
            market_time=seen.market.ticker.market_time,
        ),
        exit_block=exit_block(state),
        close_request=close_request_of(state),
        futures=seen.futures,
    )
    decision = decide(snapshot)  # pure: no clock, no database, no network
    if decision.wants_entry:
        snapshot, decision = _look_once_more(state, snapshot, decision, seen, gateway=gateway)
        snapshot, decision = prepare_entry(state, snapshot, decision, gateway=gateway)
    recorded = commit_decision(
        state, snapshot, decision, gateway=gateway, started=started, account_read_at=account_read_at
    )
    show_decision(
        state,
        recorded.decision,
        environment=gateway.environment,
        trouble=old_prices(snapshot),
        limit=limit_reached(snapshot),
    )
    show_symbol_trouble(state, seen.rules)
    orders = send_orders(
        state,
        recorded.orders,
        gateway=gateway,
        rules=seen.rules,
        price=snapshot.price,
    )
    show_outcome(state, recorded.decision, orders)
    seen.trades += fold_books(state, rules=seen.rules, gateway=gateway)
    return recorded.tick


def _look_once_more(
    state: BotState,
    snapshot: Snapshot,
    decision: Decision,
    seen: Observed,
    *,
    gateway: VenueGateway,
) -> tuple[Snapshot, Decision]:
    """Look for what is foreign right before an entry, and decide again when something is."""
    found = look_before_entry(state, seen.venue, gateway=gateway)
    news = [each for each in found if each not in snapshot.entry_blocks]
    return decide_again(snapshot, *news) if news else (snapshot, decision)


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
