"""Starting and stopping bots."""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from bots import journal
from bots.domain.life import LifeEvent, is_lifted_by_start, move
from bots.domain.status import State, Status
from bots.engine.account import claim_symbol, taken_in_words
from bots.engine.publishing import publish_state
from bots.engine.schedule import make_due
from bots.locks import BotLockedError, heal_missing_state, lock_state
from bots.models import BotConfig, BotState, EventKind, OrderSource
from bots.services.closing import ask_to_close
from bots.services.errors import BotError
from bots.services.starting import reasons_not_to_start
from bots.services.transfers import transfer_at_start
from exchange.domain.types import Environment

# How long a person waits for a tick that is under way.
START_WAITS_SECONDS: Final = 10
STOP_WAITS_SECONDS: Final = 5


def start_bot(*, bot_id: int, actor: User | None) -> BotConfig:
    """Make a bot pending and due at once; `BotError` names everything that speaks against it.

    Starting a bot that is pending or running changes nothing, so a double click is harmless.
    A paused or failed bot is lifted by it.
    """
    bot = _bot(bot_id)
    heal_missing_state(bot_id)
    if reasons := reasons_not_to_start(bot):
        raise BotError(" ".join(reasons))
    try:
        return _start(bot, actor)
    except BotLockedError as error:
        raise BotError("A tick of this bot is under way. Try again in a moment.") from error


def stop_bot(*, bot_id: int, actor: User | None, close: bool = False) -> BotConfig:
    """Stop a bot. Works while a tick is under way.

    close   ask for its position to be closed at the market too; otherwise it is kept, and its stop
            stays at the venue and is looked after

    `is_active` goes first and on its own, so that no new entry is sent from this moment on;
    a tick that is still at work sees it and shows the bot as stopped itself. BotError when the
    position could not be asked to close, in which case the bot is stopped all the same.
    """
    bot = _bot(bot_id)
    was_active = bot.is_active
    BotConfig.objects.filter(pk=bot_id).update(is_active=False, updated_at=timezone.now())
    bot.is_active = False
    try:
        _show_stopped(bot, actor, was_active=was_active, close=close)
    except BotLockedError as error:
        message = f"Stopped {bot}. A tick is still under way and shows it when it ends."
        journal.record_event(bot_id, EventKind.STOPPED, message, actor_id=_id(actor))
        if close:
            words = "The bot is stopped, but a tick of it is under way. Close its position then."
            raise BotError(words) from error
    return bot


def _bot(bot_id: int) -> BotConfig:
    return BotConfig.objects.select_related("api_key__account").get(pk=bot_id, deleted_at=None)


def _start(bot: BotConfig, actor: User | None) -> BotConfig:
    with transaction.atomic():
        state = lock_state(bot.pk, wait_seconds=START_WAITS_SECONDS)
        if state.bot.is_active and not is_lifted_by_start(state.current.state):
            return bot
        note = transfer_at_start(bot, actor=actor)
        _claim(bot)
        bot.is_active = state.bot.is_active = True
        bot.save(update_fields=["is_active", "updated_at"])
        # A bot that was switched off beside its state, by hand for example, begins anew.
        began = state.current.state if is_lifted_by_start(state.current.state) else State.STOPPED
        state.show(Status(move(began, LifeEvent.START)), _environment(bot))
        state.last_error_message = ""
        state.last_sentence = " ".join(("Starts with the next tick.", note)).strip()
        make_due(state)
        state.daily_limit_reason = ""  # a person lifts the pause; the next tick measures again
        _tell(state, EventKind.STARTED, f"Started {bot}. {note}".strip(), actor)
    return bot


def _claim(bot: BotConfig) -> None:
    # Under the account's lock until the commit: of two bots that start at once one is refused.
    holder = claim_symbol(bot)
    if holder is not None:
        words = taken_in_words(bot, holder)
        raise BotError(f"{words[:1].upper()}{words[1:]}.")


def _show_stopped(bot: BotConfig, actor: User | None, *, was_active: bool, close: bool) -> None:
    with transaction.atomic():
        state = lock_state(bot.pk, wait_seconds=STOP_WAITS_SECONDS)
        closes = close and state.in_position
        if closes:
            ask_to_close(state, actor=actor, source=OrderSource.MANUAL, reason="asked for at stop")
        elif state.current.state is State.STOPPED and not was_active:
            return
        state.show(Status(move(state.current.state, LifeEvent.STOP)), _environment(bot))
        state.last_sentence = _stopped_sentence(state, closes=closes)
        _tell(state, EventKind.STOPPED, f"Stopped {bot}. {state.last_sentence}", actor)


def _stopped_sentence(state: BotState, *, closes: bool) -> str:
    if not state.in_position:
        return "Stopped."
    if closes:
        return "Stopped. Its position is being closed at the market."
    if state.stop_loss_price is None and state.trailing_stop_price is None:
        return "Stopped with its position kept. It has no stop: nothing closes it by itself."
    return "Stopped with its position kept. Its stop stays at the venue and is looked after."


def _tell(state: BotState, kind: EventKind, message: str, actor: User | None) -> None:
    publish_state(state)
    state.save()
    bot_id = state.pk
    transaction.on_commit(lambda: journal.record_event(bot_id, kind, message, actor_id=_id(actor)))


def _environment(bot: BotConfig) -> Environment:
    return Environment(bot.api_key.environment) if bot.api_key else Environment.LIVE


def _id(actor: User | None) -> int | None:
    return actor.pk if actor else None
