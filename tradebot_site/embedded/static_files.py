"""Tell whether the collected static files are still those of this checkout."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tradebot_site.embedded.layout import Layout, write_private

# Packages bring static files too, and the settings say how they are stored.
ALSO_DECIDING = ("requirements.txt", "tradebot_site/settings.py")


def is_collected(layout: Layout) -> bool:
    """Tell whether collectstatic would change nothing."""
    try:
        return _stamp(layout).read_text() == _fingerprint(layout.checkout)
    except FileNotFoundError:
        return False


def mark_collected(layout: Layout) -> None:
    """Record what collectstatic has just collected."""
    write_private(_stamp(layout), _fingerprint(layout.checkout))


def _stamp(layout: Layout) -> Path:
    return layout.data / "static.stamp"


def _fingerprint(checkout: Path) -> str:
    digest = hashlib.sha256()
    files = [checkout / name for name in ALSO_DECIDING]
    for folder in (checkout / "static", *checkout.glob("*/static")):
        files += sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        if path.is_file():
            status = path.stat()
            digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
