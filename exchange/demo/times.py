"""Milliseconds at the wire border, aware UTC datetimes for people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def to_milliseconds(moment: datetime) -> int:
    """Return whole milliseconds since the epoch of an aware datetime."""
    return (moment - _EPOCH) // _MILLISECOND


def from_milliseconds(milliseconds: int) -> datetime:
    """Return the aware UTC datetime of `milliseconds` since the epoch."""
    return _EPOCH + milliseconds * _MILLISECOND


def iso(milliseconds: int) -> str:
    """Write `milliseconds` since the epoch as ISO 8601 with a Z."""
    stamp = from_milliseconds(milliseconds).isoformat(timespec="milliseconds")
    return stamp.removesuffix("+00:00") + "Z"


def parse_moment(value: str) -> datetime:
    """Parse an ISO 8601 moment; one without a zone is UTC. ValueError when it is none."""
    moment = datetime.fromisoformat(value)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
