"""Orders whose fate nobody can tell: an incident, and a person's word as the way out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from bots import journal
from bots.domain.orders import ClosedReason
from bots.models import Incident, IncidentKind, Order, Resolution

LOOKS_BEFORE_ALARM: Final = 5  # in a row; reads of the venue may lag behind what it does


def note_doubt(order: Order, why: str) -> None:
    """Count one look that did not tell all of an order that is at the venue; then sound an alarm.

    The order stays as it is, so that nothing is put in its place.
    """
    if journal.note_not_found(order) >= LOOKS_BEFORE_ALARM:
        report_trouble(order, why)


def note_certainty(order: Order) -> None:
    """Forget the looks that did not tell all, and the incident that they led to."""
    if order.not_found_looks:
        journal.note_found(order)
        note_no_trouble([order])


def report_trouble(order: Order, why: str) -> None:
    """Open an incident about an order; when a person has dismissed it, the order is given up.

    Safe to repeat. What was dismissed says: nothing more is expected of this order.
    """
    incident = journal.open_incident(
        order.bot_id,
        IncidentKind.ORDER_TROUBLE,
        order.client_order_id,
        f"{order.client_order_id}: {why}.",
        data={"client_order_id": order.client_order_id, "symbol": order.symbol},
        account_id=order.account_id,
    )
    if incident.resolution == Resolution.DISMISSED:
        journal.close_given_up(order, why)


def note_no_trouble(orders: Iterable[Order]) -> None:
    """Close the open incidents about orders of which the venue has told the end after all."""
    keys = {
        order.client_order_id: order.bot_id
        for order in orders
        if order.closed_reason != ClosedReason.GIVEN_UP
    }
    if not keys:
        return
    known = Incident.objects.using(journal.JOURNAL).filter(
        kind=IncidentKind.ORDER_TROUBLE, key__in=list(keys), closed_at=None
    )
    for incident in known:
        if incident.bot_id == keys[incident.key]:
            journal.close_incident(incident, Resolution.GONE)
