"""Put one stop in the place of another in one request: spot, single stops."""

from __future__ import annotations

from bots import journal
from bots.domain.orders import ClosedReason, OrderStatus
from bots.engine.cancellation import look_again, note_canceled
from bots.engine.execution import mark_rejected, mark_unknown, send_once
from bots.engine.requests import single_order_request, spot
from bots.engine.taking_over import is_over, take_over
from bots.engine.venue import VenueGateway
from bots.models import Order
from exchange.domain.budget import OrderPermit, Priority, asking_for
from exchange.domain.errors import GatewayError, UnavailableError
from exchange.domain.orders import CancelReplaceRequest
from exchange.domain.reports import CancelReplaceReport, PartOutcome, Refusal
from exchange.domain.spot_gateway import SpotGateway


def replace_stop(old: Order, new: Order, *, gateway: VenueGateway) -> bool:
    """Cancel `old` and place `new`, an intended order, in its stead; True when that is so.

    STOP_ON_FAILURE: where the old one cannot be canceled the new one is not placed. What came of
    each half stands on its own order; a half of which the venue does not tell is left to the next
    tick to ask. Errors and the bot's lock as of `submit_orders`.
    """
    venue = spot(gateway)
    with asking_for(Priority.EXIT):
        try:
            single_order_request(new)
        except ValueError as error:
            journal.close_malformed(new, str(error))
            return False
        report = send_once(
            [new], lambda permit: _send(old, new, gateway=venue, permit=permit), gateway=gateway
        )
        if report is None:
            _after_no_report(old, new, gateway=gateway)
        else:
            _take_over(old, new, report, gateway=gateway)
    return is_over(old) and new.status == OrderStatus.OPEN


def _send(
    old: Order, new: Order, *, gateway: SpotGateway, permit: OrderPermit
) -> CancelReplaceReport:
    journal.note_cancel([old])
    request = CancelReplaceRequest(
        canceled_client_order_id=old.client_order_id, order=single_order_request(new)
    )
    return gateway.cancel_replace(request, permit=permit)


def _take_over(
    old: Order, new: Order, report: CancelReplaceReport, *, gateway: VenueGateway
) -> None:
    try:
        _take_over_new(new, report, gateway=gateway)
        _take_over_old(old, report, gateway=gateway)
    except UnavailableError as error:
        # What could not be read is asked by the next tick; the old one rests until it is told.
        if new.status == OrderStatus.SENT:
            mark_unknown([new], f"the venue could not be asked what came of it ({error})")


def _after_no_report(old: Order, new: Order, *, gateway: VenueGateway) -> None:
    # Refused as a whole, or its outcome is unknown: either way the old one tells for itself.
    if new.status in (OrderStatus.REJECTED, OrderStatus.UNKNOWN):
        look_again([old], gateway=gateway)


def _take_over_old(old: Order, report: CancelReplaceReport, *, gateway: VenueGateway) -> None:
    if report.canceled is not None:
        take_over(old, report.canceled, gateway=gateway)
    elif report.cancel is not PartOutcome.NOT_ATTEMPTED:
        look_again([old], gateway=gateway)
    note_canceled([old])


def _take_over_new(new: Order, report: CancelReplaceReport, *, gateway: VenueGateway) -> None:
    match report.order:
        case PartOutcome.DONE if report.placed is not None:
            take_over(new, report.placed, gateway=gateway)
        case PartOutcome.REFUSED:
            error = _error(report.order_refusal)
            mark_rejected([new], error, closed_reason=f"code {error.code}" if error.code else "")
        case PartOutcome.NOT_ATTEMPTED:
            words = GatewayError("the old stop could not be canceled, so this one was not placed")
            mark_rejected([new], words, closed_reason=ClosedReason.NOT_DELIVERED)
        case _:
            mark_unknown([new], _error(report.order_refusal).args[0])


def _error(refusal: Refusal | None) -> GatewayError:
    if refusal is None:
        return GatewayError("the venue does not say what came of it")
    return GatewayError(f"{refusal.text}", code=refusal.code)
