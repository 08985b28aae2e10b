"""What does not fit and only a person can settle."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from bots.models.bot import BotConfig
from exchange.models import ExchangeAccount


class IncidentKind(models.TextChoices):
    """What was found."""

    FOREIGN_ORDER = "foreign_order", "an order that is not the bot's"
    FOREIGN_POSITION = "foreign_position", "a position that is not the bot's"
    POSITION_DIFFERS = "position_differs", "the venue's position differs from the books"
    WALLET_SHORT = "wallet_short", "the wallet holds less than the bots' positions"
    BOOKS = "books", "the books do not balance"
    UNPROTECTED = "unprotected", "a position without its stop"
    ORDER_TROUBLE = "order_trouble", "an order whose fate nobody can tell"


class Resolution(models.TextChoices):
    """How it ended."""

    OPEN = "", "open"
    ADOPTED = "adopted", "adopted by the bot"
    DISMISSED = "dismissed", "dismissed by a person"
    GONE = "gone", "gone by itself"


class Incident(models.Model):
    """One thing that was found, kept until a person has closed it or it is gone by itself.

    key        names the thing itself, the venue's order number for example: what was dismissed
               once is not raised again
    is_blocking   no position is opened until it is closed
    data       what is known of it: side, quantity, price, our figure and the venue's
    Written on the connection `journal`.
    """

    bot = models.ForeignKey(BotConfig, on_delete=models.CASCADE, related_name="incidents")
    account = models.ForeignKey(
        ExchangeAccount, null=True, blank=True, on_delete=models.CASCADE, related_name="incidents"
    )
    kind = models.CharField(max_length=24, choices=IncidentKind)
    key = models.CharField(max_length=120)
    message = models.TextField()
    data = models.JSONField(default=dict, blank=True)
    is_blocking = models.BooleanField(default=True)
    opened_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    resolution = models.CharField(
        max_length=12, choices=Resolution, blank=True, default=Resolution.OPEN
    )
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    note = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["bot", "kind", "key"], name="incident_once_per_thing"),
            models.CheckConstraint(
                condition=Q(resolution="", closed_at__isnull=True)
                | (~Q(resolution="") & Q(closed_at__isnull=False)),
                name="incident_closed_when_resolved",
            ),
        ]
        indexes = [
            # Read by every tick.
            models.Index(
                fields=["bot"], condition=Q(closed_at__isnull=True), name="incident_open_of_bot"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"
