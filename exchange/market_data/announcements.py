"""What is said on the channel of closed klines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from exchange.domain.clock import from_milliseconds
from exchange.domain.streams import Series
from exchange.domain.types import Environment, Market


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedKline:
    """A kline has closed and can be read from the cache.

    open_time   of that kline, market time
    stored_at   when it was stored, wall time
    """

    series: Series
    open_time: datetime
    stored_at: datetime

    @property
    def closed_at(self) -> datetime:
        """Return when it closed, market time: the market's time is at least this."""
        return self.open_time + self.series.length


def announcement(data: bytes) -> ClosedKline:
    """Read one message of `names.closed_channel()`; ValueError when it is none of ours."""
    try:
        said = json.loads(data)
        series = Series(
            Environment(said["environment"]),
            Market(said["market"]),
            str(said["symbol"]),
            str(said["interval"]),
        )
        opened, stored = int(said["open_time"]), int(said["stored_at"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"no announcement of a closed kline: {error!r}") from error
    return ClosedKline(
        series=series, open_time=from_milliseconds(opened), stored_at=from_milliseconds(stored)
    )


def beginning(series: Series) -> str:
    """Return what an announcement begins with; the store's scripts add the two times."""
    said = {
        "environment": series.environment.value,
        "market": series.market.value,
        "symbol": series.symbol,
        "interval": series.interval,
    }
    return json.dumps(said).removesuffix("}")
