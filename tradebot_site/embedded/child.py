"""One supervised process: its specification, its life and its log."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tradebot_site.embedded.procinfo import start_ticks
from tradebot_site.embedded.rotation import RotatingLog
from tradebot_site.embedded.spawning import spawn_service

TAIL_LINES = 20
CHUNK_BYTES = 65_536


@dataclass(frozen=True, kw_only=True)
class ChildSpec:
    """How to start, watch and stop one process.

    restart_argv   used instead of `argv` after a crash, when set
    before_start   called before every start (clears what a crash left behind)
    is_ready       asked until it says yes; without it a started process is ready
    ready_line     or: a pattern that a line of its output must match
    death_signal   sent by the kernel when the supervisor is killed
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    cwd: Path
    restart_argv: tuple[str, ...] | None = None
    before_start: Callable[[], None] | None = None
    is_ready: Callable[[], bool] | None = None
    ready_line: str | None = None
    ready_seconds: float = 60.0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    death_signal: signal.Signals = signal.SIGKILL


class Child:
    """A process under supervision, over all its lives.

    state          starting, running, waiting (for its restart) or stopped
    restarts       lives after the first
    ran_seconds    how long the last life was, once it is over
    """

    def __init__(self, spec: ChildSpec, log: RotatingLog) -> None:
        self.spec = spec
        self.state = "stopped"
        self.restarts = -1
        self.exit_code: int | None = None
        self.failures_in_a_row = 0
        self.restart_at = 0.0
        self.start_ticks = 0
        self.ran_seconds = 0.0
        self._log = log
        self._lines: deque[str] = deque(maxlen=TAIL_LINES)
        self._rest = b""
        self._ready_line_seen = False
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0

    @property
    def pid(self) -> int:
        """The pid of the present life, 0 between lives."""
        return self._process.pid if self._process else 0

    @property
    def is_alive(self) -> bool:
        """Whether there is a process that has not been collected."""
        return self._process is not None

    @property
    def output(self) -> int | None:
        """The descriptor its output is read from, for the supervisor's selector."""
        pipe = self._process.stdout if self._process else None
        return None if pipe is None else pipe.fileno()

    @property
    def last_lines(self) -> list[str]:
        """The newest lines of its output, oldest first."""
        rest = [_text(self._rest)] if self._rest else []
        return [*self._lines, *rest][-TAIL_LINES:]

    def start(self) -> None:
        """Begin the next life."""
        if self.spec.before_start is not None:
            self.spec.before_start()
        again = self.restarts >= 0
        argv = self.spec.restart_argv if again and self.spec.restart_argv else self.spec.argv
        self._ready_line_seen = False
        self._process = spawn_service(
            argv, env=self.spec.env, cwd=self.spec.cwd, death_signal=self.spec.death_signal
        )
        assert self._process.stdout is not None  # noqa: S101 (spawn_service makes the pipe)
        os.set_blocking(self._process.stdout.fileno(), False)
        self._started_at = time.monotonic()
        self.start_ticks = start_ticks(self.pid)
        self.restarts += 1
        self.exit_code = None
        self.state = "starting"

    def is_ready(self) -> bool:
        """Ask the process, as its specification says how, whether it does its work."""
        if self.spec.ready_line is not None:
            return self._ready_line_seen
        return self.spec.is_ready is None or self.spec.is_ready()

    def read_output(self) -> int:
        """Copy what the process has written to its log; return the bytes read.

        Raises BlockingIOError when there is nothing yet; 0 is the end of the output.
        """
        if self.output is None:
            return 0
        data = os.read(self.output, CHUNK_BYTES)
        if data:
            self._log.write(data)
            self._remember(data)
        return len(data)

    def has_exited(self) -> bool:
        """Tell whether the process is dead but not yet collected."""
        if self._process is None:
            return False
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.pid, flags) is not None

    def collect(self) -> int:
        """Take the exit code of a dead process and end what it started.

        The group is killed while the dead leader still holds its pid: afterwards the number
        could mean somebody else.
        """
        process = self._process
        if process is None:
            raise ValueError(f"{self.spec.name} has no process to collect")
        self.signal_group(signal.SIGKILL)
        self._drain()
        self.exit_code = process.wait()
        if process.stdout is not None:
            process.stdout.close()
        self.ran_seconds = time.monotonic() - self._started_at
        self._process = None
        self.state = "stopped"
        return self.exit_code

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process itself."""
        if self._process is not None:
            os.kill(self.pid, number)

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the process and all it started."""
        if self._process is not None:
            os.killpg(self.pid, number)

    def close(self) -> None:
        """Close the log."""
        self._log.close()

    def _drain(self) -> None:
        # A grandchild in a session of its own may hold the pipe open: never wait for its end.
        try:
            while self.read_output():
                pass
        except BlockingIOError:
            return

    def _remember(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-CHUNK_BYTES:]
        for line in map(_text, lines):
            self._lines.append(line)
            if self.spec.ready_line is not None and re.search(self.spec.ready_line, line):
                self._ready_line_seen = True


def _text(line: bytes) -> str:
    return line.decode(errors="replace").rstrip()


def describe_exit(code: int) -> str:
    """Say how a process ended: exit code or signal name."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
