"""The doors that Celery opens."""

from __future__ import annotations

from typing import Any

import pytest
from celery import current_app
from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError
from django.utils import timezone

from bots import tasks
from bots.dispatch import TICK_EXPIRES_SECONDS
from bots.models import BotConfig, BotEvent, BotState, EventKind, Tick
from bots.services import start_bot
from exchange.demo.testing import RunningExchange
from exchange.domain.types import Environment, Market
from exchange.market_data import refresh_market_time

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


def _breaks(error: Exception) -> Any:
    def broken(bot_id: int) -> str:
        raise error

    return broken


def test_a_failure_that_nobody_foresaw_is_shown_on_the_bot_and_in_its_journal(
    bot: BotConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_bot(bot_id=bot.pk, actor=None)
    monkeypatch.setattr(tasks, "run_tick", _breaks(ZeroDivisionError("by zero")))
    assert tasks.run_bot_task(bot.pk) == "Failed: ZeroDivisionError: by zero"
    state = BotState.objects.get()
    assert (state.status, state.last_error_message) == ("error", "ZeroDivisionError: by zero")
    assert BotEvent.objects.latest("id").kind == EventKind.ERROR


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (OperationalError("server closed the connection"), "Database not available"),
        (SoftTimeLimitExceeded(), "Tick took too long"),
    ],
)
def test_what_passes_by_itself_leaves_the_bot_as_it_was(
    bot: BotConfig, monkeypatch: pytest.MonkeyPatch, error: Exception, answer: str
) -> None:
    start_bot(bot_id=bot.pk, actor=None)
    monkeypatch.setattr(tasks, "run_tick", _breaks(error))
    assert tasks.run_bot_task(bot.pk) == answer
    assert BotState.objects.get().status == "pending"


def test_the_beats_task_queues_each_due_bot_once_with_an_end(
    bot: BotConfig, venue: RunningExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued: list[Any] = []
    monkeypatch.setattr(
        current_app, "send_task", lambda name, **options: queued.append((name, options))
    )
    start_bot(bot_id=bot.pk, actor=None)
    assert (tasks.run_bot_task_for_all(), tasks.run_bot_task_for_all()) == (1, 0)
    options = {"args": (bot.pk,), "expires": TICK_EXPIRES_SECONDS}
    assert queued == [(tasks.run_bot_task.name, options)]


def test_old_ticks_without_orders_are_pruned_and_those_with_orders_are_kept(
    bot: BotConfig, settings: Any
) -> None:
    settings.TICKS_KEPT_PER_BOT = 2
    for slot, has_orders in enumerate((False, True, False, False, False)):
        Tick.objects.create(bot=bot, slot=slot, started_at=timezone.now(), has_orders=has_orders)
    assert tasks.prune_ticks() == 2
    assert list(Tick.objects.order_by("id").values_list("slot", flat=True)) == [1, 3, 4]
    assert tasks.prune_ticks() == 0


def test_the_reset_reads_the_market_clock_that_everybody_shares(
    bot: BotConfig, venue: RunningExchange
) -> None:
    start_bot(bot_id=bot.pk, actor=None)
    tasks.run_bot_task(bot.pk)
    assert tasks.reactivate_bots_after_reset() == 0  # nobody has noted a market time yet
    refresh_market_time(*_market(bot))
    venue.set_clock(market_time="2025-05-13T00:00:05Z")
    refresh_market_time(*_market(bot))
    assert (tasks.reactivate_bots_after_reset(), tasks.reactivate_bots_after_reset()) == (1, 0)
    assert str(BotState.objects.get().trading_day) == "2025-05-13"


def _market(bot: BotConfig) -> tuple[Any, Any, list[str]]:
    return Environment.DEMO, Market.SPOT, [bot.symbol]
