"""The venue's wall clock, which decides whether a signed request is in time (signing time)."""

from __future__ import annotations

import time
from collections.abc import Callable


def wall_milliseconds() -> int:
    """Return this machine's wall clock in ms since the epoch."""
    return time.time_ns() // 1_000_000


class SigningClock:
    """This machine's wall clock plus a measured difference to the venue's.

    `server_time_ms` asks the venue; its errors pass through. Half the round trip is
    taken as the age of the answer. `on_offset` is told each difference that was measured.
    """

    def __init__(
        self, server_time_ms: Callable[[], int], on_offset: Callable[[int], None] | None = None
    ) -> None:
        self._server_time_ms = server_time_ms
        self._on_offset = on_offset
        self._offset_ms: int | None = None

    def offset_ms(self) -> int:
        """Return venue minus machine in ms, measured by the first caller."""
        if self._offset_ms is None:
            return self.resync()
        return self._offset_ms

    def now_ms(self) -> int:
        """Return the venue's wall time in ms."""
        return self.offset_ms() + wall_milliseconds()

    def resync(self) -> int:
        """Measure and return the offset again; the old one stays when that fails."""
        asked_at = wall_milliseconds()
        started = time.monotonic_ns()
        server = self._server_time_ms()
        half_round_trip = (time.monotonic_ns() - started) // 2_000_000
        self._offset_ms = server - (asked_at + half_round_trip)
        if self._on_offset:
            self._on_offset(self._offset_ms)
        return self._offset_ms
