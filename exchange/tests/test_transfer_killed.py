"""Real processes that move money and are killed, or lose their database, at the worst moments."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from accounts.models import User
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange
from exchange.models import APIKey, Transfer, TransferStage
from exchange.services import add_api_key
from exchange.tests.transfer_steps import SENDING
from exchange.transfers import reconcile_transfers

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

LONG = 20  # seconds; nobody waits for them
# The database falls asleep where the sending process wants to write down a stage.
FALL_ASLEEP = """
CREATE FUNCTION fall_asleep() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_sleep(20); RETURN NEW; END $$;
CREATE TRIGGER sleepy BEFORE UPDATE ON exchange_transfer FOR EACH ROW
WHEN (NEW.status = '{stage}') EXECUTE FUNCTION fall_asleep();
"""
WAKE_UP = "DROP TRIGGER IF EXISTS sleepy ON exchange_transfer; DROP FUNCTION IF EXISTS fall_asleep"
ASLEEP = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'"


@pytest.fixture
def running_demo() -> Iterator[RunningExchange]:
    """Run an exchange for one test alone: the rows of another's history look like ours."""
    with RunningExchange(is_paused=True) as exchange:
        yield exchange


@pytest.fixture
def api_key(owner: User, demo: RunningExchange) -> APIKey:
    """Return a key of the demo exchange that was added like any other."""
    return add_api_key(
        owner=owner, environment="demo", label="main", key=TEST_KEY, secret=TEST_SECRET
    )


@pytest.fixture
def sender(
    demo: RunningExchange, api_key: APIKey
) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Return what starts `transfer_funds` for 100 USDT on this test's database and venue."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        database = connection.settings_dict["NAME"]
        environment = {
            **os.environ,
            "DATABASE_URL": f"{settings.DATABASE_URL.rsplit('/', 1)[0]}/{database}",
            "REDIS_URL": settings.REDIS_URL,
            "BINANCE_DEMO_SPOT_URL": demo.url,
        }
        wish = ("--key", "main", "--to", "futures", "--amount", "100")
        one = subprocess.Popen(
            [sys.executable, "manage.py", "transfer_funds", *wish],
            env=environment,
            cwd=settings.BASE_DIR,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        started.append(one)
        return one

    yield start
    for one in started:
        one.kill()
        one.wait()


@pytest.fixture
def sleepy() -> Iterator[Callable[[TransferStage], None]]:
    """Return what lets the database sleep before it writes down a stage."""

    def let(stage: TransferStage) -> None:
        with connection.cursor() as cursor:
            cursor.execute(FALL_ASLEEP.format(stage=stage.value))

    yield let
    with connection.cursor() as cursor:
        cursor.execute(WAKE_UP)


def until(what: Callable[[], Any], *, seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := what():
            return answer
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def asleep() -> list[int]:
    """Return the database's processes that sleep."""
    with connection.cursor() as cursor:
        cursor.execute(ASLEEP)
        return [pid for (pid,) in cursor.fetchall()]


def end_database_process(pid: int) -> None:
    """Break a connection as a restart of the database does; what it was doing is undone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    until(lambda: pid not in asleep())


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def moves(demo: RunningExchange) -> int:
    """Return how many transfers the venue has made."""
    return len(demo.ledger()["transfers"])


def hits(demo: RunningExchange) -> int:
    return sum(fault["hits"] for fault in demo.faults())


def test_killed_between_writing_it_down_and_sending_it_nothing_moves(
    demo: RunningExchange,
    api_key: APIKey,
    sender: Callable[[], subprocess.Popen[bytes]],
    sleepy: Callable[[TransferStage], None],
) -> None:
    sleepy(TransferStage.SENT)
    process = sender()
    (pid,) = until(asleep)
    kill(process)
    end_database_process(pid)
    assert Transfer.objects.get().status == TransferStage.INTENDED

    (row,) = reconcile_transfers(api_key)

    assert (row.status, row.is_unsettled) == (TransferStage.NEVER_MADE, False)
    assert moves(demo) == 0


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_the_venue_makes_it_the_history_tells(
    demo: RunningExchange,
    api_key: APIKey,
    sender: Callable[[], subprocess.Popen[bytes]],
    when: str,
) -> None:
    seconds = 1 if when == "before" else LONG
    demo.set_fault(endpoint=SENDING, when=when, action="delay", seconds=seconds)
    process = sender()
    until(lambda: hits(demo) if when == "before" else moves(demo))
    kill(process)
    assert Transfer.objects.get().status == TransferStage.SENT

    until(lambda: moves(demo))
    (row,) = reconcile_transfers(api_key)

    assert row.status == TransferStage.DONE
    assert moves(demo) == 1


def test_a_database_that_forgets_the_answer_is_told_by_the_history(
    demo: RunningExchange,
    api_key: APIKey,
    sender: Callable[[], subprocess.Popen[bytes]],
    sleepy: Callable[[TransferStage], None],
) -> None:
    sleepy(TransferStage.DONE)
    process = sender()
    (pid,) = until(asleep)
    end_database_process(pid)
    assert process.wait(timeout=60) == 1
    assert Transfer.objects.get().status == TransferStage.UNKNOWN  # over a new connection

    with connection.cursor() as cursor:
        cursor.execute(WAKE_UP)
    (row,) = reconcile_transfers(api_key)

    assert row.status == TransferStage.DONE
    assert moves(demo) == 1
