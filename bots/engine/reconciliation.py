"""Bring our orders in line with the venue's word for them. Sends nothing.

found                                  do
intended                               close as "never sent"
sent or unknown, the venue knows it    adopt its status and fills
sent or unknown, the venue does not    wait until it can no longer be accepted; after two looks
                                       from then on close as "never placed"
open, partially filled                 take over status and fills
seen once and not found any more       an incident; never closed but by a person's word

A list is asked for by its own name as well before its orders count as never placed.
What rests at the venue is read in one look at the symbol's open orders; only what is not among
them is asked for by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bots import journal
from bots.domain.decision import RESTING_LEGS, IntentReason
from bots.domain.orders import UNSETTLED, OrderStatus
from bots.engine.lookup import VenueBooks, ask, is_list_known
from bots.engine.requests import by_request
from bots.engine.taking_over import is_over, take_over, take_over_algo
from bots.engine.trouble import note_doubt, note_no_trouble, report_trouble
from bots.engine.venue import VenueGateway
from bots.models import BotConfig, EventKind, Order
from exchange.domain.algo_orders import AlgoOrderReport
from exchange.domain.reports import OrderReport
from exchange.domain.types import Market

# After timestamp + recvWindow the venue's engine refuses the request; this covers the time
# that an accepted order may need to become visible and what the two clocks may differ.
VISIBILITY_MARGIN_MS: Final = 10_000
LOOKS_BEFORE_GIVING_UP: Final = 2
LATE_AFTER_MS: Final = 60_000  # signing time; a list is known, and one of its orders is not
# Futures forget every order after 90 days (USD-M, GET order): from then on "not found" proves
# nothing. Before that they forget only what ended without a fill, which is as good as never placed.
FORGOTTEN_AFTER_MS: Final = 89 * 24 * 3600 * 1000
UNFILLED_FORGOTTEN_AFTER_MS: Final = (3 * 24 + 1) * 3600 * 1000
_RESTS: Final = (OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueView:
    """What a reconciliation has seen.

    settled            no order is of unknown outcome; what rests is known
    may_reduce         an order that can only reduce does no harm whatever became of those that are
                       in doubt: futures, and stops and targets alone
    open_orders        of the bot's symbol, ours or not; None when nobody looked
    open_algo_orders   likewise; always None on spot
    """

    settled: bool
    may_reduce: bool = False
    open_orders: tuple[OrderReport, ...] | None = None
    open_algo_orders: tuple[AlgoOrderReport, ...] | None = None


def reconcile_orders(bot: BotConfig, *, gateway: VenueGateway, look: bool = False) -> VenueView:
    """Ask the venue for every order whose end we do not know.

    look   read the symbol's open orders also when the bot has none that rests

    Raises `GatewayError` when the venue does not answer: then nothing may be decided.
    Safe to repeat.
    """
    orders = list(
        Order.objects.using(journal.JOURNAL)
        .filter(bot_id=bot.pk, status__in=UNSETTLED)
        .order_by("pk")
    )
    books = VenueBooks.read(bot.symbol, gateway=gateway, look=look or any(map(_rests, orders)))
    # A list, not a generator: after one that is in doubt the others are asked as well.
    requests = by_request(orders)
    answers = [_settled(request, books, gateway=gateway) for request in requests]
    note_no_trouble(order for order in orders if is_over(order))
    doubtful = [orders for orders, is_known in zip(requests, answers, strict=True) if not is_known]
    return VenueView(
        settled=not doubtful,
        may_reduce=gateway.market is Market.FUTURES
        and all(order.leg in RESTING_LEGS for orders in doubtful for order in orders),
        open_orders=books.open_orders,
        open_algo_orders=books.open_algo_orders,
    )


def _rests(order: Order) -> bool:
    # An entry of our own is over within seconds; one that was adopted may wait for days.
    may_rest = order.leg in RESTING_LEGS or order.intent_reason == IntentReason.ADOPTED
    return may_rest and order.status in _RESTS


def _settled(orders: Sequence[Order], books: VenueBooks, *, gateway: VenueGateway) -> bool:
    for order in orders:
        if order.status == OrderStatus.INTENDED:
            journal.close_never_sent(order)
        elif order.status == OrderStatus.SENT:
            # We hold the bot's lock, so whoever sent it is gone and its answer with it.
            journal.move_order(order, OrderStatus.UNKNOWN)
    asked = [order for order in orders if not is_over(order)]
    found = [(order, ask(order, books, gateway=gateway)) for order in asked]
    was_placed = any(report is not None for _, report in found)
    answers = [
        _told(order, report, gateway=gateway)
        if report is not None
        else _not_found(order, asked, was_placed=was_placed, gateway=gateway)
        for order, report in found
    ]
    return all(answers)


def _was_seen(order: Order) -> bool:
    """Say whether the venue has ever shown an order of the same list."""
    if not order.list_client_order_id:
        return False
    of_list = Order.objects.using(journal.JOURNAL).filter(
        bot_id=order.bot_id, list_client_order_id=order.list_client_order_id
    )
    return of_list.exclude(venue_order_id="").exists()


def _told(order: Order, report: OrderReport | AlgoOrderReport, *, gateway: VenueGateway) -> bool:
    was_unknown = order.status == OrderStatus.UNKNOWN
    if isinstance(report, AlgoOrderReport):
        is_known = take_over_algo(order, report, gateway=gateway)
    else:
        is_known = take_over(order, report, gateway=gateway)
    if was_unknown and order.status != OrderStatus.UNKNOWN:
        journal.record_event(
            order.bot_id,
            EventKind.ORDER_ADOPTED,
            f"The venue knows {order.client_order_id}: {order.status}.",
        )
        if is_known:
            note_no_trouble([order])
    return is_over(order) or (is_known and _rests(order))


def _is_forgotten(order: Order, *, gateway: VenueGateway) -> bool:
    """Say whether an order that we canceled is not found because the venue forgets such orders.

    Futures find no order that ended without a fill more than three days after it was made
    (USD-M, GET order and GET algoOrder). Without a cancel of ours, or with fewer looks, "not
    found" of what is to guard a position is never believed.
    """
    age_ms = gateway.signing_time_ms() - order.signed_at_ms
    return (
        gateway.market is Market.FUTURES
        and order.status == OrderStatus.OPEN
        and order.cancel_sent_at is not None
        and order.not_found_looks >= LOOKS_BEFORE_GIVING_UP
        and UNFILLED_FORGOTTEN_AFTER_MS < age_ms < FORGOTTEN_AFTER_MS
    )


def _not_found(
    order: Order, request: Sequence[Order], *, was_placed: bool, gateway: VenueGateway
) -> bool:
    if order.status != OrderStatus.UNKNOWN:
        if _is_forgotten(order, gateway=gateway):
            words = "A cancel was sent, and the venue has forgotten it: it ended without a fill."
            journal.move_order(order, OrderStatus.CANCELED, message=words)
            return True
        # The venue has shown it once, and a reply that lags behind is no proof of anything.
        note_doubt(order, "the venue does not find it any more")
        return is_over(order)
    now_ms = gateway.signing_time_ms()
    if now_ms <= order.signed_at_ms + order.recv_window_ms + VISIBILITY_MARGIN_MS:
        return False
    if gateway.market is Market.FUTURES and now_ms > order.signed_at_ms + FORGOTTEN_AFTER_MS:
        report_trouble(order, "the venue does not know it, and forgets what is so old")
        return is_over(order)
    if was_placed or _was_seen(order) or is_list_known(request, gateway=gateway):
        # A list is placed as a whole, so this order is late to show, however late.
        if now_ms > order.signed_at_ms + LATE_AFTER_MS:
            report_trouble(order, "the venue knows the list that it is of, and does not show it")
        return is_over(order)
    if journal.note_not_found(order) < LOOKS_BEFORE_GIVING_UP:
        return False
    journal.close_never_placed(order)
    return True
