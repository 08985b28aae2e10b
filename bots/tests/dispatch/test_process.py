"""`run_bots` as a process of its own, on a real database, Redis and queue."""

from __future__ import annotations

import base64
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import InternalError, OperationalError, connection
from django.utils import timezone
from kombu.exceptions import OperationalError as QueueAway

from bots.dispatch import dispatch_due_bots
from bots.dispatch.process import Dispatcher
from bots.dispatch.queue import enqueue
from bots.engine.schedule import claim_due_bots
from bots.models import BotConfig, BotState
from bots.tests.dispatch.announcing import account_message, closed_message
from bots.tests.dispatch.test_closes import NOW
from exchange.demo.testing import RunningExchange
from exchange.market_data import names

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

QUEUE = f"tradebot:{settings.INSTALLATION_ID}:celery:celery"


class Running:
    """A dispatcher process; what it puts into the queue is taken out by the test."""

    def __init__(self, queue: Any, *, venue_url: str) -> None:
        database = connection.settings_dict["NAME"]
        self._queue = queue
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "run_bots"],
            env={
                **os.environ,
                "DATABASE_URL": settings.DATABASE_URL.rsplit("/", 1)[0] + f"/{database}",
                "REDIS_URL": settings.REDIS_URL,
                "BINANCE_DEMO_SPOT_URL": venue_url,
                "PYTHONUNBUFFERED": "1",
            },
            cwd=settings.BASE_DIR,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line == "dispatcher: listening\n":
                break

    def taken(self, *, seconds: float = 5) -> int | None:
        """Return the bot of the next tick in the queue; None when none comes in time."""
        found = self._queue.blpop(QUEUE, timeout=seconds)
        if found is None:
            return None
        (bot_id,), _, _ = json.loads(base64.b64decode(json.loads(found[1])["body"]))
        return int(bot_id)

    def stop(self) -> str:
        """Ask it to end; return what it has said since it listened."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=10)[0]


@pytest.fixture
def running(started_bot: BotConfig, venue: RunningExchange, clean_redis: Any) -> Iterator[Running]:
    """Run a dispatcher for a bot that is not due before its kline closes, market time standing."""
    rests(started_bot)
    lent = Running(clean_redis, venue_url=venue.url)
    yield lent
    lent.process.kill()
    lent.process.communicate()


def rests(bot: BotConfig) -> None:
    """Leave the state as a tick that has just ended would: due in a moment of market time."""
    now = timezone.now()
    BotState.objects.filter(pk=bot.pk).update(
        state="running",
        next_due_at=_market_time() + timedelta(seconds=20),
        claimed_at=now - timedelta(seconds=1),
        last_run_at=now,
    )


def _market_time() -> Any:
    return NOW - timedelta(minutes=40)  # conftest.BEFORE_THE_FIRST_TRADE


def until(what: Callable[[], Any], *, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_a_closed_kline_an_account_event_and_a_wish_each_give_one_tick_and_sigterm_ends_it(
    running: Running, started_bot: BotConfig, clean_redis: Any, venue: RunningExchange
) -> None:
    assert running.taken(seconds=1.5) is None  # rounds alone find nothing

    began = time.monotonic()
    opened = _market_time() + timedelta(seconds=20) - timedelta(minutes=5)
    message = closed_message(open_time=opened)
    assert clean_redis.publish(names.closed_channel(), message) == 1
    assert running.taken() == started_bot.pk
    assert time.monotonic() - began < 1
    clean_redis.publish(names.closed_channel(), message)  # once more, as a second feed would
    assert running.taken(seconds=1.5) is None

    rests(started_bot)
    assert started_bot.api_key is not None
    account_id = started_bot.api_key.account_id
    clean_redis.publish(
        names.account_channel(), account_message(account_id=account_id, symbol="BTCUSDT")
    )
    assert running.taken() == started_bot.pk
    assert running.taken(seconds=1.5) is None

    rests(started_bot)
    BotState.objects.update(next_due_at=None)  # nobody announces what a person wants
    assert running.taken(seconds=3) == started_bot.pk

    began = time.monotonic()
    said = running.stop()
    assert time.monotonic() - began < 2
    assert running.process.returncode == 0
    assert "Traceback" not in said


def test_connections_that_are_cut_are_made_anew_without_a_crash(
    running: Running,
    started_bot: BotConfig,
    clean_redis: Any,
    cut_subscriptions: Callable[[], None],
) -> None:
    cut_subscriptions()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    rests(started_bot)
    opened = _market_time() + timedelta(seconds=20) - timedelta(minutes=5)

    def hears_a_close() -> bool:
        # The client opens its connection anew and gives it up at once: what falls in there is lost.
        clean_redis.publish(names.closed_channel(), closed_message(open_time=opened))
        return running.taken(seconds=1) == started_bot.pk

    until(hears_a_close)
    rests(started_bot)
    BotState.objects.update(next_due_at=None)
    assert running.taken() == started_bot.pk
    assert running.process.poll() is None
    assert "Traceback" not in running.stop()


def test_a_fault_in_the_rounds_ends_the_process_so_that_it_is_started_anew(
    monkeypatch: pytest.MonkeyPatch, clean_redis: Any, db: None
) -> None:
    said: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", said.append)
    monkeypatch.setattr("bots.dispatch.process.dispatch_due_bots", lambda: 1 // 0)
    with pytest.raises(RuntimeError, match="the rounds of the dispatcher have ended"):
        Dispatcher().run()
    assert [one.exc_type for one in said] == [ZeroDivisionError]


def test_what_is_away_is_waited_for_and_said_once(
    monkeypatch: pytest.MonkeyPatch,
    clean_redis: Any,
    caplog: pytest.LogCaptureFixture,
    venue: RunningExchange,
) -> None:
    caplog.set_level(logging.INFO, logger="exchange.market_data.connection")
    monkeypatch.setattr("bots.dispatch.process.AWAY_SECONDS", 0.01)
    monkeypatch.setattr("bots.dispatch.process.ROUND_SECONDS", 0.01)
    rounds: list[int] = []

    def make_round() -> int:
        rounds.append(1)
        if len(rounds) <= 5:
            raise OperationalError("the database system is shutting down")
        if len(rounds) == 10:
            dispatcher.stop()
        return 0

    monkeypatch.setattr("bots.dispatch.process.dispatch_due_bots", make_round)
    dispatcher = Dispatcher()
    dispatcher.run()
    words = [record.getMessage().removeprefix("dispatcher: ") for record in caplog.records]
    assert words == [
        "what its rounds need is away: OperationalError",
        "what its rounds need is back",
    ]


def test_a_machine_that_slept_in_the_middle_of_a_round_makes_the_next_one(
    monkeypatch: pytest.MonkeyPatch, clean_redis: Any, started_bot: BotConfig, venue: Any
) -> None:
    monkeypatch.setattr("bots.dispatch.process.AWAY_SECONDS", 0.01)
    counts: list[int] = []

    def sleeps(*_: Any) -> Any:
        if not counts:
            with connection.cursor() as cursor:
                cursor.execute("SET idle_in_transaction_session_timeout = '20ms'")
            time.sleep(0.2)
        return NOW

    def make_round() -> int:
        try:
            claims = claim_due_bots(sleeps)
        except InternalError:
            counts.append(-1)
            raise
        counts.append(len(claims))
        dispatcher.stop()
        return len(claims)

    monkeypatch.setattr("bots.dispatch.process.dispatch_due_bots", make_round)
    dispatcher = Dispatcher()
    dispatcher.run()
    assert counts == [-1, 1]


def test_one_round_says_how_many_were_due(
    started_bot: BotConfig, venue: RunningExchange, queued: list[int]
) -> None:
    said = StringIO()
    call_command("run_bots", "--once", stdout=said)
    call_command("run_bots", "--once", stdout=said)
    assert said.getvalue() == "1 bot was due.\n0 bots were due.\n"
    assert queued == [started_bot.pk]


def test_one_round_without_redis_says_what_is_missing(
    started_bot: BotConfig, settings: Any, venue: RunningExchange
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    with pytest.raises(CommandError, match="REDIS_URL: Redis cannot be reached"):
        call_command("run_bots", "--once")


def test_one_round_without_postgresql_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away() -> int:
        raise OperationalError("connection refused")

    monkeypatch.setattr("bots.management.commands.run_bots.dispatch_due_bots", away)
    with pytest.raises(CommandError, match="DATABASE_URL: PostgreSQL cannot be reached"):
        call_command("run_bots", "--once")


def test_a_bot_whose_tick_could_not_be_queued_is_due_again_at_once(
    started_bot: BotConfig, venue: RunningExchange, monkeypatch: pytest.MonkeyPatch, queued: Any
) -> None:
    def away(name: str, **options: Any) -> None:
        raise QueueAway("connection refused")

    with monkeypatch.context() as patch:
        patch.setattr("bots.dispatch.queue.current_app.send_task", away)
        with pytest.raises(QueueAway):
            enqueue(claim_due_bots(lambda *_: NOW))
    assert dispatch_due_bots(lambda *_: NOW) == 1
    assert queued == [started_bot.pk]
