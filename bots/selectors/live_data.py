"""What an open page is told about the age of its data, and when that is worth a frame.

A watch belongs to one page; `look` reads Redis, so it runs in a thread. Wall time throughout.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from bots.models import BotConfig
from bots.selectors.freshness import Freshness, compose, freshness_of, series_of
from bots.selectors.status import kline_data
from exchange.domain.streams import Series
from exchange.domain.types import Kline
from exchange.market_data.feed import feed_statuses
from exchange.market_data.store import Cached, SeriesStore
from exchange.market_data.wanted import WANTED_FOR, note_wanted

AGAIN_AFTER: Final = 10.0  # seconds: a page hears something even where nothing changes
WANTED_AGAIN_AFTER: Final = WANTED_FOR.total_seconds() / 5
CLOSED_TOLD: Final = 3  # the newest closed ones beside the running kline: a demo may run fast


@dataclass(frozen=True, slots=True)
class Told:
    """One frame's worth of news about a bot's data."""

    kind: Literal["feed.age", "feed.kline"]
    bot_id: int
    data: dict[str, Any]


class AgeWatch:
    """Tells how fresh each bot's data are, when that has changed and every ten seconds."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._told: dict[int, tuple[Freshness, float]] = {}

    def look(self, bots: Sequence[BotConfig]) -> list[Told]:
        """Return what is new. redis.RedisError passes."""
        found = freshness_of(bots)
        news = (self.news(bot.pk, found.get(bot.pk, Freshness())) for bot in bots)
        return [told for told in news if told is not None]

    def news(self, bot_id: int, freshness: Freshness) -> Told | None:
        """Return the bot's freshness, None when the page knows it."""
        known, told_at = self._told.get(bot_id, (Freshness(), self._begun))
        now = time.monotonic()
        if freshness == known and now - told_at < AGAIN_AFTER:
            return None
        self._told[bot_id] = (freshness, now)
        return Told("feed.age", bot_id, freshness.data)


class ChartWatch:
    """Tells the same about one bot, and the klines that have moved since the last look.

    As long as it looks, the market feed listens to the bot's series, whether the bot runs or not.
    """

    def __init__(self) -> None:
        self._ages = AgeWatch()
        self._wanted: tuple[Series, float] | None = None
        self._klines: tuple[Kline, ...] = ()

    def look(self, bots: Sequence[BotConfig]) -> list[Told]:
        """Return what is new. redis.RedisError passes."""
        return [told for bot in bots for told in self._news(bot)]

    def _news(self, bot: BotConfig) -> list[Told]:
        series = series_of(bot)
        if series is None:
            news = [self._ages.news(bot.pk, Freshness())]
        else:
            self._want(series)
            cached = SeriesStore().read(series, CLOSED_TOLD)
            age = self._ages.news(bot.pk, compose(bot, cached, feed_statuses()))
            news = [self._moved(bot.pk, cached), age]
        return [told for told in news if told is not None]

    def _want(self, series: Series) -> None:
        now = time.monotonic()
        wanted, said_at = self._wanted or (None, 0.0)
        if series != wanted or now - said_at > WANTED_AGAIN_AFTER:
            note_wanted(series)
            self._wanted = (series, now)

    def _moved(self, bot_id: int, cached: Cached | None) -> Told | None:
        if cached is None:
            return None
        running = () if cached.open is None else (cached.open,)
        klines = (*cached.closed, *running)
        if klines == self._klines:
            return None
        self._klines = klines
        data = {
            "klines": [kline_data(kline) for kline in klines],
            "seen_at": cached.seen_at.isoformat(),
        }
        return Told("feed.kline", bot_id, data)
