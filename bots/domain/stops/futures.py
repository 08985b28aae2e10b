"""Futures: stop and target are conditional orders of their own that can only reduce."""

from __future__ import annotations

from decimal import Decimal

from bots.domain.decision import Intent, IntentReason, Leg
from bots.domain.stops.building import futures_intent
from bots.domain.stops.crossing import plan_crossed
from bots.domain.stops.protection import doubt
from bots.domain.stops.view import (
    RestingOrder,
    Standing,
    StopAction,
    StopsPlan,
    StopStep,
    StopsView,
)
from bots.domain.stops.wanted import WantedExits, covering, is_as_wanted
from bots.domain.wording import plain


def plan_futures(view: StopsView, wanted: WantedExits) -> StopsPlan:
    """Place the new order first and cancel the old one then: two for a moment, never none."""
    if any(each.standing is Standing.ACTS for each in view.resting):
        words = doubt(view, Leg.STOP, Leg.TARGET)
        return StopsPlan(obstacle=words, notes=wanted.notes)
    stop = _plan_stop(view, wanted)
    if any(action.step is StopStep.CLOSE for action in stop.actions):
        return stop
    target = _plan_leg(view, Leg.TARGET, wanted.target, wanted.quantity, is_urgent=False)
    return StopsPlan(
        actions=stop.actions + target.actions,
        obstacle=stop.obstacle,
        notes=stop.notes + target.notes,
    )


def _plan_stop(view: StopsView, wanted: WantedExits) -> StopsPlan:
    doubtful = doubt(view, Leg.STOP)
    if doubtful:
        return StopsPlan(obstacle=doubtful, notes=wanted.notes)
    is_covered = covering(view, wanted.quantity) is not None
    if wanted.obstacle:
        return StopsPlan(obstacle="" if is_covered else wanted.obstacle, notes=wanted.notes)
    crossed = plan_crossed(view, wanted)
    if crossed is not None:
        return crossed
    plan = _plan_leg(view, Leg.STOP, wanted.stop, wanted.quantity, is_urgent=not is_covered)
    return StopsPlan(actions=plan.actions, notes=wanted.notes + plan.notes)


def _plan_leg(
    view: StopsView, leg: Leg, level: Decimal | None, quantity: Decimal, *, is_urgent: bool
) -> StopsPlan:
    """Bring one leg in line; `is_urgent`: the position is naked, and no halt holds this back."""
    if doubt(view, leg):
        return StopsPlan()
    rests = view.waiting(leg)
    if level is None:
        return StopsPlan() if view.is_halted else _cancel(rests, "it is not wanted any more")
    right = (each for each in rests if is_as_wanted(view, each, level=level, quantity=quantity))
    keep = next(right, None)
    if keep is not None:
        others = tuple(each for each in rests if each is not keep)
        return _cancel(others, "another one guards the position")
    is_missing = is_urgent or not rests
    if view.is_halted and not is_missing:
        return StopsPlan(notes=("halted: what rests stays where it is",))
    reason = IntentReason.PROTECTION if is_missing else IntentReason.PROTECTION_MOVED
    intent = futures_intent(view, leg=leg, level=level, quantity=quantity, reason=reason)
    return StopsPlan(actions=(_action(rests, intent),))


def _action(rests: tuple[RestingOrder, ...], intent: Intent) -> StopAction:
    if not rests:
        return StopAction(step=StopStep.PLACE, intents=(intent,), why="nothing rests")
    words = ", ".join(f"{plain(each.quantity)} at {plain(each.level)}" for each in rests)
    return StopAction(
        step=StopStep.PLACE_THEN_CANCEL,
        cancels=tuple(each.order_id for each in rests),
        intents=(intent,),
        why=f"what rests ({words}) is not what is wanted",
    )


def _cancel(rests: tuple[RestingOrder, ...], why: str) -> StopsPlan:
    if not rests:
        return StopsPlan()
    ids = tuple(each.order_id for each in rests)
    return StopsPlan(actions=(StopAction(step=StopStep.CANCEL, cancels=ids, why=why),))
