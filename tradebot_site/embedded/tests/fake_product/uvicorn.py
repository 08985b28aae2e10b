"""Stand-in for `python -m uvicorn`."""

from __future__ import annotations

import sys

from serving import serve  # type: ignore[import-not-found]

if __name__ == "__main__":
    serve(int(sys.argv[sys.argv.index("--port") + 1]))
