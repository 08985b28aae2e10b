"""Every row lock of the trader's world, in one place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import InternalError, OperationalError, connection, transaction
from psycopg.errors import IdleInTransactionSessionTimeout, LockNotAvailable

from bots.models import BotConfig, BotState

_DISPATCHER: Final = 0x7B07  # any number that nothing else in this database uses


class BotLockedError(Exception):
    """Somebody else is ticking this bot right now."""


@contextmanager
def bot_lock(bot_id: int) -> Iterator[BotState]:
    """Hold the bot's BotState row for the length of a tick; `BotLockedError` when it is held.

    The transaction stays open across the calls to the venue on purpose: the lock lives
    exactly as long as the worker's connection, so a killed worker frees it at once.
    FOR NO KEY UPDATE, because a plain FOR UPDATE would block inserts of rows that refer to it.
    """
    try:
        with transaction.atomic():
            yield _locked_state(bot_id)
    except InternalError as error:
        if isinstance(error.__cause__, IdleInTransactionSessionTimeout):
            # A machine that slept: no bug, but a connection that went away like any other.
            raise OperationalError(f"the lock of bot {bot_id} was lost") from error
        raise


def _locked_state(bot_id: int) -> BotState:
    try:
        return (
            BotState.objects.select_for_update(nowait=True, no_key=True, of=("self",))
            .select_related("bot__api_key__account")
            .get(pk=bot_id)
        )
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise BotLockedError(f"bot {bot_id} is locked") from error
        raise


def require_bot_lock(bot_id: int) -> None:
    """Prove that the transaction of `bot_lock` is alive, and so that nobody else ticked meanwhile.

    A lock can be lost without its holder noticing (a restart of PostgreSQL, a cut connection,
    an idle timeout). OperationalError then; nothing may be sent. Call it after the orders have
    been committed: whoever gets the lock later finds them and never sends beside us.
    """
    rows = BotState.objects.select_for_update(nowait=True, no_key=True).filter(pk=bot_id)
    if not list(rows.values_list("pk")):
        raise OperationalError(f"the state of bot {bot_id} is gone, and its lock with it")


def heal_missing_state(bot_id: int) -> None:
    """Create the BotState of a bot that has none, as stopped. Safe to repeat."""
    if BotConfig.objects.filter(pk=bot_id, state=None).exists():
        BotState.objects.get_or_create(pk=bot_id)


@contextmanager
def dispatcher_turn() -> Iterator[bool]:
    """Yield whether this dispatcher may work; False while another one of any process does.

    A venue that hangs then holds up one task, not every slot of the workers' pool.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_DISPATCHER])
        (is_mine,) = cursor.fetchone()
        yield is_mine


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

    Call inside a transaction. `BotLockedError` when the tick does not end in time.
    """
    heal_missing_state(bot_id)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{wait_seconds}s"])
    try:
        return (
            BotState.objects.select_for_update(no_key=True, of=("self",))
            .select_related("bot__api_key")
            .get(pk=bot_id)
        )
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise BotLockedError(f"bot {bot_id} was locked for {wait_seconds} s") from error
        raise
