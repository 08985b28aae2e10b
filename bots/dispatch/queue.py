"""From claims to the queue of ticks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from celery import current_app

from bots.engine.schedule import Claim, MarketTimeReader, claim_due_bots, give_back
from exchange.market_data import refresh_market_time

TICK: Final = "bots.tasks.run_bot_task"
# A claim is given up after this long, so a slow worker never works through old slots.
TICK_EXPIRES_SECONDS: Final = 10


def dispatch_due_bots(read_market_time: MarketTimeReader = refresh_market_time) -> int:
    """Claim every bot that is due and put its tick into the queue; return how many.

    The round that needs no announcement. Safe to run beside others and as often as one likes.
    redis.RedisError and kombu's OperationalError when the queue is away, Django's
    OperationalError when PostgreSQL is.
    """
    return enqueue(claim_due_bots(read_market_time))


def enqueue(claims: Sequence[Claim]) -> int:
    """Put one tick for every claim into the queue; return how many.

    kombu's OperationalError when it is away; bots whose tick is not in it are due again then.
    """
    waiting = list(claims)
    try:
        while waiting:
            # By name: the tasks stand above this room.
            current_app.send_task(TICK, args=(waiting[0].bot_id,), expires=TICK_EXPIRES_SECONDS)
            waiting.pop(0)
    finally:
        give_back(waiting)
    return len(claims)
