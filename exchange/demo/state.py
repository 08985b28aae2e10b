"""The one file that survives: sqlite in WAL mode, synced to disk at every commit.

Amounts are text with eight decimals, times are market time in ms. The file holds no key and no
secret: an account is recognised by the SHA-256 of its key.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from exchange.demo.errors import DemoExchangeError
from exchange.demo.schema import SCHEMA_VERSION, STEPS

_LOCK_SECONDS: Final = 0.5
FILE_NAME: Final = "demo-exchange.sqlite3"


class StateError(DemoExchangeError):
    """The state file cannot be used; the text names it and says why."""


class State:
    """A connection to the state file, or to memory when there is no directory.

    One process at a time: a second one on the same file gets a StateError. A file of an older
    version is brought up to date first.
    """

    def __init__(self, directory: Path | None) -> None:
        self._path = directory / FILE_NAME if directory else None
        try:
            if directory:
                directory.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                self._path or ":memory:", isolation_level=None, timeout=_LOCK_SECONDS
            )
        except (OSError, sqlite3.Error) as e:
            raise StateError(f"{self._path}: the state cannot be used: {e}") from e
        try:
            self._connection.row_factory = sqlite3.Row
            self._open()
        except sqlite3.Error as e:
            self.close()
            raise StateError(f"{self._path}: the state cannot be used: {e}") from e
        except StateError:
            self.close()
            raise

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything inside together, on disk, or nothing of it."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Run one statement; outside `transaction` it commits by itself."""
        return self._connection.execute(sql, values)

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run one statement for every row of values."""
        if rows:
            self._connection.executemany(sql, rows)

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """Return all rows of a query."""
        return self._connection.execute(sql, values).fetchall()

    def meta(self, name: str) -> str | None:
        """Return a named value that was stored, if any."""
        rows = self.rows("SELECT value FROM meta WHERE name = ?", name)
        return str(rows[0]["value"]) if rows else None

    def set_meta(self, name: str, value: str) -> None:
        """Store a named value."""
        self.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", name, value)

    def _open(self) -> None:
        # Exclusive: the lock is the operating system's, so it goes with a killed process.
        self.execute("PRAGMA locking_mode = EXCLUSIVE")
        self.execute("PRAGMA journal_mode = WAL")
        self.execute("PRAGMA synchronous = FULL")
        with self.transaction():
            self._upgrade(int(self.rows("PRAGMA user_version")[0][0]))

    def _upgrade(self, version: int) -> None:
        is_foreign = not version and self.rows("SELECT 1 FROM sqlite_schema")
        if version > SCHEMA_VERSION or is_foreign:
            raise StateError(
                f"{self._path}: written by another version of the demo exchange"
                f" (schema {version}, not {SCHEMA_VERSION}); move it away to start afresh"
            )
        for step in STEPS[version:]:
            for statement in step.split(";"):
                self.execute(statement)
        if version != SCHEMA_VERSION:
            self.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
