"""Time from clone to `Ready`, second start, memory of every process and size on disk.

    python benchmarks/installation.py

Clones this checkout into a new directory whose path has a space and drives its front door as a
user would. Prints the rows of docs/measurements.md. Absolute seconds mean little on another
machine; the ratio to the calibration loop that runs beside them says more.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GIVEN_BY_OTHERS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "FERNET_KEYS", "TRADEBOT_VENV")
CALIBRATION_ROUNDS = 3_000_000


def main() -> int:
    """Measure and print."""
    calibration = _calibrate()
    where = Path(tempfile.mkdtemp(prefix="trade bot "))
    try:
        clone = where / "clone"
        subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
        rows = _measure(clone, calibration)
    finally:
        subprocess.run([sys.executable, where / "clone" / "tradebotctl", "down"], check=False)
        shutil.rmtree(where, ignore_errors=True)
    sys.stdout.write("\n".join(["| what | figure |", "|---|---|", *rows]) + "\n")
    return 0


def _measure(clone: Path, calibration: float) -> list[str]:
    first = _up(clone)
    status = json.loads(_tradebotctl(clone, "status", "--json"))
    memory = {child["name"]: child["memory_bytes"] // 2**20 for child in status["children"]}
    _tradebotctl(clone, "down")
    second = _up(clone)
    sizes = {name: _megabytes(clone / name) for name in (".venv", ".tradebot", ".")}
    _tradebotctl(clone, "down")
    return [
        f"| calibration loop | {calibration:.2f} s |",
        f"| clone to `Ready` (warm cache) | {first:.1f} s ({first / calibration:.0f} loops) |",
        f"| second start to `Ready` | {second:.1f} s ({second / calibration:.0f} loops) |",
        *(f"| memory of {name} | {megabytes} MB |" for name, megabytes in memory.items()),
        f"| memory of all | {sum(memory.values())} MB |",
        f"| disk: virtual environment | {sizes['.venv']} MB |",
        f"| disk: data directory after the first start | {sizes['.tradebot']} MB |",
    ]


def _up(clone: Path) -> float:
    started = time.monotonic()
    _tradebotctl(clone, "up", "--detach")
    return time.monotonic() - started


def _tradebotctl(clone: Path, *arguments: str) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in GIVEN_BY_OTHERS}
    done = subprocess.run(
        [sys.executable, clone / "tradebotctl", *arguments],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    return done.stdout


def _megabytes(path: Path) -> int:
    done = subprocess.run(["du", "-sm", path], check=True, capture_output=True, text=True)
    return int(done.stdout.split()[0])


def _calibrate() -> float:
    started = time.monotonic()
    total = 0
    for number in range(CALIBRATION_ROUNDS):
        total += number * number
    return time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main())
