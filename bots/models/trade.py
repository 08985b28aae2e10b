"""Filled orders as people read them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from bots.domain.decision import IntentReason
from bots.models.bot import BotConfig
from bots.models.fields import amount, plain
from bots.models.order import Order


class Trade(models.Model):
    """One row per filled order, folded from its fills.

    pnl            gross result of the closed quantity, quote; empty on entries
    realized_pnl   net of fees, quote; empty on entries
    market_time    of the newest fill; created_at is wall time
    """

    bot = models.ForeignKey(BotConfig, on_delete=models.PROTECT, related_name="trades")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="trades"
    )
    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="trade")
    symbol = models.CharField(max_length=20)
    side = models.CharField(max_length=4)
    order_type = models.CharField(max_length=24)
    price = amount()
    quantity_filled = amount()
    quote_quantity_filled = amount()
    commission_amount = amount()
    commission_asset = models.CharField(max_length=20)
    pnl = amount(null=True, blank=True)
    realized_pnl = amount(null=True, blank=True)
    reason = models.CharField(max_length=24, choices=[(r.value, r.value) for r in IntentReason])
    binance_order_id = models.CharField(max_length=32)
    market_time = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["bot", "-id"], name="trade_newest_of_bot"),
            # Read by the protections: what closed lately.
            models.Index(
                fields=["bot", "market_time"],
                condition=Q(realized_pnl__isnull=False),
                name="trade_closed_of_bot",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.side} {plain(self.quantity_filled)} {self.symbol} at {plain(self.price)}"
