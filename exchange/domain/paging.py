"""Reading more klines than the venue answers at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from exchange.domain.gateway import MarketDataGateway
from exchange.domain.types import Kline

PAGE: Final = 1000  # the venue's limit of one answer
_MILLISECOND: Final = timedelta(milliseconds=1)


def read_klines(
    gateway: MarketDataGateway,
    symbol: str,
    interval: str,
    *,
    count: int,
    end_time: datetime | None = None,
) -> list[Kline]:
    """Return up to `count` klines, oldest first, as `MarketDataGateway.klines` does for one page.

    The newest page is read first, so that the open kline is as fresh as can be; fewer come back
    where the venue has no more.
    """
    klines = gateway.klines(symbol, interval, limit=min(count, PAGE), end_time=end_time)
    while klines and len(klines) < count:
        before = klines[0].open_time - _MILLISECOND
        wanted = min(count - len(klines), PAGE)
        older = gateway.klines(symbol, interval, limit=wanted, end_time=before)
        if not older:
            break
        klines = older + klines
    return klines
