"""Which locks keep a bot from opening a position."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Max, Q

from bots.domain.decision import DenialCode
from bots.models import LOCK_KINDS, EntryLock
from exchange.market_data import RESTARTED_AFTER


def standing_locks(bot_id: int, *, now: datetime, market_time: datetime | None) -> list[EntryLock]:
    """Return the bot's locks that have not ended and that nobody has lifted, by kind.

    now           wall time
    market_time   None when the bot has seen no market yet; then only those of wall time stand
    """
    standing = _stands(now, is_wall_time=True)
    if market_time is not None:
        standing |= _stands(market_time, is_wall_time=False)
    rows = EntryLock.objects.filter(standing, bot_id=bot_id, lifted_at=None)
    order = [kind.value for kind in LOCK_KINDS]
    return sorted(rows, key=lambda row: (order.index(row.kind), row.starts_at))


def _stands(moment: datetime, *, is_wall_time: bool) -> Q:
    return Q(is_wall_time=is_wall_time, ends_at__gt=moment, starts_at__lte=moment + RESTARTED_AFTER)


def forgiven_until(
    bot_id: int, kind: DenialCode, *, moment: datetime, is_wall_time: bool
) -> datetime | None:
    """Return the moment of the newest cause of this kind whose lock a person has lifted.

    Causes far ahead of `moment` are those of a recording that has been started anew since.
    """
    lifted = EntryLock.objects.filter(
        bot_id=bot_id,
        kind=kind,
        is_wall_time=is_wall_time,
        lifted_at__isnull=False,
        starts_at__lte=moment + RESTARTED_AFTER,
    )
    newest: datetime | None = lifted.aggregate(newest=Max("starts_at"))["newest"]
    return newest
