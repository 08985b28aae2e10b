"""Compare what rests at the venue with what should rest, and say what to do. Pure.

Whatever caused the difference, the answer is the same: a fill in part, a re-entry, an edit, a
manual close, a worker that died between canceling and placing.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from bots.domain.decision import Intent, IntentReason, Leg
from bots.domain.residue import is_residue
from bots.domain.stops.building import exit_intent
from bots.domain.stops.futures import plan_futures
from bots.domain.stops.protection import (
    Protection,
    doubt,
    holds_something,
    protection_of,
)
from bots.domain.stops.spot import plan_spot
from bots.domain.stops.view import (
    RestingOrder,
    Standing,
    StopAction,
    StopsPlan,
    StopStep,
    StopsView,
)
from bots.domain.stops.wanted import wanted_exits
from bots.domain.wording import plain

# Wall time after which the unfilled rest of an entry that brings its exits along is canceled.
ENTRY_REST_SECONDS: Final = Decimal(10)
# What a position may go through before the bot's policy decides.
MAX_FAILURES: Final = 3
MAX_NAKED_SECONDS: Final = Decimal(60)


def plan_stops(view: StopsView) -> StopsPlan:
    """Say what to do about the stops of a position; nothing when all is as it should be.

    A stop of unknown outcome, or one that is triggering, counts as resting: no second one is
    placed beside it. A halt keeps what rests where it is and never keeps a missing stop away.
    """
    if view.entry is not None:
        return _plan_entry(view)
    if view.exit_in_doubt:
        return StopsPlan(obstacle="the venue has not said yet what became of the exit")
    if not holds_something(view):
        return _cancel_all(view, view.resting, "nothing is held")
    if is_residue(view.quantity, view.price, view.rules):
        return _plan_residue(view)
    if not view.rules.allows_exits:
        missing = protection_of(view)
        needed = missing.is_needed and not missing.is_there
        return StopsPlan(obstacle=f"{view.rules.symbol} takes no orders now" if needed else "")
    return _within_limits(view, _compare(view))


def _compare(view: StopsView) -> StopsPlan:
    wanted = wanted_exits(view)
    if wanted.stop is None and wanted.target is None:
        if view.is_halted:
            return StopsPlan(notes=wanted.notes)
        plan = _cancel_all(view, view.resting, "no stop and no target is configured")
        return StopsPlan(actions=plan.actions, notes=wanted.notes)
    return plan_futures(view, wanted) if view.is_futures else plan_spot(view, wanted)


def _plan_entry(view: StopsView) -> StopsPlan:
    entry = view.entry
    if entry is None or not entry.is_certain:
        return StopsPlan(obstacle="the venue has not said yet what became of the entry")
    if entry.age_seconds < ENTRY_REST_SECONDS:
        return StopsPlan(obstacle="the entry is not filled yet, and its stop waits for that")
    why = f"the entry is not filled after {ENTRY_REST_SECONDS} seconds"
    return StopsPlan(
        actions=(StopAction(step=StopStep.CANCEL, cancels=entry.order_ids, why=why),),
        obstacle=why,
    )


def _plan_residue(view: StopsView) -> StopsPlan:
    # What rests for all of it may stay: the venue took it when it was worth more.
    too_much = tuple(each for each in view.resting if each.quantity > view.quantity)
    note = f"what is held ({plain(view.quantity)}) is too little to be sold"
    return StopsPlan(actions=_cancel_all(view, too_much, note).actions, notes=(note,))


def _cancel_all(view: StopsView, orders: tuple[RestingOrder, ...], why: str) -> StopsPlan:
    rests = tuple(
        each.order_id
        for each in orders
        if each.standing in (Standing.WAITS, Standing.ACTS) and not _is_child(view, each.standing)
    )
    if not rests or not view.rules.allows_cancels:
        return StopsPlan()
    return StopsPlan(actions=(StopAction(step=StopStep.CANCEL, cancels=rests, why=why),))


def _is_child(view: StopsView, standing: Standing) -> bool:
    # On futures what acts is a market order that ends by itself.
    return view.is_futures and standing is Standing.ACTS


def _within_limits(view: StopsView, plan: StopsPlan) -> StopsPlan:
    """Let the bot's policy decide when a stop could not be placed for too long."""
    found = protection_of(view)
    if found.is_there or not found.is_needed or not _is_limit_reached(view, plan):
        return plan
    if not view.closes_unprotected:
        return StopsPlan(
            actions=plan.actions, obstacle=plan.obstacle, notes=plan.notes, needs_person=True
        )
    return _close_unprotected(view, plan, found)


def _is_limit_reached(view: StopsView, plan: StopsPlan) -> bool:
    # After an outage the time is long over and nothing was tried yet: that comes first.
    was_tried = view.failures > 0 or bool(plan.obstacle)
    return view.failures >= MAX_FAILURES or (view.naked_seconds >= MAX_NAKED_SECONDS and was_tried)


def _close_unprotected(view: StopsView, plan: StopsPlan, found: Protection) -> StopsPlan:
    if any(action.step is StopStep.CLOSE for action in plan.actions) or _is_in_doubt(view):
        return plan
    intent: Intent = exit_intent(view, IntentReason.UNPROTECTED)
    cancels = tuple(each.order_id for each in view.resting if not view.is_futures)
    why = f"closes what it cannot protect: {plan.obstacle or found.why}"
    action = StopAction(step=StopStep.CLOSE, cancels=cancels, intents=(intent,), why=why)
    return StopsPlan(actions=(action,), obstacle=plan.obstacle or found.why, notes=plan.notes)


def _is_in_doubt(view: StopsView) -> bool:
    """Say whether an order might still close the position, or hold its coins."""
    if not view.is_futures:
        return bool(doubt(view, Leg.STOP, Leg.TARGET))
    # What hangs may hang for ever; a close that can only reduce does no harm beside it.
    return any(each.standing in (Standing.UNKNOWN, Standing.ACTS) for each in view.resting)
