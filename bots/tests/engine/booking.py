"""Orders and fills written straight into the journal, as the venue's answers would write them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from bots.domain.decision import IntentReason, Leg
from bots.domain.direction import Direction
from bots.models import BotConfig, Fill, FundingPayment, Order
from bots.tests.engine.conftest import AT_BUY
from exchange.domain.rules import TradingRules
from exchange.domain.types import Market, Side

JOURNAL = "journal"


def rules_of(bot: BotConfig) -> TradingRules:
    """Return rules with an increment of 0.00001 and 5 USDT as the smallest notional."""
    return TradingRules(
        symbol=bot.symbol,
        base_asset="BTC",
        quote_asset="USDT",
        is_trading=True,
        price_increment=Decimal("0.01"),
        quantity_increment=Decimal("0.00001"),
        min_quantity=Decimal("0.00001"),
        max_quantity=Decimal(9000),
        min_notional=Decimal(5),
        max_notional=Decimal(0),
        market=Market(bot.position_type),
    )


def add_order(bot: BotConfig, side: Side, leg: Leg = Leg.ENTRY, **columns: Any) -> Order:
    """Write an order that is filled unless `columns` say otherwise; its fills are added apart."""
    assert bot.api_key is not None
    number = Order.objects.using(JOURNAL).count() + 1
    values = {
        "account_id": bot.api_key.account_id,
        "market": bot.position_type,
        "symbol": bot.symbol,
        "source": "t",
        "slot": number,
        "client_order_id": f"test-{number}",
        "quantity": Decimal(1),
        "intent_reason": IntentReason.ENTRY_SIGNAL
        if leg is Leg.ENTRY
        else IntentReason.EXIT_SIGNAL,
        "status": "filled",
        "sent_at": timezone.now(),
        "signed_at_ms": 0,
        "recv_window_ms": 5000,
        "venue_order_id": str(number),
        "direction": Direction.LONG,
    }
    return Order.objects.using(JOURNAL).create(bot=bot, side=side, leg=leg, **(values | columns))


def add_fill(order: Order, price: str, quantity: str, *, minute: float = 0, **columns: Any) -> Fill:
    """Write an execution `minute` minutes after the moment of the first purchase."""
    value = Decimal(price) * Decimal(quantity)
    number = Fill.objects.using(JOURNAL).count() + 1
    values = {
        "trade_id": str(number),
        "quote_quantity": value,
        "commission": Decimal(0),
        "commission_asset": "USDT",
        "market_time": AT_BUY + timedelta(minutes=minute),
    }
    fill = Fill.objects.using(JOURNAL).create(
        order=order,
        bot_id=order.bot_id,
        account_id=order.account_id,
        market=order.market,
        symbol=order.symbol,
        side=order.side,
        price=Decimal(price),
        quantity=Decimal(quantity),
        **(values | columns),
    )
    order.filled_quantity += fill.quantity
    order.filled_quote_quantity += fill.quote_quantity
    if order.status == "filled":
        order.quantity = order.filled_quantity
    order.save(using=JOURNAL)
    return fill


def trade(
    bot: BotConfig,
    side: Side,
    price: str,
    quantity: str,
    *,
    minute: float = 0,
    leg: Leg | None = None,
    **columns: Any,
) -> Fill:
    """Write a filled order with one execution; an entry when it buys, unless told."""
    of_order = {
        name: columns.pop(name)
        for name in ("intent_reason", "direction", "trigger_price", "status")
        if name in columns
    }
    leg = leg or (Leg.ENTRY if side is Side.BUY else Leg.EXIT)
    return add_fill(
        add_order(bot, side, leg, **of_order), price, quantity, minute=minute, **columns
    )


def pay_funding(bot: BotConfig, amount: str, *, minute: float) -> FundingPayment:
    """Write a funding payment."""
    assert bot.api_key is not None
    return FundingPayment.objects.using(JOURNAL).create(
        bot=bot,
        account_id=bot.api_key.account_id,
        symbol=bot.symbol,
        amount=Decimal(amount),
        asset="USDT",
        transaction_id=str(FundingPayment.objects.using(JOURNAL).count() + 1),
        market_time=AT_BUY + timedelta(minutes=minute),
    )
