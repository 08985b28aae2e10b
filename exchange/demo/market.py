"""Prices and klines as a pure function of market time.

Inside a recorded minute the price runs open, low, high, close when the minute closed no lower than
it opened, else open, high, low, close: in straight lines, reaching the second point after 20 s, the
third after 40 s and the close in the last millisecond. Prices are rounded to the tick.

After its last minute a recording starts over. Play number k (0 is the first) is shifted by k times
its length and its prices are multiplied by (last close / first open) ** k: they do not jump.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final, NamedTuple

from exchange.demo.amounts import UNITS_PER_ONE
from exchange.demo.recording import Recording
from exchange.demo.steering import Steering
from exchange.demo.times import MINUTE_MS

_LEGS: Final = ((0, 20_000), (20_000, 40_000), (40_000, MINUTE_MS - 1))
_FACTOR_ONE: Final = 10**18


class Candle(NamedTuple):
    """A kline from `open_ms` to `until_ms`, both included; prices and volumes in units of 1e-8."""

    open_ms: int
    until_ms: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    quote_volume: int
    trades: int


class Track:
    """One symbol's market: its recording, played for ever, and what a person steered."""

    def __init__(
        self, recording: Recording, *, tick: int, steering: Steering | None = None
    ) -> None:
        self.recording = recording
        self.tick = tick
        self.steering = steering or Steering()
        self._growth = Decimal(recording.closes[-1]) / Decimal(recording.opens[0])
        self._factors: dict[int, int] = {0: _FACTOR_ONE}

    @property
    def start_ms(self) -> int:
        """Return the market time before which there is no history."""
        return self.recording.start_ms

    def price(self, at_ms: int) -> int:
        """Return the last price at a market time."""
        steered = self.steering.at(at_ms)
        return self._recorded_price(at_ms) if steered is None else steered

    def minute_volume(self, at_ms: int) -> int:
        """Return the whole volume of the recorded minute that holds `at_ms`."""
        return self.recording.volumes[self._locate(at_ms)[1]]

    def candle(self, open_ms: int, until_ms: int) -> Candle:
        """Return the kline from `open_ms`, a whole minute, to `until_ms` included."""
        first_partial = (until_ms + 1) // MINUTE_MS * MINUTE_MS
        pieces = list(self._whole_minutes(open_ms, first_partial))
        if first_partial <= until_ms:
            pieces.append(self._minute(first_partial, until_ms))
        return _merge(pieces)

    def klines(self, length_ms: int, *, first_ms: int, last_ms: int, now_ms: int) -> list[Candle]:
        """Return the klines whose open times lie from `first_ms` to `last_ms`, the last maybe open.

        `first_ms` must be a multiple of `length_ms`.
        """
        return [
            self.candle(open_ms, min(open_ms + length_ms - 1, now_ms))
            for open_ms in range(first_ms, last_ms + 1, length_ms)
        ]

    def _locate(self, at_ms: int) -> tuple[int, int]:
        cycle, offset_ms = divmod(at_ms - self.recording.start_ms, self.recording.length_ms)
        return cycle, offset_ms // MINUTE_MS

    def _factor(self, cycle: int) -> int:
        if cycle not in self._factors:
            self._factors[cycle] = max(1, int(self._growth**cycle * _FACTOR_ONE))
        return self._factors[cycle]

    def _scaled(self, raw: int, cycle: int) -> int:
        exact = raw * self._factor(cycle) // _FACTOR_ONE if cycle else raw
        return max((2 * exact + self.tick) // (2 * self.tick), 1) * self.tick

    def _path(self, index: int) -> tuple[int, int, int, int]:
        opened, closed = self.recording.opens[index], self.recording.closes[index]
        high, low = self.recording.highs[index], self.recording.lows[index]
        return (opened, low, high, closed) if closed >= opened else (opened, high, low, closed)

    def _recorded_price(self, at_ms: int) -> int:
        cycle, index = self._locate(at_ms)
        points, offset = self._path(index), at_ms % MINUTE_MS
        leg = min(offset // 20_000, 2)
        start, end = _LEGS[leg]
        raw = points[leg] + (points[leg + 1] - points[leg]) * (offset - start) // (end - start)
        return self._scaled(raw, cycle)

    def _whole_minutes(self, start_ms: int, end_ms: int) -> Iterator[Candle]:
        if self.steering.touching(start_ms, end_ms - 1):
            for open_ms in range(start_ms, end_ms, MINUTE_MS):
                yield self._minute(open_ms, open_ms + MINUTE_MS - 1)
            return
        while start_ms < end_ms:
            cycle, index = self._locate(start_ms)
            count = min((end_ms - start_ms) // MINUTE_MS, len(self.recording.opens) - index)
            yield self._recorded_span(start_ms, cycle, slice(index, index + count))
            start_ms += count * MINUTE_MS

    def _recorded_span(self, open_ms: int, cycle: int, part: slice) -> Candle:
        data = self.recording
        return Candle(
            open_ms,
            open_ms + (part.stop - part.start) * MINUTE_MS - 1,
            self._scaled(data.opens[part.start], cycle),
            self._scaled(max(data.highs[part]), cycle),
            self._scaled(min(data.lows[part]), cycle),
            self._scaled(data.closes[part.stop - 1], cycle),
            sum(data.volumes[part]),
            sum(data.quotes[part]) * self._factor(cycle) // _FACTOR_ONE,
            sum(data.trades[part]),
        )

    def _minute(self, open_ms: int, until_ms: int) -> Candle:
        cycle, index = self._locate(open_ms)
        elapsed = until_ms - open_ms + 1
        steered = self.steering.touching(open_ms, until_ms)
        moments = {open_ms, open_ms + 20_000, open_ms + 40_000, until_ms}
        # The path is straight between these moments, so its extremes lie on them.
        for one in steered:
            moments |= {one.from_ms - 1, one.from_ms, (one.until_ms or one.from_ms) - 1}
            moments.add(one.until_ms or one.from_ms)
        prices = [self.price(at_ms) for at_ms in moments if open_ms <= at_ms <= until_ms]
        volume = self.recording.volumes[index] * elapsed // MINUTE_MS
        quote = self.recording.quotes[index] * self._factor(cycle) // _FACTOR_ONE
        if steered:
            quote = self.recording.volumes[index] * sum(prices) // len(prices) // UNITS_PER_ONE
        return Candle(
            open_ms,
            until_ms,
            self.price(open_ms),
            max(prices),
            min(prices),
            self.price(until_ms),
            volume,
            quote * elapsed // MINUTE_MS,
            self.recording.trades[index] * elapsed // MINUTE_MS,
        )


def _merge(pieces: Iterable[Candle]) -> Candle:
    parts = list(pieces)
    if len(parts) == 1:
        return parts[0]
    return Candle(
        parts[0].open_ms,
        parts[-1].until_ms,
        parts[0].open,
        max(part.high for part in parts),
        min(part.low for part in parts),
        parts[-1].close,
        sum(part.volume for part in parts),
        sum(part.quote_volume for part in parts),
        sum(part.trades for part in parts),
    )
