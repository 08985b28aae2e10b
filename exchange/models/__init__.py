"""Accounts at a venue, the keys that open them, and the money moved between their wallets."""

from __future__ import annotations

from exchange.models.keys import (
    KEY_HINT_LENGTH,
    LABEL_LENGTH,
    APIKey,
    EnvironmentChoices,
    ExchangeAccount,
)
from exchange.models.transfer import (
    UNSETTLED,
    Transfer,
    TransferStage,
    plain_amount,
)

__all__ = [
    "KEY_HINT_LENGTH",
    "LABEL_LENGTH",
    "UNSETTLED",
    "APIKey",
    "EnvironmentChoices",
    "ExchangeAccount",
    "Transfer",
    "TransferStage",
    "plain_amount",
]
