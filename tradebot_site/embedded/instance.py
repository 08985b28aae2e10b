"""One `up` per data directory: a lock that the kernel drops with its holder."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tradebot_site.embedded.errors import FrontDoorError

# A `status` that looks at the lock holds it for an instant; do not take it for a running `up`.
LOOKS = 5
PAUSE_SECONDS = 0.1


class AlreadyRunningError(FrontDoorError):
    """Another process holds the lock of this data directory."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"TradeBot is already running (pid {pid}).")
        self.pid = pid


@contextmanager
def instance_lock(path: Path) -> Iterator[None]:
    """Hold the lock at `path`, with this process's pid written in it.

    Raises AlreadyRunningError when another process holds it. A holder that was killed has
    lost it at once; a file left behind means nothing.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(descriptor, path)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Tell whether some process holds the lock at `path`."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def holder(path: Path) -> int:
    """Return the pid that the present or last holder wrote, 0 when it is not readable."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0


def holds(pid: int, path: Path) -> bool:
    """Tell whether the process `pid` has the file at `path` open, so that it is no stranger.

    Raises PermissionError when the process belongs to another user.
    """
    lock = path.stat()
    try:
        links = list(Path(f"/proc/{pid}/fd").iterdir())
    except FileNotFoundError:
        return False
    for link in links:
        try:
            found = link.stat()
        except FileNotFoundError:
            continue
        if (found.st_dev, found.st_ino) == (lock.st_dev, lock.st_ino):
            return True
    return False


def _take(descriptor: int, path: Path) -> None:
    for look in range(LOOKS):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if look + 1 < LOOKS:
                time.sleep(PAUSE_SECONDS)
        else:
            return
    raise AlreadyRunningError(holder(path))
