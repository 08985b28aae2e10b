"""Append to a log file that never grows without bound."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

MAX_BYTES = 5_000_000
KEPT_FILES = 2


class RotatingLog:
    """Append bytes to `path`; a full file becomes `path.1`, the one before it `path.2`.

    At most (KEPT_FILES + 1) x max_bytes stay on disk. Files are readable by the owner alone.
    """

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._lost_bytes = 0
        self._file = self._open()

    def write(self, data: bytes) -> None:
        """Append `data`, turning over to a new file first when this one is full.

        A full disk must not stop the product: what could not be written is counted, and the
        log says so as soon as there is room again.
        """
        try:
            if self._file.tell() and self._file.tell() + len(data) > self._max_bytes:
                self._turn_over()
            if self._lost_bytes:
                self._file.write(f"[{self._lost_bytes} bytes lost: disk full]\n".encode())
                self._lost_bytes = 0
            self._file.write(data)
        except OSError:
            self._lost_bytes += len(data)

    def close(self) -> None:
        """Close the file; later writes are errors."""
        self._file.close()

    def _open(self) -> BinaryIO:
        self.path.touch(mode=0o600)
        return self.path.open("ab", buffering=0)

    def _turn_over(self) -> None:
        self._file.close()
        for number in range(KEPT_FILES, 0, -1):
            older = self.path if number == 1 else numbered(self.path, number - 1)
            if older.exists():
                older.replace(numbered(self.path, number))
        self._file = self._open()


def numbered(path: Path, number: int) -> Path:
    """Return the name of an older file of the log at `path`."""
    return path.with_name(f"{path.name}.{number}")
