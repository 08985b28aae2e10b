"""The persisted kill switches: of the installation, of an account, of a bot."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from bots.domain.halting import HaltLevel
from bots.models.bot import BotConfig
from exchange.models import ExchangeAccount


class Halt(models.Model):
    """One switch, on or off. The row stays, because whoever sends an order locks it FOR SHARE.

    With neither account nor bot it is that of the whole installation. `bots.locks` makes the rows;
    what was switched when and by whom stands in the bots' journals and in `HaltChange`.
    """

    account = models.ForeignKey(
        ExchangeAccount, null=True, blank=True, on_delete=models.CASCADE, related_name="halts"
    )
    bot = models.ForeignKey(
        BotConfig, null=True, blank=True, on_delete=models.CASCADE, related_name="halts"
    )
    level = models.CharField(
        max_length=12,
        choices=[(each.value, each.value) for each in HaltLevel],
        default=HaltLevel.NONE.value,
    )
    reason = models.TextField(blank=True, default="")
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    set_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "bot"], name="halt_once_per_scope", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=Q(account__isnull=True) | Q(bot__isnull=True), name="halt_has_one_scope"
            ),
            models.CheckConstraint(
                condition=Q(level__in=[each.value for each in HaltLevel]), name="halt_level_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope}: {self.level}"

    @property
    def scope(self) -> str:
        """Return what it stops, in words."""
        if self.bot_id is not None:
            return f"bot {self.bot_id}"
        return f"account {self.account_id}" if self.account_id is not None else "everything"


class HaltChange(models.Model):
    """A switch was turned: when, by whom and why. Never edited."""

    halt = models.ForeignKey(Halt, on_delete=models.CASCADE, related_name="changes")
    level_before = models.CharField(max_length=12)
    level = models.CharField(max_length=12)
    reason = models.TextField(blank=True, default="")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.level_before} to {self.level}: {self.reason}"
