"""Klines as they are kept in Redis: one line of text, every digit as the venue sent it."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from exchange.domain.clock import from_milliseconds, to_milliseconds
from exchange.domain.types import Kline


def encoded(kline: Kline) -> str:
    """Return `open close open high low close volume`: two times in ms, then five decimals.

    Whether the kline is closed is told by the place where it is kept.
    """
    times = (to_milliseconds(kline.open_time), to_milliseconds(kline.close_time))
    figures = (kline.open, kline.high, kline.low, kline.close, kline.volume)
    return " ".join(map(str, (*times, *figures)))


# Closed klines are read again by every tick of every bot; a thousand of them take a megabyte.
@lru_cache(maxsize=4096)
def closed_kline(line: bytes) -> Kline:
    """Return the closed kline of a line that `encoded` wrote."""
    return _decoded(line, is_closed=True)


def open_kline(line: bytes) -> Kline:
    """Return the open kline of a line that `encoded` wrote."""
    return _decoded(line, is_closed=False)


def _decoded(line: bytes, *, is_closed: bool) -> Kline:
    opened, closed, *figures = line.decode().split(" ")
    first, high, low, last, volume = map(Decimal, figures)
    return Kline(
        open_time=from_milliseconds(int(opened)),
        close_time=from_milliseconds(int(closed)),
        open=first,
        high=high,
        low=low,
        close=last,
        volume=volume,
        is_closed=is_closed,
    )
