"""Every row lock of the trader's world, in one place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

from bots.models import BotConfig, BotState


class BotLockedError(Exception):
    """Somebody else is ticking this bot right now."""


@contextmanager
def bot_lock(bot_id: int) -> Iterator[BotState]:
    """Hold the bot's BotState row for the length of a tick; `BotLockedError` when it is held.

    The transaction stays open across the calls to the venue on purpose: the lock lives
    exactly as long as the worker's connection, so a killed worker frees it at once.
    FOR NO KEY UPDATE, because a plain FOR UPDATE would block inserts of rows that refer to it.
    """
    with transaction.atomic():
        try:
            state = (
                BotState.objects.select_for_update(nowait=True, no_key=True, of=("self",))
                .select_related("bot__api_key__account")
                .get(pk=bot_id)
            )
        except OperationalError as error:
            if isinstance(error.__cause__, LockNotAvailable):
                raise BotLockedError(f"bot {bot_id} is locked") from error
            raise
        yield state


def heal_missing_state(bot_id: int) -> None:
    """Create the BotState of a bot that has none, as stopped. Safe to repeat."""
    if BotConfig.objects.filter(pk=bot_id, state=None).exists():
        BotState.objects.get_or_create(pk=bot_id)


def lock_due_states(bot_ids: list[int]) -> list[BotState]:
    """Lock the rows that nobody holds, for the dispatcher; call inside a transaction."""
    return list(
        BotState.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
        .select_related("bot__api_key")
        .filter(pk__in=bot_ids)
        .order_by("pk")
    )


def lock_state(bot_id: int, *, wait_seconds: int) -> BotState:
    """Lock a bot's state for a person's action, waiting for a tick that holds it.

    Call inside a transaction. `OperationalError` when the tick does not end in time.
    """
    heal_missing_state(bot_id)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{wait_seconds}s"])
    return (
        BotState.objects.select_for_update(no_key=True, of=("self",))
        .select_related("bot__api_key")
        .get(pk=bot_id)
    )
