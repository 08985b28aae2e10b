"""Accounts at a venue and the API keys that open them."""

from __future__ import annotations

import uuid
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from exchange.domain.types import Environment
from exchange.fields import EncryptedTextField
from exchange.permissions import in_words, warnings_about
from exchange.sealing import Ciphertext, seal

LABEL_LENGTH: Final = 64
KEY_HINT_LENGTH: Final = 4


class EnvironmentChoices(models.TextChoices):
    """The environments in words for people; the values are those of the domain."""

    DEMO = Environment.DEMO.value, "Demo"
    TESTNET = Environment.TESTNET.value, "Testnet"
    LIVE = Environment.LIVE.value, "Live"


class ExchangeAccount(models.Model):
    """One account at one venue, as the venue numbers it; two keys may open the same one."""

    environment = models.CharField(max_length=16, choices=EnvironmentChoices)
    uid = models.CharField("account number", max_length=64, help_text="The venue's own number.")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="exchange_accounts"
    )
    # Caps over all bots of the account, in quote currency and in positions; empty: none.
    max_exposure = models.DecimalField(
        "most exposure (quote)", max_digits=36, decimal_places=18, null=True, blank=True
    )
    max_open_positions = models.PositiveIntegerField("most open positions", null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("environment", "uid")
        constraints = [
            models.UniqueConstraint(fields=("environment", "uid"), name="account_once_per_venue"),
            models.CheckConstraint(
                condition=models.Q(environment__in=EnvironmentChoices.values),
                name="account_environment_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_environment_display()} account {self.uid}"


class APIKey(models.Model):
    """A key to an account; its two secrets are encrypted and bound to this row and owner."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="api_keys"
    )
    account = models.ForeignKey(ExchangeAccount, on_delete=models.PROTECT, related_name="api_keys")
    label = models.CharField(max_length=LABEL_LENGTH)
    environment = models.CharField(max_length=16, choices=EnvironmentChoices)
    encrypted_key = EncryptedTextField(editable=False)
    encrypted_secret = EncryptedTextField(editable=False)
    key_hint = models.CharField(
        max_length=KEY_HINT_LENGTH, editable=False, help_text="The last characters of the key."
    )
    permissions = models.JSONField(
        default=dict, editable=False, help_text="What the venue said that the key may do."
    )
    last_checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("environment", "label")
        verbose_name = "API key"
        constraints = [
            models.UniqueConstraint(
                fields=("owner", "label"),
                name="api_key_label_once_per_owner",
                violation_error_message="You have a key with this label.",
            ),
            models.CheckConstraint(
                condition=models.Q(environment__in=EnvironmentChoices.values),
                name="api_key_environment_known",
            ),
            models.CheckConstraint(condition=~models.Q(label=""), name="api_key_label_not_empty"),
        ]

    def __str__(self) -> str:
        return f"{self.label} ({self.get_environment_display()}, …{self.key_hint})"

    def __repr__(self) -> str:
        return f"<APIKey {self}>"

    def clean(self) -> None:
        """Refuse an account of another environment or person."""
        super().clean()
        if self.account.environment != self.environment:
            raise ValidationError({"account": "The account belongs to another environment."})
        if self.account.owner_id != self.owner_id:
            raise ValidationError({"account": "The account belongs to another person."})

    @property
    def is_revoked(self) -> bool:
        """Say whether the key must not be used any more."""
        return self.revoked_at is not None

    @property
    def permissions_in_words(self) -> list[str]:
        """Return what the venue last said that the key may do, one phrase each."""
        return in_words(self.permissions)

    @property
    def warnings(self) -> list[str]:
        """Return what a person should put right about the key, the most dangerous first."""
        return warnings_about(Environment(self.environment), self.permissions)

    def set_credentials(self, *, key: str, secret: str) -> None:
        """Encrypt both for this row and owner; needs `owner` to be set, saves nothing."""
        binding: dict[str, Any] = {"owner_id": self.owner_id, "record_id": self.pk}
        self.encrypted_key = Ciphertext.of(seal(key, **binding))
        self.encrypted_secret = Ciphertext.of(seal(secret, **binding))
        self.key_hint = key[-KEY_HINT_LENGTH:]
