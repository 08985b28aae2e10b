"""What the venue says of one of our orders, asked in the cheapest way that tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bots.domain.decision import Route
from bots.engine.requests import futures, spot
from bots.engine.venue import VenueGateway, is_futures
from bots.models import Order
from exchange.domain.algo_orders import AlgoOrderReport
from exchange.domain.clock import from_milliseconds
from exchange.domain.errors import OrderRejectedError
from exchange.domain.reports import OrderReport, VenueOrderStatus
from exchange.domain.types import ZERO, Market, Side

# Spot alone: canceled or expired without a fill, more than 90 days ago (errors.md).
ORDER_ARCHIVED: Final = -2026


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueBooks:
    """The open orders of one symbol as one look has shown them; None where nobody looked."""

    open_orders: tuple[OrderReport, ...] | None = None
    open_algo_orders: tuple[AlgoOrderReport, ...] | None = None

    @classmethod
    def read(cls, symbol: str, *, gateway: VenueGateway, look: bool) -> VenueBooks:
        """Look, when that is wanted; weight 6 on spot, 2 on futures."""
        if not look:
            return cls()
        if not is_futures(gateway):
            return cls(open_orders=tuple(gateway.open_orders(symbol)))
        return cls(
            open_orders=tuple(gateway.open_orders(symbol)),
            open_algo_orders=tuple(gateway.open_algo_orders(symbol)),
        )

    def order(self, client_order_id: str) -> OrderReport | None:
        """Return what was seen of an order; None is no proof of anything."""
        seen = self.open_orders or ()
        return next((each for each in seen if each.client_order_id == client_order_id), None)

    def algo_order(self, client_order_id: str) -> AlgoOrderReport | None:
        """Return what was seen of a conditional order; None is no proof of anything."""
        seen = self.open_algo_orders or ()
        return next((each for each in seen if each.client_order_id == client_order_id), None)


def ask(
    order: Order, books: VenueBooks, *, gateway: VenueGateway
) -> OrderReport | AlgoOrderReport | None:
    """Return what the venue says of an order, or None when it says that it knows none."""
    if order.route == Route.ALGO:
        seen = books.algo_order(order.client_order_id)
        return seen or futures(gateway).algo_order_by_client_id(order.client_order_id)
    return books.order(order.client_order_id) or ask_by_name(order, gateway=gateway)


def ask_by_name(order: Order, *, gateway: VenueGateway) -> OrderReport | None:
    """Return what the venue says of an order of its book, or None when it knows none."""
    try:
        return gateway.order_by_client_id(order.symbol, order.client_order_id)
    except OrderRejectedError as error:
        if error.code == ORDER_ARCHIVED and gateway.market is Market.SPOT:
            return _archived(order)
        raise


def is_list_known(orders: Sequence[Order], *, gateway: VenueGateway) -> bool:
    """Say whether the venue knows the list of these orders; False when they are of none."""
    first = orders[0]
    return (
        first.route == Route.LIST
        and spot(gateway).list_by_client_id(first.list_client_order_id) is not None
    )


def _archived(order: Order) -> OrderReport:
    return OrderReport(
        symbol=order.symbol,
        venue_order_id=order.venue_order_id,
        client_order_id=order.client_order_id,
        side=Side(order.side),
        status=VenueOrderStatus.EXPIRED,
        quantity=order.quantity,
        filled_quantity=ZERO,
        filled_quote_quantity=ZERO,
        market_time=from_milliseconds(order.signed_at_ms),
    )
