"""Promises 1 to 3 when PostgreSQL, the lock or the time limit go in the middle of a tick."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError, connection, connections
from django.test import override_settings

from bots import feed
from bots.locks import bot_lock, require_bot_lock
from bots.models import BotConfig, BotState, Order
from bots.tasks import run_bot_task
from bots.tests.engine.conftest import AT_BUY, BEFORE_BUY, GoTo
from exchange.demo.testing import RunningExchange

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

PLACE = "POST /api/v3/order"


def _until(what: Callable[[], Any], *, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def _cut(backends: list[int]) -> None:
    with connection.cursor() as cursor:
        for backend in backends:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])


def _task(bot: BotConfig, backends: list[int], *aliases: str) -> str:
    """Tick as a worker does, and say first by which backends."""
    for alias in aliases:
        connections[alias].ensure_connection()
        backends.append(connections[alias].connection.info.backend_pid)
    return str(run_bot_task(bot.pk))


def test_a_tick_that_lost_its_lock_does_not_send_beside_the_one_that_has_it_now(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange, worker_thread: Any
) -> None:
    go_to(AT_BUY)
    venue.set_fault(endpoint="GET /api/v3/account", when="before", action="delay", seconds=1.5)
    backends: list[int] = []
    slow = worker_thread(lambda: _task(started_bot, backends, "default"))
    _until(lambda: venue.faults()[0]["hits"])
    _cut(backends)
    assert run_bot_task(started_bot.pk) == "Done"
    assert slow.result(20) == "Database not available"
    assert len(venue.ledger()["orders"]) == 1
    assert run_bot_task(started_bot.pk) == "Done"
    statuses = Order.objects.values_list("status", "closed_reason")
    assert sorted(statuses) == [("denied", "never sent"), ("filled", "")]
    assert len(venue.ledger()["orders"]) == 1


def _idle_too_long_and_ask_for_the_lock(bot_id: int) -> None:
    with bot_lock(bot_id):
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '100ms'")
        time.sleep(0.4)
        require_bot_lock(bot_id)


def test_a_lock_that_idled_out_counts_as_a_database_that_went_away(
    started_bot: BotConfig,
) -> None:
    with pytest.raises(OperationalError):
        _idle_too_long_and_ask_for_the_lock(started_bot.pk)
    connection.close()


def test_a_worker_that_slept_with_its_order_and_lost_the_lock_does_not_sign_it_anew(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange, worker_thread: Any
) -> None:
    go_to(AT_BUY)
    venue.set_fault(endpoint=PLACE, when="before", action="delay", seconds=2)
    backends: list[int] = []
    with override_settings(BINANCE_RECV_WINDOW=1000):
        slow = worker_thread(lambda: _task(started_bot, backends, "default"))
        _until(lambda: venue.faults()[0]["hits"])
        _cut(backends)
        assert slow.result(20) == "Database not available"
    order = Order.objects.get()
    assert (order.status, order.resigned) == ("unknown", False)
    assert venue.ledger()["orders"] == []


def test_a_database_that_goes_away_after_the_venue_acted_costs_no_second_order(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange, worker_thread: Any
) -> None:
    go_to(AT_BUY)
    venue.set_fault(endpoint=PLACE, when="after", action="delay", seconds=1)
    backends: list[int] = []
    slow = worker_thread(lambda: _task(started_bot, backends, "default", "journal"))
    _until(lambda: venue.ledger()["orders"])
    _cut(backends)
    assert slow.result(20) == "Database not available"
    assert Order.objects.get().status == "sent"
    assert run_bot_task(started_bot.pk) == "Done"
    assert Order.objects.get().status == "filled"
    assert BotState.objects.get().in_position
    assert len(venue.ledger()["orders"]) == 1


def test_a_soft_time_limit_in_the_middle_of_a_send_leaves_a_question_and_no_second_order(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    venue.set_fault(endpoint=PLACE, when="after", action="delay", seconds=2)
    ticking = threading.get_ident()

    def strike(*_: object) -> None:
        raise SoftTimeLimitExceeded

    def watch() -> None:
        _until(lambda: venue.ledger()["orders"])
        signal.pthread_kill(ticking, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, strike)
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        assert run_bot_task(started_bot.pk) == "Tick took too long"
    finally:
        watcher.join()
        signal.signal(signal.SIGUSR1, before)
    order = Order.objects.get()
    assert order.status == "unknown"
    assert "SoftTimeLimitExceeded" in order.message
    assert run_bot_task(started_bot.pk) == "Done"
    assert Order.objects.get().status == "filled"
    assert BotState.objects.get().in_position
    assert len(venue.ledger()["orders"]) == 1


def test_pages_that_cannot_be_told_do_not_turn_a_tick_into_an_error(
    started_bot: BotConfig, go_to: GoTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("Event loop is closed")

    monkeypatch.setattr(feed, "get_channel_layer", broken)
    go_to(BEFORE_BUY)
    assert run_bot_task(started_bot.pk) == "Done"
    assert BotState.objects.get().state == "running"
