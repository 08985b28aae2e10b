"""A venue that refuses, fails or does not answer: no new position until it is quiet again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bots.domain.decision import DenialCode
from bots.domain.protections.lock import Asking, Lock, minutes_in_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """Errors that came one after the other, wall time; spread evenly where only the ends count."""

    first: datetime
    last: datetime
    count: int = 1

    def newest(self, most: int) -> Iterator[datetime]:
        """Yield the moments of the newest errors, at most `most` of them, the newest first."""
        step = (self.last - self.first) / max(self.count - 1, 1)
        yield from (self.last - number * step for number in range(min(self.count, most)))


def exchange_errors(
    asking: Asking,
    errors: Sequence[Errors],
    *,
    count: int,
    within: timedelta,
    lock_for: timedelta,
) -> Lock | None:
    """Return the lock of the newest error that was one of `count` within the time before it.

    errors   refused and unknown orders, and ticks that failed at the venue; wall time
    """
    moments = [m for each in errors for m in each.newest(count) if asking.counts(m)]
    for cause in asking.newest_first(moments, lock_for=lock_for):
        found = sum(cause - within < moment <= cause for moment in moments)
        if found >= count:
            return Lock(
                kind=DenialCode.EXCHANGE_ERRORS,
                starts_at=cause,
                ends_at=cause + lock_for,
                reason=f"at least {count} errors of the venue within {minutes_in_words(within)}",
                is_wall_time=True,
            )
    return None
