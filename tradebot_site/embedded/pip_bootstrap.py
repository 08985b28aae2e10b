"""Make sure that this Python can build a virtual environment (Debian ships one that cannot)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from tradebot_site.embedded.console import Console
from tradebot_site.embedded.errors import FrontDoorError

DISTRIBUTION_PREFIX = "/usr"
LAST_LINES = 10


def require_ensurepip(
    console: Console, *, base_prefix: str = sys.base_prefix, is_root: bool | None = None
) -> None:
    """Return when `venv` and `ensurepip` are there, installing Debian's package when root.

    Raises FrontDoorError with the exact command to type when they have to be installed by
    somebody else.
    """
    if has_ensurepip():
        return
    root = os.geteuid() == 0 if is_root is None else is_root
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if base_prefix != DISTRIBUTION_PREFIX:
        raise FrontDoorError(
            f"{sys.executable} was built without ensurepip, so it cannot make a virtual "
            "environment. Start tradebotctl with another Python 3.11 or newer: "
            "python3.12 tradebotctl up"
        )
    if shutil.which("apt-get") is None:
        raise FrontDoorError(
            f"{sys.executable} lacks ensurepip. Install the package of your distribution that "
            f"brings it (on Debian and Ubuntu: {package}) and run this again."
        )
    if not root:
        raise FrontDoorError(
            f"{sys.executable} lacks ensurepip. Type this, then run tradebotctl again:\n"
            f"  sudo apt-get install -y {package}"
        )
    _apt_install(package, console)


def has_ensurepip() -> bool:
    """Ask a fresh interpreter, so that a package installed a moment ago is seen."""
    command = [sys.executable, "-c", "import ensurepip, venv"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _apt_install(package: str, console: Console) -> None:
    command = ["apt-get", "install", "-y", package]
    console.say(f"Python lacks ensurepip; installing Debian's {package}: {' '.join(command)}")
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with console.step(f"apt-get install {package}"):
        # A fresh container has no package lists; when this fails, the next line says why.
        subprocess.run(["apt-get", "update"], env=env, capture_output=True, check=False)
        done = subprocess.run(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    if done.returncode != 0 or not has_ensurepip():
        last = "\n".join(f"  | {line}" for line in done.stdout.splitlines()[-LAST_LINES:])
        raise FrontDoorError(
            f"`{' '.join(command)}` did not help. Type it by hand, then run this again.\n{last}"
        )
