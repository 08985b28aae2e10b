"""Bring our orders in line with the venue's word for them. Sends nothing.

found                                  do
intended                               close as "never sent"
sent or unknown, the venue knows it    adopt its status and fills
sent or unknown, the venue does not    wait until it can no longer be accepted; after two looks
                                       from then on close as "never placed"
open, partially filled                 take over status and fills
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from bots import journal
from bots.domain.orders import UNSETTLED, OrderStatus
from bots.models import BotConfig, EventKind, Order
from exchange.domain.gateway import ExchangeGateway
from exchange.domain.reports import OrderReport, TradeReport

# After timestamp + recvWindow the venue's engine refuses the request; this covers the time
# that an accepted order may need to become visible and what the two clocks may differ.
VISIBILITY_MARGIN_MS: Final = 10_000
LOOKS_BEFORE_GIVING_UP: Final = 2


def reconcile_orders(bot: BotConfig, *, gateway: ExchangeGateway) -> bool:
    """Ask the venue for every order whose end we do not know; True when none is left in doubt.

    Raises `GatewayError` when the venue does not answer: then nothing may be decided.
    Safe to repeat.
    """
    settled = True
    orders = Order.objects.using(journal.JOURNAL).filter(bot_id=bot.pk, status__in=UNSETTLED)
    for order in orders.order_by("pk"):
        settled &= _reconcile(order, gateway=gateway)
    return settled


def _reconcile(order: Order, *, gateway: ExchangeGateway) -> bool:
    if order.status == OrderStatus.INTENDED:
        journal.close_never_sent(order)
        return True
    if order.status == OrderStatus.SENT:
        # We hold the bot's lock, so whoever sent it is gone and its answer with it.
        journal.move_order(order, OrderStatus.UNKNOWN)
    report = gateway.order_by_client_id(order.symbol, order.client_order_id)
    if report is None:
        return _not_found(order, gateway=gateway)
    was_unknown = order.status == OrderStatus.UNKNOWN
    settled = take_over(order, report, gateway=gateway)
    if was_unknown:
        journal.record_event(
            order.bot_id,
            EventKind.ORDER_ADOPTED,
            f"The venue knows {order.client_order_id}: {order.status}.",
        )
    return settled


def take_over(order: Order, report: OrderReport, *, gateway: ExchangeGateway) -> bool:
    """Write down what the venue reports of `order`; True when it is final and its fills complete.

    Status and fills commit together, so an order never counts as settled without its fills.
    """
    trades: list[TradeReport] = list(report.trades)
    if _total(trades) < report.filled_quantity:
        trades = gateway.trades_of_order(
            order.symbol, report.venue_order_id, filled_quantity=report.filled_quantity
        )
    complete = _total(trades) >= report.filled_quantity
    journal.apply_report(order, report, trades, complete=complete)
    return complete and order.status not in UNSETTLED


def _total(trades: list[TradeReport]) -> Decimal:
    return sum((trade.quantity for trade in trades), Decimal(0))


def _not_found(order: Order, *, gateway: ExchangeGateway) -> bool:
    if order.status != OrderStatus.UNKNOWN:
        # The venue showed it to us once; a reply that lags behind is no proof of anything.
        return False
    deadline_ms = order.signed_at_ms + order.recv_window_ms + VISIBILITY_MARGIN_MS
    if gateway.signing_time_ms() <= deadline_ms:
        return False
    if journal.note_not_found(order) < LOOKS_BEFORE_GIVING_UP:
        return False
    journal.close_never_placed(order)
    return True
