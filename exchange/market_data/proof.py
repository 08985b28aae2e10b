"""Whether cached klines are what the venue would answer now, and what is served of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from exchange.domain.streams import Series
from exchange.domain.types import ZERO, Kline
from exchange.market_data.kept import KEPT, LEAD, Cached, must_have_closed

# Wall time.
PAGES_PATIENCE: Final = timedelta(seconds=10)  # how old a page's klines may be
STREAM_LASTS: Final = timedelta(seconds=10)  # a series that was heard since may be waited for
ASKED_LASTS: Final = timedelta(seconds=15)  # a cache that is ahead is believed so long
MISSING_PATIENCE: Final = timedelta(seconds=2)  # before a kline that should be there is asked again
MISSES: Final = 3  # after so many the venue has probably none ...
MISSING_LASTS: Final = timedelta(seconds=30)  # ... and is asked rarely: it may only be late
# What costs the same: rows of one request at which the venue's price rises (futures: 2, then 5).
PAGES: Final = (499, 1000)
_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which klines somebody wants.

    count         with the open one
    market_time   of the price that they are read with; None: as of a moment ago will do
    noted         the market clock, where there is no `market_time`
    price         at `market_time`
    """

    series: Series
    count: int
    market_time: datetime | None
    noted: datetime | None = None
    price: Decimal | None = None

    @property
    def closed_count(self) -> int:
        """Return how many closed klines are wanted, at least one."""
        return max(self.count - 1, 1)

    @property
    def expected(self) -> datetime | None:
        """Return the open time of the kline that must have closed by now."""
        moment = self.market_time or self.noted
        return None if moment is None else must_have_closed(moment, self.series.interval)


def is_deep_enough(cached: Cached, wish: Wish) -> bool:
    """Say whether there are as many klines as wanted, or as the venue has."""
    return cached.is_whole or len(cached.closed) >= wish.closed_count


def is_proven(cached: Cached, wish: Wish, *, now: datetime) -> bool:
    """Say whether the newest closed kline is the one that must have closed; `now` is wall time."""
    if wish.market_time is None and not _is_since(cached.seen_at, now, PAGES_PATIENCE):
        return False
    expected = wish.expected
    if expected is None or cached.closed[-1].open_time >= expected:
        return True
    return cached.missing == expected and _is_believed_missing(cached, now)


def _is_believed_missing(cached: Cached, now: datetime) -> bool:
    # The venue was asked and had none: it was down, or a moment behind its own ticker.
    patience = MISSING_PATIENCE if cached.misses < MISSES else MISSING_LASTS
    return _is_since(cached.asked_at, now, patience)


def _is_since(noted: datetime | None, now: datetime, span: timedelta) -> bool:
    # What lies ahead was noted before the clock was put back, or by a clock that goes ahead.
    return noted is not None and abs(now - noted) < span


def is_ahead(cached: Cached, *, market_time: datetime, length: timedelta, now: datetime) -> bool:
    """Say whether the cache knows klines that cannot have closed at `market_time`.

    Not when the venue itself has just said so; `now` is wall time.
    """
    closed_at = cached.closed[-1].open_time + length
    if closed_at - market_time <= LEAD:
        return False
    return not _is_since(cached.asked_at, now, ASKED_LASTS)


def is_worth_waiting_for(cached: Cached, wish: Wish, *, now: datetime) -> bool:
    """Say whether its stream should bring the one kline that is missing; `now` is wall time."""
    expected = wish.expected
    if expected is None or not _is_since(cached.streamed_at, now, STREAM_LASTS):
        return False
    return cached.closed[-1].open_time + wish.series.length == expected


def request_size(cached: Cached | None, wish: Wish) -> int:
    """Return how many klines to ask the venue for: what is missing with one that is known."""
    expected = wish.expected
    if cached is not None and expected is not None and is_deep_enough(cached, wish):
        behind = (expected - cached.closed[-1].open_time) // wish.series.length
        if 0 < behind <= KEPT:
            return behind + 2  # one before them to join them to, and the open one
    return next((page for page in PAGES if wish.count <= page), wish.count)


def served(cached: Cached, wish: Wish) -> list[Kline]:
    """Return what was wished for, oldest first; the last one is open and knows the price."""
    running = cached.open or _begun(cached.closed[-1], wish.series.length)
    if wish.price is not None and wish.market_time is not None:
        running = _with_price(running, wish.price, wish.market_time)
    if wish.count == 1:
        return [running]
    return [*cached.closed[-wish.closed_count :], running]


def _begun(last: Kline, length: timedelta) -> Kline:
    close = last.close
    return Kline(
        open_time=last.open_time + length,
        close_time=last.open_time + 2 * length - _MILLISECOND,
        open=close,
        high=close,
        low=close,
        close=close,
        volume=ZERO,
        is_closed=False,
    )


def _with_price(running: Kline, price: Decimal, market_time: datetime) -> Kline:
    if not running.open_time <= market_time <= running.close_time:
        return running
    return replace(running, high=max(running.high, price), low=min(running.low, price), close=price)
