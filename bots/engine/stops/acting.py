"""Carry out one step of a plan. Whatever interrupts it, the next tick compares anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from django.utils import timezone

from bots import journal
from bots.domain.decision import Intent, IntentReason
from bots.domain.orders import OrderStatus
from bots.domain.stops import StopAction, StopStep
from bots.domain.wording import plain
from bots.engine.cancellation import cancel_orders
from bots.engine.execution import room_for, submit_orders
from bots.engine.replacing import replace_stop
from bots.engine.stops.context import Keeping
from bots.engine.stops.releasing import release
from bots.engine.stops.viewing import NOT_REFUSED
from bots.models import EventKind, Order
from exchange.domain.errors import RateLimitedError

_RESTS = (OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED)


@dataclass(slots=True, kw_only=True)
class Acted:
    """What came of a step.

    orders       written down by it
    is_done      it went through; without that nothing more is done in this tick
    is_refused   the venue, or a halt, said no
    """

    orders: list[Order] = field(default_factory=list)
    is_done: bool = False
    is_refused: bool = False
    words: str = ""


def act(keeping: Keeping, action: StopAction, orders: Sequence[Order]) -> Acted:
    """Do what `action` says; `orders` are the bot's unsettled ones."""
    chosen = [order for order in orders if order.pk in action.cancels]
    match action.step:
        case StopStep.CANCEL:
            return Acted(is_done=cancel_orders(chosen, gateway=keeping.gateway))
        case StopStep.PLACE:
            return _place(keeping, action)
        case StopStep.REPLACE:
            return _replace(keeping, action, chosen[0])
        case StopStep.MOVE:
            return _move(keeping, action, chosen)
        case StopStep.PLACE_THEN_CANCEL:
            return _place_then_cancel(keeping, action, chosen)
        case StopStep.CLOSE:
            return _close(keeping, action, chosen)


def _place(
    keeping: Keeping, action: StopAction, intents: tuple[Intent, ...] | None = None
) -> Acted:
    new = keeping.commit(intents or action.intents)
    submit_orders(new, gateway=keeping.gateway)
    return _tell(keeping, action, _outcome(new))


def _replace(keeping: Keeping, action: StopAction, old: Order) -> Acted:
    note_naked(keeping)
    new = keeping.commit(action.intents)
    replace_stop(old, new[0], gateway=keeping.gateway)
    return _tell(keeping, action, _outcome(new))


def _move(keeping: Keeping, action: StopAction, old: list[Order]) -> Acted:
    try:
        with room_for(len(action.intents), gateway=keeping.gateway):
            note_naked(keeping)
            if not release(old, gateway=keeping.gateway):
                return Acted(words="what rests was filled, or is in doubt")
    except RateLimitedError as error:
        return Acted(words=str(error))
    # Nothing rests any more: from here on it restores a protection, which no halt stops.
    missing = tuple(replace(each, reason=IntentReason.PROTECTION) for each in action.intents)
    return _place(keeping, action, missing)


def _place_then_cancel(keeping: Keeping, action: StopAction, old: list[Order]) -> Acted:
    acted = _place(keeping, action)
    if acted.is_done:
        acted.is_done = cancel_orders(old, gateway=keeping.gateway)
    return acted


def _close(keeping: Keeping, action: StopAction, old: list[Order]) -> Acted:
    new = keeping.commit(action.intents)
    try:
        with room_for(len(new), gateway=keeping.gateway):
            is_free = release(old, gateway=keeping.gateway)
    except RateLimitedError as error:
        for order in new:
            journal.close_rate_limited(order, str(error))
        return Acted(orders=new, words=str(error))
    if not is_free:
        for order in new:
            journal.close_superseded(order, "what is held has changed meanwhile, or is in doubt")
        return Acted(orders=new, words="what rests was filled, or is in doubt")
    submit_orders(new, gateway=keeping.gateway)
    return _tell(keeping, action, _outcome(new))


def note_naked(keeping: Keeping) -> None:
    """Start to count the seconds without a stop, where they are not counted already."""
    if keeping.state.unprotected_since is None:
        keeping.state.unprotected_since = timezone.now()


def _outcome(new: list[Order]) -> Acted:
    refused = [each for each in new if each.status in (OrderStatus.REJECTED, OrderStatus.DENIED)]
    return Acted(
        orders=new,
        is_done=all(each.status in _RESTS for each in new),
        is_refused=any(each.closed_reason not in NOT_REFUSED for each in refused),
        words=refused[0].message if refused else "",
    )


def _tell(keeping: Keeping, action: StopAction, acted: Acted) -> Acted:
    if acted.is_done:
        closes = action.step is StopStep.CLOSE
        what = ", ".join(_words(order) for order in acted.orders)
        verb = "Closed" if closes else "Placed" if _is_new(action) else "Moved to"
        data = {
            "step": action.step.value,
            "orders": [order.client_order_id for order in acted.orders],
            "why": action.why,
        }
        journal.record_event(
            keeping.state.pk, EventKind.STOPS, f"{verb} {what}: {action.why}.", data=data
        )
    return acted


def _is_new(action: StopAction) -> bool:
    return all(intent.reason is IntentReason.PROTECTION for intent in action.intents)


def _words(order: Order) -> str:
    level = order.trigger_price if order.trigger_price is not None else order.price
    at = "at the market" if level is None else f"at {plain(level)}"
    leg = {"s": "stop", "t": "target"}.get(order.leg, "exit")
    return f"{leg} of {plain(order.quantity)} {at}"
