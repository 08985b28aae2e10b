"""The orders themselves: stops, targets and the exit at the market."""

from __future__ import annotations

from decimal import Decimal

from bots.domain.decision import Intent, IntentReason, Leg, Route
from bots.domain.stops.view import StopsView
from bots.domain.stops.wanted import WantedExits
from exchange.domain.algo_orders import AlgoOrderType
from exchange.domain.orders import OrderType, TimeInForce


def spot_intents(
    view: StopsView, wanted: WantedExits, *, reason: IntentReason
) -> tuple[Intent, ...]:
    """Return the orders of one request: an OCO, a stop alone or a target alone."""
    route = Route.LIST if wanted.is_oco else Route.ORDER
    intents = []
    if wanted.stop is not None:
        intents.append(
            Intent(
                leg=Leg.STOP,
                side=view.direction.exit_side,
                quantity=wanted.quantity,
                reason=reason,
                type=OrderType.STOP_LOSS,
                route=route,
                trigger_price=wanted.stop,
                direction=view.direction,
            )
        )
    if wanted.target is not None:
        intents.append(_spot_target(view, wanted, wanted.target, reason=reason, route=route))
    return tuple(intents)


def _spot_target(
    view: StopsView, wanted: WantedExits, level: Decimal, *, reason: IntentReason, route: Route
) -> Intent:
    # Alone it may fill at once when the price has just got there; in a list it has to be a maker.
    is_alone = route is Route.ORDER
    return Intent(
        leg=Leg.TARGET,
        side=view.direction.exit_side,
        quantity=wanted.quantity,
        reason=reason,
        type=OrderType.LIMIT if is_alone else OrderType.LIMIT_MAKER,
        route=route,
        price=level,
        time_in_force=TimeInForce.GTC if is_alone else "",
        direction=view.direction,
    )


def futures_intent(
    view: StopsView, *, leg: Leg, level: Decimal, quantity: Decimal, reason: IntentReason
) -> Intent:
    """Return a reduce-only conditional order: a stop or a target."""
    is_stop = leg is Leg.STOP
    return Intent(
        leg=leg,
        side=view.direction.exit_side,
        quantity=quantity,
        reason=reason,
        type=AlgoOrderType.STOP_MARKET if is_stop else AlgoOrderType.TAKE_PROFIT_MARKET,
        route=Route.ALGO,
        trigger_price=level,
        direction=view.direction,
        reduces_only=True,
    )


def exit_intent(view: StopsView, reason: IntentReason) -> Intent:
    """Return the market order that closes what is held, as much as the venue takes at once."""
    return Intent(
        leg=Leg.EXIT,
        side=view.direction.exit_side,
        quantity=view.rules.market_size.largest(view.quantity, price=view.price),
        reason=reason,
        direction=view.direction,
        reduces_only=view.is_futures,
    )
