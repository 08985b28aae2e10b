"""Klines and 24-hour statistics as both REST APIs build them out of a track."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, NamedTuple

from exchange.demo.amounts import from_units, units_text
from exchange.demo.errors import VenueError
from exchange.demo.http.wire import Params
from exchange.demo.market.track import Candle, Track
from exchange.demo.times import MINUTE_MS
from exchange.domain.intervals import INTERVALS, interval_milliseconds

_NOTHING: Final = "0"


class KlinesAsked(NamedTuple):
    """Which klines a request wants: of `length_ms`, at most `limit`; times by their opening."""

    length_ms: int
    start_ms: int | None
    end_ms: int | None
    limit: int

    def candles(self, track: Track, now_ms: int) -> list[Candle]:
        """Return them, oldest first; the last one may still be open."""
        length = self.length_ms
        first = _round_up(max(track.start_ms, self.start_ms or 0), length)
        last = min(now_ms if self.end_ms is None else self.end_ms, now_ms) // length * length
        if self.start_ms is None:
            first = max(first, last - (self.limit - 1) * length)
        last = min(last, first + (self.limit - 1) * length)
        return track.klines(length, first_ms=first, last_ms=last, now_ms=now_ms)


def read_klines(params: Params, *, limit: Callable[[], int]) -> KlinesAsked:
    """Read interval (-1120), span and limit; each market has its own way to read the limit."""
    interval = params.required_text("interval")
    if interval not in INTERVALS:
        raise VenueError(-1120, "Invalid interval.")
    return KlinesAsked(
        interval_milliseconds(interval),
        params.moment("startTime"),
        params.moment("endTime"),
        limit(),
    )


def kline_row(
    candle: Candle, length_ms: int, *, show: Callable[[int], str] = units_text
) -> list[Any]:
    """Return one row; `show` writes prices."""
    return [
        candle.open_ms,
        *map(show, (candle.open, candle.high, candle.low, candle.close)),
        units_text(candle.volume),
        candle.open_ms + length_ms - 1,
        units_text(candle.quote_volume),
        candle.trades,
        # The recordings do not say who took; half is taken for buyers.
        units_text(candle.volume // 2),
        units_text(candle.quote_volume // 2),
        _NOTHING,
    ]


def last_minutes(track: Track, now_ms: int, minutes: int) -> Candle:
    """Return what happened in the last minutes of market time."""
    first = (now_ms - minutes * MINUTE_MS) // MINUTE_MS * MINUTE_MS
    return track.candle(max(first, track.start_ms), now_ms)


def volume_price(candle: Candle) -> Decimal:
    """Return the price weighted by volume; the last one when nothing was traded."""
    if not candle.volume:
        return from_units(candle.close)
    return Decimal(candle.quote_volume) / Decimal(candle.volume)


def _round_up(moment: int, length: int) -> int:
    return -(-moment // length) * length
