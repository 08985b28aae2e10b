"""Transfers between the wallets of an account: written down before they are sent.

Written only on the connection `journal`, where every statement commits at once, and there only
by `exchange.transfer_journal`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import Q

from exchange.domain.transfers import TransferDirection
from exchange.models.keys import ExchangeAccount


class DirectionChoices(models.TextChoices):
    """The venue's words for the two directions, in words for people."""

    TO_FUTURES = TransferDirection.TO_FUTURES.value, "spot to futures"
    TO_SPOT = TransferDirection.TO_SPOT.value, "futures to spot"


class TransferStage(models.TextChoices):
    """How far a transfer has come, as far as we know.

    intended     written down, not sent
    sent         given to the venue, whose answer is awaited
    unknown      sent, and the answer was lost: only the venue's history tells
    done         the money has moved
    failed       the venue took it and then says that it failed
    rejected     the venue refused it
    never_made   it was never sent, or it never reached the venue
    """

    INTENDED = "intended", "intended"
    SENT = "sent", "sent"
    UNKNOWN = "unknown", "unknown"
    DONE = "done", "done"
    FAILED = "failed", "failed"
    REJECTED = "rejected", "rejected"
    NEVER_MADE = "never_made", "never made"


UNSETTLED: Final = (TransferStage.INTENDED, TransferStage.SENT, TransferStage.UNKNOWN)


class Transfer(models.Model):
    """One wish to move money between two wallets of one account, sent to the venue at most once.

    signed_at_ms   signing time of what was sent, or would have been; ms since the epoch
    looks          how often the venue's history was read in vain, after it could only be in vain
    evidence       free amounts of the spot wallet before and after, the identical transfers that
                   the venue knew before this one was sent, and such
    """

    account = models.ForeignKey(ExchangeAccount, on_delete=models.PROTECT, related_name="transfers")
    direction = models.CharField(max_length=16, choices=DirectionChoices)
    asset = models.CharField(max_length=20)
    amount = models.DecimalField(max_digits=36, decimal_places=18)
    status = models.CharField(
        max_length=16, choices=TransferStage, default=TransferStage.INTENDED.value
    )
    signed_at_ms = models.BigIntegerField()
    recv_window_ms = models.PositiveIntegerField()
    transaction_id = models.CharField(
        max_length=32, blank=True, default="", help_text="The venue's own number."
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="transfers",
    )
    purpose = models.CharField(max_length=200, blank=True, default="")
    message = models.TextField(blank=True, default="")
    looks = models.PositiveSmallIntegerField(default=0)
    looked_at_ms = models.BigIntegerField(null=True, blank=True)
    evidence = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="transfer_amount_positive"),
            models.CheckConstraint(
                condition=Q(direction__in=DirectionChoices.values), name="transfer_direction_known"
            ),
            models.CheckConstraint(
                condition=Q(status__in=TransferStage.values), name="transfer_status_known"
            ),
            models.CheckConstraint(
                condition=Q(status__in=[one.value for one in UNSETTLED], settled_at__isnull=True)
                | (~Q(status__in=[one.value for one in UNSETTLED]) & Q(settled_at__isnull=False)),
                name="transfer_settled_has_a_time",
            ),
            # The venue's transfers have no name of ours: two at once could not be told apart.
            models.UniqueConstraint(
                fields=["account", "asset", "direction"],
                condition=Q(status__in=[one.value for one in UNSETTLED]),
                name="transfer_one_unsettled",
            ),
            models.UniqueConstraint(
                fields=["account", "transaction_id"],
                condition=~Q(transaction_id=""),
                name="transfer_once_per_transaction_id",
            ),
        ]
        indexes = [models.Index(fields=["account", "-id"], name="transfer_newest_of_account")]

    def __str__(self) -> str:
        what = f"{plain_amount(self.amount)} {self.asset} from {self.get_direction_display()}"
        return f"transfer {self.pk}: {what}, {self.get_status_display()}"

    @property
    def is_unsettled(self) -> bool:
        """Say whether the money may have moved, or may still move, without our knowing."""
        return self.status in UNSETTLED


def plain_amount(value: Decimal) -> str:
    """Return the shortest plain notation: 100.000 becomes 100, never 1E+2."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
