"""When the price of a symbol first reaches one of several marks.

The price is monotone between two waypoints of its track, so the first millisecond is found by
halving. Hours whose candle touches no mark are passed over at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final, NamedTuple

from exchange.demo.market.track import Track, Waypoint
from exchange.demo.times import MINUTE_MS

_STRIDE_MS: Final = 60 * MINUTE_MS


class Mark(NamedTuple):
    """A price, in units of 1e-8, that an order waits for.

    is_rising   the price has to be there or above, else there or below
    since_ms    market time after which it counts
    """

    order_id: int
    price: int
    is_rising: bool
    since_ms: int

    def is_reached(self, price: int) -> bool:
        """Say whether a last price is at the mark or beyond."""
        return price >= self.price if self.is_rising else price <= self.price


class Crossing(NamedTuple):
    """The first market time at which an order's mark is reached; the lower id goes first."""

    at_ms: int
    order_id: int


class _Reach(NamedTuple):
    """What a price has to touch for any of the marks to be reached."""

    lowest_rising: int | None
    highest_falling: int | None

    def holds(self, low: int, high: int) -> bool:
        is_above = self.lowest_rising is not None and high >= self.lowest_rising
        return is_above or (self.highest_falling is not None and low <= self.highest_falling)


def first_crossing(
    track: Track, marks: Sequence[Mark], after_ms: int, until_ms: int
) -> Crossing | None:
    """Return which mark is reached first in (after_ms, until_ms], and when."""
    after_ms = max(after_ms, min(mark.since_ms for mark in marks))
    reach = _Reach(
        min((mark.price for mark in marks if mark.is_rising), default=None),
        max((mark.price for mark in marks if not mark.is_rising), default=None),
    )
    for start_ms, end_ms in _interesting(track, reach, after_ms, until_ms):
        found = _first_between(track, marks, reach, start_ms, end_ms)
        if found:
            return found
    return None


def _interesting(
    track: Track, reach: _Reach, after_ms: int, until_ms: int
) -> Iterator[tuple[int, int]]:
    start_ms = after_ms
    while start_ms < until_ms:
        # Strides end with the last millisecond of a whole number of hours.
        end_ms = min(((start_ms + 1) // _STRIDE_MS + 1) * _STRIDE_MS - 1, until_ms)
        first_minute = (start_ms + 1) // MINUTE_MS * MINUTE_MS
        candle = track.candle(max(first_minute, track.start_ms), end_ms)
        # A price that was observed may enter its minute outside of the minute's own range.
        first = track.price(start_ms + 1)
        if reach.holds(min(first, candle.low), max(first, candle.high)):
            yield start_ms, end_ms
        start_ms = end_ms


def _first_between(
    track: Track, marks: Sequence[Mark], reach: _Reach, after_ms: int, until_ms: int
) -> Crossing | None:
    if after_ms >= until_ms:
        return None
    # What jumps at the very first moment has no waypoint before it.
    first = Waypoint(after_ms + 1, track.price(after_ms + 1))
    last = Waypoint(after_ms, first.price)
    for point in chain((first,), track.waypoints(after_ms + 1, until_ms)):
        if reach.holds(min(last.price, point.price), max(last.price, point.price)):
            crossings = (_crossing(track, mark, last.at_ms, point.at_ms) for mark in marks)
            found = min((one for one in crossings if one), default=None)
            if found:
                return found
        last = point
    return None


def _crossing(track: Track, mark: Mark, after_ms: int, until_ms: int) -> Crossing | None:
    low, high = max(after_ms, mark.since_ms) + 1, until_ms
    if low > high:
        return None
    if mark.is_reached(track.price(low)):
        return Crossing(low, mark.order_id)
    if not mark.is_reached(track.price(high)):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if mark.is_reached(track.price(middle)):
            high = middle
        else:
            low = middle
    return Crossing(high, mark.order_id)
