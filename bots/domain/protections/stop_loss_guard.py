"""Too many stops in a short time: the market is not what the strategy takes it for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bots.domain.decision import DenialCode
from bots.domain.protections.lock import Asking, Lock, minutes_in_words


def stop_loss_guard(
    asking: Asking,
    stops: Sequence[datetime],
    *,
    count: int,
    within: timedelta,
    lock_for: timedelta,
) -> Lock | None:
    """Return the lock of the newest stop that was one of `count` within the time before it.

    stops   market time of the trades that a stop or the venue ended with a net loss; those of at
            least `within` + `lock_for` before now
    """
    counted = [moment for moment in stops if asking.counts(moment)]
    for cause in asking.newest_first(counted, lock_for=lock_for):
        found = sum(cause - within < moment <= cause for moment in counted)
        if found >= count:
            return Lock(
                kind=DenialCode.STOP_LOSS_GUARD,
                starts_at=cause,
                ends_at=cause + lock_for,
                reason=f"{found} stop-losses within {minutes_in_words(within)}",
            )
    return None
