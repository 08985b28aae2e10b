"""The command line without a database."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"


def _manage(*arguments: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"DATABASE_URL": "postgres://nobody@127.0.0.1:9/none"}
    return subprocess.run(
        [sys.executable, str(MANAGE), *arguments],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_an_unreachable_database_is_said_in_two_lines() -> None:
    done = _manage("showmigrations", "bots")
    assert done.returncode == 1
    assert done.stderr.startswith("The database cannot be reached: ")
    assert done.stderr.endswith("\nStart TradeBot first (./tradebotctl up), or set DATABASE_URL.\n")
    assert len(done.stderr.splitlines()) == 2


def test_the_traceback_is_there_for_those_who_ask() -> None:
    assert "Traceback" in _manage("showmigrations", "bots", "--traceback").stderr
