"""Bots in the admin: settings can be edited, facts can only be read."""

from __future__ import annotations

from bots.admin import config, records, safety

__all__ = ["config", "records", "safety"]
