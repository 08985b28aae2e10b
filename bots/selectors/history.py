"""What a bot did, newest first, as its page lists it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, islice, pairwise
from statistics import median
from typing import Final

from bots.models import BotConfig, BotEvent, Tick, Trade

HISTORY_ROWS: Final = 20
TICKS_READ: Final = 200


def trades_of(bot: BotConfig, *, limit: int = HISTORY_ROWS) -> list[Trade]:
    """Return the newest trades, newest first."""
    return list(Trade.objects.filter(bot=bot).order_by("-id")[:limit])


@dataclass(frozen=True, slots=True)
class Decision:
    """A tick, and how many in a row decided the same in the same words, itself included."""

    tick: Tick
    repeats: int


def ticks_of(bot: BotConfig, *, limit: int = TICKS_READ) -> list[Tick]:
    """Return the newest ticks, newest first, without what they read."""
    return list(Tick.objects.filter(bot=bot).defer("inputs", "decision").order_by("-id")[:limit])


def decisions_in(ticks: Sequence[Tick], *, limit: int = HISTORY_ROWS) -> list[Decision]:
    """Fold neighbouring ticks that say the same, so that a quiet hour hides no trade."""
    runs = groupby(ticks, key=lambda tick: (tick.sentence, tick.error, tick.has_orders))
    folded = ([*run] for _, run in runs)
    return [Decision(run[0], sum(tick.repeats for tick in run)) for run in islice(folded, limit)]


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
