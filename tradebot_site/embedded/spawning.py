"""Start processes that do not outlive this one."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
# Loaded here: a fork must not import or look up anything.
_LIBC = ctypes.CDLL(None, use_errno=True)


def spawn_service(
    argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, death_signal: signal.Signals
) -> subprocess.Popen[bytes]:
    """Start a process in a session and group of its own; its output comes through one pipe.

    The kernel sends it `death_signal` when the thread that called this ends, a `kill -9`
    included, so call it from the main thread. Files it makes are private to their owner.
    """
    return subprocess.Popen(
        argv,
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        umask=0o077,
        preexec_fn=die_with(os.getpid(), death_signal),  # noqa: PLW1509 (one thread)
    )


def spawn_foreground(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
) -> subprocess.Popen[bytes]:
    """Start a process on the caller's terminal, in the caller's group: Ctrl-C reaches it too."""
    return subprocess.Popen(
        argv,
        env=dict(env),
        cwd=cwd,
        preexec_fn=die_with(os.getpid(), signal.SIGKILL),  # noqa: PLW1509 (one thread)
    )


def die_with(parent: int, death_signal: signal.Signals) -> Callable[[], None]:
    """Return what a fork of `parent` must call to be sent `death_signal` when it ends."""

    def arm() -> None:
        _LIBC.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the request could count
            os._exit(1)

    return arm
