"""What a person may do with a bot, and what is refused in plain words."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from accounts.models import User
from bots.locks import bot_lock
from bots.models import BotConfig, BotEvent, BotState, EventKind
from bots.services import BotError, life, start_bot, stop_bot, update_bot
from bots.tasks import run_bot_task
from exchange.demo.testing import RunningExchange
from exchange.models import APIKey, ExchangeAccount

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


def test_a_new_bot_is_stopped_and_has_a_state(bot: BotConfig, trader: User) -> None:
    state = BotState.objects.get(pk=bot.pk)
    assert (state.status, bot.is_active) == ("stopped", False)
    event = BotEvent.objects.get()
    assert (event.kind, event.actor) == (EventKind.CREATED, trader)


def test_a_started_bot_is_pending_and_due_at_once(bot: BotConfig, trader: User) -> None:
    BotState.objects.update(next_due_at=timezone.now())
    start_bot(bot_id=bot.pk, actor=trader)
    state = BotState.objects.select_related("bot").get(pk=bot.pk)
    assert (state.status, state.bot.is_active, state.next_due_at) == ("pending", True, None)


def test_starting_twice_changes_nothing(bot: BotConfig, trader: User) -> None:
    start_bot(bot_id=bot.pk, actor=trader)
    BotState.objects.update(status="running (demo mode)", state="running")
    start_bot(bot_id=bot.pk, actor=trader)
    assert BotState.objects.get().status == "running (demo mode)"
    assert BotEvent.objects.filter(kind=EventKind.STARTED).count() == 1


def test_starting_lifts_an_error_and_a_pause(bot: BotConfig) -> None:
    start_bot(bot_id=bot.pk, actor=None)
    BotState.objects.update(
        state="paused",
        reason="max_daily_trades reached",
        status="paused (…)",
        daily_limit_reason="max_daily_trades reached",
        last_error_message="old",
    )
    start_bot(bot_id=bot.pk, actor=None)
    state = BotState.objects.get()
    assert (state.status, state.daily_limit_reason, state.last_error_message) == ("pending", "", "")


def test_a_bot_without_a_usable_key_is_not_started(bot: BotConfig, api_key: APIKey) -> None:
    APIKey.objects.update(revoked_at=timezone.now())
    with pytest.raises(BotError, match="no usable API key"):
        start_bot(bot_id=bot.pk, actor=None)
    BotConfig.objects.update(api_key=None)
    with pytest.raises(BotError, match="no usable API key"):
        start_bot(bot_id=bot.pk, actor=None)
    assert BotState.objects.get().status == "stopped"


def test_a_symbol_that_the_venue_does_not_list_is_named(bot: BotConfig) -> None:
    BotConfig.objects.update(symbol="DOGEEUR")
    with pytest.raises(BotError, match="The demo venue does not list DOGEEUR"):
        start_bot(bot_id=bot.pk, actor=None)


def test_an_unknown_strategy_is_named(bot: BotConfig) -> None:
    BotConfig.objects.update(strategy="astrology")
    with pytest.raises(BotError, match="Unknown strategy: astrology"):
        start_bot(bot_id=bot.pk, actor=None)


def test_a_live_bot_is_not_started_unless_the_installation_allows_it(
    bot: BotConfig, api_key: APIKey
) -> None:
    ExchangeAccount.objects.update(environment="live")
    APIKey.objects.update(environment="live")
    with pytest.raises(BotError, match="LIVE_TRADING_ENABLED"):
        start_bot(bot_id=bot.pk, actor=None)
    assert not BotConfig.objects.get().is_active


def test_a_venue_that_does_not_answer_is_no_reason_to_refuse_a_start(
    bot: BotConfig, venue: RunningExchange
) -> None:
    venue.set_fault(endpoint="*", when="before", action="drop", times=None)
    start_bot(bot_id=bot.pk, actor=None)
    assert BotState.objects.get().status == "pending"


def test_stopping_while_a_tick_holds_the_lock_waits_for_it(
    bot: BotConfig, worker_thread: Any
) -> None:
    start_bot(bot_id=bot.pk, actor=None)
    holding, release = threading.Event(), threading.Event()

    def tick() -> None:
        with bot_lock(bot.pk):
            holding.set()
            release.wait(10)

    ticking = worker_thread(tick)
    assert holding.wait(5)
    stopping = worker_thread(lambda: stop_bot(bot_id=bot.pk, actor=None))
    release.set()
    ticking.result(10)
    stopping.result(10)
    assert BotState.objects.get().status == "stopped"
    assert not BotConfig.objects.get().is_active


def test_stopping_a_stopped_bot_changes_nothing(bot: BotConfig) -> None:
    stop_bot(bot_id=bot.pk, actor=None)
    assert not BotEvent.objects.filter(kind=EventKind.STOPPED).exists()


def test_an_undecryptable_key_is_told_in_plain_words(bot: BotConfig) -> None:
    with (
        override_settings(FERNET_KEYS=["a key that never encrypted anything"]),
        pytest.raises(BotError, match="cannot be decrypted"),
    ):
        start_bot(bot_id=bot.pk, actor=None)


def test_an_edit_notes_what_was_changed_by_whom_and_leaves_the_switch_alone(
    bot: BotConfig, trader: User
) -> None:
    form = BotConfig.objects.get(pk=bot.pk)  # opened before the bot was started
    start_bot(bot_id=bot.pk, actor=trader)
    form.stop_loss_perc = Decimal("1.5")
    update_bot(form, changed=["stop_loss_perc"], actor=trader)
    saved = BotConfig.objects.get(pk=bot.pk)
    assert (saved.stop_loss_perc, saved.is_active) == (Decimal("1.5"), True)
    event = BotEvent.objects.latest("id")
    assert (event.kind, event.actor) == (EventKind.EDITED, trader)
    assert event.message == "Changed: stop_loss_perc = 1.5."


def _hold_lock(bot: BotConfig, worker_thread: Any) -> tuple[threading.Event, Any]:
    holding, release = threading.Event(), threading.Event()

    def tick() -> None:
        with bot_lock(bot.pk):
            holding.set()
            release.wait(20)

    ticking = worker_thread(tick)
    assert holding.wait(5)
    return release, ticking


def test_a_stop_that_a_long_tick_keeps_waiting_still_counts_and_says_who_asked(
    bot: BotConfig, trader: User, worker_thread: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "STOP_WAITS_SECONDS", 1)
    start_bot(bot_id=bot.pk, actor=None)
    release, ticking = _hold_lock(bot, worker_thread)
    stop_bot(bot_id=bot.pk, actor=trader)
    assert not BotConfig.objects.get().is_active
    assert BotState.objects.get().status == "pending"  # until the tick ends, or the next one
    event = BotEvent.objects.latest("id")
    assert (event.kind, event.actor) == (EventKind.STOPPED, trader)
    release.set()
    ticking.result(10)
    assert run_bot_task(bot.pk) == "Bot not active"
    assert BotState.objects.get().status == "stopped"


def test_a_start_that_a_long_tick_keeps_waiting_is_refused_in_plain_words(
    bot: BotConfig, worker_thread: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "START_WAITS_SECONDS", 1)
    release, ticking = _hold_lock(bot, worker_thread)
    with pytest.raises(BotError, match="Try again in a moment"):
        start_bot(bot_id=bot.pk, actor=None)
    release.set()
    ticking.result(10)
    assert not BotConfig.objects.get().is_active
