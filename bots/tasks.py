"""Celery tasks: thin doors. No retries: a late tick is worthless, the next one reconciles."""

from __future__ import annotations

import logging
from datetime import timedelta

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import InterfaceError, OperationalError, connections
from django.utils import timezone

from bots import journal
from bots.dispatch import dispatch_due_bots
from bots.engine.reset import wake_daily_pauses
from bots.engine.tick import fail_unexpectedly, run_tick
from exchange.market_data import market_time

logger = logging.getLogger(__name__)


@shared_task
def run_bot_task_for_all() -> int:
    """Do what the dispatcher does every second, in case there is none; return how many were due."""
    return dispatch_due_bots()


@shared_task
def run_bot_task(bot_id: int) -> str:
    """Tick one bot; the short answer says what came of it."""
    try:
        return run_tick(bot_id)
    except SoftTimeLimitExceeded:
        # The limit may have struck inside a query; Django would go on using a broken connection.
        connections.close_all()
        logger.exception("bot %s: the tick took too long", bot_id)
        return "Tick took too long"
    except (OperationalError, InterfaceError):
        # PostgreSQL went away; whatever was under way is reconciled by the next tick.
        connections.close_all()
        logger.exception("bot %s: the database was not available", bot_id)
        return "Database not available"
    except Exception as error:
        # The last door before the queue: show it on the bot instead of only in a log.
        logger.exception("bot %s: the tick failed", bot_id)
        return fail_unexpectedly(bot_id, error)


@shared_task
def reactivate_bots_after_reset() -> int:
    """Begin the new trading day of every active bot at 00:00 UTC; return how many began it.

    Ticks do the same when they see a new day, so a missed run loses nothing.
    """
    return wake_daily_pauses(market_time)


@shared_task
def prune_ticks() -> int:
    """Delete recorded ticks without orders: beyond TICKS_KEPT_PER_BOT, and TICKS_KEPT_DAYS old."""
    oldest = timezone.now() - timedelta(days=settings.TICKS_KEPT_DAYS)
    return journal.prune_ticks(keep=settings.TICKS_KEPT_PER_BOT, before=oldest)
