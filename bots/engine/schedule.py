"""Which bots are due, and claiming them so that no slot is worked on twice.

A bot is due when a kline of its timeframe has closed, or its check interval has passed, or a
person asked, whichever comes first. All of that is market time; `BotState.next_due_at` holds
the earlier of the first two, and null stands for the third. A bot that does not trade but still
holds something is due for its watch round the same way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import DurationField, ExpressionWrapper, F, Q, QuerySet, Value
from django.utils import timezone

from bots.domain.status import Reason, State
from bots.engine.watched import to_be_watched
from bots.locks import dispatcher_turn, lock_due_states
from bots.models import BotConfig, BotState
from exchange.domain.intervals import interval_length, next_close_after
from exchange.domain.types import Environment, Market

logger = logging.getLogger(__name__)

# A claim whose tick has not begun is not claimed again before this much wall time.
CLAIM_LASTS: Final = timedelta(seconds=10)
BATCH: Final = 200

# Returns the venue's newest market time, read at any of the symbols; None when it cannot be.
MarketTimeReader = Callable[[Environment, Market, Sequence[str]], datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A bot that may be ticked now, for this slot."""

    bot_id: int
    slot: int


def next_due(
    *, market_time: datetime, newest_kline: datetime | None, timeframe: str, check_seconds: int
) -> datetime:
    """Return when a bot that has just ticked is due again.

    newest_kline   open time of the newest closed kline that it has seen
    """
    check = market_time + timedelta(seconds=check_seconds)
    if newest_kline is None:
        return check
    return min(check, next_close_after(newest_kline, timeframe))


def make_due(state: BotState) -> None:
    """Let the bot be claimed at once; the caller holds its lock and saves `state`.

    Forgets the last claim too: its tick may have come meanwhile, found the lock taken and left.
    """
    state.next_due_at = None
    state.claimed_at = None


def claim_due_bots(read_market_time: MarketTimeReader) -> list[Claim]:
    """Claim every bot that is due, at most once per slot, however many dispatchers run.

    Asks each venue's market for its time once. Rows that a tick holds are passed over:
    their bots are at work. Safe to repeat.
    """
    with dispatcher_turn() as is_mine:
        if not is_mine:
            return []
        times = {
            (environment, market): read_market_time(environment, market, symbols)
            for (environment, market), symbols in _markets_in_use().items()
        }
        claims = _claim(_candidates().filter(bot__api_key=None), market_time=None)
        for (environment, market), market_time in times.items():
            claims += _claim_market(environment, market, market_time)
    return claims  # committed: whoever ticks now sees its claim


def _candidates() -> QuerySet[BotState]:
    # An error waits for a person, except where prices were missing: that heals by itself.
    working = Q(bot__is_active=True) & (~Q(state=State.ERROR) | Q(reason=Reason.PRICE_DATA))
    # Stopped by a person while a tick was under way: one more tick makes both agree.
    contradicting = Q(bot__is_active=False) & ~Q(state=State.STOPPED)
    candidates = BotState.objects.filter(working | contradicting | to_be_watched())
    return candidates.filter(bot__deleted_at=None)


def _markets_in_use() -> dict[tuple[Environment, Market], list[str]]:
    rows = (
        _candidates()
        .exclude(bot__api_key=None)
        .order_by("bot__api_key__environment", "bot__position_type", "bot__symbol")
        .values_list("bot__api_key__environment", "bot__position_type", "bot__symbol")
        .distinct()
    )
    markets: dict[tuple[Environment, Market], list[str]] = {}
    for environment, market, symbol in rows:
        markets.setdefault((Environment(environment), Market(market)), []).append(symbol)
    return markets


def _claim_market(
    environment: Environment, market: Market, market_time: datetime | None
) -> list[Claim]:
    return _claim(
        _candidates().filter(bot__api_key__environment=environment, bot__position_type=market),
        market_time=market_time,
    )


def _claim(candidates: QuerySet[BotState], *, market_time: datetime | None) -> list[Claim]:
    waiting_since = "last_run_at"  # wall time, where the market's stands still
    if market_time is not None:
        candidates, waiting_since = candidates.filter(_due_at(market_time)), "next_due_at"
    longest_waiting = candidates.order_by(F(waiting_since).asc(nulls_first=True), "pk")
    ids = list(longest_waiting.values_list("pk", flat=True)[:BATCH])
    if not ids:
        return []
    now = timezone.now()
    with transaction.atomic():
        states = [
            state
            for state in lock_due_states(ids)
            if _is_due(state, market_time=market_time, now=now)
        ]
        return [_take(state, market_time=market_time, now=now) for state in states]


def _due_at(market_time: datetime) -> Q:
    check = ExpressionWrapper(
        F("bot__check_interval_seconds") * Value(timedelta(seconds=1)), DurationField()
    )
    return (
        Q(next_due_at=None)
        | Q(next_due_at__lte=market_time)
        # Further ahead than one check: the time of a recording that has been started anew since.
        | Q(next_due_at__gt=Value(market_time) + check)
    )


def _is_due(state: BotState, *, market_time: datetime | None, now: datetime) -> bool:
    """Decide again under the lock: another dispatcher may have been here first."""
    claimed = state.claimed_at
    started = state.last_run_at
    # A claim that lies far ahead was taken before the wall clock was put back.
    if claimed and (started is None or started < claimed) and abs(now - claimed) < CLAIM_LASTS:
        return False  # claimed, and its tick is still on its way
    if state.next_due_at is None:
        return True
    if market_time is None:
        # Without prices market time stands still; the bot must still say so in time.
        waited = now - (started or claimed or now)
        return waited >= timedelta(seconds=state.bot.check_interval_seconds)
    check = timedelta(seconds=state.bot.check_interval_seconds)
    return state.next_due_at <= market_time or state.next_due_at > market_time + check


def _take(state: BotState, *, market_time: datetime | None, now: datetime) -> Claim:
    due_at = state.next_due_at or market_time or now
    # Strictly rising: a slot is never handed out twice, whatever the clocks do.
    slot = max(int(due_at.timestamp()), state.claimed_slot + 1)
    state.claimed_slot = slot
    state.claimed_at = now
    if market_time is not None:
        # Due again even if this tick dies on the way.
        state.next_due_at = market_time + shortest_wait(state.bot)
    state.save(update_fields=["claimed_slot", "claimed_at", "next_due_at"])
    return Claim(bot_id=state.pk, slot=slot)


def shortest_wait(bot: BotConfig) -> timedelta:
    """Return how long a bot may be left alone at most, in market time."""
    return min(timedelta(seconds=bot.check_interval_seconds), interval_length(bot.timeframe))
