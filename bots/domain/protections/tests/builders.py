"""Moments of one day, and protections that ask at one of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from bots.domain.protections import Asking

NOON: Final = datetime(2025, 5, 12, 12, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
MINUTE: Final = timedelta(minutes=1)
SECOND: Final = timedelta(seconds=1)


def asking(now: datetime = NOON, *, forgiven_until: datetime | None = None) -> Asking:
    return Asking(now=now, newest=now + HOUR, forgiven_until=forgiven_until)


def before_noon(*minutes: int) -> list[datetime]:
    return [NOON - each * MINUTE for each in minutes]
