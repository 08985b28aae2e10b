"""Orders: written down before they are sent, moved along the table of legal moves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from bots.domain.client_order_id import client_order_id
from bots.domain.decision import Intent, Leg
from bots.domain.orders import ClosedReason, OrderStatus, sources_of
from bots.journal.connection import JOURNAL
from bots.journal.events import record_event
from bots.models import BotConfig, EventKind, Order, OrderSource
from exchange.domain.types import Market


def record_intents(
    bot: BotConfig,
    intents: Iterable[Intent],
    *,
    source: OrderSource,
    slot: int,
    signed_at_ms: int,
    recv_window_ms: int,
) -> list[Order]:
    """Commit the orders that a decision wants, before any of them is sent.

    A slot that is ticked again after its first order came to nothing gets a new attempt
    and so a new client order id; no id is ever used twice.
    """
    if bot.api_key is None:
        raise ValueError(f"bot {bot.pk} has no API key")
    account_id = bot.api_key.account_id
    orders = []
    with transaction.atomic(using=JOURNAL):
        for intent in intents:
            attempt = (
                1
                + Order.objects.using(JOURNAL)
                .filter(bot_id=bot.pk, source=source, slot=slot, leg=intent.leg)
                .count()
            )
            orders.append(
                Order.objects.using(JOURNAL).create(
                    bot_id=bot.pk,
                    account_id=account_id,
                    market=Market(bot.position_type),
                    symbol=bot.symbol,
                    source=source,
                    slot=slot,
                    leg=intent.leg,
                    attempt=attempt,
                    client_order_id=client_order_id(
                        installation=settings.INSTALLATION_ID,
                        bot_id=bot.pk,
                        source=source,
                        slot=slot,
                        leg=intent.leg,
                        attempt=attempt,
                    ),
                    side=intent.side,
                    quantity=intent.quantity,
                    intent_reason=intent.reason,
                    signed_at_ms=signed_at_ms,
                    recv_window_ms=recv_window_ms,
                )
            )
    return orders


def mark_sent(order: Order, *, signed_at_ms: int) -> bool:
    """Turn `intended` into `sent`; True for the one caller that may now send it.

    `signed_at_ms` (signing time) is committed with it: the time spent waiting for a permit
    must not count against the venue's window for the request.
    An entry of a bot that a person has stopped meanwhile stays unsent; exits always may go.
    """
    rows = Order.objects.using(JOURNAL).filter(pk=order.pk, status=OrderStatus.INTENDED)
    if order.leg == Leg.ENTRY:
        rows = rows.filter(bot__is_active=True)
    sent_at = timezone.now()
    changed = rows.update(
        status=OrderStatus.SENT, sent_at=sent_at, updated_at=sent_at, signed_at_ms=signed_at_ms
    )
    if changed != 1:
        return False
    order.status, order.sent_at, order.signed_at_ms = OrderStatus.SENT, sent_at, signed_at_ms
    return True


def mark_resigned(order: Order, *, signed_at_ms: int) -> bool:
    """Commit a new timestamp for an order that the venue refused with -1021, once."""
    rows = Order.objects.using(JOURNAL).filter(pk=order.pk, status=OrderStatus.SENT, resigned=False)
    changed = rows.update(signed_at_ms=signed_at_ms, resigned=True, updated_at=timezone.now())
    if changed == 1:
        order.signed_at_ms, order.resigned = signed_at_ms, True
    return changed == 1


def move_order(
    order: Order, target: OrderStatus, *, closed_reason: str = "", message: str = "", **columns: Any
) -> bool:
    """Move an order along the table of legal moves; False when it has already gone elsewhere."""
    changed = (
        Order.objects.using(JOURNAL)
        .filter(pk=order.pk, status__in=sources_of(target))
        .update(
            status=target,
            closed_reason=closed_reason,
            message=message,
            updated_at=timezone.now(),
            **columns,
        )
    )
    if changed:
        order.status = target
        order.closed_reason, order.message = closed_reason, message
    return bool(changed)


def note_not_found(order: Order) -> int:
    """Count one look at the venue that did not find the order; return how many there were."""
    order.not_found_looks += 1
    order.save(using=JOURNAL, update_fields=["not_found_looks", "updated_at"])
    return order.not_found_looks


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
    if move_order(order, OrderStatus.DENIED, closed_reason=ClosedReason.RATE_LIMITED, message=why):
        record_event(order.bot_id, EventKind.ORDER_NEVER_SENT, f"{order} was not sent: {why}")


def close_set_up_refused(order: Order, why: str) -> None:
    """Close an entry whose symbol is not set up at the venue as the bot wants it."""
    if move_order(
        order, OrderStatus.DENIED, closed_reason=ClosedReason.SET_UP_REFUSED, message=why
    ):
        record_event(order.bot_id, EventKind.ORDER_NEVER_SENT, f"{order} was not sent: {why}.")


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
