"""How a trailing stop follows the price, exactly, however far one look along the path goes.

One that sells follows the highest price since its activation and triggers when the price has fallen
from there by its callback rate; one that buys follows the lowest and waits for the rise.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final, NamedTuple

from exchange.demo.amounts import UNITS_PER_ONE
from exchange.demo.market.track import Track, Waypoint
from exchange.demo.times import MINUTE_MS

_HOUR_MS: Final = 60 * MINUTE_MS
_WHOLE: Final = 100 * UNITS_PER_ONE


class Trail(NamedTuple):
    """What a trailing stop goes by; prices and the rate (percent) in units of 1e-8.

    peak    best price so far
    as_of   market time up to which the peak was followed
    """

    sells: bool
    rate: int
    peak: int
    as_of: int

    def best(self, high: int, low: int) -> Trail:
        """Return the trail after the price has been between two values."""
        peak = max(self.peak, high) if self.sells else min(self.peak, low)
        return self if peak == self.peak else self._replace(peak=peak)

    def is_pulled_back(self, price: int) -> bool:
        """Say whether a price is as far from the peak as the callback rate asks."""
        if self.sells:
            return price * _WHOLE <= self.peak * (_WHOLE - self.rate)
        return price * _WHOLE >= self.peak * (_WHOLE + self.rate)

    def may_pull_back(self, high: int, low: int) -> bool:
        """Say whether a way between two prices can have triggered it."""
        return self.best(high, low).is_pulled_back(low if self.sells else high)


class Turn(NamedTuple):
    """A moment at which the state of a trailing stop changes: its trigger, or a new peak to keep.

    New peaks are kept at the end of whole hours of market time.
    """

    at_ms: int
    peak: int
    is_trigger: bool


def follow(track: Track, trail: Trail, until_ms: int) -> Trail:
    """Return the trail after the path up to a market time, which is known not to trigger it."""
    for start_ms, end_ms in _strides(trail.as_of, until_ms):
        trail = trail.best(*_range(track, start_ms, end_ms))
    return trail._replace(as_of=max(trail.as_of, until_ms))


def next_turn(track: Track, trail: Trail, kept_peak: int, until_ms: int) -> Turn | None:
    """Return the next turn in (`as_of`, `until_ms`]; `kept_peak` is the one already kept."""
    for start_ms, end_ms in _strides(trail.as_of, until_ms):
        coarse = _coarse_range(track, start_ms, end_ms)
        if trail.may_pull_back(*coarse):
            found, trail = _trigger(track, trail, start_ms, end_ms)
            if found is not None:
                return Turn(found, trail.peak, is_trigger=True)
        else:
            is_exact = (start_ms + 1) % MINUTE_MS == 0
            trail = trail.best(*(coarse if is_exact else _range(track, start_ms, end_ms)))
        if (end_ms + 1) % _HOUR_MS == 0 and trail.peak != kept_peak:
            return Turn(end_ms, trail.peak, is_trigger=False)
    return None


def _strides(after_ms: int, until_ms: int) -> Iterator[tuple[int, int]]:
    while after_ms < until_ms:
        end_ms = min(((after_ms + 1) // _HOUR_MS + 1) * _HOUR_MS - 1, until_ms)
        yield after_ms, end_ms
        after_ms = end_ms


def _coarse_range(track: Track, after_ms: int, until_ms: int) -> tuple[int, int]:
    # From the begin of the first minute on: wider than the way, never narrower.
    first_minute = (after_ms + 1) // MINUTE_MS * MINUTE_MS
    candle = track.candle(max(first_minute, track.start_ms), until_ms)
    first = track.price(after_ms + 1)
    return max(first, candle.high), min(first, candle.low)


def _range(track: Track, after_ms: int, until_ms: int) -> tuple[int, int]:
    minute_ms = -(-(after_ms + 1) // MINUTE_MS) * MINUTE_MS
    until_minute = min(minute_ms - 1, until_ms)
    prices = [point.price for point in _points(track, after_ms, until_minute)]
    if minute_ms <= until_ms:
        prices.extend(_coarse_range(track, minute_ms - 1, until_ms))
    return max(prices), min(prices)


def _points(track: Track, after_ms: int, until_ms: int) -> Iterator[Waypoint]:
    if after_ms >= until_ms:
        return
    first = Waypoint(after_ms + 1, track.price(after_ms + 1))
    yield from chain((first,), track.waypoints(after_ms + 1, until_ms))


def _trigger(track: Track, trail: Trail, after_ms: int, until_ms: int) -> tuple[int | None, Trail]:
    last_ms = after_ms
    for point in _points(track, after_ms, until_ms):
        trail = trail.best(point.price, point.price)
        if trail.is_pulled_back(point.price):
            return _first_ms(track, trail, last_ms, point.at_ms), trail
        last_ms = point.at_ms
    return None, trail


def _first_ms(track: Track, trail: Trail, after_ms: int, until_ms: int) -> int:
    low, high = after_ms, until_ms
    while high - low > 1:
        middle = (low + high) // 2
        if trail.is_pulled_back(track.price(middle)):
            high = middle
        else:
            low = middle
    return high
