"""A whole installation on a fresh data directory, driven through its front door."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 240


# What the test run sets for itself; a user's shell has none of it.
OURS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "FERNET_KEYS", "DEMO_EXCHANGE_PORT")
OURS_TOO = ("STATIC_ROOT", "TRADEBOT_DATA_DIR", "DJANGO_SETTINGS_MODULE")


def _users_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in (*OURS, *OURS_TOO)}


@dataclass(frozen=True)
class Stack:
    """One `./tradebotctl up`."""

    data: Path
    port: int

    def control(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run `tradebotctl` on this data directory."""
        command, *rest = arguments
        return subprocess.run(
            [sys.executable, str(ROOT / "tradebotctl"), command, "--data-dir", self.data, *rest],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd=self.data.parent,
            env=_users_environment(),
        )

    def up(self) -> str:
        """Start everything; return what was printed."""
        done = self.control("up", "--port", str(self.port), "--detach", timeout=START_SECONDS)
        assert done.returncode == 0, done.stdout + done.stderr + self.tail_of_logs()
        return done.stdout

    def down(self) -> str:
        """Stop everything; return what was printed."""
        done = self.control("down")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def tail_of_logs(self) -> str:
        """Return the end of every log, for a failure's message."""
        logs = sorted((self.data / "logs").glob("*.log"))
        return "\n".join(f"== {log.name}\n{log.read_text()[-3000:]}" for log in logs)

    @property
    def run(self) -> dict[str, Any]:
        """Return what run.json says."""
        state: dict[str, Any] = json.loads((self.data / "run.json").read_text())
        return state

    @property
    def credentials(self) -> dict[str, str]:
        """Return the generated names and passwords."""
        found: dict[str, str] = json.loads((self.data / "secrets.json").read_text())
        return found

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return the rows of a query on the installation's own PostgreSQL."""
        with psycopg.connect(
            host="127.0.0.1",
            port=self.run["ports"]["postgres"],
            user="postgres",
            password=self.credentials["postgres_password"],
            dbname="tradebot",
            row_factory=dict_row,
        ) as connection:
            return connection.execute(query).fetchall()

    def exchange(self, path: str) -> dict[str, Any]:
        """Return an answer of the demo exchange's control paths."""
        url = f"http://127.0.0.1:{self.run['ports']['demo_exchange']}/_control/{path}"
        with urllib.request.urlopen(url, timeout=10) as reply:
            answer: dict[str, Any] = json.load(reply)
        return answer

    def stop_bots(self) -> None:
        """Stop every bot through the product, and let the last tick end."""
        script = (
            "from bots.models import BotConfig; from bots.services import stop_bot\n"
            "for bot in BotConfig.objects.filter(is_active=True): "
            "stop_bot(bot_id=bot.pk, actor=None)"
        )
        done = self.control("manage", "shell", "-c", script)
        assert done.returncode == 0, done.stderr


def wait_for(what: Callable[[], Any], *, seconds: float, why: Callable[[], str]) -> Any:
    """Return the first true answer of `what`; fail with `why` when none comes in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := what():
            return answer
        time.sleep(0.5)
    raise AssertionError(why())


def money(text: Any) -> Decimal:
    """Return an exact number from the exchange's text or the database's column."""
    return Decimal(str(text)).normalize()
