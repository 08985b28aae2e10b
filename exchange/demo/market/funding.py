"""What holders of one perpetual pay each other, three times a day of market time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from exchange.demo.market.plays import own_time

FUNDING_INTERVAL_MS: Final = 8 * 3_600_000
# The interest part of the venue's formula: what is left of it when no premium is known.
DEFAULT_RATE: Final = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class FundingRates:
    """The rates of one symbol at 00:00, 08:00 and 16:00 UTC of market time.

    A rate is in force until the next one. A recording is played for ever: at a stamp after its
    first play the rate is the one in force at the recording's own time. Before anything was
    recorded it is `DEFAULT_RATE`.

    recorded    rates by stamp, rising
    start_ms    where the first play begins
    length_ms   length of a play; 0 when nothing repeats
    """

    recorded: Mapping[int, Decimal] = field(default_factory=dict)
    start_ms: int = 0
    length_ms: int = 0

    def rate(self, stamp_ms: int) -> Decimal:
        """Return the rate of a stamp, as a part of the notional; positive: longs pay."""
        stamps = tuple(self.recorded)
        in_force = bisect_right(stamps, self._own_time(stamp_ms)) - 1
        return self.recorded[stamps[in_force]] if in_force >= 0 else DEFAULT_RATE

    def next_stamp(self, after_ms: int) -> int:
        """Return the first stamp after a market time."""
        return self.last_stamp(after_ms) + FUNDING_INTERVAL_MS

    def last_stamp(self, at_ms: int) -> int:
        """Return the newest stamp up to a market time, included."""
        return at_ms // FUNDING_INTERVAL_MS * FUNDING_INTERVAL_MS

    def stamps(self, first_ms: int, last_ms: int) -> range:
        """Return every stamp from one market time to another, both included."""
        return range(self.next_stamp(first_ms - 1), last_ms + 1, FUNDING_INTERVAL_MS)

    def _own_time(self, at_ms: int) -> int:
        if not self.length_ms or at_ms < self.start_ms:
            return at_ms
        return own_time(at_ms, start_ms=self.start_ms, length_ms=self.length_ms)
