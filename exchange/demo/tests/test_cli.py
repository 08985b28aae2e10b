"""The command line, and the two doors that share it."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from exchange.demo.cli import add_arguments, run
from exchange.demo.errors import DemoExchangeError
from exchange.demo.market.sources import Prices
from exchange.demo.testing import TEST_ACCOUNT, RunningExchange

PROJECT = Path(__file__).parents[3]
# Nothing listens there: the command must not notice.
NOWHERE = {
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
}


def run_with(*arguments: str) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    run(vars(parser.parse_args(arguments)), write=len)


@pytest.fixture
def taken_port() -> Iterator[str]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield str(taken.getsockname()[1])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "99999"], "must be a number from 0 to 65535"),
        (["--port", "-1"], "must be a number from 0 to 65535"),
        (["--speed", "0"], "must be a number above 0"),
        (["--speed", "nan"], "must be a number above 0"),
        (["--speed", "inf"], "must be a number above 0"),
        (["--start", "soon"], "must be a moment in ISO 8601"),
        (["--start", "0001-01-01T00:00+14:00"], "must be a moment in ISO 8601"),
        (["--start", "9999-12-31"], "must not lie after the year 2100"),
        (["--spread-bps", "-1"], "must be a number from 0 to 1000"),
        (["--spread-bps", "wide"], "must be a number from 0 to 1000"),
        (["--slippage-bps", "-0.1"], "must be a number from 0 to 1000"),
        (["--slippage-bps", "nan"], "must be a number from 0 to 1000"),
        (["--volume-share", "0"], "must be a number above 0 and up to 1"),
        (["--volume-share", "1.1"], "must be a number above 0 and up to 1"),
        (["--volume-share", "some"], "must be a number above 0 and up to 1"),
        (["--seed", "x"], "invalid int value: 'x'"),
        (["--prices", "live"], "must be one of recorded, walk, mirror: 'live'"),
        (["--walk", "BTCUSDT"], "the price must be a number from 0.0001 to 300000"),
        (["--walk", "BTCUSDT=-5"], "the price must be a number"),
        (["--walk", "BTCUSDT=nan"], "the price must be a number"),
        (["--walk", "BTCUSDT=0.00011"], "the price must be a number"),
        (["--walk", "btc=5"], "must be SYMBOL=PRICE like BNBUSDT=600"),
        (["--symbols", "BTCUSDT,"], "must be symbols like BTCUSDT,ETHUSDT"),
        (["--symbols", "BTCUSDT,BTCUSDT"], "must be symbols like BTCUSDT,ETHUSDT"),
        (["--mirror-url", "api.example.com"], "must be an origin without a path"),
        (["--mirror-url", "https://[::1"], "Invalid IPv6 URL"),
        (["--mirror-url", "https://example.com/api"], "must be an origin without a path"),
        (["--mirror-url", "https://example.com?x=1"], "must be nothing but scheme, host and port"),
    ],
)
def test_an_argument_that_makes_no_sense_is_named(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        run_with(*arguments)
    assert stopped.value.code == 2
    message = capsys.readouterr().err
    assert f"argument {arguments[0]}: {words}" in message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--market-data", "/no/such/place"], "no such directory of market data"),
        (["--account", "a:b:c"], "--account number 1: the key must be"),
        (["--accounts-file", "/no/such/file"], "/no/such/file: cannot be read"),
        (["--start", "2020-01-01"], "lies before the prices"),
        (["--state-dir", "/proc/no"], "the state cannot be used"),
        (["--walk", "BTCUSDT=5"], "--walk BTCUSDT: .* holds a recording of it"),
        (["--walk", "BNBUSDT=5", "--walk", "BNBUSDT=6"], "--walk BNBUSDT was given twice"),
        (["--walk", "BNBXYZ=5"], "BNBXYZ: its quote asset is none of"),
        (["--symbols", "BTCUSDT"], "--symbols has no meaning with --prices recorded"),
        (["--prices", "walk"], "--market-data has no meaning with --prices walk"),
        (["--prices", "mirror", "--speed", "2"], "has no meaning with --prices mirror"),
    ],
)
def test_what_keeps_it_from_starting_is_said(
    arguments: list[str], words: str, short_recordings: Path
) -> None:
    if "--market-data" not in arguments:
        arguments = ["--market-data", str(short_recordings), *arguments]
    with pytest.raises(DemoExchangeError, match=words):
        run_with("--port", "0", *arguments)


@pytest.mark.parametrize(
    "arguments",
    [["--walk", "BTCUSDT=5"], ["--speed", "2"], ["--start", "2030-01-01"], ["--paused"]],
)
def test_an_option_that_a_mirror_could_not_obey_is_refused(arguments: list[str]) -> None:
    words = f"{arguments[0]} has no meaning with --prices mirror"
    with pytest.raises(DemoExchangeError, match=words):
        run_with("--prices", "mirror", *arguments)


def test_without_a_network_the_mirror_says_so_and_exits_with_1() -> None:
    command = [sys.executable, "-m", "exchange.demo", "--port", "0", "--prices", "mirror"]
    command += ["--mirror-url", "http://127.0.0.1:1"]
    done = subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: --mirror-url http://127.0.0.1:1: cannot be reached: ")
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_named(short_recordings: Path, taken_port: str) -> None:
    with pytest.raises(DemoExchangeError, match=f"cannot listen on 127.0.0.1:{taken_port}"):
        run_with("--port", taken_port, "--market-data", str(short_recordings))


def test_the_management_command_needs_no_database_and_stops_cleanly(
    short_recordings: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "manage.py", "demo_exchange", "--port", "0", "--paused"]
    command += ["--market-data", str(short_recordings), "--account", TEST_ACCOUNT]
    command += ["--state-dir", str(tmp_path)]
    with subprocess.Popen(
        command, cwd=PROJECT, env=os.environ | NOWHERE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        line = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
    assert line.startswith("Demo exchange listening on http://127.0.0.1:")
    assert line.endswith(", market time 2025-05-05T16:33:00.000Z, speed 60\n")


def test_the_management_command_reports_a_taken_port(
    short_recordings: Path, taken_port: str
) -> None:
    command = [sys.executable, "manage.py", "demo_exchange", "--port", taken_port]
    command += ["--market-data", str(short_recordings)]
    done = subprocess.run(
        command,
        cwd=PROJECT,
        env=os.environ | NOWHERE,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert f"CommandError: cannot listen on 127.0.0.1:{taken_port}" in done.stderr


def test_foreign_recordings_start_with_history_behind_them(short_recordings: Path) -> None:
    with RunningExchange(market_data=short_recordings, is_paused=True) as demo:
        # Half of the 3,000 recorded minutes lie between 15:33 of the day before and this moment.
        assert f"{demo.market_time():%Y-%m-%dT%H:%M}" == "2025-05-05T16:33"


def test_random_walks_are_listed_beside_recordings(short_recordings: Path) -> None:
    walks = {"BNBUSDT": Decimal(600)}
    with RunningExchange(market_data=short_recordings, is_paused=True, walks=walks) as demo:
        prices = demo.control("price")
        assert f"{demo.market_time():%Y-%m-%dT%H:%M}" == "2025-05-05T16:33"
    assert list(prices) == ["BTCUSDT", "ETHUSDT", "BNBUSDT"]
    assert 200 < float(prices["BNBUSDT"]["price"]) < 1800


def test_three_walks_are_listed_by_default_and_begin_at_their_prices() -> None:
    with RunningExchange(prices=Prices.WALK, is_paused=True) as demo:
        prices = {name: one["price"] for name, one in demo.control("price").items()}
    assert prices == {
        "BTCUSDT": "100000.00000000",
        "ETHUSDT": "2500.00000000",
        "BNBUSDT": "600.00000000",
    }


def test_the_bundled_recordings_start_where_documented() -> None:
    with RunningExchange(is_paused=True) as demo:
        stamp = f"{demo.market_time():%Y-%m-%dT%H:%MZ}"
    assert stamp in (PROJECT / "docs" / "demo-exchange.md").read_text()
