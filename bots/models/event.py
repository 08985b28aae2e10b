"""The append-only journal of a bot; the database refuses to change or delete its rows."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from bots.models.bot import BotConfig


class EventKind(models.TextChoices):
    """What can happen to a bot, apart from its ticks."""

    CREATED = "created", "created"
    STARTED = "started", "started"
    STOPPED = "stopped", "stopped"
    EDITED = "edited", "settings changed"
    TRADED = "traded", "traded"
    DAY_ROLLED = "day_rolled", "new trading day"
    ORDER_UNKNOWN = "order_unknown", "order outcome unknown"
    ORDER_ADOPTED = "order_adopted", "lost answer found at the venue"
    ORDER_NEVER_SENT = "order_never_sent", "order never sent"
    ORDER_NEVER_PLACED = "order_never_placed", "order never placed"
    ORDER_REJECTED = "order_rejected", "order rejected by the venue"
    BOOKS = "books", "books do not match"
    LEVERAGE = "leverage", "leverage at the venue"
    STOPS = "stops", "stops at the venue"
    UNPROTECTED = "unprotected", "position without its stop"
    LOCKED = "locked", "entries locked"
    LIFTED = "lifted", "lock lifted"
    HALTED = "halted", "halt set or lifted"
    INCIDENT = "incident", "incident opened"
    INCIDENT_CLOSED = "incident_closed", "incident closed"
    CLOSE_REQUESTED = "close_requested", "close requested"
    FUNDING = "funding", "funding"
    TRANSFER = "transfer", "transfer between wallets"
    RECONCILED = "reconciled", "reconciled with the venue"
    ORDER_CANCELED = "order_canceled", "order canceled"
    HANDED_OVER = "handed_over", "position handed over"
    DELETED = "deleted", "deleted"
    SYMBOL_TROUBLE = "symbol_trouble", "symbol needs a person"
    SYMBOL_WELL = "symbol_well", "symbol trades again"
    ERROR = "error", "error"


class BotEvent(models.Model):
    """One thing that happened, when, by whom. Never edited."""

    bot = models.ForeignKey(BotConfig, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=24, choices=EventKind)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    message = models.TextField()
    data = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["bot", "-id"], name="event_newest_of_bot"),
            # Read by every tick: what the venue refused or did not answer lately.
            models.Index(
                fields=["bot", "created_at"],
                condition=Q(kind__in=["order_unknown", "order_rejected"]),
                name="event_order_errors",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"
