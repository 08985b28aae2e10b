"""What ticks read and decided."""

from __future__ import annotations

from bots.journal.connection import JOURNAL
from bots.models import Tick


def record_tick(tick: Tick) -> Tick:
    """Append what a tick read and decided."""
    tick.save(using=JOURNAL, force_insert=True)
    return tick


def finish_tick(tick: Tick, *, status: str, duration_ms: int) -> None:
    """Note how a recorded tick ended."""
    tick.status, tick.duration_ms = status, duration_ms
    tick.save(using=JOURNAL, update_fields=["status", "duration_ms"])


def prune_ticks(*, keep: int) -> int:
    """Delete recorded ticks that led to no order, but for the newest `keep` of each bot."""
    deleted = 0
    ticks = Tick.objects.using(JOURNAL)
    for bot_id in ticks.order_by("bot_id").values_list("bot_id", flat=True).distinct():
        of_bot = ticks.filter(bot_id=bot_id).order_by("-id")
        newest_lost = of_bot.values_list("id", flat=True)[keep : keep + 1].first()
        if newest_lost is not None:
            deleted += of_bot.filter(id__lte=newest_lost, has_orders=False).delete()[0]
    return deleted
