"""The app of the venue's world."""

from __future__ import annotations

from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    """Accounts at venues and the keys that open them."""

    name = "exchange"
    verbose_name = "Exchange accounts and keys"
