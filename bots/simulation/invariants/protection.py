"""Every open position has its stop at the venue, or a dated reason why it has none."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from bots.domain.orders import OrderStatus
from bots.models import BotState
from bots.simulation.errors import InvariantError
from bots.simulation.truth import VenueOrder
from bots.simulation.view import View

_FINISHED: Final = ("Done", "Watched")


def check_protection(view: View) -> None:
    """Raise InvariantError for a position that is naked without saying so, or guarded twice."""
    if not view.expects_stops:
        return
    for bot_id, answer in view.promises.ticked.items():
        if answer not in _FINISHED:
            continue
        state = view.states[bot_id]
        stops = _stops_of(view, bot_id)
        if not state.in_position:
            if stops and view.is_quiet:
                raise InvariantError(f"bot {bot_id} is flat, and {stops[0].client_id} rests")
            continue
        if len(stops) > 1 and (view.is_quiet or not _is_in_doubt(view, stops)):
            raise InvariantError(f"bot {bot_id} has {len(stops)} stops after its tick")
        # What was executed since the bot's tick may have closed the position, stop and all.
        may_be_gone = not view.is_quiet and view.has_news(bot_id)
        if _wants_stop(state) and not stops and not may_be_gone:
            _check_excuse(view, state)
        if stops and view.is_quiet:
            _check_size(state, stops[0])


def _is_in_doubt(view: View, stops: list[VenueOrder]) -> bool:
    # One whose reply was lost may rest beside the old one until the venue has been asked, and so
    # may one whose cancel was lost. Two that are known to rest may not.
    rows = [view.orders_by_client_id[one.client_id] for one in stops]
    return any(one.status != OrderStatus.OPEN or one.cancel_sent_at is not None for one in rows)


def _wants_stop(state: BotState) -> bool:
    parameters = state.bot.parameters
    return parameters.stop_loss_perc is not None or parameters.trailing_stop_perc is not None


def _stops_of(view: View, bot_id: int) -> list[VenueOrder]:
    names = {one.client_order_id for one in view.orders if one.bot_id == bot_id and one.leg == "s"}
    return [
        one
        for one in view.truth.ours
        if one.client_id in names and one.is_open and one.status != "PENDING_NEW"
    ]


def _check_excuse(view: View, state: BotState) -> None:
    if state.unprotected_since is None or not state.unprotected_reason:
        raise InvariantError(
            f"bot {state.pk} holds {state.current_position_size_coins} {state.bot.symbol} without "
            f"a stop at the venue and without a reason"
        )


def _check_size(state: BotState, stop: VenueOrder) -> None:
    side = "BUY" if state.direction == "short" else "SELL"
    if stop.side != side:
        raise InvariantError(f"{stop.client_id} is a stop on the wrong side ({stop.side})")
    # What is below an increment cannot be sold; a stop for more than is held never is right.
    quantity: Decimal = state.current_position_size_coins
    if stop.quantity > quantity or stop.quantity * 2 < quantity:
        raise InvariantError(
            f"{stop.client_id} is for {stop.quantity}, bot {state.pk} holds {quantity}"
        )
