"""A time in which a bot opens no position. Exits and stops are never asked to wait for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bots.domain.decision import DenialCode

_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """No entry from `starts_at`, the moment of its cause, until `ends_at`.

    reason         one clause, the same however often the cause is looked at
    is_wall_time   False: both are market time
    """

    kind: DenialCode
    starts_at: datetime
    ends_at: datetime
    reason: str
    is_wall_time: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """When a protection is asked, in the clock that it counts in.

    newest           what is later than this counts not yet: a recording was started anew since
    forgiven_until   moment of the newest cause that a person has lifted; what happened until then
                     counts no more
    """

    now: datetime
    newest: datetime
    forgiven_until: datetime | None = None

    def counts(self, moment: datetime) -> bool:
        """Say whether what happened at `moment` may still be the cause of a lock."""
        if moment > self.newest:
            return False
        return self.forgiven_until is None or moment > self.forgiven_until

    def newest_first(self, moments: Sequence[datetime], *, lock_for: timedelta) -> list[datetime]:
        """Return the causes whose lock would still stand, the newest first."""
        standing = {
            moment for moment in moments if self.counts(moment) and moment + lock_for > self.now
        }
        return sorted(standing, reverse=True)


def minutes_in_words(span: timedelta) -> str:
    """Write a length of whole minutes or seconds: `90 minutes`, `45 s`."""
    whole, rest = divmod(span, _MINUTE)
    return f"{whole} minutes" if whole > 1 and not rest else f"{int(span.total_seconds())} s"
