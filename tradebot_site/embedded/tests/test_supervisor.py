"""The supervisor with small children that behave badly in one way each."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tradebot_site.embedded.child import ChildSpec
from tradebot_site.embedded.console import Console
from tradebot_site.embedded.errors import ChildFailedError, StopRequestedError
from tradebot_site.embedded.procinfo import read_process
from tradebot_site.embedded.signals import StopSignals
from tradebot_site.embedded.supervisor import Supervisor, backoff_seconds
from tradebot_site.embedded.tests.conftest import CHECKOUT, eventually


def is_alive(pid: int) -> bool:
    info = read_process(pid)
    return info is not None and not info.is_zombie


class Stage:
    """A supervisor and what it says."""

    def __init__(self, logs: Path, signals: StopSignals) -> None:
        self.said = io.StringIO()
        self.logs = logs
        self.signals = signals
        self.supervisor = Supervisor(console=Console(self.said), logs=logs, signals=signals)

    def spec(self, name: str, script: str) -> ChildSpec:
        """Return a shell script as a child."""
        return ChildSpec(
            name=name, argv=("sh", "-c", script), env={"PATH": os.environ["PATH"]}, cwd=self.logs
        )

    def watch_until(self, condition: Callable[[], bool]) -> None:
        """Supervise until `condition` holds."""
        seconds = 10.0

        def look(_number: int, _frame: object) -> None:
            nonlocal seconds
            seconds -= 0.02
            if condition() or seconds < 0:
                self.signals.requests = 1

        previous = signal.signal(signal.SIGALRM, look)
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        try:
            self.supervisor.watch()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)
        assert condition()
        self.signals.requests = 0


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with StopSignals() as signals:
        lent = Stage(tmp_path, signals)
        yield lent
        lent.supervisor.stop()


def test_the_delay_before_a_restart_doubles_up_to_half_a_minute() -> None:
    delays = [backoff_seconds(failures) for failures in range(9)]
    assert delays == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert backoff_seconds(100_000) == 30


def test_a_crash_loop_is_slowed_down_and_named_with_its_last_lines(stage: Stage) -> None:
    child = stage.supervisor.start(stage.spec("flappy", "sleep 0.05; echo giving up; exit 7"))
    started = time.monotonic()
    stage.watch_until(lambda: child.restarts >= 2)
    assert 1.5 <= time.monotonic() - started < 3
    assert (
        "flappy died (exit code 7) after 0 s; starting it again in 0.5 s." in stage.said.getvalue()
    )
    assert "starting it again in 1 s." in stage.said.getvalue()
    assert "  | giving up" in stage.said.getvalue()


def test_a_child_that_was_healthy_for_long_is_restarted_at_once_again(stage: Stage) -> None:
    stage.supervisor = Supervisor(
        console=Console(stage.said), logs=stage.logs, signals=stage.signals, healthy_after=0.01
    )
    child = stage.supervisor.start(stage.spec("old", "sleep 0.05; exit 7"))
    stage.watch_until(lambda: child.restarts >= 2)
    assert "in 1 s" not in stage.said.getvalue()
    assert stage.said.getvalue().count("starting it again in 0.5 s.") >= 2


def test_a_child_that_cannot_even_be_started_again_is_tried_later(stage: Stage) -> None:
    spec = replace(stage.spec("gone", "sleep 0.1; exit 1"), restart_argv=("/nonexistent/program",))
    child = stage.supervisor.start(spec)
    stage.watch_until(lambda: child.failures_in_a_row >= 2)
    assert "gone could not be started; starting it again in 1 s." in stage.said.getvalue()
    assert child.state == "waiting"


def test_a_child_that_dies_during_start_up_makes_it_fail(stage: Stage) -> None:
    spec = stage.spec("web", "for i in $(seq 30); do echo line $i; done; exit 4")
    with pytest.raises(ChildFailedError, match=r"web failed: exit code 4\.") as failure:
        stage.supervisor.start(replace(spec, is_ready=lambda: False))
    assert failure.value.last_lines == [f"line {i}" for i in range(11, 31)]
    assert (stage.logs / "web.log").read_text().startswith("line 1\n")


def test_an_earlier_child_that_dies_meanwhile_makes_the_start_fail(stage: Stage) -> None:
    stage.supervisor.start(stage.spec("first", "sleep 0.2; exit 1"))
    with pytest.raises(ChildFailedError, match="first failed"):
        stage.supervisor.start(replace(stage.spec("second", "sleep 60"), is_ready=lambda: False))


def test_a_child_that_never_gets_ready_is_named(stage: Stage) -> None:
    spec = replace(stage.spec("slow", "sleep 60"), is_ready=lambda: False, ready_seconds=0.2)
    with pytest.raises(ChildFailedError, match="slow failed: not ready after 0 s"):
        stage.supervisor.start(spec)


def test_a_line_of_its_output_can_say_that_a_child_is_ready(stage: Stage) -> None:
    script = "echo not ready yet; sleep 0.2; printf 'host rea'; sleep 0.1; echo dy.; sleep 60"
    started = time.monotonic()
    child = stage.supervisor.start(replace(stage.spec("worker", script), ready_line=r"\bready\.$"))
    assert time.monotonic() - started >= 0.3
    assert child.state == "running"


def test_children_stop_in_reverse_order(stage: Stage) -> None:
    for name in ("database", "worker", "beat"):
        script = f"trap 'echo {name} >> order; exit 0' TERM; echo up; while :; do sleep 0.01; done"
        stage.supervisor.start(replace(stage.spec(name, script), ready_line="up"))
    stage.supervisor.stop()
    assert (stage.logs / "order").read_text().split() == ["beat", "worker", "database"]


def test_a_stubborn_child_and_its_children_are_killed_after_the_limit(stage: Stage) -> None:
    script = "trap '' TERM; sh -c 'echo $$; exec sleep 60' & wait; sleep 60"
    spec = replace(stage.spec("stubborn", script), stop_seconds=0.2, ready_line=r"^\d+$")
    child = stage.supervisor.start(spec)
    pids = [child.pid, int(child.last_lines[0])]
    assert all(is_alive(pid) for pid in pids)
    stage.supervisor.stop()
    eventually(lambda: not any(is_alive(pid) for pid in pids))
    assert "stubborn did not stop in time and was killed" in stage.said.getvalue()


def test_what_a_crashed_child_has_started_does_not_outlive_it(stage: Stage) -> None:
    script = "sh -c 'echo $$; exec sleep 60' & sleep 0.1; kill -9 $$"
    child = stage.supervisor.start(stage.spec("parent", script))
    stage.watch_until(lambda: child.state == "waiting")
    grandchild = int(child.last_lines[0])
    eventually(lambda: not is_alive(grandchild))


def test_a_failing_step_raises_with_its_output(stage: Stage) -> None:
    with pytest.raises(ChildFailedError, match="migrate failed: exit code 3") as failure:
        stage.supervisor.run(stage.spec("migrate", "echo no such table; exit 3"))
    assert failure.value.last_lines == ["no such table"]
    stage.supervisor.run(stage.spec("migrate", "exit 0"))


def test_a_request_to_stop_ends_the_waiting_and_the_step(stage: Stage) -> None:
    started = time.monotonic()
    with pytest.raises(StopRequestedError):
        stage.supervisor.run(stage.spec("step", f"kill -INT {os.getpid()}; sleep 60"))
    assert time.monotonic() - started < 5


def test_a_child_has_a_group_of_its_own_so_that_ctrl_c_does_not_reach_it(stage: Stage) -> None:
    child = stage.supervisor.start(stage.spec("apart", "sleep 60"))
    assert os.getpgid(child.pid) == child.pid
    assert os.getpgid(0) != child.pid


def test_children_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    script = f"""
import sys, time, signal
sys.path.insert(0, {str(CHECKOUT)!r})
from pathlib import Path
from tradebot_site.embedded.spawning import spawn_service
child = spawn_service(
    ["sleep", "60"], env={{}}, cwd=Path("/"), death_signal=signal.SIGTERM
)
print(child.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        pid = int(supervisor.stdout.readline())
        assert is_alive(pid)
        supervisor.kill()
        eventually(lambda: not is_alive(pid))


def test_the_foreground_process_returns_its_exit_code(stage: Stage) -> None:
    stage.supervisor.settled = True
    env = {"PATH": os.environ["PATH"]}
    assert stage.supervisor.run_foreground(("sh", "-c", "exit 5"), env=env, cwd=stage.logs) == 5
