"""Made-up klines on the test process's own Redis, and an exchange that counts requests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from exchange.demo.testing import RunningExchange
from exchange.domain.streams import KlineUpdate, Series
from exchange.domain.types import Environment, Kline, Market
from exchange.market_data import SeriesStore

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
WALL: Final = datetime(2026, 11, 5, 9, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
SECOND: Final = timedelta(seconds=1)
SERIES: Final = Series(Environment.DEMO, Market.SPOT, "BTCUSDT", "1m")


def kline(index: int, *, close: str | None = None, is_closed: bool = True) -> Kline:
    """Return the kline that opened `index` minutes after noon."""
    price = Decimal(close or f"{100 + index}.10")
    opened = NOON + index * MINUTE
    return Kline(
        open_time=opened,
        close_time=opened + MINUTE - timedelta(milliseconds=1),
        open=Decimal("100.00000000"),
        high=max(price, Decimal(101)),
        low=Decimal("0.00000100"),
        close=price,
        volume=Decimal("0E-8"),
        is_closed=is_closed,
    )


def answer(count: int, *, first: int = 0) -> list[Kline]:
    """Return what the venue answers: `count` klines, the last one open."""
    closed = [kline(index) for index in range(first, first + count - 1)]
    return [*closed, kline(first + count - 1, is_closed=False)]


def event(one: Kline, *, after: timedelta | None = None) -> KlineUpdate:
    """Return the stream's event of a kline, by default at its end or ten seconds into it."""
    moment = (MINUTE if one.is_closed else 10 * SECOND) if after is None else after
    return KlineUpdate(stream=SERIES.stream, kline=one, event_time=one.open_time + moment)


@pytest.fixture
def store(clean_redis: Any) -> SeriesStore:
    """Return the store on an empty Redis."""
    return SeriesStore()


@pytest.fixture
def count_requests(venue: RunningExchange) -> Callable[[], int]:
    """Return a function that says how often klines were asked for since it said so last."""
    hits: dict[str, int] = {}
    for endpoint in ("GET /api/v3/klines", "GET /fapi/v1/klines"):
        venue.set_fault(endpoint=endpoint, when="before", action="delay", seconds=0, times=None)

    def count() -> int:
        new = {fault["id"]: fault["hits"] for fault in venue.faults()}
        asked: int = sum(new.values()) - sum(hits.values())
        hits.clear()
        hits.update(new)
        return asked

    return count
