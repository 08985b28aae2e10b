"""What a person may do about a lock."""

from __future__ import annotations

from accounts.models import User
from bots import journal
from bots.models import EntryLock
from bots.services.errors import BotError


def lift_lock(lock_id: int, *, actor: User | None) -> EntryLock:
    """Let the bot open positions again; what had caused the lock causes none any more.

    Lifting a lock twice changes nothing, so a double click is harmless. `BotError` when there is
    no such lock.
    """
    row = EntryLock.objects.filter(pk=lock_id).first()
    if row is None:
        raise BotError("There is no such lock any more.")
    journal.lift_lock(row, actor_id=actor.pk if actor else None)
    row.refresh_from_db()
    return row
