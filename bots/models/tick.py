"""The recorded decision: what a tick read, what it decided and why."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from bots.models.bot import BotConfig


class Tick(models.Model):
    """One turn of one bot. Nothing references it by foreign key, so it can be pruned freely.

    inputs     the snapshot, klines by reference; empty when it could not be read
    decision   the outcome; empty when nothing could be decided
    stops      what was found of the position's stops, and what was done about them
    repeats    how many ticks in a row came to the same; those after the first are counted here
               only, and `last_market_time` and `last_started_at` are of the newest of them
    fold_key   what two ticks have to share to be the same; empty for one that stands alone
    """

    bot = models.ForeignKey(BotConfig, on_delete=models.PROTECT, related_name="ticks")
    slot = models.BigIntegerField()
    market_time = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField()  # wall time
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    status = models.CharField(max_length=64, blank=True, default="")
    sentence = models.TextField(blank=True, default="")
    error = models.TextField(blank=True, default="")
    has_orders = models.BooleanField(default=False)
    inputs = models.JSONField(default=dict, blank=True)
    decision = models.JSONField(default=dict, blank=True)
    stops = models.JSONField(default=dict, blank=True)
    repeats = models.PositiveIntegerField(default=1)
    fold_key = models.CharField(max_length=64, blank=True, default="")
    last_market_time = models.DateTimeField(null=True, blank=True)
    last_started_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["bot", "-id"], name="tick_newest_of_bot"),
            # Read by every tick: those that failed lately.
            models.Index(fields=["bot", "started_at"], condition=~Q(error=""), name="tick_failed"),
        ]

    def __str__(self) -> str:
        return f"tick {self.pk} of bot {self.bot_id}: {self.sentence or self.error}"
