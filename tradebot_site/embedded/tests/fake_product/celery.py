"""Stand-in for `python -m celery ... worker|beat`; the worker has a child of its own."""

from __future__ import annotations

import subprocess
import sys
import time

if __name__ == "__main__":
    if "worker" in sys.argv:
        # It ignores SIGTERM and its parent's death, as the worst of pool processes might.
        subprocess.Popen(["sh", "-c", "trap '' TERM; while :; do sleep 1; done"])
        print("[2026-01-01 00:00:00,000: INFO/MainProcess] celery@host ready.", flush=True)
    else:
        print("beat: Starting...", flush=True)
    time.sleep(1000)
