"""Deleting bots. The row stays, because orders and fills are facts; nobody is shown it any more."""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from bots import journal
from bots.domain.orders import UNSETTLED
from bots.locks import BotLockedError, lock_state
from bots.models import BotConfig, BotState, EventKind
from bots.services.errors import BotError

_WAITS_SECONDS: Final = 5


def delete_bot(*, bot_id: int, actor: User | None) -> None:
    """Delete a bot that is stopped, flat, and has no order whose end is not known.

    BotError says what has to be done first. Deleting twice changes nothing.
    """
    bot = BotConfig.objects.get(pk=bot_id)
    if bot.deleted_at is not None:
        return
    try:
        with transaction.atomic():
            state = lock_state(bot_id, wait_seconds=_WAITS_SECONDS)
            _refuse(bot, state)
            now = timezone.now()
            bot.deleted_at, bot.is_active = now, False
            bot.save(update_fields=["deleted_at", "is_active", "updated_at"])
            transaction.on_commit(
                lambda: journal.record_event(
                    bot_id, EventKind.DELETED, f"Deleted {bot}.", actor_id=_id(actor)
                )
            )
    except BotLockedError as error:
        raise BotError("A tick of this bot is under way. Try again in a moment.") from error


def _refuse(bot: BotConfig, state: BotState) -> None:
    if state.bot.is_active:
        raise BotError("Stop the bot first.")
    if state.in_position:
        raise BotError(
            "The bot holds a position. Close it, or hand it over to another bot of the same "
            "account and symbol, and delete the bot then."
        )
    if bot.orders.filter(status__in=UNSETTLED).exists():
        raise BotError(
            "An order of this bot is not settled yet. It is looked after; try again in a moment."
        )


def _id(actor: User | None) -> int | None:
    return actor.pk if actor else None
