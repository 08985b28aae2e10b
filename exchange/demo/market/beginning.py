"""Where market time begins: a new state at the chosen moment, a stored one where it was."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from exchange.demo.clock import DEFAULT_START
from exchange.demo.errors import DemoExchangeError
from exchange.demo.market.minutes import Source
from exchange.demo.market.recording import Recording
from exchange.demo.times import MINUTE_MS, iso, to_milliseconds

# 300 klines of 5m: what a strategy wants to have seen before its first decision.
HISTORY_MS: Final = 1_500 * MINUTE_MS
# Clocks of two machines differ; a state that is further ahead comes from another market.
_TOLERATED_LEAD_MS: Final = MINUTE_MS


def first_market_ms(
    sources: Collection[Source], start: datetime | None, stored_ms: int | None
) -> int:
    """Return the first market time of all prices; DemoExchangeError when `start` lies before it."""
    earliest = max(source.start_ms for source in sources)
    if stored_ms is not None:
        # A state from before these prices may only go forward.
        return max(stored_ms, earliest)
    if start is not None:
        chosen = to_milliseconds(start)
        if chosen < earliest:
            raise DemoExchangeError(
                f"--start {iso(chosen)} lies before the prices, which begin at {iso(earliest)}"
            )
        return chosen
    default = to_milliseconds(DEFAULT_START)
    ends = [source.end_ms for source in sources if isinstance(source, Recording)]
    latest = min(ends, default=default + 1)
    if earliest <= default < latest:
        return default
    half = (latest - earliest) // 2 // MINUTE_MS * MINUTE_MS
    return earliest + max(min(HISTORY_MS, half), 0)


def followed_start_ms(newest_ms: int, stored_ms: int | None) -> int:
    """Return the first market time of a mirror, whose upstream has shown `newest_ms`."""
    if stored_ms is not None and stored_ms > newest_ms + _TOLERATED_LEAD_MS:
        raise DemoExchangeError(
            f"the state has reached market time {iso(stored_ms)}, the mirrored venue only"
            f" {iso(newest_ms)}, and time never goes back: choose another --state-dir"
        )
    return max(stored_ms or 0, newest_ms)
