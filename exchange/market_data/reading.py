"""Reading klines that everybody shares: from the cache when it is proven, else by one request.

The market time of a price that was asked for a moment ago says which kline must have closed. When
the cache holds it nothing is asked. When it does not, the stream is waited for where one is heard,
and otherwise one process asks the venue while the others wait for its answer.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

import redis
from django.utils import timezone

from exchange.domain.gateway import MarketDataGateway
from exchange.domain.paging import read_klines
from exchange.domain.streams import Series
from exchange.domain.types import Kline
from exchange.market_data import names
from exchange.market_data.clock import market_time as noted_market_time
from exchange.market_data.connection import Outage, connection
from exchange.market_data.feed import is_feed_up
from exchange.market_data.kept import KEPT, Cached, Filled, Source
from exchange.market_data.proof import (
    Wish,
    is_ahead,
    is_deep_enough,
    is_proven,
    is_worth_waiting_for,
    request_size,
    served,
)
from exchange.market_data.store import SeriesStore
from exchange.market_data.wanted import note_wanted

logger = logging.getLogger(__name__)

# Seconds of wall time.
FEED_PATIENCE: Final = 2.0
REQUEST_PATIENCE: Final = 3.0
_POLL: Final = 0.03
_REQUEST_LASTS_MS: Final = 10_000  # a process that died while it asked holds nobody up for longer
# Gives the lock back unless it has run out and somebody else holds it.
_RELEASE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""

_outage: Final = Outage("the shared klines are")
_store: Final = SeriesStore()
_apart: list[object] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedKlines:
    """Klines, oldest first, the last one open; when they were seen (wall time), and by what."""

    klines: list[Kline]
    seen_at: datetime
    source: Source


@contextmanager
def not_shared() -> Iterator[None]:
    """Let every read of this process go straight to its gateway while the block runs.

    For worlds of their own, whose venue is no server and whose time is not the wall's.
    """
    token = object()
    _apart.append(token)
    try:
        yield
    finally:
        _apart.remove(token)


def shared_klines(
    gateway: MarketDataGateway,
    symbol: str,
    interval: str,
    *,
    count: int,
    market_time: datetime | None,
    price: Decimal | None = None,
) -> list[Kline]:
    """Return up to `count` klines, oldest first, the last one open, as `paging.read_klines` does.

    market_time   of the ticker that was read right before; None: a few seconds old will do, and
                  the market feed is told that a page shows them
    price         of that ticker, which the open kline then knows

    GatewayError when they have to be asked for and the venue does not answer. Without Redis every
    reader asks for itself.
    """
    return read_shared(
        gateway, symbol, interval, count=count, market_time=market_time, price=price
    ).klines


def read_shared(
    gateway: MarketDataGateway,
    symbol: str,
    interval: str,
    *,
    count: int,
    market_time: datetime | None,
    price: Decimal | None = None,
) -> SharedKlines:
    """Return what `shared_klines` does, with its age; errors as there."""
    if _apart or count > KEPT + 1:
        return _asked_alone(gateway, symbol, interval, count=count)
    series = Series(gateway.environment, gateway.market, symbol, interval)
    try:
        noted = None
        if market_time is None:
            note_wanted(series)
            noted = noted_market_time(series.environment, series.market)
        wish = Wish(series=series, count=count, market_time=market_time, noted=noted, price=price)
        found = _from_cache(gateway, wish) or _by_one_request(gateway, wish)
    except redis.RedisError as error:
        _outage.begins(error)
        found = None
    else:
        _outage.ends()
    return found or _asked_alone(gateway, symbol, interval, count=count)


def _asked_alone(
    gateway: MarketDataGateway, symbol: str, interval: str, *, count: int
) -> SharedKlines:
    seen_at = timezone.now()
    klines = read_klines(gateway, symbol, interval, count=count)
    return SharedKlines(klines=klines, seen_at=seen_at, source=Source.REQUEST)


def _from_cache(gateway: MarketDataGateway, wish: Wish) -> SharedKlines | None:
    cached = _look(wish)
    if cached is None or not is_deep_enough(cached, wish):
        return None
    if not is_proven(cached, wish, now=timezone.now()):
        return _waited_for(cached, wish)
    if _is_ahead(cached, wish, wish.market_time) and not _was_held_up(cached, wish, gateway):
        return None
    return _shown(cached, wish)


def _look(wish: Wish) -> Cached | None:
    return _store.read(wish.series, wish.closed_count)


def _shown(cached: Cached, wish: Wish) -> SharedKlines:
    return SharedKlines(klines=served(cached, wish), seen_at=cached.seen_at, source=cached.source)


def _good(wish: Wish) -> SharedKlines | None:
    cached = _look(wish)
    if cached is None or not is_deep_enough(cached, wish):
        return None
    if not is_proven(cached, wish, now=timezone.now()):
        return None
    return None if _is_ahead(cached, wish, wish.market_time) else _shown(cached, wish)


def _is_ahead(cached: Cached, wish: Wish, market_time: datetime | None) -> bool:
    if market_time is None:
        return False
    length = wish.series.length
    return is_ahead(cached, market_time=market_time, length=length, now=timezone.now())


def _was_held_up(cached: Cached, wish: Wish, gateway: MarketDataGateway) -> bool:
    """Say whether the cache is ahead because time has passed since the price was read."""
    if not _is_ahead(cached, wish, gateway.ticker(wish.series.symbol).market_time):
        return True
    logger.warning("%s: the cache is ahead of its market, which is asked", wish.series)
    return False


def _waited_for(cached: Cached, wish: Wish) -> SharedKlines | None:
    series, expected = wish.series, wish.expected
    if expected is None or not is_worth_waiting_for(cached, wish, now=timezone.now()):
        return None
    if not is_feed_up(series.environment, series.market):
        return None
    end = time.monotonic() + FEED_PATIENCE
    while time.monotonic() < end:
        time.sleep(_POLL)
        seen = _store.ages([series]).get(series)
        if seen is not None and seen.newest_closed >= expected:
            return _good(wish)
    return None


def _by_one_request(gateway: MarketDataGateway, wish: Wish) -> SharedKlines | None:
    """Ask the venue, or wait for the answer of whoever is asking; None: ask for yourself."""
    lock, token = names.klines_request(wish.series), secrets.token_hex(8)
    end = time.monotonic() + REQUEST_PATIENCE
    while time.monotonic() < end:
        if connection().set(lock, token, nx=True, px=_REQUEST_LASTS_MS):
            try:
                # Somebody may have asked between our look and the lock.
                return _good(wish) or _ask(gateway, wish)
            finally:
                _give_back(lock, token)
        while connection().exists(lock) and time.monotonic() < end:
            time.sleep(_POLL)
        if (found := _good(wish)) is not None:
            return found
    return None


def _give_back(lock: str, token: str) -> None:
    try:
        connection().eval(_RELEASE, 1, lock, token)
    except redis.RedisError as error:  # it runs out; what was found, or what failed, counts
        _outage.begins(error)


def _ask(gateway: MarketDataGateway, wish: Wish) -> SharedKlines | None:
    series, seen_at = wish.series, timezone.now()
    size = request_size(_look(wish), wish)
    klines = read_klines(gateway, series.symbol, series.interval, count=size)
    if not klines:
        return SharedKlines(klines=[], seen_at=seen_at, source=Source.REQUEST)
    try:
        if _fill(wish, klines, seen_at=seen_at, size=size).corrected and size < wish.count:
            # What is kept from before the overlap may be as wrong: another recording.
            size = request_size(None, wish)
            klines = read_klines(gateway, series.symbol, series.interval, count=size)
            _fill(wish, klines, seen_at=seen_at, size=size, forgets_older=True)
        cached = _look(wish)
    except redis.RedisError as error:
        _outage.begins(error)
        cached = None
    if cached is not None and is_deep_enough(cached, wish):
        return _shown(cached, wish)
    if size < wish.count:
        return None
    return SharedKlines(klines=klines[-wish.count :], seen_at=seen_at, source=Source.REQUEST)


def _fill(
    wish: Wish, klines: list[Kline], *, seen_at: datetime, size: int, forgets_older: bool = False
) -> Filled:
    return _store.fill(
        wish.series,
        klines,
        market_time=wish.market_time or wish.noted or klines[-1].open_time,
        seen_at=seen_at,
        is_whole=len(klines) < size,
        forgets_older=forgets_older,
    )
