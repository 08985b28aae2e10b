"""Funding that a futures position paid or received."""

from __future__ import annotations

from django.db import models

from bots.models.bot import BotConfig
from bots.models.fields import amount, plain
from exchange.models import ExchangeAccount


class FundingPayment(models.Model):
    """One funding stamp of one position as the venue booked it. Positive: received.

    What the insurance fund takes after a liquidation is one too; its number begins with `clear-`.
    Written on the connection `journal`, once per transaction of the venue.
    """

    bot = models.ForeignKey(BotConfig, on_delete=models.PROTECT, related_name="funding_payments")
    account = models.ForeignKey(
        ExchangeAccount, on_delete=models.PROTECT, related_name="funding_payments"
    )
    symbol = models.CharField(max_length=20)
    amount = amount()
    asset = models.CharField(max_length=20)
    transaction_id = models.CharField(max_length=32)
    market_time = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "transaction_id"], name="funding_once_per_transaction"
            ),
        ]
        indexes = [models.Index(fields=["bot", "id"], name="funding_of_bot")]

    def __str__(self) -> str:
        return f"{self.symbol} {plain(self.amount)} {self.asset} at {self.market_time}"
