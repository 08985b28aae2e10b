"""Which series pages show: the market feed keeps them up to date for a while."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.utils import timezone

from exchange.domain.clock import to_milliseconds
from exchange.domain.intervals import interval_length
from exchange.domain.streams import Series
from exchange.domain.types import Environment, Market
from exchange.market_data import names
from exchange.market_data.connection import connection

WANTED_FOR: Final = timedelta(minutes=5)  # wall time, after a page asked last
_SEPARATOR: Final = " "


def note_wanted(series: Series) -> None:
    """Note that a page shows `series` now; RedisError passes."""
    now = timezone.now()
    with connection().pipeline(transaction=False) as steps:
        steps.zadd(names.wanted_by_pages(), {_encoded(series): to_milliseconds(now)})
        steps.pexpire(names.wanted_by_pages(), 2 * WANTED_FOR)
        steps.execute()


def wanted_by_pages() -> frozenset[Series]:
    """Return the series that a page has asked for within `WANTED_FOR`; RedisError passes."""
    name, oldest = names.wanted_by_pages(), to_milliseconds(timezone.now() - WANTED_FOR)
    with connection().pipeline(transaction=False) as steps:
        steps.zremrangebyscore(name, "-inf", f"({oldest}")
        steps.zrange(name, 0, -1)
        _, rows = steps.execute()
    return frozenset(series for row in rows if (series := _decoded(row)))


def _encoded(series: Series) -> str:
    return _SEPARATOR.join((series.environment, series.market, series.symbol, series.interval))


def _decoded(row: bytes) -> Series | None:
    try:
        environment, market, symbol, interval = row.decode().split(_SEPARATOR)
        interval_length(interval)
        return Series(Environment(environment), Market(market), symbol, interval)
    except ValueError:
        return None  # one strange row must not end the feed of everybody
