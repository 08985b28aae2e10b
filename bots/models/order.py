"""Orders and fills: the facts from which everything else is folded.

Written only on the connection `journal`, where every statement commits at once.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from bots.domain.decision import IntentReason, Leg, Route
from bots.domain.direction import Direction
from bots.domain.orders import UNSETTLED, OrderStatus
from bots.models.bot import BotConfig
from bots.models.fields import amount, plain
from exchange.domain.types import Market, Side
from exchange.models import ExchangeAccount


class OrderSource(models.TextChoices):
    """Who wanted an order. One letter, because it is part of the client order id."""

    TICK = "t", "tick"
    MANUAL = "m", "manual"
    WEBHOOK = "w", "webhook"
    EMERGENCY = "e", "emergency"


class Order(models.Model):
    """One instruction to the venue, written down before it is sent, sent at most once."""

    bot = models.ForeignKey(BotConfig, on_delete=models.PROTECT, related_name="orders")
    account = models.ForeignKey(ExchangeAccount, on_delete=models.PROTECT, related_name="orders")
    market = models.CharField(max_length=8, choices=[(m.value, m.value) for m in Market])
    symbol = models.CharField(max_length=20)
    source = models.CharField(max_length=1, choices=OrderSource)
    slot = models.BigIntegerField()
    leg = models.CharField(max_length=1, choices=[(leg.value, leg.name.lower()) for leg in Leg])
    attempt = models.PositiveSmallIntegerField(default=1)
    client_order_id = models.CharField(max_length=36, unique=True)
    route = models.CharField(
        max_length=5,
        choices=[(each.value, each.value) for each in Route],
        default=Route.ORDER.value,
    )
    # Of the order list that it was placed in; the list's orders are sent by one request.
    list_client_order_id = models.CharField(max_length=36, blank=True, default="")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    side = models.CharField(max_length=4, choices=[(s.value, s.value) for s in Side])
    order_type = models.CharField(max_length=24, default="MARKET")
    quantity = amount()
    price = amount(null=True, blank=True)  # the limit
    trigger_price = amount(null=True, blank=True)
    time_in_force = models.CharField(max_length=3, blank=True, default="")
    direction = models.CharField(
        max_length=5,
        choices=[(each.value, each.value) for each in Direction],
        default=Direction.LONG.value,
    )
    reduces_only = models.BooleanField(default=False)
    reserve = amount(default=0)  # quote currency that it takes while it is in flight
    intent_reason = models.CharField(
        max_length=24, choices=[(r.value, r.value) for r in IntentReason]
    )
    status = models.CharField(
        max_length=16,
        choices=[(s.value, s.value) for s in OrderStatus],
        default=OrderStatus.INTENDED.value,
    )

    # What was signed. Signing time, not market time.
    signed_at_ms = models.BigIntegerField()
    recv_window_ms = models.PositiveIntegerField()
    resigned = models.BooleanField(default=False)  # -1021 allows one new timestamp
    sent_at = models.DateTimeField(null=True, blank=True)
    not_found_looks = models.PositiveSmallIntegerField(default=0)
    # A cancel was sent, or is about to be: what it came to is read from the order itself.
    cancel_sent_at = models.DateTimeField(null=True, blank=True)
    triggering_since = models.DateTimeField(null=True, blank=True)  # an algo order that hangs
    child_venue_order_id = models.CharField(max_length=32, blank=True, default="")

    venue_order_id = models.CharField(max_length=32, blank=True, default="")
    filled_quantity = amount(default=0)
    filled_quote_quantity = amount(default=0)
    closed_reason = models.CharField(max_length=40, blank=True, default="")
    message = models.TextField(blank=True, default="")  # in plain words, the venue's text included
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["bot", "source", "slot", "leg", "attempt"], name="order_once_per_intent"
            ),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="order_quantity_positive"),
            models.CheckConstraint(
                condition=Q(status__in=[s.value for s in OrderStatus]), name="order_status_known"
            ),
            models.CheckConstraint(
                condition=Q(sent_at__isnull=False)
                | Q(status__in=[OrderStatus.INTENDED.value, OrderStatus.DENIED.value]),
                name="order_sent_has_a_time",
            ),
        ]
        indexes = [
            # Read at the start of every tick; stays small.
            models.Index(
                fields=["bot"],
                condition=Q(status__in=[s.value for s in UNSETTLED]),
                name="order_unsettled",
            ),
            models.Index(fields=["bot", "-id"], name="order_newest_of_bot"),
            models.Index(
                fields=["list_client_order_id"],
                condition=~Q(list_client_order_id=""),
                name="order_of_list",
            ),
            # Read under the account's lock before an entry is committed; stays small.
            models.Index(
                fields=["account", "sent_at"], condition=Q(reserve__gt=0), name="order_reserving"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.client_order_id} {self.side} {self.symbol} {self.status}"


class Fill(models.Model):
    """One execution as the venue reported it, keyed by the venue's trade id."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="fills")
    bot = models.ForeignKey(BotConfig, on_delete=models.PROTECT, related_name="fills")
    account = models.ForeignKey(ExchangeAccount, on_delete=models.PROTECT, related_name="fills")
    market = models.CharField(max_length=8)
    symbol = models.CharField(max_length=20)
    trade_id = models.CharField(max_length=32)
    side = models.CharField(max_length=4)
    price = amount()
    quantity = amount()
    quote_quantity = amount()
    # Result of the part of a position that it closed, as the venue says (futures).
    venue_realized_pnl = amount(null=True, blank=True)
    commission = amount()
    commission_asset = models.CharField(max_length=20)
    # What the commission was worth in quote currency then; null until that is known (BNB).
    commission_quote = amount(null=True, blank=True)
    market_time = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "market", "symbol", "trade_id"], name="fill_once_per_trade_id"
            ),
        ]
        indexes = [models.Index(fields=["bot", "id"], name="fill_of_bot")]

    def __str__(self) -> str:
        what = f"{self.side} {plain(self.quantity)} at {plain(self.price)}"
        return f"{self.symbol} {self.trade_id}: {what}"
