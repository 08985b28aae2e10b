"""Write down what the venue reports of our orders, whatever kind of report it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from django.utils import timezone

from bots import journal
from bots.domain.orders import UNSETTLED, OrderStatus, status_of_venue
from bots.engine.lookup import ask_by_name
from bots.engine.requests import Reply, futures
from bots.engine.trouble import note_certainty, note_doubt, report_trouble
from bots.engine.venue import VenueGateway
from bots.models import EventKind, Order
from exchange.domain.algo_children import child_of
from exchange.domain.algo_orders import AlgoOrderReport, AlgoStatus
from exchange.domain.reports import OrderReport, TradeReport, VenueOrderStatus
from exchange.domain.types import ZERO

HANGS_AFTER: Final = timedelta(seconds=10)  # wall time in TRIGGERING
_ENDED_UNFILLED: Final = (
    VenueOrderStatus.CANCELED,
    VenueOrderStatus.EXPIRED,
    VenueOrderStatus.EXPIRED_IN_MATCH,
)
# Of conditional orders that have no child. Those that have one are what their child is.
_OF_ALGO: Final = MappingProxyType(
    {
        AlgoStatus.CANCELED: VenueOrderStatus.CANCELED,
        AlgoStatus.REJECTED: VenueOrderStatus.REJECTED,
        AlgoStatus.EXPIRED: VenueOrderStatus.EXPIRED,
    }
)


def take_over(
    order: Order, report: OrderReport, *, gateway: VenueGateway, is_child: bool = False
) -> bool:
    """Write down what the venue reports of `order`; True when its fills are complete.

    Whether it has ended tells its status. Status and fills commit together, so an order never
    counts as settled without its fills. An execution that belongs to another order becomes an
    incident, and the order stays in doubt.
    """
    if _is_no_news(order, report):
        return True
    report, trades, complete = _with_trades(order, report, gateway=gateway)
    try:
        journal.apply_report(order, report, trades, complete=complete, is_child=is_child)
    except journal.TradeIdReusedError as error:
        if order.status == OrderStatus.SENT:
            journal.move_order(order, OrderStatus.UNKNOWN, message=str(error))
        report_trouble(order, str(error))
        return False
    if complete:
        note_certainty(order)
    else:
        note_doubt(order, "the venue tells what was filled, and not all of its executions")
    return complete


def take_over_algo(order: Order, report: AlgoOrderReport, *, gateway: VenueGateway) -> bool:
    """Write down what the venue reports of a conditional order; True when all of it is known.

    Once it has triggered, its child alone tells what was filled: FINISHED says that the child is
    done, filled or canceled. While the child is in the book, or the venue does not show it yet,
    the order is in doubt.
    """
    if report.child_order_id is not None:
        return _take_over_child(order, report, gateway=gateway)
    if report.status is AlgoStatus.TRIGGERING:
        _note_triggering(order)
    waiting = _without_child(report)
    if not _is_no_news(order, waiting):
        journal.apply_report(order, waiting, [], complete=True)
    if report.status in (AlgoStatus.TRIGGERED, AlgoStatus.FINISHED):
        note_doubt(order, "it has triggered, and the venue does not say which order it became")
        return False
    if report.status is AlgoStatus.REJECTED:
        _note_refused(order)
    note_certainty(order)
    return True


def _take_over_child(order: Order, report: AlgoOrderReport, *, gateway: VenueGateway) -> bool:
    if order.venue_order_id != report.algo_id:
        waiting = replace(_without_child(report), status=VenueOrderStatus.NEW)
        journal.apply_report(order, waiting, [], complete=True)
    child = child_of(futures(gateway), report)
    if child is None:
        note_doubt(order, "it has triggered, and the venue does not show the order it became")
        return False
    return take_over(order, child, gateway=gateway, is_child=True) and is_over(order)


def _is_no_news(order: Order, report: OrderReport) -> bool:
    # What rests is seen by every tick; nothing is written about it then.
    return (
        order.status == OrderStatus.OPEN == status_of_venue(report.status)
        and order.venue_order_id == report.venue_order_id
        and order.filled_quantity == report.filled_quantity
        and report.quantity in (ZERO, order.quantity)
        and not order.not_found_looks
    )


def take_over_reply(orders: Sequence[Order], reply: Reply, *, gateway: VenueGateway) -> None:
    """Write down the reply to a request that placed or canceled these orders.

    What the reply does not tell of an order of a list is asked for by its name; an order that is
    not found then stays as it is, for the next tick to ask.
    """
    for order in orders:
        if isinstance(reply, AlgoOrderReport):
            take_over_algo(order, reply, gateway=gateway)
            continue
        report = reply if isinstance(reply, OrderReport) else reply.order(order.client_order_id)
        if report is None:
            report = ask_by_name(order, gateway=gateway)
        if report is not None:
            take_over(order, report, gateway=gateway)


def is_over(order: Order) -> bool:
    """Say whether an order has ended."""
    return order.status not in UNSETTLED


def _with_trades(
    order: Order, report: OrderReport, *, gateway: VenueGateway
) -> tuple[OrderReport, list[TradeReport], bool]:
    """Return the report, the executions that are needed with it, and whether these are all."""
    trades = list(report.trades)
    if report.filled_quantity:
        if _total(trades) >= report.filled_quantity:
            return report, trades, True
        if journal.filled_as_known(order) >= report.filled_quantity:
            return report, [], True
        trades = gateway.trades_of_order(
            order.symbol, report.venue_order_id, filled_quantity=report.filled_quantity
        )
        return report, trades, _total(trades) >= report.filled_quantity
    if report.status in _ENDED_UNFILLED and report.quantity and report.venue_order_id:
        # "Canceled, nothing filled" has been said of orders that had been: ask once before it is
        # believed. What waits for its list's entry has no quantity and cannot have traded.
        trades = gateway.trades_of_order(order.symbol, report.venue_order_id)
        return _with_filled(report, trades), trades, True
    return report, trades, True


def _with_filled(report: OrderReport, trades: list[TradeReport]) -> OrderReport:
    if not trades:
        return report
    filled = _total(trades)
    return replace(
        report,
        filled_quantity=filled,
        filled_quote_quantity=sum((trade.quote_quantity for trade in trades), ZERO),
        status=VenueOrderStatus.FILLED if filled >= report.quantity else report.status,
    )


def _total(trades: list[TradeReport]) -> Decimal:
    return sum((trade.quantity for trade in trades), ZERO)


def _without_child(report: AlgoOrderReport) -> OrderReport:
    return OrderReport(
        symbol=report.symbol,
        venue_order_id=report.algo_id,
        client_order_id=report.client_order_id,
        side=report.side,
        status=_OF_ALGO.get(report.status, VenueOrderStatus.NEW),
        quantity=report.quantity,
        filled_quantity=ZERO,
        filled_quote_quantity=ZERO,
        market_time=report.market_time,
    )


def _note_refused(order: Order) -> None:
    words = "The price was met, and the venue refused the order that came of it."
    if journal.note_message(order, words):
        event = f"{order.client_order_id}: {words}"
        journal.record_event(order.bot_id, EventKind.ORDER_REJECTED, event)


def _note_triggering(order: Order) -> None:
    journal.note_triggering(order)
    since = order.triggering_since
    if since is None or timezone.now() - since <= HANGS_AFTER:
        return
    words = f"The price of {order.client_order_id} was met, and the venue has made no order of it."
    if journal.note_message(order, words):
        journal.record_event(order.bot_id, EventKind.STOPS, words)
