"""Milliseconds since the epoch, as they cross the wire, to and from aware UTC datetimes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def from_milliseconds(value: int) -> datetime:
    """Return the aware UTC time of `value` ms since the epoch, without passing through a float."""
    return EPOCH + timedelta(milliseconds=value)


def to_milliseconds(value: datetime) -> int:
    """Return ms since the epoch, rounded down; `value` must be aware."""
    return (value - EPOCH) // timedelta(milliseconds=1)
