"""The command line, and the two doors that share it."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from exchange.demo.cli import add_arguments, run
from exchange.demo.errors import DemoExchangeError
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
        (["--spread-bps", "-1"], "must be a number from 0 to 1000"),
        (["--spread-bps", "wide"], "must be a number from 0 to 1000"),
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
        (["--start", "2020-01-01"], "lies before the recordings"),
        (["--state-dir", "/proc/no"], "the state cannot be used"),
    ],
)
def test_what_keeps_it_from_starting_is_said(
    arguments: list[str], words: str, short_recordings: Path
) -> None:
    if "--market-data" not in arguments:
        arguments = ["--market-data", str(short_recordings), *arguments]
    with pytest.raises(DemoExchangeError, match=words):
        run_with("--port", "0", *arguments)


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


def test_the_bundled_recordings_start_where_documented() -> None:
    with RunningExchange(is_paused=True) as demo:
        stamp = f"{demo.market_time():%Y-%m-%dT%H:%MZ}"
    assert stamp in (PROJECT / "docs" / "demo-exchange.md").read_text()
