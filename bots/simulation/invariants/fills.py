"""Every execution of ours once, with the venue's figures; all of them once an order is done."""

from __future__ import annotations

from bots.domain.orders import UNSETTLED
from bots.models import Order
from bots.simulation.errors import InvariantError
from bots.simulation.invariants.orders import is_external
from bots.simulation.truth import VenueFill
from bots.simulation.view import View, plain_fills


def check_fills(view: View) -> None:
    """Raise InvariantError where applied executions differ from the venue's."""
    for row in view.orders:
        if not is_external(row):
            _check_fills_of(view, row)


def _check_fills_of(view: View, row: Order) -> None:
    placed = view.truth.ours_by_client_id.get(row.client_order_id)
    theirs = _plain(view.truth.fills_of(placed)) if placed else {}
    ours = plain_fills(view.fills_by_order.get(row.pk, []))
    for trade_id, figures in ours.items():
        if theirs.get(trade_id) != figures:
            raise InvariantError(
                f"{row}: execution {trade_id} is {figures} here and "
                f"{theirs.get(trade_id)} at the venue"
            )
    if row.status not in UNSETTLED and ours.keys() != theirs.keys():
        missing = sorted(theirs.keys() - ours.keys())
        raise InvariantError(f"{row} is done, and executions {missing} are missing")


def _plain(fills: list[VenueFill]) -> dict[str, tuple[object, ...]]:
    return {
        one.trade_id: (
            one.is_buy,
            one.price.normalize(),
            one.quantity.normalize(),
            one.quote_quantity.normalize(),
            one.commission.normalize(),
            one.commission_asset,
        )
        for one in fills
    }
