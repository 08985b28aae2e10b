"""What happened in a run, line by line, so that a failing seed can be read."""

from __future__ import annotations

from collections import deque
from typing import Final

from bots.simulation.clock import VirtualClock

_LINES_KEPT: Final = 4_000


class Trace:
    """The newest lines of a run, each with step, signing time and market time."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self.step = 0

    def note(self, text: str) -> None:
        """Append one line."""
        signing, market = self._clock.now(), self._clock.market
        self._lines.append(f"{self.step:>4} {signing:%H:%M:%S.%f} {market:%d %H:%M:%S} {text}")

    def lines(self, newest: int | None = None) -> list[str]:
        """Return what is kept, oldest first; the newest ones alone when told how many."""
        lines = list(self._lines)
        return lines if newest is None else lines[-newest:]
