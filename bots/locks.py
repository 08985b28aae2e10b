"""Every row lock of the trader's world, in one place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from django.db import (
    DEFAULT_DB_ALIAS,
    InternalError,
    OperationalError,
    connection,
    connections,
    transaction,
)
from django.db.models import Q
from psycopg.errors import IdleInTransactionSessionTimeout, LockNotAvailable

from bots.models import BotConfig, BotState, Halt
from exchange.models import ExchangeAccount

_DISPATCHER: Final = 0x7B07  # any number that nothing else in this database uses

# What the ORM has no words for. Sorted, so that two who lock rows cannot wait for each other.
_HALTS_FOR_SHARE: Final = """
SELECT * FROM bots_halt
WHERE account_id IS NULL AND bot_id IS NULL OR account_id = ANY(%s) OR bot_id = ANY(%s)
ORDER BY id FOR SHARE
"""
_ACTIVE_FOR_SHARE: Final = """
SELECT is_active AND deleted_at IS NULL FROM bots_botconfig WHERE id = %s FOR SHARE
"""


class BotLockedError(Exception):
    """Somebody else is ticking this bot right now."""


@contextmanager
def bot_lock(bot_id: int, *, wait_seconds: int = 0) -> Iterator[BotState]:
    """Hold the bot's BotState row for the length of a tick; `BotLockedError` when it is held.

    wait_seconds   for a person's command, which may wait for a tick; a tick never waits

    The transaction stays open across the calls to the venue on purpose: the lock lives
    exactly as long as the worker's connection, so a killed worker frees it at once.
    FOR NO KEY UPDATE, because a plain FOR UPDATE would block inserts of rows that refer to it.
    """
    try:
        with transaction.atomic():
            yield _locked_state(bot_id, wait_seconds=wait_seconds)
    except InternalError as error:
        if isinstance(error.__cause__, IdleInTransactionSessionTimeout):
            # A machine that slept: no bug, but a connection that went away like any other.
            raise OperationalError(f"the lock of bot {bot_id} was lost") from error
        raise


def _locked_state(bot_id: int, *, wait_seconds: int) -> BotState:
    if wait_seconds:
        _wait_for_locks(wait_seconds)
    try:
        return (
            BotState.objects.select_for_update(nowait=not wait_seconds, no_key=True, of=("self",))
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


def lock_due_states(bot_ids: list[int], *, but: Q | None = None) -> list[BotState]:
    """Lock the rows that nobody holds, for the dispatcher; call inside a transaction.

    but   rows that are not even to be locked
    """
    free = BotState.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
    wanted = free.filter(pk__in=bot_ids) if but is None else free.filter(~but, pk__in=bot_ids)
    return list(wanted.select_related("bot__api_key").order_by("pk"))


def lock_state(bot_id: int, *, wait_seconds: int) -> BotState:
    """Lock a bot's state for a person's action, waiting for a tick that holds it.

    Call inside a transaction. `BotLockedError` when the tick does not end in time.
    """
    heal_missing_state(bot_id)
    _wait_for_locks(wait_seconds)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class HaltScope:
    """What a halt is about: an account, a bot, or with neither of them everything."""

    account_id: int | None = None
    bot_id: int | None = None

    def __post_init__(self) -> None:
        if self.account_id is not None and self.bot_id is not None:
            raise ValueError("account_id and bot_id: a halt is about one of them at most")


def halts_for_share(
    *, bot_id: int, account_id: int, using: str = DEFAULT_DB_ALIAS
) -> tuple[Halt, ...]:
    """Lock the three halt rows that concern a bot FOR SHARE; call inside a transaction.

    Until it ends none of them can be set; a halt that is being set is waited for. Always in the
    same order, so that two who lock them cannot wait for each other. Rows that are missing are
    made: what is not there cannot be locked.
    """
    scopes = (HaltScope(), HaltScope(account_id=account_id), HaltScope(bot_id=bot_id))
    found = _shared(scopes, using=using)
    if len(found) < len(scopes):
        _make_missing(scopes, using=using)
        found = _shared(scopes, using=using)
    return found


def halt_for_update(scope: HaltScope, *, using: str = DEFAULT_DB_ALIAS) -> Halt:
    """Lock one halt row FOR UPDATE, made when it is missing; call inside a transaction.

    Waits for every order that is being turned `sent` under it. After the commit none turns.
    """
    _make_missing((scope,), using=using)
    rows = Halt.objects.using(using).select_for_update(of=("self",))
    return rows.get(account_id=scope.account_id, bot_id=scope.bot_id)


def account_for_update(account_id: int, *, using: str) -> ExchangeAccount:
    """Lock an account's row, under which its money is shared out; call inside a transaction.

    FOR NO KEY UPDATE: rows that refer to the account can still be written beside it.
    """
    accounts = ExchangeAccount.objects.using(using)
    return accounts.select_for_update(no_key=True, of=("self",)).get(pk=account_id)


def bot_is_active_for_share(bot_id: int, *, using: str) -> bool:
    """Lock a bot's settings FOR SHARE and say whether it is switched on, and not deleted.

    Call inside a transaction: until that ends nobody can switch the bot off.
    """
    with connections[using].cursor() as cursor:
        cursor.execute(_ACTIVE_FOR_SHARE, [bot_id])
        found = cursor.fetchone()
    return found is not None and bool(found[0])


def _shared(scopes: tuple[HaltScope, ...], *, using: str) -> tuple[Halt, ...]:
    accounts = [scope.account_id for scope in scopes if scope.account_id is not None]
    bots = [scope.bot_id for scope in scopes if scope.bot_id is not None]
    return tuple(Halt.objects.using(using).raw(_HALTS_FOR_SHARE, [accounts, bots]))


def _make_missing(scopes: tuple[HaltScope, ...], *, using: str) -> None:
    rows = [Halt(account_id=scope.account_id, bot_id=scope.bot_id) for scope in scopes]
    Halt.objects.using(using).bulk_create(rows, ignore_conflicts=True)


def _wait_for_locks(seconds: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{seconds}s"])
