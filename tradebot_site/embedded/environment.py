"""Make the virtual environment and install the pinned packages, once.

uv installs (seconds); where there is no uv for the machine, or it cannot reach an index that
only pip's configuration knows, pip does (a minute).
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tradebot_site.embedded.console import Console
from tradebot_site.embedded.errors import FrontDoorError
from tradebot_site.embedded.pip_bootstrap import require_ensurepip
from tradebot_site.embedded.spawning import die_with
from tradebot_site.embedded.virtualenv import (
    LOCK,
    Virtualenv,
    clear_for_rebuild,
    is_installed,
    is_ours,
    is_usable,
    locate,
    mark_installed,
    unfinished,
    was_interrupted,
)

UV_VERSION = "0.13.9"
LAST_LINES = 12
OFFLINE_SIGNS = (
    "connection",
    "name resolution",
    "dns error",
    "timed out",
    "unreachable",
    "failed to fetch",
)


def ensure_environment(
    checkout: Path, *, console: Console, development: bool = False
) -> Virtualenv:
    """Return a virtual environment with the pinned packages, making what is missing.

    development   also what the checks need
    Raises FrontDoorError when it cannot be made; the next call goes on from there.
    """
    venv = locate(checkout)
    wanted = [checkout / "requirements.txt"]
    if development:
        wanted.append(checkout / "requirements-dev.txt")
    if all(is_installed(venv, path) for path in wanted) and is_usable(venv):
        return venv
    try:
        with _install_lock(venv, console):
            _make(venv, wanted, console)
    except OSError as e:
        raise FrontDoorError(
            f"Cannot use the virtual environment {venv.path}: {e.strerror} ({e.filename}). "
            "Name a folder that you can write to with the environment variable TRADEBOT_VENV."
        ) from e
    return venv


def _make(venv: Virtualenv, wanted: Sequence[Path], console: Console) -> None:
    if not is_usable(venv) or (is_ours(venv) and was_interrupted(venv)):
        require_ensurepip(console)
        with console.step("Virtual environment"):
            clear_for_rebuild(venv)
            with unfinished(venv):
                _run_or_fail(venv, [sys.executable, "-m", "venv", str(venv.path)])
    for requirements in wanted:
        if not is_installed(venv, requirements):
            with unfinished(venv):
                _install(venv, requirements, console)
            mark_installed(venv, requirements)


def _install(venv: Virtualenv, requirements: Path, console: Console) -> None:
    if not venv.program("uv").exists():
        with console.step("Installer (uv)"):
            _install_uv(venv)
    if venv.program("uv").exists():
        with console.step(f"Packages of {requirements.name} (uv)"):
            command = [str(venv.program("uv")), "pip", "install", "--quiet"]
            command += ["--python", str(venv.python), "--require-hashes", "-r", str(requirements)]
            if _succeeds(venv, command):
                return
    with console.step(f"Packages of {requirements.name} (pip)"):
        _run_or_fail(venv, [*_pip(venv), "--require-hashes", "-r", str(requirements)])


def _succeeds(venv: Virtualenv, command: Sequence[str]) -> bool:
    try:
        return _run(venv, command).returncode == 0
    except OSError:  # a binary that this machine cannot execute
        return False


def _install_uv(venv: Virtualenv) -> None:
    command = [*_pip(venv), "--only-binary=:all:", f"uv=={UV_VERSION}"]
    done = _run(venv, command)
    if done.returncode != 0 and _looks_offline(done.stdout):
        raise _failure(command, done.stdout)


def _pip(venv: Virtualenv) -> list[str]:
    return [str(venv.python), "-m", "pip", "install", "--quiet", "--retries=2", "--no-input"]


def _run(venv: Virtualenv, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=_installer_environment(venv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        preexec_fn=die_with(os.getpid(), signal.SIGKILL),
    )


def _run_or_fail(venv: Virtualenv, command: Sequence[str]) -> None:
    done = _run(venv, command)
    if done.returncode != 0:
        raise _failure(command, done.stdout)


def _installer_environment(venv: Virtualenv) -> dict[str, str]:
    env = venv.environment(os.environ)
    env |= {"UV_PYTHON_DOWNLOADS": "never", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_USER": "0"}
    if "PIP_INDEX_URL" in env and not {"UV_INDEX_URL", "UV_DEFAULT_INDEX"} & env.keys():
        env["UV_DEFAULT_INDEX"] = env["PIP_INDEX_URL"]
    return env


def _looks_offline(output: str) -> bool:
    text = output.lower()
    return any(sign in text for sign in OFFLINE_SIGNS)


def _failure(command: Sequence[str], output: str) -> FrontDoorError:
    what = " ".join(Path(part).name if "/" in part else part for part in command)
    last = "\n".join(f"  | {line}" for line in output.splitlines()[-LAST_LINES:])
    reason = (
        "The package index cannot be reached; is this machine connected?"
        if _looks_offline(output)
        else "A step of the installation failed."
    )
    return FrontDoorError(
        f"{reason} What failed: {what}\n{last}\n"
        "Nothing was lost. Run the same command again: it goes on where it stopped."
    )


@contextmanager
def _install_lock(venv: Virtualenv, console: Console) -> Iterator[None]:
    venv.path.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(venv.path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with console.step("Waiting for another installation to finish"):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
