"""Too much lost since the best moment of the recent past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from bots.domain.decision import DenialCode
from bots.domain.protections.lock import Asking, Lock, minutes_in_words
from bots.domain.wording import plain
from exchange.domain.types import ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedTrade:
    """A trade that closed something: market time and net result in quote currency."""

    at: datetime
    net: Decimal


def max_drawdown(
    asking: Asking,
    closed: Sequence[ClosedTrade],
    *,
    equity: Decimal,
    percent: Decimal,
    within: timedelta,
    lock_for: timedelta,
) -> Lock | None:
    """Return the lock of the newest loss that ended `percent` or more below the best moment.

    The summed net results of the trades within the time before a loss are followed from zero; the
    fall from their highest point counts against the bot's equity before the first of them. A gain
    never locks, however deep the bot still is.

    closed   oldest first, those of at least `within` + `lock_for` before now
    equity   quote currency, now, without what is unrealized
    """
    losses = [trade.at for trade in closed if trade.net < ZERO]
    for cause in asking.newest_first(losses, lock_for=lock_for):
        window = [t for t in closed if cause - within < t.at <= cause and asking.counts(t.at)]
        start = equity - sum((t.net for t in closed if t.at >= min(w.at for w in window)), ZERO)
        fall = _fall(window)
        if fall * 100 >= percent * start:
            return Lock(
                kind=DenialCode.MAX_DRAWDOWN,
                starts_at=cause,
                ends_at=cause + lock_for,
                reason=f"{_words(fall, start)} lost within {minutes_in_words(within)}",
            )
    return None


def _fall(window: Sequence[ClosedTrade]) -> Decimal:
    total = best = ZERO
    for trade in window:
        total += trade.net
        best = max(best, total)
    return best - total


def _words(fall: Decimal, start: Decimal) -> str:
    if start <= ZERO:
        return plain(round(fall, 2))
    return f"{plain(round(fall / start * 100, 2))} % of the equity"
