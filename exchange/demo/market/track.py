"""Prices and klines as a pure function of market time, rounded to the tick.

A `Source` supplies the minutes and the way of the price through them; what a person steered lies
over it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain
from typing import Final, NamedTuple

from exchange.demo.amounts import UNITS_PER_ONE
from exchange.demo.market.minutes import Minutes, Source
from exchange.demo.market.steering import SteeredPrice, Steering
from exchange.demo.times import MINUTE_MS

_CANDLES_KEPT: Final = 4_096


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


class Waypoint(NamedTuple):
    """The last price, in units of 1e-8, at a moment of market time where it may turn or jump."""

    at_ms: int
    price: int


class Track:
    """One symbol's market: where its prices come from, and what a person steered."""

    def __init__(self, source: Source, *, tick: int, steering: Steering | None = None) -> None:
        self.source = source
        self.tick = tick
        self.steering = steering or Steering()
        self._settled = lru_cache(maxsize=_CANDLES_KEPT)(self._whole)

    @property
    def start_ms(self) -> int:
        """Return the market time before which there is no history."""
        return self.source.start_ms

    def price(self, at_ms: int) -> int:
        """Return the last price at a market time; before the start the first one."""
        steered = self.steering.at(at_ms)
        return self._unsteered_price(at_ms) if steered is None else steered

    def minute_volume(self, at_ms: int) -> int:
        """Return the volume of the whole minute that holds `at_ms`."""
        return self.source.minute_volume(at_ms // MINUTE_MS * MINUTE_MS)

    def rounded(self, price: int) -> int:
        """Return the multiple of the tick that is nearest to a price, at least one tick."""
        return max((2 * price + self.tick) // (2 * self.tick), 1) * self.tick

    def waypoints(self, after_ms: int, until_ms: int) -> Iterator[Waypoint]:
        """Yield where the price may turn or jump after `after_ms`, and `until_ms` itself.

        Between two neighbours, the first being `after_ms`, the price never turns. A jump yields the
        last millisecond before it and the first after it.
        """
        for at_ms in self._turns(max(after_ms, self.start_ms - 1), until_ms):
            yield Waypoint(at_ms, self.price(at_ms))
        if after_ms < until_ms:
            yield Waypoint(until_ms, self.price(until_ms))

    def candle(self, open_ms: int, until_ms: int) -> Candle:
        """Return the kline from `open_ms`, a whole minute, to `until_ms` included.

        What lies before the start stands still at the first price, without volume.
        """
        if until_ms < self.start_ms:
            return Candle(open_ms, until_ms, *(self.price(self.start_ms),) * 4, 0, 0, 0)
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

    def _turns(self, after_ms: int, end_ms: int) -> Iterator[int]:
        for open_ms in range(after_ms // MINUTE_MS * MINUTE_MS, end_ms, MINUTE_MS):
            steered = self.steering.touching(open_ms - 1, open_ms + MINUTE_MS)
            moments = {open_ms + offset for offset in self.source.path(open_ms).offsets}
            # The price may jump from one minute to the next, and stand after the last point.
            moments.add(open_ms + MINUTE_MS - 1)
            moments.update(chain.from_iterable(one.edges for one in steered))
            for at_ms in sorted(moments):
                in_reach = max(after_ms, open_ms - 1) < at_ms < min(end_ms, open_ms + MINUTE_MS)
                if in_reach and not any(one.holds_around(at_ms) for one in steered):
                    yield at_ms

    def _unsteered_price(self, at_ms: int) -> int:
        at_ms = max(at_ms, self.start_ms)
        offset = at_ms % MINUTE_MS
        return self.rounded(self.source.path(at_ms - offset).price(offset))

    def _whole_minutes(self, start_ms: int, end_ms: int) -> Iterator[Candle]:
        for steered in self.steering.touching(start_ms, end_ms - 1):
            first_ms = min(steered.from_ms // MINUTE_MS * MINUTE_MS, end_ms)
            yield from self._unsteered(start_ms, first_ms)
            start_ms = max(start_ms, first_ms)
            for candle in self._steered_minutes(steered, start_ms, end_ms):
                yield candle
                start_ms = candle.until_ms + 1
        yield from self._unsteered(start_ms, end_ms)

    def _unsteered(self, start_ms: int, end_ms: int) -> Iterator[Candle]:
        if start_ms < end_ms:
            whole = self._settled if self.source.is_settled else self._whole
            yield whole(start_ms, end_ms)

    def _steered_minutes(
        self, steered: SteeredPrice, start_ms: int, end_ms: int
    ) -> Iterator[Candle]:
        last_ms = end_ms if steered.until_ms is None else min(steered.until_ms, end_ms)
        while start_ms < last_ms:
            whole_ms = last_ms // MINUTE_MS * MINUTE_MS
            if steered.covers(start_ms) and start_ms < whole_ms:
                yield self._held(start_ms, whole_ms, steered.price)
                start_ms = whole_ms
            else:
                yield self._minute(start_ms, start_ms + MINUTE_MS - 1)
                start_ms += MINUTE_MS

    def _held(self, start_ms: int, end_ms: int, price: int) -> Candle:
        whole = self._whole(start_ms, end_ms)
        quote_volume = whole.volume * price // UNITS_PER_ONE
        return whole._replace(
            open=price, high=price, low=price, close=price, quote_volume=quote_volume
        )

    def _whole(self, start_ms: int, end_ms: int) -> Candle:
        return _merge(self._spans(start_ms, end_ms))

    def _spans(self, start_ms: int, end_ms: int) -> Iterator[Candle]:
        while start_ms < end_ms:
            block = self.source.block(start_ms)
            until_ms = min(end_ms, block.end_ms)
            yield self._span(block, start_ms, until_ms)
            start_ms = until_ms

    def _span(self, block: Minutes, start_ms: int, end_ms: int) -> Candle:
        part = slice(block.index(start_ms), block.index(end_ms))
        return Candle(
            start_ms,
            end_ms - 1,
            self.rounded(block.opens[part.start]),
            self.rounded(max(block.highs[part])),
            self.rounded(min(block.lows[part])),
            self.rounded(block.closes[part.stop - 1]),
            sum(block.volumes[part]),
            sum(block.quotes[part]),
            sum(block.trades[part]),
        )

    def _minute(self, open_ms: int, until_ms: int) -> Candle:
        steered = self.steering.touching(open_ms, until_ms)
        # The path is straight between these moments, so its extremes lie on them.
        moments = {open_ms + offset for offset in self.source.path(open_ms).offsets} | {until_ms}
        moments.update(chain.from_iterable(one.edges for one in steered))
        prices = [self.price(at_ms) for at_ms in moments if open_ms <= at_ms <= until_ms]
        traded = self.source.traded(open_ms, until_ms)
        if steered:
            mean = sum(prices) // len(prices)
            traded = traded._replace(quote_volume=traded.volume * mean // UNITS_PER_ONE)
        return Candle(
            open_ms,
            until_ms,
            self.price(open_ms),
            max(prices),
            min(prices),
            self.price(until_ms),
            *traded,
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
