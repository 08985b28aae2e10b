"""Accounts, keys and transfers in the admin."""

from __future__ import annotations

from exchange.admin import keys, transfers

__all__ = ["keys", "transfers"]
