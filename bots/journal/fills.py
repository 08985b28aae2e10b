"""What the venue reports of an order and its executions, and the Trade rows made of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from bots.domain.decision import RESTING_LEGS, IntentReason, Leg, Route
from bots.domain.orders import OrderStatus, status_of_venue
from bots.journal.connection import JOURNAL
from bots.journal.orders import move_order
from bots.models import Fill, Order, Trade
from exchange.domain.reports import OrderReport, TradeReport


class TradeIdReusedError(Exception):
    """The venue gave an execution the number of another order's: its history began anew."""


def apply_report(
    order: Order,
    report: OrderReport,
    trades: Iterable[TradeReport],
    *,
    complete: bool,
    is_child: bool = False,
) -> list[Fill]:
    """Take over what the venue says of an order and its executions; return the new fills.

    complete   whether `trades` and the fills that are known are all executions; otherwise the
               order stays unsettled, so that the missing ones are asked for again
    is_child   the report is of the order that a conditional order has become

    Applies each execution once, by the venue's trade id, whatever the order and however
    often reports arrive, also on an order that has ended. Safe to repeat. TradeIdReusedError, and
    nothing written, when an execution carries the number of another order's (a testnet or demo
    that was set up anew). Where the report does not tell what the order was worth, its executions
    do. A report that is older than what is known takes nothing back.
    """
    target = status_of_venue(report.status) if complete else OrderStatus.PARTIALLY_FILLED
    with transaction.atomic(using=JOURNAL):
        new_fills = [fill for trade in trades if (fill := _add_fill(order, trade)) is not None]
        columns = _columns(order, report, is_child=is_child)
        if order.status == target or not move_order(order, target, **columns):
            Order.objects.using(JOURNAL).filter(pk=order.pk).update(
                updated_at=timezone.now(), **columns
            )
    for name, value in columns.items():
        setattr(order, name, value)
    return new_fills


def _columns(order: Order, report: OrderReport, *, is_child: bool) -> dict[str, Any]:
    name = "child_venue_order_id" if is_child else "venue_order_id"
    columns: dict[str, Any] = {name: report.venue_order_id}
    if report.filled_quantity >= order.filled_quantity:
        columns["filled_quantity"] = report.filled_quantity
        columns["filled_quote_quantity"] = _filled_quote(order, report)
    if order.leg in RESTING_LEGS and order.route == Route.LIST and report.quantity:
        # The venue fixes it when the entry of the list is filled, after commission.
        columns["quantity"] = report.quantity
    return columns


def filled_as_known(order: Order) -> Decimal:
    """Return the quantity of an order's executions that are in the books."""
    amounts = Fill.objects.using(JOURNAL).filter(order_id=order.pk)
    return sum(amounts.values_list("quantity", flat=True), Decimal(0))


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
            "venue_realized_pnl": trade.realized_pnl,
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
    order: Order,
    fills: list[Fill],
    *,
    user_id: int,
    pnl: Decimal | None,
    net: Decimal | None,
    reason: IntentReason | None = None,
) -> Trade:
    """Write the Trade row of an order that is done. Safe to repeat.

    reason   why it happened, where that is not why the order was wanted; of a stop or target that
             has rested at the venue it is by itself what its leg says
    """
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
            "reason": reason or _reason(order),
            "binance_order_id": order.child_venue_order_id or order.venue_order_id,
            "market_time": _newest(fills),
        },
    )
    return trade


def _reason(order: Order) -> str:
    if order.intent_reason not in (IntentReason.PROTECTION, IntentReason.PROTECTION_MOVED):
        return order.intent_reason
    return IntentReason.STOP_LOSS if order.leg == Leg.STOP else IntentReason.TAKE_PROFIT


def _commission_asset(fills: list[Fill]) -> str:
    # The venue may change the asset between two fills (BNB running out); the fills keep both.
    return "+".join(sorted({fill.commission_asset for fill in fills}))


def _newest(fills: list[Fill]) -> datetime:
    return max(fill.market_time for fill in fills)
