"""Starting and stopping bots."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from bots import journal
from bots.domain.status import State, Status
from bots.domain.strategies import STRATEGIES
from bots.engine.publishing import publish_state
from bots.locks import BotLockedError, lock_state
from bots.models import BotConfig, BotState, EventKind
from bots.services.errors import BotError
from exchange.credentials import CredentialsDecryptError
from exchange.domain.budget import Priority, asking_for
from exchange.domain.errors import GatewayError, UnavailableError, UnknownSymbolError
from exchange.domain.types import Environment, Market
from exchange.models import APIKey
from exchange.registry import ClientInitError, KeyRevokedError, gateway_for

# How long a person waits for a tick that is under way.
START_WAITS_SECONDS: Final = 10
STOP_WAITS_SECONDS: Final = 5
ALREADY_STARTED: Final = (State.PENDING, State.RUNNING, State.WAITING)


def start_bot(*, bot_id: int, actor: User | None) -> BotConfig:
    """Make a bot pending and due at once; `BotError` says in plain words why it cannot start.

    Starting a bot that is pending or running changes nothing, so a double click is harmless.
    A paused or failed bot is lifted by it.
    """
    bot = BotConfig.objects.select_related("api_key__account").get(pk=bot_id)
    _check_startable(bot)
    try:
        return _start(bot, actor)
    except BotLockedError as error:
        raise BotError("A tick of this bot is under way. Try again in a moment.") from error


def _start(bot: BotConfig, actor: User | None) -> BotConfig:
    with transaction.atomic():
        state = lock_state(bot.pk, wait_seconds=START_WAITS_SECONDS)
        if state.bot.is_active and state.current.state in ALREADY_STARTED:
            return bot
        bot.is_active = state.bot.is_active = True
        bot.save(update_fields=["is_active", "updated_at"])
        state.show(Status(State.PENDING), _environment(bot))
        state.last_error_message = ""
        state.last_sentence = "Starts with the next tick."
        state.next_due_at = None
        state.daily_limit_reason = ""  # a person lifts the pause; the next tick measures again
        _tell(state, EventKind.STARTED, f"Started {bot}.", actor)
    return bot


def stop_bot(*, bot_id: int, actor: User | None) -> BotConfig:
    """Stop a bot; a position it holds is kept. Works while a tick is under way.

    `is_active` goes first and on its own, so that no new entry is sent from this moment on;
    a tick that is still at work sees it and shows the bot as stopped itself.
    """
    bot = BotConfig.objects.select_related("api_key").get(pk=bot_id)
    was_active = bot.is_active
    BotConfig.objects.filter(pk=bot_id).update(is_active=False, updated_at=timezone.now())
    bot.is_active = False
    try:
        _show_stopped(bot, actor, was_active=was_active)
    except BotLockedError:
        message = f"Stopped {bot}. A tick is still under way and shows it when it ends."
        journal.record_event(bot_id, EventKind.STOPPED, message, actor_id=_id(actor))
    return bot


def _show_stopped(bot: BotConfig, actor: User | None, *, was_active: bool) -> None:
    with transaction.atomic():
        state = lock_state(bot.pk, wait_seconds=STOP_WAITS_SECONDS)
        if state.current.state is State.STOPPED and not was_active:
            return
        state.show(Status(State.STOPPED), _environment(bot))
        state.last_sentence = _stopped_sentence(state)
        _tell(state, EventKind.STOPPED, f"Stopped {bot}. {state.last_sentence}", actor)


def _stopped_sentence(state: BotState) -> str:
    if state.in_position:
        return "Stopped with its position kept. Nothing watches it until the bot is started again."
    return "Stopped."


def _tell(state: BotState, kind: EventKind, message: str, actor: User | None) -> None:
    publish_state(state)
    state.save()
    bot_id = state.pk
    transaction.on_commit(lambda: journal.record_event(bot_id, kind, message, actor_id=_id(actor)))


def _check_startable(bot: BotConfig) -> None:
    key = bot.api_key
    if key is None or key.revoked_at is not None:
        raise BotError("This bot has no usable API key. Choose one in its settings.")
    if key.environment == Environment.LIVE and not settings.LIVE_TRADING_ENABLED:
        raise BotError(
            "Live trading is switched off on this installation. "
            "Its administrator can set LIVE_TRADING_ENABLED=true."
        )
    if bot.strategy not in STRATEGIES:
        raise BotError(f"Unknown strategy: {bot.strategy}")
    _check_with_the_venue(bot, key)


def _check_with_the_venue(bot: BotConfig, key: APIKey) -> None:
    try:
        with asking_for(Priority.PAGE):
            rules = gateway_for(key, Market(bot.position_type)).rules(bot.symbol)
    except UnknownSymbolError as error:
        if _holds_position(bot):
            return
        raise BotError(f"The {key.environment} venue does not list {bot.symbol}.") from error
    except UnavailableError:
        return  # no reason to refuse: the first tick says what is missing and heals by itself
    except KeyRevokedError as error:
        raise BotError("This API key has been revoked. Choose another one.") from error
    except CredentialsDecryptError as error:
        raise BotError(
            "The API key cannot be decrypted with this installation's FERNET_KEYS. Add it anew."
        ) from error
    except (ClientInitError, GatewayError) as error:
        raise BotError(f"The venue cannot be used: {error}") from error
    if not rules.allows_entries and not _holds_position(bot):
        raise BotError(
            f"{bot.symbol} is not being traded at the venue right now (status {rules.status})."
        )


def _holds_position(bot: BotConfig) -> bool:
    # Whatever the symbol's trouble is: only a started bot looks after what it holds.
    return BotState.objects.filter(pk=bot.pk, in_position=True).exists()


def _environment(bot: BotConfig) -> Environment:
    return Environment(bot.api_key.environment) if bot.api_key else Environment.LIVE


def _id(actor: User | None) -> int | None:
    return actor.pk if actor else None
