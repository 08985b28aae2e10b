"""At most one order at the venue for each row, exactly one where the venue accepted it."""

from __future__ import annotations

from collections import Counter

from bots.domain.decision import Route
from bots.domain.orders import UNSETTLED, ClosedReason, OrderStatus
from bots.models import Order
from bots.simulation.errors import InvariantError
from bots.simulation.truth import VenueOrder
from bots.simulation.view import View

# These say that the venue never had the order.
_NEVER_THERE = (ClosedReason.NEVER_PLACED.value, ClosedReason.NOT_DELIVERED.value)
_REACHED = (OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.OPEN)


def check_orders(view: View) -> None:
    """Raise InvariantError where rows and the venue's orders do not belong together one to one."""
    counts = Counter((one.market, one.client_id) for one in view.truth.ours)
    for (_, name), count in counts.items():
        if count > 1:
            raise InvariantError(f"the venue has {count} orders named {name}")
    for placed in view.truth.ours:
        _check_row_of(view, placed)
    for row in view.orders:
        _check_placed(view, row)


def _check_row_of(view: View, placed: VenueOrder) -> None:
    row = view.orders_by_client_id.get(placed.client_id)
    if row is None:
        raise InvariantError(f"{placed.client_id} is at the venue and was never written down")
    if row.status in (OrderStatus.INTENDED, OrderStatus.DENIED):
        raise InvariantError(f"{row} is at the venue ({placed.status}) and was never sent by us")
    if row.closed_reason in _NEVER_THERE:
        raise InvariantError(
            f"{row} was closed as {row.closed_reason}, and the venue has it ({placed.status})"
        )
    # How much an order of a list is for is only known when what pays for it has been filled.
    is_told = placed.quantity and (view.is_quiet or row.route != Route.LIST)
    if row.side != placed.side or (is_told and row.quantity != placed.quantity):
        asked, got = f"{row.side} {row.quantity}", f"{placed.side} {placed.quantity}"
        raise InvariantError(f"{row.client_order_id} wants {asked}, the venue has {got}")


def _check_placed(view: View, row: Order) -> None:
    placed = view.truth.ours_by_client_id.get(row.client_order_id)
    if placed is None:
        if row.status in _REACHED and not is_external(row):
            raise InvariantError(f"{row}, and the venue has no such order")
        return
    if view.is_quiet and row.status not in UNSETTLED and placed.is_open:
        raise InvariantError(f"{row}, and at the venue it is open ({placed.status})")


def is_external(row: Order) -> bool:
    """Say whether a row stands for what somebody else did: a liquidation, or what was adopted."""
    return row.intent_reason in ("liquidation", "adopted")
