"""The virtual environment: where it is, whether it is whole, and how it is made."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tradebot_site.embedded.errors import FrontDoorError

DEFAULT_FOLDER = ".venv"
MARKER = ".made-by-tradebotctl"
LOCK = ".install.lock"
UNFINISHED = ".unfinished"
# Would lead an interpreter away from the environment it belongs to.
MISLEADING = ("PYTHONHOME", "PYTHONPATH", "PYTHONSAFEPATH", "__PYVENV_LAUNCHER__")


@dataclass(frozen=True, slots=True, kw_only=True)
class Virtualenv:
    """A virtual environment; `is_default` when it has its usual place in the checkout."""

    path: Path
    is_default: bool

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.path / "bin" / "python"

    def program(self, name: str) -> Path:
        """Return the path of a program that a package has installed in it."""
        return self.path / "bin" / name

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return `base` with this environment activated."""
        env = {name: value for name, value in base.items() if name not in MISLEADING}
        env["VIRTUAL_ENV"] = str(self.path)
        env["PATH"] = f"{self.path / 'bin'}{os.pathsep}{base.get('PATH', os.defpath)}"
        return env


def locate(checkout: Path) -> Virtualenv:
    """Return the environment of a checkout, or the one that TRADEBOT_VENV names."""
    override = os.environ.get("TRADEBOT_VENV")
    if override:
        return Virtualenv(path=Path(override).absolute(), is_default=False)
    return Virtualenv(path=checkout / DEFAULT_FOLDER, is_default=True)


def minor_version() -> str:
    """Return this interpreter's version as `3.11`."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def is_usable(venv: Virtualenv) -> bool:
    """Tell whether its interpreter runs, is of this minor version, and has pip."""
    probe = "import sys, pip; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run(
            [venv.python, "-c", probe],
            env=venv.environment(os.environ),
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return False
    return done.stdout.strip() == minor_version()


def is_ours(venv: Virtualenv) -> bool:
    """Tell whether tradebotctl may empty this folder: the usual one, or one that it has made."""
    return venv.is_default or (venv.path / MARKER).exists()


@contextmanager
def unfinished(venv: Virtualenv) -> Iterator[None]:
    """Mark the environment as unfinished for as long as the body has not ended well.

    A package that was being unpacked when the power went looks installed to every installer.
    """
    (venv.path / UNFINISHED).touch()
    yield
    (venv.path / UNFINISHED).unlink()


def was_interrupted(venv: Virtualenv) -> bool:
    """Tell whether an earlier installation did not come to its end."""
    return (venv.path / UNFINISHED).exists()


def clear_for_rebuild(venv: Virtualenv) -> None:
    """Empty the folder, except for the lock that the caller holds in it.

    Raises FrontDoorError for a folder that somebody else has made and that TRADEBOT_VENV
    names by mistake.
    """
    contents = [path for path in venv.path.iterdir() if path.name != LOCK]
    if contents and not is_ours(venv):
        raise FrontDoorError(
            f"TRADEBOT_VENV names {venv.path}, which is not a virtual environment of Python "
            f"{minor_version()} and was not made by tradebotctl. Name another or an empty folder."
        )
    for path in contents:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    (venv.path / MARKER).touch()


def is_installed(venv: Virtualenv, requirements: Path) -> bool:
    """Tell whether exactly these requirements were installed here to the end."""
    try:
        return _stamp(venv, requirements).read_text() == _expected(venv, requirements)
    except (FileNotFoundError, NotADirectoryError):
        return False


def mark_installed(venv: Virtualenv, requirements: Path) -> None:
    """Record that these requirements were installed to the end."""
    _stamp(venv, requirements).write_text(_expected(venv, requirements))


def _stamp(venv: Virtualenv, requirements: Path) -> Path:
    return venv.path / f".{requirements.stem}.installed"


def _expected(venv: Virtualenv, requirements: Path) -> str:
    # The path is part of it: programs in an environment that was moved point to the old place.
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    return f"{digest} {minor_version()} {venv.path}\n"
