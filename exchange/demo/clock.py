"""Market time: runs `speed` times as fast as the wall, stands still when told, never goes back."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

# Where the bundled recordings begin to play: 45 market minutes before the seeded bot buys and 70
# before it sells. Seven days of history lie before it.
DEFAULT_START: Final = datetime(2025, 5, 12, 3, 20, tzinfo=UTC)
DEFAULT_SPEED: Final = 60.0
MAXIMUM_SPEED: Final = 100_000.0
RESERVED_WALL_SECONDS: Final = 1.0
NOT_STEERED: Final = "market time follows the mirrored venue and cannot be steered"


class MarketClock:
    """The one clock of the exchange's market.

    Before a time is shown to anybody, a ceiling at or above it has been handed to `store`. Whoever
    starts again at the last stored ceiling can therefore never be behind what was shown, even after
    kill -9. The ceiling is `RESERVED_WALL_SECONDS` ahead, so that one write a second is enough.
    """

    def __init__(
        self,
        start_ms: int,
        *,
        speed: float = DEFAULT_SPEED,
        is_running: bool = True,
        store: Callable[[int], None] = lambda _: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._monotonic = monotonic
        self._anchor_ms = start_ms
        self._anchored_at = monotonic()
        self._ceiling_ms = start_ms - 1
        self.speed = speed
        self.is_running = is_running

    def now_ms(self) -> int:
        """Return market time in ms since the epoch."""
        now_ms = self._anchor_ms
        if self.is_running:
            now_ms += int((self._monotonic() - self._anchored_at) * self.speed * 1000)
        if now_ms > self._ceiling_ms:
            self._reserve_from(now_ms)
        return now_ms

    def set_running(self, *, is_running: bool) -> None:
        """Let market time pass or stand still from now on."""
        self._anchor(self.now_ms())
        self.is_running = is_running
        if not is_running:
            self._reserve(self._anchor_ms)

    def set_speed(self, speed: float) -> None:
        """Run at `speed` from now on, without a jump."""
        self._anchor(self.now_ms())
        self.speed = speed
        self._reserve_from(self._anchor_ms)

    def jump_to(self, market_ms: int) -> None:
        """Go forward to a market time; ValueError when it lies in the past."""
        now_ms = self.now_ms()
        if market_ms < now_ms:
            raise ValueError("market time only goes forward")
        self._anchor(market_ms)
        self.now_ms()

    def close(self) -> None:
        """Stop for good and store the exact time."""
        self.set_running(is_running=False)

    def _anchor(self, market_ms: int) -> None:
        self._anchor_ms = market_ms
        self._anchored_at = self._monotonic()

    def _reserve_from(self, now_ms: int) -> None:
        ahead = int(RESERVED_WALL_SECONDS * self.speed * 1000) if self.is_running else 0
        self._reserve(now_ms + ahead)

    def _reserve(self, market_ms: int) -> None:
        self._store(market_ms)
        self._ceiling_ms = market_ms


class FollowingClock(MarketClock):
    """Market time of a mirrored venue: the newest that it has shown, moved by nothing else."""

    def __init__(self, start_ms: int, *, store: Callable[[int], None] = lambda _: None) -> None:
        super().__init__(start_ms, speed=1.0, store=store)
        self._reserve(start_ms)

    def now_ms(self) -> int:
        """Return market time in ms since the epoch."""
        return self._anchor_ms

    def follow(self, market_ms: int) -> None:
        """Go on to a time that the mirrored venue has shown; an older one changes nothing."""
        if market_ms > self._anchor_ms:
            self._reserve(market_ms)
            self._anchor(market_ms)

    def set_running(self, *, is_running: bool) -> None:
        """Refuse with ValueError: nobody but the mirrored venue moves this clock."""
        raise ValueError(NOT_STEERED)

    def set_speed(self, speed: float) -> None:
        """Refuse with ValueError, as `set_running` does."""
        raise ValueError(NOT_STEERED)

    def jump_to(self, market_ms: int) -> None:
        """Refuse with ValueError, as `set_running` does."""
        raise ValueError(NOT_STEERED)

    def close(self) -> None:
        """Do nothing: every time was stored before it was shown."""
