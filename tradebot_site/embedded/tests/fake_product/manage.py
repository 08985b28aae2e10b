"""Stand-in for manage.py: records how it was called."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from serving import record  # type: ignore[import-not-found]

LISTENING = {"market_feed": "market feed: listening", "run_bots": "dispatcher: listening"}
NOTED = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DEMO_EXCHANGE_PORT", "DEMO_TRADER_PASSWORD")


def main() -> int:
    """Behave as the command that was asked for."""
    command = sys.argv[1]
    env = {name: os.environ[name] for name in NOTED if name in os.environ}
    record(command, {"argv": sys.argv[2:], "env": env, "cwd": str(Path.cwd())})
    if command == "echo":
        sys.stdout.write(sys.stdin.read())
        return int(sys.argv[2])
    if command in LISTENING:
        print(LISTENING[command], flush=True)
        time.sleep(1000)
    if os.environ.get("FAKE_FAILS") == command:
        sys.stdout.write("first line\nit broke because of the moon\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
