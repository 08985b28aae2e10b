"""What ticks read and decided. Those that come to the same as the one before are only counted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import F, Q

from bots.domain.repeats import HALF, acts_on_stops, whole_key
from bots.journal.connection import JOURNAL
from bots.models import Tick


def record_tick(tick: Tick) -> Tick:
    """Append what a tick read and decided.

    `tick.fold_key` holds the key of its decision. When the newest tick of the bot decided the same,
    it is not written yet (its `pk` stays None): `finish_tick` then counts it, or writes it after
    all. The caller holds the bot's lock, so no other tick of the bot comes in between.
    """
    if not (tick.fold_key and _newest_key(tick.bot_id)[:HALF] == tick.fold_key[:HALF]):
        tick.save(using=JOURNAL, force_insert=True)
    return tick


def finish_tick(
    tick: Tick, *, status: str, duration_ms: int | None, stops: Mapping[str, Any] | None = None
) -> None:
    """Note how a recorded tick ended.

    stops   what it saw and did about the stops, as `stops_to_record` gives it
    """
    tick.status, tick.duration_ms, tick.stops = status, duration_ms, dict(stops or {})
    tick.has_orders = tick.has_orders or acts_on_stops(tick.stops)
    tick.fold_key = whole_key(tick.fold_key, status=status, stops=tick.stops)
    if not tick._state.adding:
        names = ["status", "duration_ms", "stops", "has_orders", "fold_key"]
        tick.save(using=JOURNAL, update_fields=names)
    elif not _count_as_repeat(tick):
        tick.save(using=JOURNAL, force_insert=True)


def prune_ticks(*, keep: int, before: datetime | None = None) -> int:
    """Delete recorded ticks that led to no order, but for the newest `keep` of each bot.

    before   wall time; those that were last repeated earlier go too
    """
    deleted = 0
    ticks = Tick.objects.using(JOURNAL)
    for bot_id in ticks.order_by("bot_id").values_list("bot_id", flat=True).distinct():
        of_bot = ticks.filter(bot_id=bot_id).order_by("-id")
        newest_lost = of_bot.values_list("id", flat=True)[keep : keep + 1].first()
        if newest_lost is not None:
            deleted += of_bot.filter(id__lte=newest_lost, has_orders=False).delete()[0]
    if before is not None:
        is_old = Q(last_started_at__lt=before) | Q(last_started_at=None, started_at__lt=before)
        deleted += ticks.filter(is_old, has_orders=False).delete()[0]
    return deleted


def _newest_key(bot_id: int) -> str:
    ticks = Tick.objects.using(JOURNAL).filter(bot_id=bot_id).order_by("-id")
    return ticks.values_list("fold_key", flat=True).first() or ""


def _count_as_repeat(tick: Tick) -> bool:
    ticks = Tick.objects.using(JOURNAL).filter(bot_id=tick.bot_id).order_by("-id")
    newest = ticks.values_list("id", "fold_key").first()
    if not tick.fold_key or newest is None or newest[1] != tick.fold_key:
        return False
    changed = ticks.filter(pk=newest[0]).update(
        repeats=F("repeats") + 1,
        last_market_time=tick.market_time,
        last_started_at=tick.started_at,
        duration_ms=tick.duration_ms,
    )
    return bool(changed)
