"""A look at what is due never keeps a tick from beginning that has been asked for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from bots.engine.schedule import claim_bots, claim_due_bots
from bots.locks import lock_due_states
from bots.models import BotConfig, BotState
from bots.tasks import run_bot_task
from exchange.demo.testing import RunningExchange

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

InWorker = Callable[[Callable[[], Any]], "Future[Any]"]


def test_a_tick_on_its_way_can_begin_while_somebody_looks_whether_its_bot_is_due_again(
    started_bot: BotConfig, venue: RunningExchange, worker_thread: InWorker
) -> None:
    now = venue.market_time()
    assert [claim.bot_id for claim in claim_due_bots(lambda *_: now)] == [started_bot.pk]
    with transaction.atomic():
        assert claim_bots([started_bot.pk], market_time=now + timedelta(minutes=9)).claims == []
        assert worker_thread(lambda: run_bot_task(started_bot.pk)).result(20) == "Done"


def test_a_tick_can_begin_whose_bot_was_claimed_while_somebody_else_was_about_to(
    started_bot: BotConfig,
    venue: RunningExchange,
    worker_thread: InWorker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = venue.market_time()

    def overtaken(*args: Any, **how: Any) -> list[BotState]:
        monkeypatch.undo()
        first = worker_thread(lambda: claim_bots([started_bot.pk], market_time=now)).result(20)
        assert [claim.bot_id for claim in first.claims] == [started_bot.pk]
        return lock_due_states(*args, **how)

    monkeypatch.setattr("bots.engine.schedule.lock_due_states", overtaken)
    with transaction.atomic():
        assert claim_bots([started_bot.pk], market_time=now).claims == []
        assert worker_thread(lambda: run_bot_task(started_bot.pk)).result(20) == "Done"
