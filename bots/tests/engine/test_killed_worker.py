"""Promise 3: a worker is killed between "intent committed" and "reply recorded"."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from kombu import Connection

from bots.engine.reconciliation import VISIBILITY_MARGIN_MS
from bots.engine.tick import run_tick
from bots.models import BotConfig, BotState, Fill, Order, Trade
from bots.tasks import run_bot_task
from bots.tests.engine.conftest import AT_BUY, GoTo
from exchange.demo.testing import RunningExchange

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

PLACE = "POST /api/v3/order"
RECV_WINDOW_MS = 2000
QUEUE = settings.CELERY_BROKER_TRANSPORT_OPTIONS


def _until(what: Callable[[], Any], *, seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := what():
            return answer
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


@pytest.fixture
def worker(venue: RunningExchange) -> Iterator[subprocess.Popen[bytes]]:
    """Run a real Celery worker on this test's database, Redis and venue."""
    database = connection.settings_dict
    environment = {
        **os.environ,
        "DATABASE_URL": settings.DATABASE_URL.rsplit("/", 1)[0] + f"/{database['NAME']}",
        "REDIS_URL": settings.REDIS_URL,
        "BINANCE_DEMO_SPOT_URL": venue.url,
        "BINANCE_RECV_WINDOW": str(RECV_WINDOW_MS),
    }
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "tradebot_site.celery",
            "worker",
            "--pool",
            "solo",
            "--loglevel",
            "WARNING",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
        ],
        env=environment,
        cwd=settings.BASE_DIR,
    )
    yield process
    process.kill()
    process.wait()


def _tick_and_kill(
    bot: BotConfig, worker: subprocess.Popen[bytes], *, when: Callable[[], Any]
) -> None:
    with (
        Connection(settings.REDIS_URL, transport_options=QUEUE) as broker,
        broker.Producer() as producer,
    ):
        run_bot_task.apply_async((bot.pk,), producer=producer)
    _until(when)
    worker.send_signal(signal.SIGKILL)
    worker.wait()


def _agree(venue: RunningExchange) -> bool:
    """Say whether our books hold exactly the exchange's orders and fills."""
    ledger = venue.ledger()
    filled = {o.client_order_id: o.filled_quantity for o in Order.objects.filter(status="filled")}
    fills = {fill.trade_id: fill.quantity for fill in Fill.objects.all()}
    return filled == {
        o["clientOrderId"]: Decimal(o["executedQty"]) for o in ledger["orders"]
    } and fills == {str(fill["id"]): Decimal(fill["qty"]) for fill in ledger["fills"]}


def test_killed_after_the_venue_acted_there_is_one_order_and_it_is_adopted(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange, worker: subprocess.Popen[bytes]
) -> None:
    go_to(AT_BUY)
    venue.set_fault(endpoint=PLACE, when="after", action="delay", seconds=20)
    _tick_and_kill(started_bot, worker, when=lambda: venue.ledger()["orders"])
    order = Order.objects.get()
    assert order.status == "sent"
    # The lock has gone with the worker: the next tick is not refused.
    assert run_tick(started_bot.pk) == "Done"
    assert run_tick(started_bot.pk) == "Done"
    assert len(venue.ledger()["orders"]) == 1
    assert _agree(venue)
    state = BotState.objects.get()
    assert state.in_position
    assert Trade.objects.get().quantity_filled == Order.objects.get().filled_quantity


def test_killed_before_the_venue_acted_there_is_no_order_and_the_bot_decides_anew(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange, worker: subprocess.Popen[bytes]
) -> None:
    go_to(AT_BUY)
    # The request lies on its way until the venue may no longer accept it.
    delay = RECV_WINDOW_MS / 1000 + 2
    venue.set_fault(endpoint=PLACE, when="before", action="delay", seconds=delay)
    # The request has left the worker when the fault has got hold of it.
    _tick_and_kill(started_bot, worker, when=lambda: any(f["hits"] for f in venue.faults()))
    assert run_tick(started_bot.pk) == "Done"
    lost = Order.objects.get()
    assert lost.status == "unknown"
    time.sleep(delay)
    assert venue.ledger()["orders"] == []

    Order.objects.update(
        signed_at_ms=lost.signed_at_ms - lost.recv_window_ms - VISIBILITY_MARGIN_MS
    )
    run_tick(started_bot.pk)
    run_tick(started_bot.pk)
    first, second = Order.objects.order_by("id")
    assert (first.status, first.closed_reason) == ("expired", "never placed")
    assert second.status == "filled"
    assert len(venue.ledger()["orders"]) == 1
    assert _agree(venue)
