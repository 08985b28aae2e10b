"""Spot: the coins of a position are locked by its stops, and an exit needs them free."""

from __future__ import annotations

from django.utils import timezone

from bots.domain.decision import RESTING_LEGS
from bots.engine.cancellation import cancel_orders
from bots.engine.stops.viewing import unsettled_orders
from bots.engine.venue import VenueGateway
from bots.models import BotState, Order


def release_stops(state: BotState, *, gateway: VenueGateway) -> bool:
    """Cancel what rests for the position, before a spot exit; True when the exit may be sent.

    False when something of it is in doubt, or was filled meanwhile: then what is held has changed,
    and the exit is to be decided anew. Nothing to do on futures, where an exit can only reduce and
    goes first. GatewayError when a cancel was refused: then the stops still rest.
    """
    if state.bot.is_futures:
        return True
    resting = [order for order in unsettled_orders(state.bot) if order.leg in RESTING_LEGS]
    if resting and state.unprotected_since is None:
        state.unprotected_since = timezone.now()  # should the exit be refused, these seconds count
    return release(resting, gateway=gateway)


def release(orders: list[Order], *, gateway: VenueGateway) -> bool:
    """Cancel these orders; True when all of them have ended and nothing of them was filled."""
    before = [order.filled_quantity for order in orders]
    if not cancel_orders(orders, gateway=gateway):
        return False
    return [order.filled_quantity for order in orders] == before
