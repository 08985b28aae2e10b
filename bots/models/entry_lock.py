"""Times in which a bot opens no position, each with its reason and its end."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from bots.domain.decision import DenialCode
from bots.models.bot import BotConfig

LOCK_KINDS = (
    DenialCode.COOLDOWN,
    DenialCode.STOP_LOSS_GUARD,
    DenialCode.MAX_DRAWDOWN,
    DenialCode.EXCHANGE_ERRORS,
    DenialCode.STALE_DATA,
)


class EntryLock(models.Model):
    """No entry from `starts_at` until `ends_at`, unless a person lifts it.

    Both are market time, like everything that a strategy counts; `is_wall_time` marks those of the
    breakers, which count what goes wrong between this machine and the venue.
    Written on the connection `journal`. Exits and stops are never stopped by it.
    """

    bot = models.ForeignKey(BotConfig, on_delete=models.CASCADE, related_name="entry_locks")
    kind = models.CharField(max_length=24, choices=[(k.value, k.value) for k in LOCK_KINDS])
    reason = models.TextField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    is_wall_time = models.BooleanField(default=False)
    lifted_at = models.DateTimeField(null=True, blank=True)  # wall time
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            # One cause makes one lock, however often a tick that died half-way is repeated.
            models.UniqueConstraint(
                fields=["bot", "kind", "starts_at"], name="entry_lock_once_per_cause"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gte=F("starts_at")), name="entry_lock_ends_after_it_starts"
            ),
        ]
        indexes = [
            # Read by every tick.
            models.Index(
                fields=["bot", "ends_at"],
                condition=Q(lifted_at__isnull=True),
                name="entry_lock_standing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} until {self.ends_at:%Y-%m-%d %H:%M:%S}"
