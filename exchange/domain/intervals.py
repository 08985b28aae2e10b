"""Kline intervals that bots may use, in the venue's spelling."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from exchange.domain.types import Kline

# 1w and 1M are left out: they do not start at a multiple of their own length since the epoch.
INTERVALS: Final = MappingProxyType(
    {
        "1m": timedelta(minutes=1),
        "3m": timedelta(minutes=3),
        "5m": timedelta(minutes=5),
        "15m": timedelta(minutes=15),
        "30m": timedelta(minutes=30),
        "1h": timedelta(hours=1),
        "2h": timedelta(hours=2),
        "4h": timedelta(hours=4),
        "6h": timedelta(hours=6),
        "8h": timedelta(hours=8),
        "12h": timedelta(hours=12),
        "1d": timedelta(days=1),
    }
)


def interval_length(interval: str) -> timedelta:
    """Return the length of `interval`; ValueError names an unknown one and the known ones."""
    try:
        return INTERVALS[interval]
    except KeyError:
        known = ", ".join(INTERVALS)
        raise ValueError(f"unknown timeframe {interval!r}; known are {known}") from None


def interval_milliseconds(interval: str) -> int:
    """Return the length of `interval` in milliseconds."""
    return interval_length(interval) // timedelta(milliseconds=1)


def next_close_after(kline_open: datetime, interval: str) -> datetime:
    """Return when the kline after the one that opened at `kline_open` will have closed."""
    return kline_open + 2 * interval_length(interval)


def closed_only(klines: list[Kline]) -> tuple[Kline, ...]:
    """Keep the klines that can no longer change; strategies read nothing else."""
    return tuple(kline for kline in klines if kline.is_closed)
