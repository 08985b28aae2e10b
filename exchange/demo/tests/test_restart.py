"""The exchange as a process: it stops cleanly, survives kill -9, and goes on where it was."""

from __future__ import annotations

import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from exchange.demo.accounts import digest
from exchange.demo.conftest import Caller
from exchange.demo.futures.books import FuturesBooks
from exchange.demo.schema import STEPS
from exchange.demo.state import FILE_NAME, State, StateError
from exchange.demo.testing import TEST_ACCOUNT, RunningExchange
from exchange.demo.times import MINUTE_MS
from exchange.demo.trading.ledger import Ledger
from exchange.demo.trading.tests.engine_world import KEY, SWING, D, World
from exchange.demo.trading.tests.engine_world import START as WORLD_START

START = "2025-05-05T12:00:00Z"
ANNOUNCED = re.compile(
    r"Demo exchange listening on (http://127\.0\.0\.1:\d+), market time (\S+), speed 600\n"
)


class Process:
    """`python -m exchange.demo` on a free port."""

    def __init__(self, market_data: Path, state_dir: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "exchange.demo", "--port", "0", "--speed", "600"]
        command += ["--market-data", str(market_data), "--state-dir", str(state_dir)]
        command += ["--account", TEST_ACCOUNT, "--start", START, *arguments]
        self.running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.running.stdout
        match = ANNOUNCED.fullmatch(self.running.stdout.readline())
        assert match
        self.url, self.announced = match.groups()

    def control(self, path: str) -> Any:
        """Read `/_control/<path>`."""
        return requests.get(f"{self.url}/_control/{path}", timeout=5).json()

    def end(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self.running.send_signal(number)
        code = self.running.wait(5)
        if self.running.stdout:
            self.running.stdout.close()
        return code


@pytest.fixture
def start(short_recordings: Path, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    started: list[Process] = []

    def make(*arguments: str) -> Process:
        started.append(Process(short_recordings, tmp_path / "state", *arguments))
        return started[-1]

    yield make
    for process in started:
        if process.running.poll() is None:
            process.end(signal.SIGKILL)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_orders_balances_ids_and_time_survive(start: Callable[..., Process], how: int) -> None:
    first = start()
    placed = [Caller(first.url).order(quantity="0.001").json() for _ in range(3)]
    ledger, clock = first.control("ledger"), first.control("clock")
    code = first.end(signal.Signals(how))
    assert code == (0 if how == signal.SIGTERM else -signal.SIGKILL)

    second = start()
    again = second.control("ledger")
    for name in ("orders", "fills", "balances", "deposits", "fees", "market_maker"):
        assert again[name] == ledger[name]
    assert len(again["orders"]) == len(placed)
    # A second of wall time is reserved ahead, which is ten minutes of market time here.
    assert clock["market_time"] <= second.announced < "2025-05-05T12:20"
    third = Caller(second.url).order(quantity="0.001").json()
    assert third["orderId"] == placed[-1]["orderId"] + 1
    assert third["transactTime"] >= placed[-1]["transactTime"]


def test_time_seen_before_a_kill_is_never_seen_again(start: Callable[..., Process]) -> None:
    seen = ""
    for _ in range(3):
        process = start()
        assert process.announced >= seen
        for _ in range(5):
            seen = process.control("clock")["market_time"]
        process.end(signal.SIGKILL)


def test_downtime_does_not_count_and_paused_time_stands_exactly(
    start: Callable[..., Process],
) -> None:
    first = start("--paused")
    assert first.announced == "2025-05-05T12:00:00.000Z"
    first.end(signal.SIGTERM)
    time.sleep(0.2)
    assert start("--paused").announced == first.announced


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_within_a_second_although_connections_are_open(
    start: Callable[..., Process], number: signal.Signals
) -> None:
    process = start()
    with requests.Session() as session:
        session.get(f"{process.url}/api/v3/ping", timeout=5)
        fault = {"endpoint": "GET /api/v3/time", "action": "delay", "seconds": 60}
        session.post(f"{process.url}/_control/faults", json=fault, timeout=5)
        host, port = process.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as waiting:
            waiting.sendall(b"GET /api/v3/time HTTP/1.1\r\nHost: x\r\n\r\n")
            while not process.control("faults")[0]["hits"]:
                time.sleep(0.01)
            started = time.monotonic()
            assert process.end(number) == 0
            assert time.monotonic() - started < 1


def test_a_second_process_on_the_same_state_is_refused(
    start: Callable[..., Process], tmp_path: Path
) -> None:
    start()
    with pytest.raises(StateError, match="locked") as error:
        State(tmp_path / "state")
    assert FILE_NAME in str(error.value)


def test_a_taken_port_is_an_error_that_names_it(start: Callable[..., Process]) -> None:
    port = int(start().url.rpartition(":")[2])
    with pytest.raises(Exception, match=f"cannot listen on 127.0.0.1:{port}"):
        RunningExchange(port=port).start()


def test_a_state_of_another_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.execute("CREATE TABLE precious (x)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StateError, match="schema 99, not 4"):
        State(tmp_path)
    assert path.read_bytes()[100:] == before[100:]


_ROWS_OF_VERSION_1 = """
INSERT INTO accounts VALUES ({uid}, '{digest}', 5);
INSERT INTO deposits VALUES ({uid}, 'spot', 'USDT', '1000.00000000', 5);
INSERT INTO balances VALUES ({uid}, 'spot', 'USDT', '900.00000000', '0.00000000');
INSERT INTO balances VALUES ({uid}, 'spot', 'BTC', '0.99900000', '0.00000000');
INSERT INTO balances VALUES (-1, 'spot', 'USDT', '100.00000000', '0.00000000');
INSERT INTO balances VALUES (-1, 'spot', 'BTC', '-1.00000000', '0.00000000');
INSERT INTO balances VALUES (0, 'spot', 'BTC', '0.00100000', '0.00000000');
INSERT INTO orders VALUES (7, {uid}, 'BTCUSDT', 'old', 'BUY', 'MARKET', 'FILLED', '1.00000000',
    '0.00000000', '1.00000000', '100.00000000', 'NONE', 9, 9);
INSERT INTO fills VALUES (3, 7, {uid}, 'BTCUSDT', '100.00000000', '1.00000000', '100.00000000',
    '0.00100000', 'BTC', 9, 1)
"""


_BALANCES_OF_VERSION_3 = """
INSERT INTO accounts VALUES (123456789, 'digest', 5, 0);
INSERT INTO deposits VALUES (123456789, 'um', 'USDT', '1000.00000000', 5);
INSERT INTO balances VALUES (123456789, 'um', 'USDT', '1000.00000000', '0.00000000')
"""


def written_by_version_1(directory: Path, uid: int) -> None:
    """Write a state of version 1: an account with a balance and one market order that is filled."""
    with sqlite3.connect(directory / FILE_NAME) as connection:
        for statement in STEPS[0].split(";"):
            connection.execute(statement)
        connection.execute("PRAGMA user_version = 1")
        for sql in _ROWS_OF_VERSION_1.format(uid=uid, digest=digest(KEY)).split(";"):
            connection.execute(sql)
    connection.close()


def test_a_state_of_version_1_goes_on_with_its_balances_and_orders(tmp_path: Path) -> None:
    written_by_version_1(tmp_path, 123_456_789)
    world = World(directory=tmp_path)
    assert world.uid == 123_456_789
    assert world.balance("USDT") == (D(900), D(0))
    assert world.is_sound()
    old = world.order(7)
    assert (old.status, old.client_order_id, old.price) == ("FILLED", "old", D(0))
    assert (old.list_id, old.working_ms, old.is_working, old.time_in_force) == (-1, 9, True, "GTC")
    assert [(one.trade_id, one.is_maker, one.list_id) for one in world.fills(7)] == [(3, False, -1)]
    assert not world.engine.bnb_burn(world.uid)
    placed = world.place("SELL", "MARKET", "0.5")
    assert (placed.order.order_id, placed.fills[0].trade_id) == (8, 4)
    world.close()
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (4,)
    connection.close()


def test_a_state_of_version_3_goes_on_and_gets_a_futures_market(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        for step in STEPS[:3]:
            for statement in step.split(";"):
                connection.execute(statement)
        connection.execute("PRAGMA user_version = 3")
        connection.execute("INSERT INTO steering VALUES ('BTCUSDT', 5, NULL, 100)")
        for sql in _BALANCES_OF_VERSION_3.split(";"):
            connection.execute(sql)
    connection.close()
    state = State(tmp_path)
    steering = [tuple(row) for row in state.rows("SELECT * FROM steering")]
    assert steering == [("BTCUSDT", 5, None, 100, "spot")]
    assert not any(Ledger(state).differences().values())
    books = FuturesBooks(state)
    assert (books.all_orders(), books.all_positions(), books.all_transfers()) == ([], [], [])
    assert not books.is_hedge_mode(123_456_789)
    assert state.rows("PRAGMA user_version")[0][0] == 4
    state.close()


def test_a_walk_that_a_kill_interrupts_is_the_walk_it_would_have_been(tmp_path: Path) -> None:
    def script(world: World, *, is_killed: bool) -> list[tuple[int, int, str]]:
        world.place("BUY", "LIMIT", 9, price=95)
        world.place_list(
            "OPOCO",
            world.ask("BUY", "LIMIT", 1, price=97),
            world.ask("SELL", "LIMIT_MAKER", None, price=105),
            world.ask("SELL", "STOP_LOSS", None, stop_price=80),
        )
        for step in (8_000, 3_000, 20_000, 40_000, 60_000):
            world.go(step)
            if is_killed:
                world.reopen(tmp_path)
        assert world.is_sound()
        return [(one.order_id, one.at_ms, str(one.quantity)) for one in world.fills()]

    minutes = {"BTCUSDT": [SWING, (95, 95, 95, 95)]}
    whole = script(World(minutes, volume=30), is_killed=False)
    killed = World(minutes, volume=30, directory=tmp_path)
    assert script(killed, is_killed=True) == whole
    assert [one[0] for one in whole] == [2, 1, 4, 1, 1]


def test_market_time_that_was_matched_is_not_matched_again(tmp_path: Path) -> None:
    world = World(directory=tmp_path)
    world.go(30_000)
    world.place("BUY", "LIMIT", 1, price=91)
    world.reopen(tmp_path)
    world.go(MINUTE_MS)
    assert world.order(1).status == "NEW"
    assert world.now == WORLD_START + 90_000


def test_open_orders_and_lists_survive_a_kill(start: Callable[..., Process]) -> None:
    first = start("--paused")
    caller = Caller(first.url)
    far = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001"}
    resting = caller.order(**far, price="50000").json()
    pair = {"aboveType": "LIMIT_MAKER", "abovePrice": "200000", "belowType": "STOP_LOSS"}
    caller.signed(
        "POST",
        "/api/v3/orderList/oco",
        **pair,
        symbol="BTCUSDT",
        side="SELL",
        quantity="0.2",
        belowStopPrice="40000",
    )
    ledger = first.control("ledger")
    first.end(signal.SIGKILL)

    second = start("--paused")
    assert second.control("ledger")["balances"] == ledger["balances"]
    caller = Caller(second.url)
    still_open = caller.signed("GET", "/api/v3/openOrders").json()
    assert [one["status"] for one in still_open] == ["NEW", "NEW", "NEW"]
    assert still_open[0]["orderId"] == resting["orderId"]
    wallet = next(iter(ledger["balances"].values()))["spot"]
    assert (wallet["BTC"]["locked"], wallet["USDT"]["locked"]) == ("0.20000000", "50.00000000")
    canceled = caller.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT").json()
    assert len(canceled) == 2
    freed = next(iter(second.control("ledger")["balances"].values()))["spot"]
    assert (freed["BTC"]["free"], freed["USDT"]["free"]) == ("0.50000000", "10000.00000000")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"hello " * 1000)
    with pytest.raises(StateError, match="cannot be used"):
        State(tmp_path)


def test_deposits_are_credited_once_and_new_keys_get_theirs(
    short_recordings: Path, tmp_path: Path
) -> None:
    def total(*accounts: str) -> list[str]:
        with RunningExchange(
            accounts=accounts, market_data=short_recordings, state_dir=tmp_path, is_paused=True
        ) as demo:
            return sorted(one["amount"] for one in demo.ledger()["deposits"])

    first, richer = ("a" * 20 + ":" + "b" * 20 + ":BTC=" + amount for amount in ("1", "9"))
    assert total(first) == ["1.00000000"]
    assert total(richer) == ["1.00000000"]
    assert total(richer, "c" * 20 + ":" + "d" * 20 + ":BTC=2") == ["1.00000000", "2.00000000"]


def test_a_steered_price_survives_a_restart(short_recordings: Path, tmp_path: Path) -> None:
    for round_number in range(2):
        with RunningExchange(
            market_data=short_recordings, state_dir=tmp_path, is_paused=True
        ) as demo:
            if not round_number:
                demo.set_price("BTCUSDT", "12345.67")
            assert demo.control("price")["BTCUSDT"]["price"] == "12345.67000000"


def test_the_state_file_holds_no_key_and_no_secret(short_recordings: Path, tmp_path: Path) -> None:
    with RunningExchange(market_data=short_recordings, state_dir=tmp_path) as demo:
        Caller(demo.url).order(quantity="0.001")
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    key, secret, _ = TEST_ACCOUNT.split(":")
    assert key.encode() not in content
    assert secret.encode() not in content
