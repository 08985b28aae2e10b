"""Promise 1: one tick at a time per bot, on real PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from bots.engine.schedule import claim_due_bots
from bots.locks import BotLockedError, bot_lock
from bots.models import BotConfig, BotEvent, BotState, Order, Tick
from bots.tasks import run_bot_task
from bots.tests.engine.conftest import AT_BUY, GoTo
from exchange.demo.testing import RunningExchange
from exchange.domain.types import Environment, Market
from exchange.market_data import refresh_market_time

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


def test_of_twenty_concurrent_tasks_one_works_and_nineteen_leave_at_once(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange, worker_thread: Any
) -> None:
    go_to(AT_BUY)
    # The one that works is held inside its tick until the others have come and gone.
    venue.set_fault(endpoint="GET /api/v3/klines", when="before", action="delay", seconds=4)
    begin = threading.Barrier(20)

    def task() -> str:
        begin.wait()
        return str(run_bot_task(started_bot.pk))

    answers = Counter(f.result(60) for f in [worker_thread(task) for _ in range(20)])
    assert answers == {"Done": 1, "Skipped (locked)": 19}
    assert Tick.objects.count() == 1
    assert len(venue.ledger()["orders"]) == 1


def test_the_lock_goes_with_the_connection(started_bot: BotConfig, worker_thread: Any) -> None:
    backend: list[int] = []
    holding, release = threading.Event(), threading.Event()

    def hold() -> None:
        with suppress(OperationalError, InterfaceError), bot_lock(started_bot.pk):
            backend.append(connection.connection.info.backend_pid)
            holding.set()
            release.wait(10)

    held = worker_thread(hold)
    assert holding.wait(5)
    with pytest.raises(BotLockedError), bot_lock(started_bot.pk):
        pass
    with connection.cursor() as cursor:
        # What is left of a killed worker as PostgreSQL sees it, while its thread still waits.
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", backend)
    with bot_lock(started_bot.pk) as state:
        assert state.pk == started_bot.pk
    release.set()
    held.result(10)


def test_the_lock_does_not_block_rows_that_refer_to_the_locked_one(
    started_bot: BotConfig, worker_thread: Any
) -> None:
    with bot_lock(started_bot.pk):
        started = time.monotonic()
        worker_thread(
            lambda: BotEvent.objects.create(bot=started_bot, kind="error", message="beside")
        ).result(5)
        assert time.monotonic() - started < 4


def test_the_lock_takes_the_state_alone_and_leaves_its_key_free(started_bot: BotConfig) -> None:
    # Nothing refers to a BotState yet, so that only the statement itself can tell.
    with CaptureQueriesContext(connection) as queries, bot_lock(started_bot.pk):
        pass
    (lock,) = [query["sql"] for query in queries if "FOR " in query["sql"]]
    assert lock.endswith('FOR NO KEY UPDATE OF "bots_botstate" NOWAIT')


def test_many_dispatchers_claim_a_slot_once(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange, worker_thread: Any
) -> None:
    begin = threading.Barrier(8)

    def dispatch() -> list[Any]:
        begin.wait()
        return claim_due_bots(lambda *_: AT_BUY)

    claims = [c for f in [worker_thread(dispatch) for _ in range(8)] for c in f.result(20)]
    assert [claim.bot_id for claim in claims] == [started_bot.pk]


def test_a_venue_that_hangs_holds_up_one_dispatcher_and_is_then_left_alone(
    started_bot: BotConfig, venue: RunningExchange, worker_thread: Any
) -> None:
    venue.set_fault(endpoint="GET /api/v3/ticker/24hr", when="before", action="delay", seconds=9)
    first = worker_thread(lambda: claim_due_bots(refresh_market_time))
    time.sleep(0.7)
    started = time.monotonic()
    assert worker_thread(lambda: claim_due_bots(refresh_market_time)).result(5) == []
    assert time.monotonic() - started < 2
    # It gives up long before the venue answers, and the bot is claimed without a market time.
    assert [claim.bot_id for claim in first.result(8)] == [started_bot.pk]
    started = time.monotonic()
    assert refresh_market_time(Environment.DEMO, Market.SPOT, ["BTCUSDT"]) is None
    assert time.monotonic() - started < 1


def test_a_bot_whose_tick_is_under_way_is_passed_over_by_the_dispatcher(
    started_bot: BotConfig, worker_thread: Any
) -> None:
    with transaction.atomic(), bot_lock(started_bot.pk):
        assert worker_thread(lambda: claim_due_bots(lambda *_: AT_BUY)).result(5) == []


def test_orders_of_one_slot_never_share_a_name(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    venue.set_fault(
        endpoint="POST /api/v3/order", when="before", action="error", code=-1021, times=None
    )
    for _ in range(2):
        run_bot_task(started_bot.pk)
        # Let the kline count again.
        BotState.objects.update(last_order_time=None, last_entry_time=None)
    first, second = Order.objects.order_by("id")
    assert (first.slot, first.attempt, second.slot, second.attempt) == (
        first.slot,
        1,
        first.slot,
        2,
    )
