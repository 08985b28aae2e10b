"""Run the exchange without Django: `python -m exchange.demo --port 9080 …`."""

from __future__ import annotations

import argparse
import sys

from exchange.demo.cli import HELP, add_arguments, run
from exchange.demo.errors import DemoExchangeError


def main() -> int:
    """Parse the command line, serve, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m exchange.demo", description=HELP)
    add_arguments(parser)
    try:
        run(vars(parser.parse_args()), write=_write)
    except DemoExchangeError as e:
        sys.stderr.write(f"error: {e}\n")
        return 1
    return 0


def _write(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
