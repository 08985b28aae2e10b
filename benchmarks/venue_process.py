"""What the benchmarks of the venue share: a demo exchange in a process of its own, a yardstick."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
KEY, SECRET = "BenchKey" * 8, "BenchSec" * 8
BALANCES = "USDT=100000000,BTC=1000,UM.USDT=100000000"
CALIBRATION_ROUNDS = 3_000_000


class Running(NamedTuple):
    """A demo exchange that answers on a port of 127.0.0.1."""

    port: int
    pid: int

    def processor_seconds(self) -> float:
        """Return how long it has kept a processor busy; no neighbour makes that longer (Linux)."""
        tasks = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(one.read_text().split()[0]) for one in tasks) / 1e9


@contextmanager
def running_exchange(*more_keys: str) -> Iterator[Running]:
    """Run a demo exchange on a free port, its state on disk, its market standing still.

    Its account is that of `KEY`; `more_keys` have one each and the same `SECRET`.
    """
    accounts = [f"{key}:{SECRET}:{BALANCES}" for key in (KEY, *more_keys)]
    with tempfile.TemporaryDirectory(prefix="bench-") as state:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "exchange.demo", "--port", "0", "--paused"),
                *("--state-dir", state),
                *(f"--account={account}" for account in accounts),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield Running(_port_of(process), process.pid)
        finally:
            process.terminate()
            process.wait(timeout=20)


def calibrate() -> float:
    """Return the seconds that a loop of plain arithmetic takes here and now."""
    started = time.monotonic()
    total = 0
    for number in range(CALIBRATION_ROUNDS):
        total += number * number
    return time.monotonic() - started


def _port_of(process: subprocess.Popen[str]) -> int:
    line = process.stdout.readline() if process.stdout else ""
    found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
    if found is None:
        raise SystemExit(f"the demo exchange did not start: {line!r}")
    return int(found[1])
