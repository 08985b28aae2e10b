"""Asking for a position to be closed. The next tick, or watch round, does it at the venue."""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from bots import journal
from bots.engine.publishing import publish_state
from bots.engine.schedule import make_due
from bots.locks import BotLockedError, lock_state
from bots.models import BotConfig, BotState, EventKind, OrderSource
from bots.services.errors import BotError

CLOSE_WAITS_SECONDS: Final = 10  # for a tick that is under way


def close_position(
    *,
    bot_id: int,
    actor: User | None,
    source: OrderSource = OrderSource.MANUAL,
    reason: str = "",
) -> BotConfig:
    """Ask for the bot's position to be closed at the market, and make the bot due at once.

    Works on a stopped or failed bot too, and during a halt. The bot goes on as it is: one that is
    active may open its next position when its strategy says so. Asking twice changes nothing.
    BotError when there is nothing to close, or a tick does not end in time.
    """
    bot = BotConfig.objects.select_related("api_key").get(pk=bot_id, deleted_at=None)
    try:
        with transaction.atomic():
            state = lock_state(bot_id, wait_seconds=CLOSE_WAITS_SECONDS)
            if not state.in_position:
                raise BotError("There is no position to close.")
            if bot.api_key is None or bot.api_key.is_revoked:
                raise BotError("The bot has no usable API key to close it with. Choose one first.")
            if state.close_requested_at is None:
                ask_to_close(state, actor=actor, source=source, reason=reason)
                publish_state(state)
                state.save()
    except BotLockedError as error:
        raise BotError("A tick of this bot is under way. Try again in a moment.") from error
    return bot


def ask_to_close(state: BotState, *, actor: User | None, source: OrderSource, reason: str) -> None:
    """Note the wish on the state, whose lock the caller holds and which the caller saves."""
    if state.close_requested_at is not None:
        return
    state.close_requested_at = timezone.now()
    state.close_requested_by = actor
    state.close_source = source.value
    state.close_reason = reason
    make_due(state)
    state.last_sentence = "Closes its position at the market with the next tick."
    bot_id, actor_id = state.pk, actor.pk if actor else None
    message = f"The position is to be closed at the market{f': {reason}' if reason else ''}."
    transaction.on_commit(
        lambda: journal.record_event(
            bot_id,
            EventKind.CLOSE_REQUESTED,
            message,
            actor_id=actor_id,
            data={"source": source.value},
        )
    )
