"""Stand-in for `python -m exchange.demo`: records how it was called and serves."""

from __future__ import annotations

import sys
from pathlib import Path

from serving import record, serve  # type: ignore[import-not-found]

record("demo_exchange", {"argv": sys.argv[1:], "cwd": str(Path.cwd())})
serve(int(sys.argv[sys.argv.index("--port") + 1]))
