"""A pause after an entry order, and after a position has been closed."""

from __future__ import annotations

from datetime import datetime, timedelta

from bots.domain.decision import DenialCode
from bots.domain.protections.lock import Asking, Lock, minutes_in_words


def cooldown(
    asking: Asking, *, pause: timedelta, last_entry: datetime | None, last_close: datetime | None
) -> Lock | None:
    """Return the lock of the newer of the two causes, while it stands. Market time.

    last_entry   the newest entry order, filled or not
    last_close   the fill that last ended a position
    """
    causes = {last_entry: "an entry order", last_close: "the last close"}
    known = [moment for moment in causes if moment is not None]
    standing = asking.newest_first(known, lock_for=pause) if pause else []
    if not standing:
        return None
    cause = standing[0]
    return Lock(
        kind=DenialCode.COOLDOWN,
        starts_at=cause,
        ends_at=cause + pause,
        reason=f"a pause of {minutes_in_words(pause)} after {causes[cause]}",
    )
