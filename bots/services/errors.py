"""Why a person's wish cannot be met."""

from __future__ import annotations


class BotError(Exception):
    """Why a bot cannot do what was asked, in words for its owner."""
