"""What a bot did, newest first, as its page lists it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import Final

from bots.models import BotConfig, BotEvent, Tick, Trade

HISTORY_ROWS: Final = 20


def trades_of(bot: BotConfig, *, limit: int = HISTORY_ROWS) -> list[Trade]:
    """Return the newest trades, newest first."""
    return list(Trade.objects.filter(bot=bot).order_by("-id")[:limit])


def decisions_of(bot: BotConfig, *, limit: int = HISTORY_ROWS) -> list[Tick]:
    """Return the newest ticks, newest first, without what they read."""
    return list(Tick.objects.filter(bot=bot).defer("inputs", "decision").order_by("-id")[:limit])


def events_of(bot: BotConfig, *, limit: int = HISTORY_ROWS) -> list[BotEvent]:
    """Return the newest lines of the journal, newest first, with who did it."""
    return list(BotEvent.objects.filter(bot=bot).select_related("actor").order_by("-id")[:limit])


def market_speed(ticks: Sequence[Tick]) -> int | None:
    """Return how many times faster than the wall clock market time ran, None when unknown.

    The median of neighbouring ticks, so that a night in which nothing ran does not count.
    """
    ratios = [
        (newer.market_time - older.market_time) / (newer.started_at - older.started_at)
        for newer, older in pairwise(ticks)
        if newer.market_time and older.market_time and newer.started_at > older.started_at
    ]
    return round(median(ratios)) if ratios else None
