"""End what a killed `up` left behind, and never anything else."""

from __future__ import annotations

import os
import signal
import time

from tradebot_site.embedded.errors import FrontDoorError
from tradebot_site.embedded.layout import Layout
from tradebot_site.embedded.procinfo import (
    ProcessInfo,
    boot_id,
    has_environment_entry,
    list_processes,
)
from tradebot_site.embedded.runstate import ChildRecord, RunState

GRACE_SECONDS = 10.0
PAUSE_SECONDS = 0.05


def marker(layout: Layout) -> str:
    """Return the environment entry that every child of this data directory carries."""
    return f"TRADEBOT_DATA_DIR={layout.data}"


def end_leftovers(layout: Layout, state: RunState) -> list[str]:
    """Kill what is left of the recorded children; return the names of those that were there.

    Call it with the instance lock held. The data directory is free of old processes when it
    returns; raises FrontDoorError when one will not die.
    """
    if state.boot_id != boot_id():
        return []
    named = {record.name for record in state.children if _survivors(layout, record)}
    deadline = time.monotonic() + 2 * GRACE_SECONDS
    polite_until = time.monotonic() + GRACE_SECONDS
    while survivors := [
        (record, info) for record in state.children for info in _survivors(layout, record)
    ]:
        if time.monotonic() > deadline:
            pids = ", ".join(str(info.pid) for _, info in survivors)
            raise FrontDoorError(f"Processes of an earlier start do not end: pid {pids}.")
        for record, info in survivors:
            _signal(info.pid, _signal_for(record, polite=time.monotonic() < polite_until))
        time.sleep(PAUSE_SECONDS)
    return sorted(named)


def _survivors(layout: Layout, record: ChildRecord) -> list[ProcessInfo]:
    """Return the live members of a child's process group.

    The kernel hands out no pid that still names a group, so while the recorded leader lives
    the whole group is ours. Without it, members must also carry our mark.
    """
    group = [info for info in list_processes() if info.group == record.pid and not info.is_zombie]
    leader = next((info for info in group if info.pid == record.pid), None)
    if leader is not None:
        return group if leader.start_ticks == record.start_ticks else []
    return [info for info in group if has_environment_entry(info.pid, marker(layout))]


def _signal_for(record: ChildRecord, *, polite: bool) -> signal.Signals:
    # PostgreSQL and Valkey keep data: let them close their files. The rest may die anywhere.
    if polite and record.name == "postgres":
        return signal.SIGINT
    if polite and record.name in {"valkey", "demo-exchange"}:
        return signal.SIGTERM
    return signal.SIGKILL


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
