"""What may be asked of either market's klines."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from exchange.domain.clock import to_milliseconds
from exchange.domain.intervals import interval_length

MAX_KLINES: Final = 1000


def end_of_klines(interval: str, *, limit: int, end_time: datetime | None) -> int | None:
    """Return `end_time` in ms; ValueError when interval or limit cannot be."""
    interval_length(interval)
    if not 1 <= limit <= MAX_KLINES:
        raise ValueError(f"limit must be 1 to {MAX_KLINES}, not {limit}")
    return to_milliseconds(end_time) if end_time else None
