"""Read the kernel's process table (/proc)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessInfo:
    """One process as the kernel sees it; `start_ticks` tells apart two lives of one pid."""

    pid: int
    name: str
    state: str
    parent: int
    group: int
    start_ticks: int

    @property
    def is_zombie(self) -> bool:
        """Dead, but not yet collected by its parent."""
        return self.state in {"Z", "X"}


def read_process(pid: int) -> ProcessInfo | None:
    """Return the process with this pid, or None when there is none."""
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name stands in parentheses and may itself hold spaces and parentheses.
    head, _, tail = text.rpartition(")")
    fields = tail.split()
    return ProcessInfo(
        pid=pid,
        name=head.partition("(")[2],
        state=fields[0],
        parent=int(fields[1]),
        group=int(fields[2]),
        start_ticks=int(fields[19]),
    )


def list_processes() -> list[ProcessInfo]:
    """Return every process of the machine that can be seen."""
    pids = (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
    return [info for pid in pids if (info := read_process(pid)) is not None]


def start_ticks(pid: int) -> int:
    """Return the start time of `pid` in clock ticks since boot, 0 when it is gone."""
    info = read_process(pid)
    return info.start_ticks if info else 0


def is_same_process(pid: int, ticks: int) -> bool:
    """Tell whether the process that started at `ticks` still lives under `pid`."""
    info = read_process(pid)
    return info is not None and info.start_ticks == ticks and not info.is_zombie


def working_directory(pid: int) -> Path | None:
    """Return the directory a process works in, None when it is gone or not ours to ask."""
    try:
        return (PROC / str(pid) / "cwd").readlink()
    except OSError:
        return None


def has_environment_entry(pid: int, entry: str) -> bool:
    """Tell whether a process was started with exactly `NAME=value` in its environment."""
    try:
        data = (PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return False
    return os.fsencode(entry) in data.split(b"\0")


def boot_id() -> str:
    """Return the id of this boot; recorded pids mean nothing after the next one."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def memory_of_tree(pid: int) -> int:
    """Return the bytes held by a process and all its descendants, shared pages split fairly."""
    parents = {info.pid: info.parent for info in list_processes()}
    family = {pid}
    grown = True
    while grown:
        found = {child for child, parent in parents.items() if parent in family} - family
        family |= found
        grown = bool(found)
    return sum(_memory(member) for member in family)


def _memory(pid: int) -> int:
    for name, key in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        try:
            lines = (PROC / str(pid) / name).read_text(errors="replace").splitlines()
        except OSError:
            continue
        for line in lines:
            if line.startswith(key):
                return int(line.split()[1]) * 1024
    return 0
