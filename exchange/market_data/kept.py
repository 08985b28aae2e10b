"""What is said about the klines that are kept: outcomes, ages, and the klines themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from exchange.domain.clock import from_milliseconds, to_milliseconds
from exchange.domain.intervals import interval_milliseconds
from exchange.domain.types import Kline

KEPT: Final = 5000  # closed klines of one series at most: what the longest indicator reads
KEPT_AT_LEAST: Final = 1000  # or as many as were filled in at once, whichever is more
# Market time. A ticker that was read a moment before a kline closed, or that stands still between
# two trades of a quiet symbol; further ahead of it, klines may be those of another recording.
LEAD: Final = timedelta(minutes=1)
# Wall time further ahead than clocks of one installation differ: noted before one was put back.
CLOCKS_DIFFER: Final = timedelta(minutes=1)
# Wall time that a short answer is believed to be the whole history: it may have been cut off.
WHOLE_LASTS: Final = timedelta(minutes=10)


class Source(StrEnum):
    """How the newest figures of a series came."""

    STREAM = "stream"
    REQUEST = "request"


class Added(StrEnum):
    """What became of an event of a stream."""

    STORED = "STORED"  # newly closed, and announced
    REFRESHED = "REFRESHED"  # the running kline moved on
    OLD = "OLD"  # a duplicate or older: nothing changed
    GAP = "GAP"  # something between it and the newest closed one is missing: nothing stored
    EMPTY = "EMPTY"  # there is nothing yet that it could follow: nothing stored
    RESTARTED = "RESTARTED"  # far older than the newest event: another market; nothing stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What an answer of the venue changed.

    new            closed klines that were not there
    corrected      closed klines that a stream had told otherwise, or that the venue does not have
    was_restarted  what was there belonged to another recording and was forgotten
    """

    new: int
    corrected: int
    was_restarted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How old a series is.

    seen_at        when it was last told or confirmed, wall time
    streamed_at    the same by its stream; None: not by this one
    market_time    of the newest event
    newest_closed  open time of the newest closed kline
    """

    seen_at: datetime
    source: Source
    market_time: datetime
    newest_closed: datetime
    streamed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cached:
    """Klines of a series as they are kept, with their age.

    closed     oldest first, at least one, without a gap but those that the venue has
    open       the running kline, where it is known
    asked_at   when the venue was last asked by a request, wall time
    is_whole   the venue had no older klines than the oldest one kept a few minutes ago
    missing    open time of a kline that the venue should have had when it was asked and had not
    misses     how often it was asked for
    """

    closed: tuple[Kline, ...]
    open: Kline | None
    market_time: datetime
    seen_at: datetime
    source: Source
    streamed_at: datetime | None = None
    asked_at: datetime | None = None
    is_whole: bool = False
    missing: datetime | None = None
    misses: int = 0


def must_have_closed(market_time: datetime, interval: str) -> datetime:
    """Return the open time of the newest kline that has closed at `market_time`."""
    length = interval_milliseconds(interval)
    now = to_milliseconds(market_time)
    return from_milliseconds(now - now % length - length)
