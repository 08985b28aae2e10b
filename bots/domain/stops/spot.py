"""Spot: one request guards the position, because its coins can be locked only once."""

from __future__ import annotations

from bots.domain.decision import IntentReason, Leg, Route
from bots.domain.stops.building import spot_intents
from bots.domain.stops.crossing import plan_crossed
from bots.domain.stops.protection import doubt
from bots.domain.stops.view import RestingOrder, StopAction, StopsPlan, StopStep, StopsView
from bots.domain.stops.wanted import WantedExits, covering, is_as_wanted
from bots.domain.wording import plain


def plan_spot(view: StopsView, wanted: WantedExits) -> StopsPlan:
    """Place an OCO, a stop or a target; replace a single stop; move anything else."""
    doubtful = doubt(view, Leg.STOP, Leg.TARGET)
    if doubtful:
        return StopsPlan(obstacle=doubtful, notes=wanted.notes)
    if _is_as_wanted(view, wanted):
        return StopsPlan(notes=wanted.notes)
    is_covered = covering(view, wanted.quantity) is not None
    if wanted.obstacle:
        return StopsPlan(obstacle="" if is_covered else wanted.obstacle, notes=wanted.notes)
    crossed = plan_crossed(view, wanted)
    if crossed is not None:
        return crossed
    is_missing = not view.resting or (wanted.stop is not None and not is_covered)
    if view.is_halted and not is_missing:
        return StopsPlan(notes=(*wanted.notes, "halted: what rests stays where it is"))
    reason = IntentReason.PROTECTION if is_missing else IntentReason.PROTECTION_MOVED
    return StopsPlan(actions=(_action(view, wanted, reason),), notes=wanted.notes)


def _is_as_wanted(view: StopsView, wanted: WantedExits) -> bool:
    levels = {Leg.STOP: wanted.stop, Leg.TARGET: wanted.target}
    found = {each.leg: each for each in view.resting}
    legs = {leg for leg, level in levels.items() if level is not None}
    if len(found) != len(view.resting) or set(found) != legs:
        return False
    if len({each.list_id for each in view.resting}) > 1:
        return False
    return all(_fits(view, wanted, each) for each in view.resting)


def _fits(view: StopsView, wanted: WantedExits, order: RestingOrder) -> bool:
    level = wanted.stop if order.leg is Leg.STOP else wanted.target
    return level is not None and is_as_wanted(view, order, level=level, quantity=wanted.quantity)


def _action(view: StopsView, wanted: WantedExits, reason: IntentReason) -> StopAction:
    intents = spot_intents(view, wanted, reason=reason)
    if not view.resting:
        return StopAction(step=StopStep.PLACE, intents=intents, why="nothing rests")
    cancels = tuple(each.order_id for each in view.resting)
    step = StopStep.REPLACE if _is_single_stop(view, wanted) else StopStep.MOVE
    why = f"what rests ({_words(view)}) is not what is wanted"
    return StopAction(step=step, cancels=cancels, intents=intents, why=why)


def _is_single_stop(view: StopsView, wanted: WantedExits) -> bool:
    only = view.resting[0] if len(view.resting) == 1 else None
    if only is None or wanted.target is not None or wanted.stop is None:
        return False
    return only.leg is Leg.STOP and only.route is Route.ORDER


def _words(view: StopsView) -> str:
    return ", ".join(
        f"{each.leg.name.lower()} of {plain(each.quantity)} at {plain(each.level)}"
        for each in view.resting
    )
