"""Take orders back that rest at the venue, and learn what had become of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bots import journal
from bots.domain.decision import Leg, Route
from bots.domain.orders import UNSETTLED, OrderStatus
from bots.engine.lookup import VenueBooks, ask
from bots.engine.requests import Reply, by_request, futures, spot
from bots.engine.taking_over import is_over, take_over, take_over_algo, take_over_reply
from bots.engine.venue import VenueGateway
from bots.locks import require_bot_lock
from bots.models import EventKind, Order
from exchange.domain.algo_orders import AlgoOrderReport
from exchange.domain.budget import Priority, asking_for
from exchange.domain.errors import OrderRejectedError, OutcomeUnknownError, UnavailableError

NOT_OPEN = -2011  # "Unknown order sent.": it has ended, is triggering, or never was (errors.md)


def cancel_orders(orders: Iterable[Order], *, gateway: VenueGateway) -> bool:
    """Cancel these orders; True when every one of them has ended, however it did.

    A list goes as a whole, by one call; what else of it was open is written down as well. The
    cancel is committed before it is sent. Where the venue's answer is lost, or says that there is
    nothing to cancel, the order itself is asked; what stays in doubt is asked by the next tick.
    The caller holds the bot's lock (OperationalError when it was lost: nothing is sent). Other
    errors of the cancel itself pass: then it was not canceled.
    """
    wanted = [order for order in orders if not is_over(order)]
    with asking_for(Priority.EXIT):
        for request in by_request(wanted):
            _cancel(request, gateway=gateway)
    return all(is_over(order) for order in wanted)


def _cancel(orders: list[Order], *, gateway: VenueGateway) -> None:
    if all(order.status == OrderStatus.INTENDED for order in orders):
        for order in orders:
            journal.close_superseded(order, "it was canceled before it was sent")
        return
    together = [*orders, *_rest_of_list(orders)]
    require_bot_lock(orders[0].bot_id)
    journal.note_cancel(together)
    is_confirmed = False
    try:
        reply = _send(orders[0], gateway=gateway)
        is_confirmed = True
    except OutcomeUnknownError:
        reply = None
    except OrderRejectedError as error:
        if error.code != NOT_OPEN:
            raise
        reply = None
    try:
        if reply is None:
            look_again(together, gateway=gateway, is_canceled=is_confirmed)
        else:
            take_over_reply(together, reply, gateway=gateway)
    except UnavailableError as error:
        for order in together:
            if not is_over(order):
                journal.note_message(order, f"A cancel was sent, and not what came of it: {error}")
    note_canceled(together)


def _rest_of_list(orders: Sequence[Order]) -> list[Order]:
    if orders[0].route != Route.LIST:
        return []
    rest = Order.objects.using(journal.JOURNAL).filter(
        bot_id=orders[0].bot_id,
        list_client_order_id=orders[0].list_client_order_id,
        status__in=UNSETTLED,
    )
    return list(rest.exclude(pk__in=[order.pk for order in orders]))


def _send(order: Order, *, gateway: VenueGateway) -> Reply | None:
    """Cancel once; None when the reply does not tell what had become of the order."""
    if order.route == Route.ALGO:
        futures(gateway).cancel_algo_order(order.client_order_id)
        return None
    if order.route == Route.LIST:
        return spot(gateway).cancel_list(order.symbol, order.list_client_order_id)
    return gateway.cancel_order(order.symbol, order.client_order_id)


def look_again(
    orders: Iterable[Order], *, gateway: VenueGateway, is_canceled: bool = False
) -> None:
    """Ask for orders by their names; what the venue does not find stays as it is.

    is_canceled   the venue has confirmed a cancel of them without telling what they had come to.
                  Of a conditional order that is all there is: it had not triggered, and one that
                  is more than three days old is not found any more from that moment on.
    """
    for order in orders:
        report = ask(order, VenueBooks(), gateway=gateway)
        if isinstance(report, AlgoOrderReport):
            take_over_algo(order, report, gateway=gateway)
        elif report is not None:
            take_over(order, report, gateway=gateway)
        elif is_canceled and order.route == Route.ALGO:
            journal.move_order(order, OrderStatus.CANCELED)


def note_canceled(orders: Iterable[Order]) -> None:
    """Tell the bot's journal which of these orders we have taken back."""
    taken_back = [order for order in orders if order.status == OrderStatus.CANCELED]
    if taken_back:
        legs = " and ".join(Leg(order.leg).name.lower() for order in taken_back)
        names = ", ".join(order.client_order_id for order in taken_back)
        message = f"Canceled {legs} of {taken_back[0].symbol} ({names})."
        journal.record_event(taken_back[0].bot_id, EventKind.ORDER_CANCELED, message)
