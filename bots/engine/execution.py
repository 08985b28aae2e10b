"""Send what was committed, each order once, and write down what came of it."""

from __future__ import annotations

from bots import journal
from bots.domain.decision import Leg
from bots.domain.orders import ClosedReason, OrderStatus
from bots.engine.reconciliation import take_over
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
from exchange.domain.gateway import ExchangeGateway
from exchange.domain.orders import MarketOrderRequest
from exchange.domain.reports import OrderReport
from exchange.domain.types import Market, Side


def submit_orders(orders: list[Order], *, gateway: ExchangeGateway) -> None:
    """Send every order that is still `intended`. Never sends one twice, never resends one.

    The caller holds the bot's lock; when it was lost meanwhile (OperationalError) nothing is sent.
    Whatever interrupts a send, a soft time limit included, leaves the order `unknown`
    (or `sent`, when even that could not be written); the next tick asks the venue.
    """
    for order in orders:
        if order.status != OrderStatus.INTENDED:
            continue
        with asking_for(Priority.ENTRY if order.leg == Leg.ENTRY else Priority.EXIT):
            _permit_and_submit(order, gateway=gateway)


def _permit_and_submit(order: Order, *, gateway: ExchangeGateway) -> None:
    try:
        permit = gateway.permit_orders()
    except RateLimitedError as error:
        journal.close_rate_limited(order, str(error))
        return
    try:
        require_bot_lock(order.bot_id)  # after the wait for the permit, which may have been long
        if journal.mark_sent(order, signed_at_ms=gateway.signing_time_ms()):
            _submit(order, gateway=gateway, permit=permit)
        else:
            journal.close_never_sent(order)
    finally:
        permit.release()  # changes nothing when it was used


def _submit(order: Order, *, gateway: ExchangeGateway, permit: OrderPermit) -> None:
    try:
        report = _send_or_resign(order, gateway=gateway, permit=permit)
    except OutcomeUnknownError as error:
        _mark_unknown(order, str(error))
        return
    except (UnavailableError, TimestampError) as error:
        _mark_rejected(order, error, closed_reason=ClosedReason.NOT_DELIVERED)
        return
    except (OrderRejectedError, CredentialsError) as error:
        _mark_rejected(order, error, closed_reason=f"code {error.code}" if error.code else "")
        if isinstance(error, CredentialsError):
            raise
        return
    except BaseException as error:
        # Anything may have reached the venue by now, so this is no failure but a question.
        _mark_unknown(order, f"{type(error).__name__} while the order was being sent")
        raise
    take_over(order, report, gateway=gateway)


def _send_or_resign(order: Order, *, gateway: ExchangeGateway, permit: OrderPermit) -> OrderReport:
    try:
        return gateway.place_market_order(_request(order), permit=permit)
    except TimestampError:
        # -1021 proves that the venue's engine never saw it: the one case of a second send.
        gateway.resync_clock()
        return _resign(order, gateway=gateway)


def _resign(order: Order, *, gateway: ExchangeGateway) -> OrderReport:
    permit = gateway.permit_orders()  # before the new timestamp
    try:
        require_bot_lock(order.bot_id)  # not for a worker that slept and wakes up late
        if not journal.mark_resigned(order, signed_at_ms=gateway.signing_time_ms()):
            raise TimestampError("the order was signed anew before, and there is no third time")
        return gateway.place_market_order(_request(order), permit=permit)
    finally:
        permit.release()


def _request(order: Order) -> MarketOrderRequest:
    return MarketOrderRequest(
        symbol=order.symbol,
        side=Side(order.side),
        quantity=order.quantity.normalize(),  # the column pads with zeros; the venue counts them
        client_order_id=order.client_order_id,
        signed_at_ms=order.signed_at_ms,
        recv_window_ms=order.recv_window_ms,
        # What closes a futures position must never open the opposite one.
        reduces_only=order.market == Market.FUTURES and order.leg != Leg.ENTRY,
    )


def _mark_unknown(order: Order, why: str) -> None:
    if journal.move_order(order, OrderStatus.UNKNOWN, message=why):
        journal.record_event(
            order.bot_id,
            EventKind.ORDER_UNKNOWN,
            f"The outcome of {order.client_order_id} is unknown: {why}",
        )


def _mark_rejected(order: Order, error: GatewayError, *, closed_reason: str) -> None:
    if journal.move_order(
        order, OrderStatus.REJECTED, closed_reason=closed_reason, message=str(error)
    ):
        journal.record_event(
            order.bot_id, EventKind.ORDER_REJECTED, f"{order.client_order_id}: {error}"
        )
