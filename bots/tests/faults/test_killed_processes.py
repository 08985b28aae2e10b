"""The real thing: SIGKILL of a Celery worker in the middle of a request."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Final

import pytest
from django.conf import settings
from django.db import connection
from kombu import Connection

from bots.tasks import run_bot_task
from bots.tests.engine.conftest import AT_SELL
from bots.tests.faults.conftest import MakeStage
from bots.tests.faults.promises import placed_by_us
from bots.tests.faults.recovery import recover
from bots.tests.faults.scenarios import Action, Market, place_of
from bots.tests.faults.stage import Stage, until
from bots.tests.faults.table import Row
from bots.tests.faults.test_stops_and_positions import is_flat
from exchange.demo.testing import RunningExchange

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "journal"]),
    pytest.mark.long,
]

_WORKER: Final = (
    *(sys.executable, "-m", "celery", "-A", "tradebot_site.celery", "worker"),
    *("--pool", "solo", "--loglevel", "WARNING"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)

QUEUE: Final = settings.CELERY_BROKER_TRANSPORT_OPTIONS


@pytest.fixture
def worker(venue: RunningExchange) -> Iterator[subprocess.Popen[bytes]]:
    """Run a real Celery worker on this test's database, Redis and venue."""
    database = settings.DATABASE_URL.rsplit("/", 1)[0] + f"/{connection.settings_dict['NAME']}"
    environment = {
        **os.environ,
        "DATABASE_URL": database,
        "REDIS_URL": settings.REDIS_URL,
        "BINANCE_DEMO_SPOT_URL": venue.url,
        "BINANCE_DEMO_FUTURES_URL": venue.url,
    }
    process = subprocess.Popen(_WORKER, env=environment, cwd=settings.BASE_DIR)
    yield process
    process.kill()
    process.wait()


def _kill_in_the_middle(stage: Stage, worker: subprocess.Popen[bytes], *, side: str) -> None:
    """Have the worker tick, and kill it when the venue has acted and its reply is on the way."""
    assert stage.claims()
    with (
        Connection(settings.REDIS_URL, transport_options=QUEUE) as broker,
        broker.Producer() as producer,
    ):
        run_bot_task.apply_async((stage.bot.pk,), producer=producer)
    until(lambda: side in _traded(stage), seconds=60)
    worker.send_signal(signal.SIGKILL)
    worker.wait()


def _traded(stage: Stage) -> list[str]:
    return [one.side for one in placed_by_us(stage.venue.ledger()) if one.filled]


@pytest.mark.parametrize("market", list(Market))
def test_a_celery_worker_is_killed_with_its_exit_in_flight(
    market: Market,
    make_holder: MakeStage,
    worker: subprocess.Popen[bytes],
    row: Row,
) -> None:
    row.did = "sold"
    stage = make_holder(market)
    stage.place_foreign()
    stage.go_to(AT_SELL)
    place = place_of(Action.EXIT, market)
    stage.venue.set_fault(endpoint=place, when="after", action="delay", seconds=20)
    _kill_in_the_middle(stage, worker, side="SELL")
    row.ticks = recover(stage, until=is_flat)
    assert _traded(stage) == ["BUY", "SELL"]
