"""Times in which a bot opens no position, each written down once per cause."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils import timezone

from bots.domain.protections import Lock
from bots.journal.connection import JOURNAL
from bots.journal.events import record_event
from bots.models import EntryLock, EventKind

_TIME: Final = "%Y-%m-%d %H:%M:%S"


def record_lock(bot_id: int, lock: Lock) -> EntryLock:
    """Write a lock down, or move the end of the one that its cause has already.

    Safe to repeat. One that a person has lifted stays as it is.
    """
    with transaction.atomic(using=JOURNAL):
        row, is_new = EntryLock.objects.using(JOURNAL).get_or_create(
            bot_id=bot_id,
            kind=lock.kind.value,
            starts_at=lock.starts_at,
            defaults={
                "ends_at": lock.ends_at,
                "reason": lock.reason,
                "is_wall_time": lock.is_wall_time,
            },
        )
        if is_new:
            message = f"No entries until {lock.ends_at:{_TIME}}: {lock.reason}."
            record_event(bot_id, EventKind.LOCKED, message, data={"kind": lock.kind.value})
        elif row.ends_at != lock.ends_at:
            move_lock_end(row, lock.ends_at)
    return row


def move_lock_end(row: EntryLock, ends_at: datetime) -> None:
    """Let a lock that nobody has lifted end at another time, never before it starts."""
    row.ends_at = max(ends_at, row.starts_at)
    standing = EntryLock.objects.using(JOURNAL).filter(pk=row.pk, lifted_at=None)
    standing.update(ends_at=row.ends_at)


def lift_lock(row: EntryLock, *, actor_id: int | None) -> bool:
    """Note that a person has lifted a lock; False when somebody had done so before."""
    with transaction.atomic(using=JOURNAL):
        standing = EntryLock.objects.using(JOURNAL).filter(pk=row.pk, lifted_at=None)
        if not standing.update(lifted_at=timezone.now(), lifted_by_id=actor_id):
            return False
        message = f"Lifted the lock until {row.ends_at:{_TIME}}: {row.reason}."
        data = {"kind": row.kind}
        record_event(row.bot_id, EventKind.LIFTED, message, actor_id=actor_id, data=data)
    return True
