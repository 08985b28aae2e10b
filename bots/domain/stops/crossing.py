"""A stop that would trigger the moment it is placed is no stop any more but an exit."""

from __future__ import annotations

from bots.domain.decision import IntentReason
from bots.domain.stops.building import exit_intent
from bots.domain.stops.view import StopAction, StopsPlan, StopStep, StopsView
from bots.domain.stops.wanted import WantedExits, covering
from bots.domain.wording import plain


def plan_crossed(view: StopsView, wanted: WantedExits) -> StopsPlan | None:
    """Say what to do about a stop at or beyond the price; None when it is not.

    A stop that rests already is left to act, or to the exit rules of the next decision, unless
    entry or settings have changed since it was placed: a stopped bot decides nothing, and its new
    stop would never hold. During a halt of everything only the policy for what cannot be protected
    may still close.
    """
    if wanted.stop is None or not view.is_reached(
        wanted.stop, by=view.trigger_reference, is_stop=True
    ):
        return None
    words = f"the price {plain(view.trigger_reference)} has reached the stop {plain(wanted.stop)}"
    is_edited = view.basis_changed and not view.is_halted
    if covering(view, wanted.quantity) is not None and not is_edited:
        return StopsPlan(notes=(*wanted.notes, words))
    if view.is_halted and not view.closes_unprotected:
        return StopsPlan(obstacle=words, notes=wanted.notes)
    reason = IntentReason.UNPROTECTED if view.is_halted else wanted.stop_reason
    cancels = () if view.is_futures else tuple(each.order_id for each in view.resting)
    action = StopAction(
        step=StopStep.CLOSE, cancels=cancels, intents=(exit_intent(view, reason),), why=words
    )
    return StopsPlan(actions=(action,), obstacle=words, notes=wanted.notes)
