"""What the feed knows of one series while it listens to it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from exchange.domain.streams import Series
from exchange.domain.types import Kline
from exchange.feed.filling import Found
from exchange.feed.inbox import Word
from exchange.feed.settings import FeedSettings
from exchange.feed.silence import Sign, SilenceWatch

_MOST_TRIES: Final = 3


class Line:
    """One series: its watch, and when REST is to be asked next. Times are monotonic seconds.

    is_held     its words wait in the inbox until the store has been filled
    is_filled   REST has answered once
    """

    def __init__(self, series: Series, *, now: float, settings: FeedSettings) -> None:
        self.series: Final = series
        self.watch: Final = SilenceWatch(series.length, now=now, settings=settings.silence)
        self.is_held = False
        self.is_filled = False
        self._settings = settings
        self._fill_at: float | None = None
        self._not_before = now
        self._is_filling = False
        self._sign: Sign | None = None
        self._failures = 0
        self._behind_at: float | None = None
        self._subscribed_at: float | None = None
        self._stuck: Word | None = None
        self._stuck_at: float | None = None
        self._tries = 0

    def fill_at(self, moment: float) -> None:
        """Want REST to be asked at `moment`, unless it is to be asked earlier already."""
        if self._fill_at is None or moment < self._fill_at:
            self._fill_at = moment

    def subscribed(self, *, now: float) -> None:
        """Take a new stream: REST is asked what was missed, but not each time one is cut again."""
        self.watch.opened(now=now)
        before = self._subscribed_at
        if before is None or now - before >= self._settings.subscribed_again_seconds:
            self._subscribed_at = now
            self.fill_at(now)
        else:
            self.fill_at(before + self._settings.subscribed_again_seconds)

    def begin_filling(self, *, now: float, market_time: datetime | None, is_up: bool) -> bool:
        """Say whether REST has to be asked now; if so, it is being asked from now on."""
        sign = self.watch.sign(now=now, market_time=market_time, is_up=is_up)
        if self._is_filling or now < self._not_before:
            return False
        is_wanted = self._fill_at is not None and self._fill_at <= now
        if not is_wanted and sign is None:
            return False
        self._is_filling, self._fill_at = True, None
        self._sign = None if is_wanted else sign
        self.watch.asked()
        return True

    def filled(self, found: Found, *, now: float) -> bool:
        """Take what REST said; say whether the words that wait may be tried again."""
        self._is_filling, self.is_filled = False, True
        if found.newest_closed is not None and not found.is_stale:
            self._knows(found.newest_closed)
        if self._sign is None:
            self.watch.filled(now=now)
        else:
            self.watch.answered(is_news=found.is_news, now=now)
        if self.is_held and not found.is_news:
            # The stream is ahead of REST, which will know it in a moment.
            self._wait(now, self._next_delay())
            return False
        self._failures = 0
        was_held, self.is_held = self.is_held, False
        if was_held and self._fill_at == self._stuck_at:
            self._fill_at = None  # what was waiting for this answer is tried again first
        return was_held

    def filling_failed(self, *, now: float, least_delay: float = 0.0) -> None:
        """Note that REST could not be asked; it is tried again, each time later."""
        self._is_filling = False
        delay = max(self._next_delay(), least_delay)
        self._wait(now, delay)
        self.watch.failed(now=now, delay=delay)

    def does_not_fit(self, word: Word, *, now: float) -> bool:
        """Take a word that the store refused; say whether to wait for REST with it.

        Otherwise it fits nothing that REST knows either, and is to be forgotten.
        """
        self._tries = self._tries + 1 if word is self._stuck else 1
        self._stuck = word
        if self._tries > _MOST_TRIES:
            self.is_held = False
            return False
        self.is_held = True
        self._stuck_at = now
        self.fill_at(now)
        return True

    def is_old(self, kline: Kline, *, now: float) -> None:
        """Take a word that was older than what is stored: REST knows whether all begins anew."""
        newest = self.watch.newest_closed
        if newest is None or kline.open_time + self.series.length >= newest:
            return  # a duplicate, or overtaken
        if self._behind_at is None or now - self._behind_at >= self._settings.silence.quiet:
            self._behind_at = now
            self.fill_at(now)

    def _knows(self, newest_closed: datetime) -> None:
        before = self.watch.newest_closed
        if before is not None and newest_closed + self.series.length < before:
            self.watch.restarted()
        self.watch.knows(newest_closed)

    def _wait(self, now: float, delay: float) -> None:
        self._not_before = now + delay
        self.fill_at(self._not_before)

    def _next_delay(self) -> float:
        delay = self._settings.failed_seconds * 2.0**self._failures
        if delay < self._settings.longest_failed:
            self._failures += 1
        return min(delay, self._settings.longest_failed)
