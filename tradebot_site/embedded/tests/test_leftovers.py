"""What a killed `up` left behind is ended; a stranger with a recycled pid is not."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tradebot_site.embedded.layout import Layout
from tradebot_site.embedded.leftovers import end_leftovers, marker
from tradebot_site.embedded.procinfo import boot_id, read_process, start_ticks
from tradebot_site.embedded.runstate import ChildRecord, RunState
from tradebot_site.embedded.tests.conftest import eventually


@contextmanager
def sleeper(script: str = "sleep 60", *entries: str) -> Iterator[int]:
    """Lend the pid of a process in a group of its own."""
    env = dict(entry.split("=", 1) for entry in entries) | {"PATH": os.environ["PATH"]}
    with subprocess.Popen(["sh", "-c", script], env=env, start_new_session=True) as process:
        yield process.pid
        process.kill()


def recorded(pid: int, ticks: int, *, boot: str | None = None) -> RunState:
    record = ChildRecord(name="worker", pid=pid, start_ticks=ticks, state="running", restarts=0)
    return RunState(boot_id=boot_id() if boot is None else boot, children=[record])


def is_alive(pid: int) -> bool:
    info = read_process(pid)
    return info is not None and not info.is_zombie


def process_name(pid: int) -> str:
    info = read_process(pid)
    return info.name if info else ""


def layout_in(tmp_path: Path) -> Layout:
    return Layout(checkout=tmp_path, data=tmp_path / "data")


def test_a_recorded_process_that_still_lives_is_ended(tmp_path: Path) -> None:
    with sleeper() as pid:
        ended = end_leftovers(layout_in(tmp_path), recorded(pid, start_ticks(pid)))
        assert ended == ["worker"]
        assert not is_alive(pid)


def test_a_recycled_pid_is_never_hit(tmp_path: Path) -> None:
    with sleeper() as pid:
        ended = end_leftovers(layout_in(tmp_path), recorded(pid, start_ticks(pid) - 1))
        assert ended == []
        assert is_alive(pid)


def test_pids_of_an_earlier_boot_mean_nothing(tmp_path: Path) -> None:
    with sleeper() as pid:
        state = recorded(pid, start_ticks(pid), boot="another boot")
        assert end_leftovers(layout_in(tmp_path), state) == []
        assert is_alive(pid)


@pytest.mark.parametrize("ours", [True, False])
def test_members_of_a_group_without_its_leader_must_carry_our_mark(
    tmp_path: Path, *, ours: bool
) -> None:
    layout = layout_in(tmp_path)
    entry = marker(layout) if ours else "TRADEBOT_DATA_DIR=/elsewhere"
    pid_file = tmp_path / "pid"
    with sleeper(f"sleep 61 & echo $! > '{pid_file}'", entry) as leader:
        eventually(lambda: not is_alive(leader))
        orphan = int(pid_file.read_text())
        eventually(lambda: process_name(orphan) == "sleep")
        end_leftovers(layout, recorded(leader, 1))
        assert is_alive(orphan) is not ours
        if not ours:
            os.kill(orphan, signal.SIGKILL)
