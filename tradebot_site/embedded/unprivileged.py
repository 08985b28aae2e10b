"""Run PostgreSQL, which refuses to be root, when the caller is root.

A user namespace is tried first: inside it root appears as `nobody`, outside nothing changes,
so files stay root's and no user is made. Where containers forbid namespaces, the process
becomes `nobody` for real and keeps one capability (DAC_OVERRIDE), with which it still reaches
its files and binaries below directories that belong to root alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tradebot_site.embedded.errors import FrontDoorError

NOBODY = 65534
NAMESPACE = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}")
SETUID = (
    "setpriv",
    f"--reuid={NOBODY}",
    f"--regid={NOBODY}",
    "--clear-groups",
    "--inh-caps=-all,+dac_override",
    "--ambient-caps=-all,+dac_override",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unprivileged:
    """How to start a process that must not be root.

    prefix   goes before its command line
    owner    the user id that its data directory must belong to, outside of any namespace
    """

    prefix: tuple[str, ...]
    owner: int


def find_way(ways: Sequence[tuple[str, ...]] = (NAMESPACE, SETUID)) -> Unprivileged:
    """Return the first of `ways` that works here; none is needed for a normal user.

    Raises FrontDoorError when this is root and nothing works.
    """
    if os.geteuid() != 0:
        return Unprivileged(prefix=(), owner=os.geteuid())
    for way in ways:
        if _works(way):
            return Unprivileged(prefix=way, owner=0 if way[0] == NAMESPACE[0] else NOBODY)
    raise FrontDoorError(
        "PostgreSQL does not run as root, and this machine lets root become nobody neither by "
        "`unshare --user` nor by `setpriv --reuid`. Run tradebotctl as a normal user, or name "
        "a server of your own with DATABASE_URL."
    )


def give_to(owner: int, folder: Path) -> None:
    """Make `owner` the owner of a folder and all in it; a no-op when it already is."""
    if folder.stat().st_uid == owner:
        return
    for path in (*folder.rglob("*"), folder):
        os.chown(path, owner, owner, follow_symlinks=False)


def _works(way: tuple[str, ...]) -> bool:
    if shutil.which(way[0]) is None:
        return False
    outcome = subprocess.run([*way, "true"], capture_output=True, check=False)
    return outcome.returncode == 0
