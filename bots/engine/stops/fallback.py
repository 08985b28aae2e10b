"""An entry list that the venue does not take is entered at the market instead, at once."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from django.conf import settings

from bots import journal
from bots.domain.decision import Leg, Route
from bots.domain.orders import OrderStatus
from bots.domain.stops import market_entry
from bots.engine.execution import submit_orders
from bots.engine.venue import VenueGateway
from bots.models import BotState, Order, OrderSource
from exchange.domain.rules import TradingRules

# Refusals of the list as such: a leg's filter, a word or a combination that this venue does not
# take, and an order that cannot be placed at this price (errors.md). "" is our own gateway's.
_OF_THE_LIST: Final = frozenset(
    ["", "code -1013", "code -1014", "code -2010"]
    + [f"code -{number}" for number in (*range(1100, 1131), *range(1158, 1169), 1196, 1197)]
)
_NO_MONEY: Final = "insufficient balance"


def fall_back_to_market(
    state: BotState,
    orders: Sequence[Order],
    *,
    gateway: VenueGateway,
    rules: TradingRules,
    price: Decimal,
    slot: int,
    source: OrderSource = OrderSource.TICK,
) -> list[Order]:
    """Enter at the market when the venue provably refused the entry list; return what was sent.

    A new order with a name of its own, over the same quantity; its stops follow by `keep_stops`.
    Nothing when the list was taken, is unknown, came to nothing for its price, or lacks money.
    """
    entry = next((each for each in orders if each.leg == Leg.ENTRY), None)
    if entry is None or entry.route != Route.LIST or not _is_refused(orders):
        return []
    new = journal.record_intents(
        state.bot,
        [market_entry(rules, quantity=entry.quantity.normalize(), price=price)],
        source=source,
        slot=slot,
        signed_at_ms=gateway.signing_time_ms(),
        recv_window_ms=settings.BINANCE_RECV_WINDOW,
    )
    submit_orders(new, gateway=gateway)
    return new


def _is_refused(orders: Sequence[Order]) -> bool:
    return all(
        order.status == OrderStatus.REJECTED
        and order.closed_reason in _OF_THE_LIST
        and _NO_MONEY not in order.message.lower()
        for order in orders
    )
