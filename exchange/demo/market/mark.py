"""Mark prices: what positions are valued at, and what liquidations and funding go by.

In each minute the mark runs in a straight line from the last price's open to its close, wicks do
not move it, times how mark and last price related when both were recorded. That ratio is known at
every stamp of the recording's mark file and led straight from one to the next; before the first
and after the last it stays. Later plays take it by the recording's own time.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from exchange.demo.amounts import units_text
from exchange.demo.market.minutes import Amounts, Minutes, Path, Source
from exchange.demo.market.plays import own_time
from exchange.demo.market.recording import Recording, RecordingError
from exchange.demo.market.stamps import RecordedMark
from exchange.demo.times import MINUTE_MS

_ONE: Final = 10**30
_LARGEST: Final = 2**63 - 1
_FARTHEST: Final = 10  # percent: a mark that lies farther off belongs to other prices
_HOUR_MS: Final = 60 * MINUTE_MS
_HOURS_KEPT: Final = 256
_OFFSETS: Final = (0, MINUTE_MS - 1)
_NOTHING: Final = Amounts(0, 0, 0)


@dataclass(frozen=True, slots=True)
class MarkRatios:
    """Mark price over last price at the stamps of one recording, in parts of 1e-30."""

    stamps: tuple[int, ...] = ()
    ratios: tuple[int, ...] = ()
    start_ms: int = 0
    length_ms: int = 1

    def at(self, open_ms: int) -> tuple[int, int]:
        """Return the ratios where a minute begins and where it ends; of any play."""
        own_ms = own_time(open_ms, start_ms=self.start_ms, length_ms=self.length_ms)
        return self._at(own_ms), self._at(own_ms + MINUTE_MS)

    def along(self, open_ms: int, minutes: int) -> list[int]:
        """Return the ratios where some minutes of one play begin, and where the last one ends."""
        own_ms = own_time(open_ms, start_ms=self.start_ms, length_ms=self.length_ms)
        return [self._at(own_ms + number * MINUTE_MS) for number in range(minutes + 1)]

    def _at(self, own_ms: int) -> int:
        if not self.stamps:
            return _ONE
        above = bisect_right(self.stamps, own_ms)
        if above in (0, len(self.stamps)):
            return self.ratios[max(above - 1, 0)]
        since_ms, until_ms = self.stamps[above - 1 : above + 1]
        first, last = self.ratios[above - 1 : above + 1]
        return first + (last - first) * (own_ms - since_ms) // (until_ms - since_ms)


class MarkSource(Source):
    """The mark prices over one symbol's last prices, which must be settled."""

    def __init__(self, last: Source, ratios: MarkRatios) -> None:
        self.start_ms = last.start_ms
        self._last = last
        self._ratios = ratios
        self._hour = lru_cache(maxsize=_HOURS_KEPT)(self._make_hour)

    def block(self, at_ms: int) -> Minutes:
        """Return the minutes around `at_ms` that one hour and one play share."""
        whole = self._last.block(at_ms)
        return self._hour(max(at_ms // _HOUR_MS * _HOUR_MS, whole.start_ms))

    def path(self, open_ms: int) -> Path:
        """Return the straight way of the mark through the minute that opens at `open_ms`."""
        block = self._last.block(open_ms)
        return Path(_OFFSETS, self._ends(block, block.index(open_ms), open_ms))

    def minute_volume(self, open_ms: int) -> int:
        """Return nothing: a mark price is not traded."""
        return 0

    def traded(self, open_ms: int, until_ms: int) -> Amounts:
        """Return nothing, as above."""
        return _NOTHING

    def _make_hour(self, start_ms: int) -> Minutes:
        whole = self._last.block(start_ms)
        end_ms = min((start_ms // _HOUR_MS + 1) * _HOUR_MS, whole.end_ms)
        part = slice(whole.index(start_ms), whole.index(end_ms))
        ratios = self._ratios.along(start_ms, part.stop - part.start)
        opens = array("q", map(_scaled, whole.opens[part], ratios))
        closes = array("q", map(_scaled, whole.closes[part], ratios[1:]))
        highs, lows = array("q", map(max, opens, closes)), array("q", map(min, opens, closes))
        nothing = array("q", bytes(opens.itemsize * len(opens)))
        prices = (opens, highs, lows, closes)
        return Minutes(whole.symbol, "mark", start_ms, *prices, nothing, nothing, nothing)

    def _ends(self, block: Minutes, index: int, open_ms: int) -> tuple[int, int]:
        first, last = self._ratios.at(open_ms)
        return _scaled(block.opens[index], first), _scaled(block.closes[index], last)


def ratios_of(recording: Recording, marks: Mapping[int, RecordedMark]) -> MarkRatios:
    """Return the ratios at the recorded stamps that lie inside a recording.

    RecordingError names the line of a mark that is 10 % or more away from the last price.
    """
    stamps = [stamp for stamp in marks if recording.start_ms <= stamp < recording.end_ms]
    ratios = []
    for stamp in stamps:
        mark, last = marks[stamp], recording.opens[recording.index(stamp)]
        if abs(mark.price - last) * 100 >= last * _FARTHEST:
            raise RecordingError(
                f"{mark.place}: the mark price {units_text(mark.price)} is not near"
                f" {units_text(last)}, which the recording of {recording.symbol} plays then"
            )
        ratios.append(mark.price * _ONE // last)
    return MarkRatios(tuple(stamps), tuple(ratios), recording.start_ms, recording.length_ms)


# Rounded to the nearest, so that a ratio cut after 30 digits gives back the mark it came from.
def _scaled(price: int, ratio: int) -> int:
    return min(max((price * ratio + _ONE // 2) // _ONE, 1), _LARGEST)
