"""Send what was committed, each request once, and write down what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from bots import journal
from bots.domain.decision import Leg
from bots.domain.orders import ClosedReason, OrderStatus
from bots.engine.requests import by_request, place, request_of
from bots.engine.taking_over import take_over_reply
from bots.engine.venue import VenueGateway
from bots.locks import require_bot_lock
from bots.models import EventKind, Order
from exchange.domain.budget import OrderPermit, Priority, asking_for
from exchange.domain.errors import (
    CredentialsError,
    GatewayError,
    OrderRejectedError,
    OutcomeUnknownError,
    RateLimitedError,
    TimestampError,
    UnavailableError,
)

T = TypeVar("T")


def submit_orders(orders: Iterable[Order], *, gateway: VenueGateway) -> None:
    """Send every request that is still `intended`. Never sends one twice, never resends one.

    The orders of a list are one request and must all be given. The caller holds the bot's lock;
    when it was lost meanwhile (OperationalError) nothing is sent.
    Whatever interrupts a send, a soft time limit included, leaves its orders `unknown`
    (or `sent`, when even that could not be written); the next tick asks the venue.
    """
    for request in by_request(orders):
        if any(order.status != OrderStatus.INTENDED for order in request):
            continue
        with asking_for(priority_of(request)):
            _submit(request, gateway=gateway)


def _submit(orders: Sequence[Order], *, gateway: VenueGateway) -> None:
    try:
        request_of(orders)
    except ValueError as error:
        for order in orders:
            journal.close_malformed(order, str(error))
        return
    reply = send_once(
        orders,
        lambda permit: place(orders, gateway=gateway, permit=permit),
        gateway=gateway,
    )
    if reply is None:
        return
    try:
        take_over_reply(orders, reply, gateway=gateway)
    except UnavailableError as error:
        # The venue has them, and what they have done could not be read: a question, not a failure.
        unread = [order for order in orders if order.status == OrderStatus.SENT]
        mark_unknown(unread, f"the venue took it, and could not be asked what it did ({error})")


def priority_of(orders: Sequence[Order]) -> Priority:
    """Return what a request is asked for: an entry may wait, everything else guards."""
    is_entry = any(order.leg == Leg.ENTRY for order in orders)
    return Priority.ENTRY if is_entry else Priority.EXIT


def send_once(
    orders: Sequence[Order], send: Callable[[OrderPermit], T], *, gateway: VenueGateway
) -> T | None:
    """Take the permit, turn the orders `sent` and send; return the reply.

    None when there is none; then each of the orders has been closed, rejected or marked unknown.
    `send` builds the request anew from the orders, which carry the committed timestamp.
    """
    try:
        permit = _permit(orders, gateway=gateway)
    except RateLimitedError as error:
        for order in orders:
            journal.close_rate_limited(order, str(error))
        return None
    try:
        # After the wait for the permit, which may have been long.
        require_bot_lock(orders[0].bot_id)
        leave = journal.mark_sent(orders, signed_at_ms=gateway.signing_time_ms())
        if leave.may_go:
            return _outcome(orders, send, gateway=gateway, permit=permit)
        for order in orders:
            journal.close_never_sent(order)  # changes nothing where it was closed or is not ours
        return None
    finally:
        permit.release()  # changes nothing when it was used


@contextmanager
def room_for(count: int, *, gateway: VenueGateway) -> Iterator[None]:
    """Keep a permit for `count` orders while what stands in their way is being canceled.

    RateLimitedError, before anything is canceled, when the venue takes none from us now: what
    rests is worth more than an order that cannot follow. Sending takes its permit afterwards.
    """
    permit = gateway.permit_orders(count)
    try:
        yield
    finally:
        permit.release()


def _permit(orders: Sequence[Order], *, gateway: VenueGateway) -> OrderPermit:
    if len(orders) > 1:
        # Placing a list looks at the rules; were they fetched then, the timestamp would age.
        gateway.rules(orders[0].symbol)
    return gateway.permit_orders(len(orders))


def _outcome(
    orders: Sequence[Order],
    send: Callable[[OrderPermit], T],
    *,
    gateway: VenueGateway,
    permit: OrderPermit,
) -> T | None:
    try:
        return _send_or_resign(orders, send, gateway=gateway, permit=permit)
    except OutcomeUnknownError as error:
        mark_unknown(orders, str(error))
    except (UnavailableError, TimestampError) as error:
        mark_rejected(orders, error, closed_reason=ClosedReason.NOT_DELIVERED)
    except (OrderRejectedError, CredentialsError) as error:
        mark_rejected(orders, error, closed_reason=f"code {error.code}" if error.code else "")
        if isinstance(error, CredentialsError):
            raise
    except BaseException as error:
        # Anything may have reached the venue by now, so this is no failure but a question.
        mark_unknown(orders, f"{type(error).__name__} while the order was being sent")
        raise
    return None


def _send_or_resign(
    orders: Sequence[Order],
    send: Callable[[OrderPermit], T],
    *,
    gateway: VenueGateway,
    permit: OrderPermit,
) -> T:
    try:
        return send(permit)
    except TimestampError:
        # -1021 proves that the venue's engine never saw it: the one case of a second send.
        gateway.resync_clock()
        return _resign(orders, send, gateway=gateway)


def _resign(
    orders: Sequence[Order], send: Callable[[OrderPermit], T], *, gateway: VenueGateway
) -> T:
    permit = gateway.permit_orders(len(orders))  # before the new timestamp
    try:
        require_bot_lock(orders[0].bot_id)  # not for a worker that slept and wakes up late
        if not journal.mark_resigned(orders, signed_at_ms=gateway.signing_time_ms()):
            raise TimestampError(
                "the order was signed anew before and there is no third time, "
                "or it was halted or its bot stopped since"
            )
        return send(permit)
    finally:
        permit.release()


def mark_unknown(orders: Iterable[Order], why: str) -> None:
    """Write down that only the venue's evidence tells what became of these orders."""
    for order in orders:
        if journal.move_order(order, OrderStatus.UNKNOWN, message=why):
            journal.record_event(
                order.bot_id,
                EventKind.ORDER_UNKNOWN,
                f"The outcome of {order.client_order_id} is unknown: {why}",
            )


def mark_rejected(orders: Iterable[Order], error: GatewayError, *, closed_reason: str) -> None:
    """Write down that the venue refused these orders, or provably never saw them."""
    for order in orders:
        if journal.move_order(
            order, OrderStatus.REJECTED, closed_reason=closed_reason, message=str(error)
        ):
            journal.record_event(
                order.bot_id, EventKind.ORDER_REJECTED, f"{order.client_order_id}: {error}"
            )
