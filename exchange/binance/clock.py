"""The venue's wall clock, which decides whether a signed request is in time (signing time)."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from exchange.domain.errors import GatewayError

# Clocks drift apart; the budgets' windows bear a second, and a request window hides more than that.
MEASURED_AGAIN_AFTER_SECONDS: Final = 1800.0


def wall_milliseconds() -> int:
    """Return this machine's wall clock in ms since the epoch."""
    return time.time_ns() // 1_000_000


class SigningClock:
    """This machine's wall clock plus a measured difference to the venue's.

    `server_time_ms` asks the venue; its errors pass through. Half the round trip is
    taken as the age of the answer; where it waits or asks again before it is answered, it calls
    `note_asking` as each attempt begins. `on_offset` is told each difference that was measured.
    `monotonic` says, in seconds, when half an hour has passed and the next caller measures again.
    """

    def __init__(
        self,
        server_time_ms: Callable[[], int],
        on_offset: Callable[[int], None] | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server_time_ms = server_time_ms
        self._on_offset = on_offset
        self._monotonic = monotonic
        self._offset_ms: int | None = None
        self._measured_at = 0.0
        self._asked_at, self._started = 0, 0

    def offset_ms(self) -> int:
        """Return venue minus machine in ms, measured by the first caller."""
        if self._offset_ms is None:
            return self.resync()
        if self._monotonic() - self._measured_at >= MEASURED_AGAIN_AFTER_SECONDS:
            self._measured_at = self._monotonic()  # one try: the old difference serves on
            with suppress(GatewayError):
                self.resync()
        return self._offset_ms

    def now_ms(self) -> int:
        """Return the venue's wall time in ms."""
        return self.offset_ms() + wall_milliseconds()

    def resync(self) -> int:
        """Measure and return the offset again; the old one stays when that fails."""
        self.note_asking()
        server = self._server_time_ms()
        half_round_trip = (time.monotonic_ns() - self._started) // 2_000_000
        self._offset_ms = server - (self._asked_at + half_round_trip)
        self._measured_at = self._monotonic()
        if self._on_offset:
            self._on_offset(self._offset_ms)
        return self._offset_ms

    def note_asking(self) -> None:
        """Let the round trip begin now: what was waited before is no part of it."""
        self._asked_at, self._started = wall_milliseconds(), time.monotonic_ns()
