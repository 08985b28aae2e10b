"""Asking a venue by REST for what a series lacks, and writing it to the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from exchange.domain.budget import Priority, asking_for
from exchange.domain.paging import PAGE, read_klines
from exchange.domain.streams import Series
from exchange.domain.types import Kline
from exchange.market_data import Cached, SeriesStore
from exchange.registry import market_data_gateway

# What a bot with ordinary periods reads; futures answers this many at weight 2, one more at 5.
FIRST_KLINES: Final = 499
_FEWEST: Final = 2  # the newest closed one and the running one
# Seconds that a request may wait for room in the venue's budget: it saves every bot its own.
_PATIENCE: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What REST said about a series.

    newest_closed   open time of the newest closed kline, None where the venue has none
    is_news         it knew more than was stored
    is_stale        it knew less than the stream has told: an old answer, nothing was taken over
    """

    newest_closed: datetime | None
    is_news: bool = False
    is_stale: bool = False


def fill(
    store: SeriesStore, series: Series, *, market_time: datetime | None, count: int = FIRST_KLINES
) -> Found:
    """Bring a series up to what REST says; GatewayError, ClientInitError and RedisError pass.

    market_time   as far as the market is known to have come
    count         klines that are read where nothing is stored

    Asks once, for as little as will do; a second time where that did not reach what is stored.
    """
    stored = store.read(series, _FEWEST)
    newest = stored.closed[-1].open_time if stored else None
    seen_at = datetime.now(UTC)
    klines = _read(series, newest=newest, market_time=market_time, count=count)
    if newest and klines and klines[-1].open_time <= newest and _is_past(newest, market_time):
        return Found(newest_closed=newest, is_stale=True)
    closed = [kline.open_time for kline in klines if kline.is_closed]
    if not closed:
        return Found(newest_closed=newest)
    is_news = _is_news(stored, klines)
    if is_news or not store.confirm(series, seen_at=seen_at):
        reached = _reached(klines[-1], market_time)
        filled = store.fill(series, klines, market_time=reached, seen_at=seen_at)
        if filled.corrected and len(klines) < count:
            # What is kept from before the overlap may be as wrong: another recording.
            klines = _ask(series, count)
            store.fill(series, klines, market_time=reached, seen_at=seen_at, forgets_older=True)
    return Found(newest_closed=closed[-1], is_news=is_news)


def _read(
    series: Series, *, newest: datetime | None, market_time: datetime | None, count: int
) -> list[Kline]:
    if newest is None:
        return _ask(series, count)
    klines = _ask(series, _missing(series, newest, market_time))
    if not klines:
        return klines
    if klines[0].open_time > newest:
        # The market had gone on further than was known; the seam must overlap to be trusted.
        return _ask(series, _missing(series, newest, klines[-1].open_time))
    if klines[-1].open_time < newest and not _is_past(newest, market_time):
        return _ask(series, count)  # set up anew: what is stored will be forgotten
    return klines


def _ask(series: Series, count: int) -> list[Kline]:
    gateway = market_data_gateway(series.environment, series.market)
    with asking_for(Priority.ENTRY, patience=_PATIENCE):
        return read_klines(gateway, series.symbol, series.interval, count=count)


def _is_past(newest: datetime, market_time: datetime | None) -> bool:
    return market_time is not None and market_time > newest


def _missing(series: Series, newest: datetime, until: datetime | None) -> int:
    """Return how many klines reach from the newest stored one to `until`.

    With that one, and one before it, for `until` may have passed another close meanwhile.
    """
    if until is None or until <= newest:
        return _FEWEST
    return max(_FEWEST, min((until - newest) // series.length + 2, PAGE))


def _reached(last: Kline, market_time: datetime | None) -> datetime:
    """Return how far the market had come at least: only what the klines themselves allow."""
    if market_time is not None and last.open_time <= market_time <= last.close_time:
        return market_time
    return last.open_time


def _is_news(stored: Cached | None, klines: list[Kline]) -> bool:
    if stored is None:
        return True
    known = {kline.open_time: kline for kline in stored.closed}
    if stored.open is not None:
        known.setdefault(stored.open.open_time, stored.open)
    return any(known.get(kline.open_time) != kline for kline in klines[-_FEWEST:])
