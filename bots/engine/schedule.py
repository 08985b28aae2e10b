"""Which bots are due, and claiming them so that no slot is worked on twice.

A bot is due when a kline of its timeframe has closed, or its check interval has passed, or a
person asked, whichever comes first. All of that is market time; `BotState.next_due_at` holds
the earlier of the first two, and null stands for the third. Where that time stands still, nobody
is left alone for longer than a check interval of wall time. A bot that does not trade but still
holds something is due for its watch round the same way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import DurationField, Expression, ExpressionWrapper, F, Q, QuerySet, Value
from django.utils import timezone

from bots.domain.status import Reason, State
from bots.engine.watched import to_be_watched
from bots.locks import dispatcher_turn, lock_due_states
from bots.models import BotConfig, BotState
from exchange.domain.intervals import interval_length, next_close_after
from exchange.domain.streams import KlineStream
from exchange.domain.types import Environment, Market

logger = logging.getLogger(__name__)

# A claim whose tick has not begun is not claimed again before this much wall time.
CLAIM_LASTS: Final = timedelta(seconds=10)
TICK_LASTS: Final = timedelta(seconds=50)  # wall time; no worker lets a tick go on for longer
BATCH: Final = 200

# Returns the venue's newest market time, read at any of the symbols; None when it cannot be.
MarketTimeReader = Callable[[Environment, Market, Sequence[str]], datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A bot that may be ticked now, for this slot."""

    bot_id: int
    slot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What one look at some bots gave.

    at_work   some could not be judged, because a tick may be at work on them: look again soon
    """

    claims: list[Claim]
    at_work: bool = False


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
        claims = _claim(claimable_bots().filter(bot__api_key=None), market_time=None).claims
        for (environment, market), market_time in times.items():
            claims += _claim(_bots_in(environment, market), market_time=market_time).claims
    return claims  # committed: whoever ticks now sees its claim


def claim_market(
    environment: Environment,
    market: Market,
    streams: Collection[KlineStream],
    *,
    market_time: datetime,
) -> Claimed:
    """Claim the bots on these klines that are due at `market_time`; asks no venue anything.

    For the moment at which klines have closed. A bot on a kline that is still on its way is left
    alone: its tick would only wait for it. Safe to repeat and to leave out.
    """
    on_them = Q()
    for stream in streams:
        on_them |= Q(bot__symbol=stream.symbol, bot__timeframe=stream.interval)
    if not on_them:
        return Claimed(claims=[])
    bots = _bots_in(environment, market).filter(on_them)
    # Before claiming. What is due of a bot that is being ticked is known when its tick has ended.
    at_work = bots.filter(_may_be_at_work(timezone.now())).exists()
    claimed = _claim(bots, market_time=market_time)
    return replace(claimed, at_work=claimed.at_work or at_work)


def claim_bots(bot_ids: Collection[int], *, market_time: datetime | None) -> Claimed:
    """Claim those of these bots of one market that are due; asks no venue anything."""
    return _claim(claimable_bots().filter(pk__in=bot_ids), market_time=market_time)


def give_back(claims: Collection[Claim]) -> None:
    """Let bots be claimed at once again whose ticks cannot be given to a worker."""
    if not claims:
        return
    with transaction.atomic():
        for state in lock_due_states([claim.bot_id for claim in claims]):
            make_due(state)
            state.save(update_fields=["next_due_at", "claimed_at"])


def claimable_bots() -> QuerySet[BotState]:
    """Return the bots that are ticked or watched when they are due."""
    # An error waits for a person, except where prices were missing: that heals by itself.
    working = Q(bot__is_active=True) & (~Q(state=State.ERROR) | Q(reason=Reason.PRICE_DATA))
    # Stopped by a person while a tick was under way: one more tick makes both agree.
    contradicting = Q(bot__is_active=False) & ~Q(state=State.STOPPED)
    candidates = BotState.objects.filter(working | contradicting | to_be_watched())
    return candidates.filter(bot__deleted_at=None)


def _markets_in_use() -> dict[tuple[Environment, Market], list[str]]:
    rows = (
        claimable_bots()
        .exclude(bot__api_key=None)
        .order_by("bot__api_key__environment", "bot__position_type", "bot__symbol")
        .values_list("bot__api_key__environment", "bot__position_type", "bot__symbol")
        .distinct()
    )
    markets: dict[tuple[Environment, Market], list[str]] = {}
    for environment, market, symbol in rows:
        markets.setdefault((Environment(environment), Market(market)), []).append(symbol)
    return markets


def _bots_in(environment: Environment, market: Market) -> QuerySet[BotState]:
    return claimable_bots().filter(bot__api_key__environment=environment, bot__position_type=market)


def _claim(candidates: QuerySet[BotState], *, market_time: datetime | None) -> Claimed:
    now = timezone.now()
    waiting_since = "last_run_at"  # wall time, where the market's stands still
    if market_time is not None:
        candidates, waiting_since = candidates.filter(_due_at(market_time, now=now)), "next_due_at"
    longest_waiting = candidates.order_by(F(waiting_since).asc(nulls_first=True), "pk")
    # Not even locked: a tick that finds its row locked leaves, and its claim lasts on. Said again
    # where rows are locked, because another look may have claimed them between the two.
    leaving_out = _on_their_way(now)
    ids = list(longest_waiting.exclude(leaving_out).values_list("pk", flat=True)[:BATCH])
    if not ids:
        return Claimed(claims=[])
    with transaction.atomic():
        free = lock_due_states(ids, but=leaving_out)
        due = [state for state in free if _is_due(state, market_time=market_time, now=now)]
        claims = [_take(state, market_time=market_time, now=now) for state in due]
    return Claimed(claims=claims, at_work=len(free) < len(ids))


def _may_be_at_work(now: datetime) -> Q:
    # `last_run_at` is written when a tick begins, and seen by others when it has ended.
    begins_or_runs = Q(last_run_at=None) | Q(last_run_at__lt=F("claimed_at"))
    return Q(claimed_at__gt=now - TICK_LASTS) & begins_or_runs


def _on_their_way(now: datetime) -> Q:
    """Say of rows what `is_claimed` says of one."""
    recently = Q(claimed_at__gt=now - CLAIM_LASTS, claimed_at__lt=now + CLAIM_LASTS)
    return recently & (Q(last_run_at=None) | Q(last_run_at__lt=F("claimed_at")))


def _due_at(market_time: datetime, *, now: datetime) -> Q:
    check = _seconds(F("bot__check_interval_seconds"))
    return (
        Q(next_due_at=None)
        | Q(next_due_at__lte=market_time)
        # Further ahead than one check: the time of a recording that has been started anew since.
        | Q(next_due_at__gt=Value(market_time) + check)
        # The market stands still: somebody has to notice, and to say so.
        | Q(last_run_at__lte=Value(now) - check)
        | Q(
            last_market_time__gte=market_time,
            last_run_at__lte=Value(now) - _seconds(F("bot__stale_data_seconds")),
        )
    )


def _seconds(field: F) -> Expression:
    return ExpressionWrapper(field * Value(timedelta(seconds=1)), DurationField())


def _is_due(state: BotState, *, market_time: datetime | None, now: datetime) -> bool:
    """Decide again under the lock: another dispatcher may have been here first."""
    if is_claimed(state, now=now):
        return False
    if state.next_due_at is None:
        return True
    if market_time is None:
        # Without prices market time stands still; the bot must still say so in time.
        # The wall clock may have been put back since.
        waited = abs(now - (state.last_run_at or state.claimed_at or now))
        return waited >= timedelta(seconds=state.bot.check_interval_seconds)
    check = timedelta(seconds=state.bot.check_interval_seconds)
    if state.next_due_at <= market_time or state.next_due_at > market_time + check:
        return True
    if state.last_run_at is None:
        return False
    waited, stale = now - state.last_run_at, state.bot.stale_data_seconds
    if waited >= check:
        return True
    stands_still = state.last_market_time is not None and state.last_market_time >= market_time
    return stands_still and stale is not None and waited >= timedelta(seconds=stale)


def is_claimed(state: BotState, *, now: datetime) -> bool:
    """Say whether a tick of the bot is on its way and has not begun; `now` is wall time."""
    claimed, started = state.claimed_at, state.last_run_at
    if claimed is None or (started is not None and started >= claimed):
        return False
    # A claim that lies far ahead was taken before the wall clock was put back.
    return abs(now - claimed) < CLAIM_LASTS


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
