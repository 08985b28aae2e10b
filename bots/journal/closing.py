"""Orders that end by our own word, each with its reason."""

from __future__ import annotations

from bots.domain.orders import ClosedReason, OrderStatus
from bots.journal.events import record_event
from bots.journal.orders import move_order
from bots.models import EventKind, Order


def close_never_sent(order: Order) -> None:
    """Close an order that an earlier tick committed and never sent."""
    if move_order(
        order,
        OrderStatus.DENIED,
        closed_reason=ClosedReason.NEVER_SENT,
        message="The worker stopped after writing the order down and before sending it.",
    ):
        record_event(order.bot_id, EventKind.ORDER_NEVER_SENT, f"{order} was never sent.")


def close_rate_limited(order: Order, why: str) -> None:
    """Close an order that was committed and may not be sent now."""
    _close_unsent(order, ClosedReason.RATE_LIMITED, why)


def close_halted(order: Order, why: str) -> None:
    """Close an order that a halt stops."""
    _close_unsent(order, ClosedReason.HALTED, why)


def close_malformed(order: Order, why: str) -> None:
    """Close an order of which no request can be made."""
    _close_unsent(order, ClosedReason.MALFORMED, why)


def close_superseded(order: Order, why: str) -> None:
    """Close an order that is no longer wanted, because what it was wanted for has changed."""
    _close_unsent(order, ClosedReason.SUPERSEDED, why)


def _close_unsent(order: Order, closed_reason: ClosedReason, why: str) -> None:
    if move_order(order, OrderStatus.DENIED, closed_reason=closed_reason, message=why):
        words = f"{order} was not sent: {why.rstrip('.')}."
        record_event(order.bot_id, EventKind.ORDER_NEVER_SENT, words)


def close_never_placed(order: Order) -> None:
    """Close an order that the venue does not know and can no longer accept."""
    if move_order(
        order,
        OrderStatus.EXPIRED,
        closed_reason=ClosedReason.NEVER_PLACED,
        message="The venue does not know it, and its time to accept it has passed.",
    ):
        record_event(
            order.bot_id, EventKind.ORDER_NEVER_PLACED, f"{order} never reached the venue."
        )


def close_given_up(order: Order, why: str) -> None:
    """Close an order whose fate nobody can tell, because a person said so."""
    if move_order(order, OrderStatus.EXPIRED, closed_reason=ClosedReason.GIVEN_UP, message=why):
        record_event(order.bot_id, EventKind.ORDER_NEVER_PLACED, f"{order} was given up: {why}")
