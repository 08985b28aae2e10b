"""What a tick writes on the bot's state for people to read."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from bots import journal
from bots.domain.decision import RESTING_LEGS, Decision, Leg
from bots.domain.life import after_tick
from bots.domain.orders import UNSETTLED, ClosedReason, OrderStatus
from bots.domain.status import Reason, State, Status
from bots.engine.answers import failure_of
from bots.engine.publishing import publish_state
from bots.engine.recording import record_failure
from bots.engine.schedule import shortest_wait
from bots.models import BotConfig, BotState, EventKind, Order
from exchange.domain.types import Environment

logger = logging.getLogger(__name__)

# For words that are the same in every environment, on bots that may have lost their key.
_ANY = Environment.LIVE
RETRY_AFTER: Final = timedelta(seconds=30)  # market time


def show_waiting_for_the_venue(state: BotState, *, environment: Environment) -> None:
    """Say that nothing is decided while an order's outcome is unknown."""
    _show_found(state, Status(State.RUNNING), environment)
    state.last_sentence = "Waits: the venue has not said yet what became of the last order."
    # What is held may need its exit: ask again at once, not when the check interval has passed.
    state.next_due_at = None


def show_decision(
    state: BotState,
    decision: Decision,
    *,
    environment: Environment,
    trouble: str = "",
    limit: Reason = Reason.NONE,
) -> None:
    """Take over status, words and levels of a decision.

    trouble   what is wrong although the bot could decide: prices that are old
    limit     the daily limit that is reached: it lasts for the day, whatever the status says
    """
    _show_found(state, decision.status, environment)
    state.last_error_message = trouble
    state.last_sentence = decision.sentence
    state.stop_loss_price = decision.levels.stop_loss
    state.take_profit_price = decision.levels.take_profit
    state.trailing_stop_price = decision.levels.trailing_stop
    state.max_price_since_entry = decision.levels.max_price_since_entry
    state.min_price_since_entry = decision.levels.min_price_since_entry
    state.last_seen_kline = decision.seen_until
    if limit is not Reason.NONE:
        state.daily_limit_reason = limit


def _show_found(state: BotState, found: Status, environment: Environment) -> None:
    """Move along the table of a bot's life; one that was switched on by hand begins as pending."""
    before = state.current if state.current.state is not State.STOPPED else Status(State.PENDING)
    state.show(after_tick(before, found), environment)


def show_outcome(state: BotState, decision: Decision, orders: list[Order]) -> None:
    """Say what became of the orders, where that is not what the decision expected.

    Of an entry list only the entry counts here: its stop and target are looked after by themselves.
    """
    sent = [order for order in orders if order.leg not in RESTING_LEGS]
    for order in sent:
        if order.status == OrderStatus.FILLED:
            continue
        state.last_sentence = f"{decision.sentence} But: {order.message or order.status}"
        if order.status == OrderStatus.REJECTED:
            state.last_error_message = order.message
        if _came_to_nothing(order):
            # The venue would say the same to the same entry: wait for the next signal.
            state.last_order_time = state.last_market_time
            if order.leg == Leg.ENTRY:
                state.last_entry_time = state.last_market_time
    if any(_came_to_nothing(order) or _was_held_back(order) for order in sent):
        _retry_exit_soon(state)
    elif sent:
        state.next_due_at = None  # look at once at what has become of it, and set the levels


def _came_to_nothing(order: Order) -> bool:
    # Expired counts too: nobody was there to trade with.
    ended_at_the_venue = order.status not in (*UNSETTLED, OrderStatus.DENIED)
    return ended_at_the_venue and not order.filled_quantity


def _was_held_back(order: Order) -> bool:
    return order.closed_reason in (ClosedReason.RATE_LIMITED, ClosedReason.HALTED)


def _retry_exit_soon(state: BotState) -> None:
    # What was refused is wanted again, but not every second: the venue counts orders.
    if state.next_due_at is not None and state.last_market_time is not None:
        state.next_due_at = min(state.next_due_at, state.last_market_time + RETRY_AFTER)


def show_failure(
    state: BotState, error: Exception, *, started: datetime, claimed: datetime | None
) -> str:
    """Show an expected failure, record the tick that ended early; return the short answer.

    started   wall time
    claimed   when the bot was due again by its claim, market time
    """
    failure = failure_of(error)
    key = state.bot.api_key
    changed = state.current != failure.status or state.last_error_message != failure.message
    state.show(failure.status, Environment(key.environment) if key else _ANY)
    state.last_error_message = failure.message
    state.last_sentence = failure.message
    wait_after_failure(state, now=started, claimed=claimed)
    record_failure(state, started=started)
    if changed:
        journal.record_event(state.pk, EventKind.ERROR, f"{state.status}: {failure.message}")
        logger.warning("bot %s: %s: %s", state.pk, state.status, failure.message)
    return failure.answer


def wait_after_failure(state: BotState, *, now: datetime, claimed: datetime | None) -> None:
    """Say when a bot is due again whose turn could not be finished.

    now       wall time
    claimed   when it was due again by its claim

    As soon as its next kline closes or its next check comes; what is held waits less, for its stop
    may be missing.
    """
    shortest = shortest_wait(state.bot)
    if state.last_market_time is not None:
        # While nothing can be read that time stands still; the claim knew a newer one.
        newest = max(state.last_market_time, (claimed or state.last_market_time) - shortest)
        wait = min(shortest, RETRY_AFTER) if state.in_position else shortest
        state.next_due_at = newest + wait
    elif state.next_due_at is None:
        state.next_due_at = now + shortest  # no market time is known yet, and wall time must do


def show_unforeseen(state: BotState, message: str) -> None:
    """Show a failure that nobody foresaw; the bot waits for a person."""
    state.show(Status(State.ERROR), _ANY)
    state.last_error_message = message
    state.last_sentence = "Stopped after an unexpected error; start it to try again."


def show_stopped(state: BotState) -> bool:
    """Make state and `is_active` agree on a stopped bot; True when they did not."""
    if state.current.state is State.STOPPED:
        return False
    state.show(Status(State.STOPPED), _ANY)
    return True


def show_stop_asked_meanwhile(state: BotState) -> None:
    """Show the bot as stopped when a person stopped it while the tick was under way."""
    if not BotConfig.objects.filter(pk=state.pk, is_active=True).exists():
        state.bot.is_active = False
        show_stopped(state)


def save_and_publish(state: BotState) -> None:
    """Save the state on the connection that holds its lock, and tell pages on commit."""
    publish_state(state)
    state.save()
