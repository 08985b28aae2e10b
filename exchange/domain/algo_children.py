"""From a conditional order that has triggered to the order that it became."""

from __future__ import annotations

from typing import Protocol

from exchange.domain.algo_orders import AlgoOrderReport
from exchange.domain.reports import OrderReport


class OrdersByVenueId(Protocol):
    """Where orders are found that are not named by us."""

    def order_by_venue_id(self, symbol: str, venue_order_id: str) -> OrderReport | None:
        """Return the order, or None when the venue says that it knows none of that id."""
        ...


def child_of(gateway: OrdersByVenueId, report: AlgoOrderReport) -> OrderReport | None:
    """Return the order that `report` became: it alone tells what was filled.

    FINISHED says that the child is done, filled or canceled. None while there is no child, and
    also while the venue does not show the one that `report.child_order_id` names: it may be late,
    so None is no proof that nothing was filled. Safe to repeat.
    """
    if report.child_order_id is None:
        return None
    return gateway.order_by_venue_id(report.symbol, report.child_order_id)
