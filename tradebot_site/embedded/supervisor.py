"""Start children in order, restart those that crash, stop them in reverse order.

One thread, one selector: it reads every child's output, and the kernel's promise to end a
child with its parent holds for the thread that started it.
"""

from __future__ import annotations

import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tradebot_site.embedded.child import Child, ChildSpec, describe_exit
from tradebot_site.embedded.console import Console
from tradebot_site.embedded.errors import (
    ChildFailedError,
    FrontDoorError,
    StopRequestedError,
)
from tradebot_site.embedded.rotation import RotatingLog
from tradebot_site.embedded.signals import StopSignals
from tradebot_site.embedded.spawning import spawn_foreground

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 30.0
HEALTHY_AFTER_SECONDS = 60.0
LOOK_SECONDS = 0.1
IDLE_SECONDS = 1.0
FOREGROUND_STOP_SECONDS = 20.0


class Supervisor:
    """Hold the children of one `up` or one `test`.

    Until `watch` is called, or `settled` set, a child that dies makes the start fail; from
    then on it is restarted: after half a second, then twice as long each time up to half a
    minute, and from the beginning again once it has lived for a minute.
    """

    def __init__(
        self,
        *,
        console: Console,
        logs: Path,
        signals: StopSignals,
        on_change: Callable[[Sequence[Child]], None] | None = None,
        healthy_after: float = HEALTHY_AFTER_SECONDS,
    ) -> None:
        self.children: list[Child] = []
        self.settled = False
        self._console = console
        self._logs = logs
        self._signals = signals
        self._on_change = on_change
        self._healthy_after = healthy_after
        self._selector = selectors.DefaultSelector()
        self._selector.register(signals.wake_up, selectors.EVENT_READ)

    def start(self, spec: ChildSpec) -> Child:
        """Start a child and wait until it is ready.

        Raises ChildFailedError when it, or any child before it, dies meanwhile.
        """
        child = self._new_child(spec)
        self.children.append(child)
        self._begin(child)
        self.wait_for(child.is_ready, seconds=spec.ready_seconds, child=child)
        child.state = "running"
        self._changed()
        return child

    def run(self, spec: ChildSpec) -> None:
        """Run a process to its end while the others go on.

        Raises ChildFailedError when its exit code is not 0.
        """
        child = self._new_child(spec)
        self._begin(child)
        try:
            while not child.has_exited():
                self._pump(IDLE_SECONDS)
                self._raise_if_stopping()
        finally:
            self._end(child)
            child.close()
        if child.exit_code:
            raise _failed(child, describe_exit(child.exit_code))

    def run_foreground(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> int:
        """Run a process on the user's terminal; return its exit code.

        A Ctrl-C reaches it directly; a SIGTERM is passed on. It gets some time to say its
        last words before it is killed.
        """
        process = spawn_foreground(argv, env=env, cwd=cwd)
        deadline: float | None = None
        while process.poll() is None:
            self._pump(IDLE_SECONDS)
            if self._signals.requests and deadline is None:
                deadline = time.monotonic() + FOREGROUND_STOP_SECONDS
                if self._signals.last != signal.SIGINT:
                    process.terminate()
            if deadline is not None and time.monotonic() > deadline:
                process.kill()
        self._raise_if_stopping()
        return process.returncode

    def wait_for(self, condition: Callable[[], bool], *, seconds: float, child: Child) -> None:
        """Wait until `condition` holds, for at most `seconds`; `child` is blamed when it does not.

        Raises ChildFailedError, or StopRequestedError when the user has had enough.
        """
        deadline = time.monotonic() + seconds
        while True:
            self._pump(0)
            self._raise_if_stopping()
            if condition():
                return
            if time.monotonic() > deadline:
                raise _failed(child, f"not ready after {seconds:.0f} s")
            self._pump(LOOK_SECONDS)

    def watch(self) -> None:
        """Keep the children alive until somebody asks to stop."""
        self.settled = True
        while not self._signals.requests:
            self._pump(self._seconds_to_next_restart())

    def stop(self) -> None:
        """Stop every child, the last started first. A second request kills at once."""
        self.settled = True
        patience = max(self._signals.requests, 1)
        for child in reversed(self.children):
            self._stop_one(child, patience)
            child.state = "stopped"
            child.close()
            self._changed()
        self.children.clear()
        self._selector.close()

    def _new_child(self, spec: ChildSpec) -> Child:
        return Child(spec, RotatingLog(self._logs / f"{spec.name}.log"))

    def _begin(self, child: Child) -> None:
        child.start()
        if child.output is not None:
            self._selector.register(child.output, selectors.EVENT_READ, child)
        self._changed()

    def _pump(self, timeout: float) -> None:
        self._pump_output(timeout)
        for child in self.children:
            if child.has_exited():
                self._handle_death(child)
            elif child.state == "waiting" and time.monotonic() >= child.restart_at:
                self._restart(child)
            elif child.state == "starting" and self.settled and child.is_ready():
                child.state = "running"
                self._changed()

    def _read(self, child: Child) -> None:
        try:
            ended = child.read_output() == 0
        except BlockingIOError:
            return
        if ended:
            self._unregister(child)

    def _unregister(self, child: Child) -> None:
        if child.output is not None and child.output in self._selector.get_map():
            self._selector.unregister(child.output)

    def _handle_death(self, child: Child) -> None:
        self._unregister(child)
        code = child.collect()
        if not self.settled:
            self._changed()
            raise _failed(child, describe_exit(code))
        if child.ran_seconds >= self._healthy_after:
            child.failures_in_a_row = 0
        how = f"died ({describe_exit(code)}) after {child.ran_seconds:.0f} s"
        self._plan_restart(child, how, child.last_lines)

    def _plan_restart(self, child: Child, how: str, last_lines: Sequence[str]) -> None:
        delay = backoff_seconds(child.failures_in_a_row)
        child.failures_in_a_row += 1
        child.restart_at = time.monotonic() + delay
        child.state = "waiting"
        self._console.say(f"{child.spec.name} {how}; starting it again in {delay:g} s.")
        for line in last_lines:
            self._console.say(f"  | {line}")
        self._changed()

    def _restart(self, child: Child) -> None:
        try:
            self._begin(child)
        except (OSError, subprocess.SubprocessError, FrontDoorError) as e:
            self._plan_restart(child, "could not be started", [str(e)])
            return
        self._console.say(f"{child.spec.name} started again (pid {child.pid})")

    def _seconds_to_next_restart(self) -> float:
        waits = [
            child.restart_at - time.monotonic()
            for child in self.children
            if child.state == "waiting"
        ]
        starting = any(child.state == "starting" for child in self.children)
        return max(0.0, min([LOOK_SECONDS if starting else IDLE_SECONDS, *waits]))

    def _stop_one(self, child: Child, patience: int) -> None:
        if not child.is_alive:
            return
        child.send_signal(child.spec.stop_signal)
        deadline = time.monotonic() + child.spec.stop_seconds
        while not child.has_exited():
            if self._signals.requests > patience or time.monotonic() > deadline:
                self._console.say(f"{child.spec.name} did not stop in time and was killed")
                break
            self._pump_output(LOOK_SECONDS)
        self._end(child)

    def _pump_output(self, timeout: float) -> None:
        for key, _ in self._selector.select(timeout):
            if isinstance(key.data, Child):
                self._read(key.data)
            else:
                self._signals.clear_wake_up()

    def _end(self, child: Child) -> None:
        """Kill what is left of a child and collect it."""
        if child.is_alive:
            child.signal_group(signal.SIGKILL)
            while not child.has_exited():
                time.sleep(0.01)
            self._unregister(child)
            child.collect()

    def _raise_if_stopping(self) -> None:
        if self._signals.requests:
            raise StopRequestedError("Stopped before the start was complete.")

    def _changed(self) -> None:
        if self._on_change is not None:
            self._on_change(self.children)


def backoff_seconds(failures_in_a_row: int) -> float:
    """Return how long to wait before a restart: 0.5, 1, 2, 4 ... and never more than 30 s."""
    doublings = min(failures_in_a_row, 10)
    return min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * float(2**doublings))


def _failed(child: Child, how: str) -> ChildFailedError:
    return ChildFailedError(f"{child.spec.name} failed: {how}.", last_lines=child.last_lines)
