"""Orders that somebody else has given and that belong into a bot's books all the same.

By the venue (a liquidation), by a person past the bot, or by an earlier bot that hands over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from bots.domain.client_order_id import base36
from bots.domain.decision import IntentReason, Leg, Route
from bots.domain.direction import Direction
from bots.domain.orders import OrderStatus
from bots.journal.connection import JOURNAL
from bots.journal.fills import apply_report
from bots.models import BotConfig, Order, OrderSource
from exchange.domain.clock import to_milliseconds
from exchange.domain.reports import OrderReport, TradeReport, VenueOrderStatus
from exchange.domain.types import ZERO, Market, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """An order as it goes into the books; it was never sent by us.

    name      stands for its client order id, and keeps it from being booked twice
    actor_id  who gave it to the bot; None: nobody, the venue's history proves it
    """

    name: str
    side: Side
    leg: Leg
    reason: IntentReason
    direction: Direction
    quantity: Decimal
    order_type: str = "MARKET"
    route: Route = Route.ORDER
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    reserve: Decimal = ZERO
    venue_order_id: str = ""
    message: str = ""
    actor_id: int | None = None


def external_name(bot_id: int, venue_order_id: str) -> str:
    """Return the name under which an order of the venue's history stands in a bot's books."""
    return f"x{base36(bot_id)}-{base36(int(venue_order_id))}"


def book_external(
    bot: BotConfig, external: External, trades: Sequence[TradeReport]
) -> Order | None:
    """Write down an order that is done, with its executions; None when it was booked before.

    `trades` are not empty and make up the order's quantity. All of it commits together.
    """
    with transaction.atomic(using=JOURNAL):
        order = _add(bot, external)
        if order is not None:
            _fill(order, external, trades)
    return order


def book_made_up(
    bot: BotConfig, external: External, *, price: Decimal, at: datetime, quote_asset: str
) -> Order | None:
    """Write down a change of a position that no execution of the venue stands behind.

    What a person adopts or hands over: all of it at `price` and at one market time, without a
    commission. Its trade id is the order's own number with a minus, which no venue gives.
    None when it was booked before.
    """
    with transaction.atomic(using=JOURNAL):
        order = _add(bot, external)
        if order is None:
            return None
        trade = TradeReport(
            trade_id=f"-{order.pk}",
            price=price,
            quantity=external.quantity,
            quote_quantity=price * external.quantity,
            commission=ZERO,
            commission_asset=quote_asset,
            market_time=at,
            side=external.side,
        )
        _fill(order, external, [trade])
    return order


def follow_external(bot: BotConfig, external: External) -> Order | None:
    """Write down an order that rests at the venue, so that it is followed like one of ours.

    Its name is the client order id that it has there. None when a row has that name already.
    """
    with transaction.atomic(using=JOURNAL):
        return _add(bot, external)


def _add(bot: BotConfig, external: External) -> Order | None:
    if bot.api_key is None:
        raise ValueError(f"bot {bot.pk} has no API key")
    slot = _slot(external)
    now = timezone.now()
    order, is_new = Order.objects.using(JOURNAL).get_or_create(
        client_order_id=external.name,
        defaults={
            "bot_id": bot.pk,
            "account_id": bot.api_key.account_id,
            "market": Market(bot.position_type).value,
            "symbol": bot.symbol,
            "source": OrderSource.MANUAL.value,
            "slot": slot,
            "leg": external.leg.value,
            "attempt": _next_attempt(bot, slot, external.leg),
            "route": external.route.value,
            "side": external.side.value,
            "order_type": external.order_type,
            "quantity": external.quantity,
            "price": external.price,
            "trigger_price": external.trigger_price,
            "direction": external.direction.value,
            "reduces_only": bot.is_futures and external.leg is not Leg.ENTRY,
            "reserve": external.reserve,
            "intent_reason": external.reason.value,
            # The venue has it: as if it had been sent, and its outcome is on the way.
            "status": OrderStatus.SENT.value,
            "sent_at": now,
            "signed_at_ms": to_milliseconds(now),
            "recv_window_ms": 0,
            "venue_order_id": external.venue_order_id,
            "actor_id": external.actor_id,
            "message": external.message,
        },
    )
    return order if is_new else None


def _slot(external: External) -> int:
    # Below zero, where no tick and no request of a person counts.
    return -int(external.venue_order_id) if external.venue_order_id else -1


def _next_attempt(bot: BotConfig, slot: int, leg: Leg) -> int:
    same = Order.objects.using(JOURNAL).filter(
        bot_id=bot.pk, source=OrderSource.MANUAL, slot=slot, leg=leg
    )
    return int(same.aggregate(highest=Max("attempt"))["highest"] or 0) + 1


def _fill(order: Order, external: External, trades: Sequence[TradeReport]) -> None:
    apply_report(order, _filled(order, external, trades), trades, complete=True)
    order.message = external.message  # moving on has cleared it
    Order.objects.using(JOURNAL).filter(pk=order.pk).update(message=order.message)


def _filled(order: Order, external: External, trades: Sequence[TradeReport]) -> OrderReport:
    return OrderReport(
        symbol=order.symbol,
        venue_order_id=external.venue_order_id,
        client_order_id=external.name,
        side=external.side,
        status=VenueOrderStatus.FILLED,
        quantity=external.quantity,
        filled_quantity=sum((trade.quantity for trade in trades), ZERO),
        filled_quote_quantity=sum((trade.quote_quantity for trade in trades), ZERO),
        market_time=max(trade.market_time for trade in trades),
    )
