"""The market feed as a process of its own that can be killed, quicker to doubt than the real one.

What it listens to, and how, is the command's; only its patience is that of tests.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Final

from django.conf import settings
from django.db import connection

from bots.selectors.feed import wanted_streams
from exchange.binance.streams.settings import StreamSettings
from exchange.demo.testing import RunningExchange
from exchange.feed.process import run_feed
from exchange.feed.tests.running import with_settings

_QUICK: Final = with_settings(
    streams=StreamSettings(
        first_delay=0.05,
        longest_delay=0.2,
        reply_seconds=1.0,
        ping_seconds=1.0,
        pong_seconds=1.0,
        keep_seconds=2.0,
        keep_again_seconds=0.2,
    )
)
_READY: Final = b"listening\n"
_MAIN: Final = (
    "import django; django.setup(); from bots.tests.streams.quick_feed import main; main()"
)


def main() -> None:
    """Wait to be told, then listen until killed; say so when everything in use is listened to."""
    sys.stdin.readline()
    asyncio.run(run_feed(wanted_streams, on_ready=_say_ready, settings=_QUICK))


def _say_ready() -> None:
    sys.stdout.buffer.write(_READY)
    sys.stdout.flush()


class FeedProcess:
    """A feed on this test's database, Redis and venue, in a `with` block.

    log      a file for what it says
    starts   how often it is to be started; the program of the next one is loaded beforehand
    """

    def __init__(self, venue: RunningExchange, log: Path, *, starts: int) -> None:
        database = settings.DATABASE_URL.rsplit("/", 1)[0]
        self._environment = {
            **os.environ,
            "DATABASE_URL": f"{database}/{connection.settings_dict['NAME']}",
            "REDIS_URL": settings.REDIS_URL,
            "BINANCE_DEMO_SPOT_URL": venue.url,
            "BINANCE_DEMO_FUTURES_URL": venue.url,
            "BINANCE_DEMO_SPOT_WS_URL": venue.ws_url,
            "BINANCE_DEMO_SPOT_WS_API_URL": venue.ws_url,
            "BINANCE_DEMO_FUTURES_WS_URL": venue.ws_url,
        }
        self._log = log
        self._starts = starts
        self._next: subprocess.Popen[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> FeedProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in (self._process, self._next):
            if process is not None:
                _end(process)

    @property
    def said(self) -> str:
        """Return everything that any of its processes has logged."""
        return self._log.read_text()

    @property
    def is_alive(self) -> bool:
        """Say whether it runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Let the next process begin; `wait` returns when it listens."""
        self._process, self._next = self._next or self._loaded(), None
        self._starts -= 1
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()

    def wait(self) -> None:
        """Wait until it listens; AssertionError when it ends before."""
        assert self._process is not None
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == _READY, self.said
        if self._starts and self._next is None:
            self._next = self._loaded()

    def kill(self) -> None:
        """Kill it, as kill -9 does."""
        if self._process is not None:
            _end(self._process)
            self._process = None

    def _loaded(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-c", _MAIN],
                env=self._environment,
                cwd=settings.BASE_DIR,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()
