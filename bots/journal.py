"""The only writer of Tick, Order, Fill, Trade and BotEvent.

Everything here goes over the connection `journal`, which commits at once: what is written
survives the tick's own transaction, a killed worker included.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from bots.domain.client_order_id import client_order_id
from bots.domain.decision import Intent, Leg
from bots.domain.orders import ClosedReason, OrderStatus, sources_of, status_of_venue
from bots.models import BotConfig, BotEvent, EventKind, Fill, Order, OrderSource, Tick, Trade
from exchange.domain.reports import OrderReport, TradeReport
from exchange.domain.types import Market

logger = logging.getLogger(__name__)

JOURNAL: Final = "journal"


class TradeIdReusedError(Exception):
    """The venue gave an execution the number of another order's: its history began anew."""


def record_event(
    bot_id: int,
    kind: EventKind,
    message: str,
    *,
    actor_id: int | None = None,
    data: Mapping[str, Any] | None = None,
) -> BotEvent:
    """Append one event to the bot's journal."""
    logger.info("bot %s: %s: %s", bot_id, kind, message)
    return BotEvent.objects.using(JOURNAL).create(
        bot_id=bot_id, kind=kind, message=message, actor_id=actor_id, data=dict(data or {})
    )


def record_tick(tick: Tick) -> Tick:
    """Append what a tick read and decided."""
    tick.save(using=JOURNAL, force_insert=True)
    return tick


def finish_tick(tick: Tick, *, status: str, duration_ms: int) -> None:
    """Note how a recorded tick ended."""
    tick.status, tick.duration_ms = status, duration_ms
    tick.save(using=JOURNAL, update_fields=["status", "duration_ms"])


def prune_ticks(*, keep: int) -> int:
    """Delete recorded ticks that led to no order, but for the newest `keep` of each bot."""
    deleted = 0
    ticks = Tick.objects.using(JOURNAL)
    for bot_id in ticks.order_by("bot_id").values_list("bot_id", flat=True).distinct():
        of_bot = ticks.filter(bot_id=bot_id).order_by("-id")
        newest_lost = of_bot.values_list("id", flat=True)[keep : keep + 1].first()
        if newest_lost is not None:
            deleted += of_bot.filter(id__lte=newest_lost, has_orders=False).delete()[0]
    return deleted


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


def apply_report(
    order: Order, report: OrderReport, trades: Iterable[TradeReport], *, complete: bool
) -> list[Fill]:
    """Take over what the venue says of an order and its executions; return the new fills.

    complete   whether `trades` are all executions; without them the order stays unsettled,
               so that the missing ones are asked for again

    Applies each execution once, by the venue's trade id, whatever the order and however
    often reports arrive. Safe to repeat. TradeIdReusedError, and nothing written, when an
    execution carries the number of another order's (a testnet or demo that was set up anew).
    Where the report does not tell what the order was worth, its executions do.
    """
    target = status_of_venue(report.status) if complete else OrderStatus.PARTIALLY_FILLED
    with transaction.atomic(using=JOURNAL):
        new_fills = [fill for trade in trades if (fill := _add_fill(order, trade)) is not None]
        columns: dict[str, Any] = {
            "venue_order_id": report.venue_order_id,
            "filled_quantity": report.filled_quantity,
            "filled_quote_quantity": _filled_quote(order, report),
        }
        if order.status == target or not move_order(order, target, **columns):
            Order.objects.using(JOURNAL).filter(pk=order.pk).update(
                updated_at=timezone.now(), **columns
            )
    for name, value in columns.items():
        setattr(order, name, value)
    return new_fills


def _add_fill(order: Order, trade: TradeReport) -> Fill | None:
    fill, created = Fill.objects.using(JOURNAL).get_or_create(
        account_id=order.account_id,
        market=order.market,
        symbol=order.symbol,
        trade_id=trade.trade_id,
        defaults={
            "order_id": order.pk,
            "bot_id": order.bot_id,
            "side": order.side,
            "price": trade.price,
            "quantity": trade.quantity,
            "quote_quantity": trade.quote_quantity,
            "commission": trade.commission,
            "commission_asset": trade.commission_asset,
            "market_time": trade.market_time,
        },
    )
    if fill.order_id != order.pk:
        raise TradeIdReusedError(
            f"trade {trade.trade_id} of {order.symbol} is known as part of another order: the "
            f"venue has begun anew, and {order.client_order_id} does not fit into these books"
        )
    return fill if created else None


def _filled_quote(order: Order, report: OrderReport) -> Decimal:
    if report.filled_quote_quantity is not None:
        return report.filled_quote_quantity
    amounts = Fill.objects.using(JOURNAL).filter(order_id=order.pk)
    return sum(amounts.values_list("quote_quantity", flat=True), Decimal(0))


def record_trade(
    order: Order, fills: list[Fill], *, user_id: int, pnl: Decimal | None, net: Decimal | None
) -> Trade:
    """Write the Trade row of an order that is done. Safe to repeat."""
    quantity = sum((fill.quantity for fill in fills), Decimal(0))
    quote = sum((fill.quote_quantity for fill in fills), Decimal(0))
    trade, _ = Trade.objects.using(JOURNAL).update_or_create(
        order_id=order.pk,
        defaults={
            "bot_id": order.bot_id,
            "user_id": user_id,
            "symbol": order.symbol,
            "side": order.side,
            "order_type": order.order_type,
            "price": quote / quantity,
            "quantity_filled": quantity,
            "quote_quantity_filled": quote,
            "commission_amount": sum((fill.commission for fill in fills), Decimal(0)),
            "commission_asset": _commission_asset(fills),
            "pnl": pnl,
            "realized_pnl": net,
            "reason": order.intent_reason,
            "binance_order_id": order.venue_order_id,
            "market_time": _newest(fills),
        },
    )
    return trade


def _commission_asset(fills: list[Fill]) -> str:
    # The venue may change the asset between two fills (BNB running out); the fills keep both.
    return "+".join(sorted({fill.commission_asset for fill in fills}))


def _newest(fills: list[Fill]) -> datetime:
    return max(fill.market_time for fill in fills)


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
