"""Send what a decision committed: the way made free first, the stops' coins on spot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial

from bots import journal
from bots.domain.decision import Leg
from bots.domain.orders import OrderStatus
from bots.engine.execution import room_for, submit_orders
from bots.engine.stops import fall_back_to_market, release_stops
from bots.engine.stops.releasing import release
from bots.engine.stops.viewing import unsettled_orders
from bots.engine.venue import VenueGateway
from bots.models import BotState, Order
from exchange.domain.errors import RateLimitedError
from exchange.domain.rules import TradingRules

NOT_TAKEN = "the venue takes no orders for the symbol any more; its stops are kept"
SUPERSEDED = "what is held changed while its stops were canceled"


def send_orders(
    state: BotState,
    orders: list[Order],
    *,
    gateway: VenueGateway,
    rules: TradingRules,
    price: Decimal,
) -> list[Order]:
    """Send the orders of one request; return them, or what stood in for a list that was refused.

    What stands in the way of an exit is canceled first. Where some of it had filled meanwhile, or
    may have, the exit is closed unsent and decided anew.
    """
    if any(order.leg == Leg.EXIT for order in orders) and not make_way(
        state, orders, gateway=gateway
    ):
        return orders
    submit_orders(orders, gateway=gateway)
    instead = fall_back_to_market(
        state, orders, gateway=gateway, rules=rules, price=price, slot=state.claimed_slot
    )
    return instead or orders


def make_way(state: BotState, orders: Sequence[Order], *, gateway: VenueGateway) -> bool:
    """Cancel what stands in the way of an exit; True when its orders may be sent.

    That is the rest of an adopted entry, which would open the position anew, and on spot the stops,
    which have locked its coins. Where some of it had filled meanwhile, or may have, the orders are
    closed unsent, to be decided anew; likewise, and with nothing canceled, where the venue takes
    no orders from us now. GatewayError when a cancel was refused.
    """
    others = [each for each in unsettled_orders(state.bot) if each.leg != Leg.EXIT]
    entries = [each for each in others if each.leg == Leg.ENTRY]
    if not entries and (state.bot.is_futures or not others):
        return True
    # Rules are kept for a while, and this must not be guessed: asked anew (weight 20 on spot).
    rules = gateway.rules(state.bot.symbol, max_age=0.0)
    if not rules.allows_exits:
        _close_unsent(orders, partial(journal.close_superseded, why=NOT_TAKEN))
        return False
    try:
        with room_for(len(orders), gateway=gateway):
            if release(entries, gateway=gateway) and release_stops(state, gateway=gateway):
                return True
    except RateLimitedError as error:
        _close_unsent(orders, partial(journal.close_rate_limited, why=str(error)))
    else:
        _close_unsent(orders, partial(journal.close_superseded, why=SUPERSEDED))
    return False


def _close_unsent(orders: Sequence[Order], close: Callable[[Order], None]) -> None:
    for order in orders:
        if order.status == OrderStatus.INTENDED:
            close(order)
