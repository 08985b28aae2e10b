"""Where things are: the checkout and the data directory."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from tradebot_site.embedded.errors import FrontDoorError

DATA_VERSION = 1
DEFAULT_DATA_DIR = ".tradebot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The paths of one installation; `data` belongs to its owner alone (0700)."""

    checkout: Path
    data: Path

    @property
    def version_file(self) -> Path:
        """Which layout the data directory has."""
        return self.data / "version.json"

    @property
    def secrets_file(self) -> Path:
        """Generated keys and passwords."""
        return self.data / "secrets.json"

    @property
    def lock_file(self) -> Path:
        """Held by the one running `up`."""
        return self.data / "up.lock"

    @property
    def run_file(self) -> Path:
        """Address, ports and children of the running `up`, or of the last one."""
        return self.data / "run.json"

    @property
    def postgres(self) -> Path:
        """The database cluster."""
        return self.data / "postgres"

    @property
    def valkey(self) -> Path:
        """Valkey's append-only files and configuration."""
        return self.data / "valkey"

    @property
    def demo_exchange(self) -> Path:
        """The demo venue's balances and orders."""
        return self.data / "demo-exchange"

    @property
    def static(self) -> Path:
        """Collected files for the browser."""
        return self.data / "static"

    @property
    def logs(self) -> Path:
        """One file per process."""
        return self.data / "logs"

    def log(self, name: str) -> Path:
        """Return the log file of the child called `name`."""
        return self.logs / f"{name}.log"


def locate(checkout: Path, data_dir: str | None) -> Layout:
    """Return the layout for a data directory as given by the caller, relative to where they are."""
    data = Path(data_dir).expanduser() if data_dir else checkout / DEFAULT_DATA_DIR
    return Layout(checkout=checkout, data=Path(os.path.abspath(data)))  # noqa: PTH100 (keeps links)


def prepare(layout: Layout) -> None:
    """Make the data directory ready for use, or check that an existing one is ours to use.

    Raises FrontDoorError when it cannot be written or was made by a newer version.
    """
    try:
        layout.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        check_version(layout)
        layout.data.chmod(0o700)
        for path in (layout.valkey, layout.demo_exchange, layout.static, layout.logs):
            path.mkdir(mode=0o700, exist_ok=True)
            _require_writable(path)
        _require_writable(layout.data)
        if not layout.version_file.exists():
            write_private(layout.version_file, json.dumps({"data_version": DATA_VERSION}) + "\n")
    except OSError as e:
        raise unusable(layout, e) from e


def check_version(layout: Layout) -> None:
    """Refuse a data directory that a newer TradeBot has written."""
    try:
        text = layout.version_file.read_text()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as e:
        raise unusable(layout, e) from e
    try:
        found = int(json.loads(text)["data_version"])
    except (ValueError, KeyError, TypeError) as e:
        raise FrontDoorError(
            f"{layout.version_file} does not say which version wrote it: {e}"
        ) from e
    if found > DATA_VERSION:
        raise FrontDoorError(
            f"The data directory {layout.data} was written by a newer TradeBot (data version "
            f"{found}, this one knows {DATA_VERSION}). Nothing was touched. Update this "
            "checkout, or give another --data-dir."
        )


def unusable(layout: Layout, error: OSError) -> FrontDoorError:
    """Turn a refusal by the file system into words that name the path."""
    path = error.filename or layout.data
    return FrontDoorError(
        f"Cannot use the data directory {layout.data}: {error.strerror} ({path}). "
        "Give a directory that you can write to with --data-dir."
    )


def write_private(path: Path, text: str) -> None:
    """Replace a file at one stroke; only its owner may read it, from the first byte on."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove_tree(path: Path) -> None:
    """Delete a directory that may not exist."""
    if path.is_symlink() or path.exists():
        shutil.rmtree(path)


def _require_writable(path: Path) -> None:
    probe = path / f".writable.{os.getpid()}"
    probe.touch(mode=0o600)
    probe.unlink()
