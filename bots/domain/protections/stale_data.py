"""Old prices: what a strategy says about them is about a market that has gone on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from bots.domain.decision import DenialCode
from bots.domain.protections.lock import Asking, Lock

_KLINES_MISSING: Final = 2


def standing_market(
    asking: Asking, *, moved_at: datetime | None, patience: timedelta
) -> Lock | None:
    """Return the lock of a market whose time has not moved on for longer than `patience`.

    Wall time. It ends when that much time has passed without anybody looking again; whoever looks
    and finds the market still standing moves the end on.

    moved_at   when the market's time was last seen to move on; None: not yet
    """
    if moved_at is None or not asking.counts(moved_at) or asking.now - moved_at <= patience:
        return None
    return Lock(
        kind=DenialCode.STALE_DATA,
        starts_at=moved_at,
        ends_at=asking.now + patience,
        reason=f"prices have not moved on for more than {int(patience.total_seconds())} s",
        is_wall_time=True,
    )


def missing_klines(
    asking: Asking, *, newest_kline: datetime | None, interval: timedelta
) -> Lock | None:
    """Return the lock of klines that stopped coming: the newest closed more than two ago.

    Market time.

    newest_kline   open time of the newest closed kline; None: not known
    """
    if newest_kline is None:
        return None
    closed_at = newest_kline + interval
    if not asking.counts(closed_at) or asking.now - closed_at <= _KLINES_MISSING * interval:
        return None
    return Lock(
        kind=DenialCode.STALE_DATA,
        starts_at=closed_at,
        ends_at=asking.now + interval,
        reason="klines have stopped coming, the newest is more than two intervals old",
    )
