"""Klines and words for the tests of this room."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from exchange.domain.streams import KlineUpdate, Series
from exchange.domain.types import Environment, Kline, Market
from exchange.feed.inbox import Word

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)  # market time
SEEN = datetime(2026, 3, 2, 8, tzinfo=UTC)  # wall time
MINUTE = timedelta(minutes=1)
BTC = Series(Environment.DEMO, Market.SPOT, "BTCUSDT", "1m")
ETH = Series(Environment.DEMO, Market.SPOT, "ETHUSDT", "1m")


def kline(minute: int, *, is_closed: bool = True, close: str = "100.10") -> Kline:
    """Return the kline that opens `minute` minutes after noon."""
    opened = NOON + minute * MINUTE
    return Kline(
        open_time=opened,
        close_time=opened + MINUTE - timedelta(milliseconds=1),
        open=Decimal("100.00"),
        high=Decimal("101.00"),
        low=Decimal("99.00"),
        close=Decimal(close),
        volume=Decimal("12.5"),
        is_closed=is_closed,
    )


def word(
    minute: int,
    *,
    is_closed: bool = True,
    second: float | None = None,
    close: str = "100.10",
    series: Series = BTC,
) -> Word:
    """Return what a stream says about a minute's kline `second` seconds after its opening."""
    told = kline(minute, is_closed=is_closed, close=close)
    after = (60.0 if is_closed else 30.0) if second is None else second
    event_time = told.open_time + timedelta(seconds=after)
    return Word(KlineUpdate(stream=series.stream, kline=told, event_time=event_time), SEEN)
