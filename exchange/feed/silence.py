"""Noticing that a stream has stopped telling about a series. Pure: the caller has the clock.

Three signs make the feed look at the venue by REST, once:

SKIPPED   the stream went on to the next kline without having closed the last one
OVERDUE   market time has passed the next close, and the close has not come
QUIET     nothing was said for a while

Where REST knows more than the stream had said, and the stream then keeps silent still, it is deaf
and has to be opened anew. Times are monotonic seconds, klines are told by their market time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from exchange.domain.types import Kline


class Sign(StrEnum):
    """Why REST should be asked."""

    SKIPPED = "skipped"
    OVERDUE = "overdue"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceSettings:
    """Wall seconds.

    quiet, longest_quiet   without a word before REST is asked; doubles while REST has no news
    again                  after REST had no news of a close that is due; doubles likewise
    deaf                   of silence after REST had news, before the stream counts as deaf
    """

    skipped: float = 0.5
    overdue: float = 3.0
    quiet: float = 10.0
    longest_quiet: float = 60.0
    again: float = 1.0
    deaf: float = 3.0


class SilenceWatch:
    """Watches one series.

    length   of its klines
    """

    def __init__(
        self, length: timedelta, *, now: float, settings: SilenceSettings | None = None
    ) -> None:
        self._length = length
        self._settings = settings or SilenceSettings()
        self._newest_closed: datetime | None = None  # its open time
        self._skipped_at: float | None = None
        self._passed_at: float | None = None
        self._doubted_at: float | None = None
        self._quiet_since = now
        self._patience = self._settings.quiet
        self._again = self._settings.again
        self._not_before = now
        self._is_asked = False

    @property
    def newest_closed(self) -> datetime | None:
        """Return the open time of the newest closed kline that anybody told."""
        return self._newest_closed

    def opened(self, *, now: float) -> None:
        """Take a new stream, which owes nothing yet."""
        self._quiet_since = now
        self._doubted_at = None

    def heard(self, kline: Kline, *, now: float) -> None:
        """Take a word of the stream, whether it is news or not."""
        self._quiet_since = now
        self._doubted_at = None
        if kline.is_closed:
            self._patience = self._settings.quiet
            self.knows(kline.open_time)
        elif self._skipped_at is None and self._is_beyond_next(kline):
            self._skipped_at = now

    def knows(self, newest_closed: datetime) -> None:
        """Take the open time of the newest closed kline, whoever told it."""
        if self._newest_closed is None or newest_closed > self._newest_closed:
            self._newest_closed = newest_closed
            self._skipped_at = self._passed_at = None
            self._again = self._settings.again

    def restarted(self) -> None:
        """Forget what was known of the market: it begins anew."""
        self._newest_closed = None
        self._skipped_at = self._passed_at = self._doubted_at = None

    def sign(self, *, now: float, market_time: datetime | None, is_up: bool) -> Sign | None:
        """Return why REST should be asked now, None while there is no reason.

        is_up   without a stream nothing is waited for: a close is asked for when it is due
        """
        if self._passed_at is None and self._is_due(market_time):
            self._passed_at = now
        if self._is_asked or now < self._not_before:
            return None
        if _is_past(self._skipped_at, self._settings.skipped, now):
            return Sign.SKIPPED
        if _is_past(self._passed_at, self._settings.overdue if is_up else 0.0, now):
            return Sign.OVERDUE
        patience = self._patience if is_up else self._settings.longest_quiet
        return Sign.QUIET if now - self._quiet_since >= patience else None

    def asked(self) -> None:
        """Note that REST is being asked."""
        self._is_asked = True

    def filled(self, *, now: float) -> None:
        """Note that REST has answered what was asked for another reason than a sign."""
        self._is_asked = False
        self._quiet_since = now

    def answered(self, *, is_news: bool, now: float) -> None:
        """Take REST's answer: did it know more than the stream had said?"""
        self._is_asked = False
        self._quiet_since = now
        if is_news:
            self._doubted_at = now
            self._patience = self._settings.quiet
            return
        if self._skipped_at is not None or self._passed_at is not None:
            self._not_before = now + self._again
            self._again = min(2 * self._again, self._settings.longest_quiet)
        self._patience = min(2 * self._patience, self._settings.longest_quiet)

    def failed(self, *, now: float, delay: float) -> None:
        """Note that REST could not be asked; the next try comes after `delay` seconds."""
        self._is_asked = False
        self._not_before = now + delay

    def is_deaf(self, now: float) -> bool:
        """Say whether the stream kept silent although REST had news; says so once."""
        if not _is_past(self._doubted_at, self._settings.deaf, now):
            return False
        self._doubted_at = None
        return True

    def _is_beyond_next(self, kline: Kline) -> bool:
        newest = self._newest_closed
        return newest is not None and kline.open_time > newest + self._length

    def _is_due(self, market_time: datetime | None) -> bool:
        if market_time is None or self._newest_closed is None:
            return False
        return market_time >= self._newest_closed + 2 * self._length


def _is_past(since: float | None, patience: float, now: float) -> bool:
    return since is not None and now - since >= patience
