"""The one file that survives: sqlite in WAL mode, synced to disk at every commit.

Amounts are text with eight decimals, times are market time in ms. The file holds no key and no
secret: an account is recognised by the SHA-256 of its key.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from exchange.demo.errors import DemoExchangeError

SCHEMA_VERSION: Final = 1
_LOCK_SECONDS: Final = 0.5
FILE_NAME: Final = "demo-exchange.sqlite3"
_SCHEMA: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE accounts (
    uid INTEGER PRIMARY KEY, key_digest TEXT NOT NULL UNIQUE, created_ms INTEGER NOT NULL);
CREATE TABLE deposits (
    uid INTEGER NOT NULL, wallet TEXT NOT NULL, asset TEXT NOT NULL, amount TEXT NOT NULL,
    at_ms INTEGER NOT NULL);
CREATE TABLE balances (
    uid INTEGER NOT NULL, wallet TEXT NOT NULL, asset TEXT NOT NULL, free TEXT NOT NULL,
    locked TEXT NOT NULL, PRIMARY KEY (uid, wallet, asset)) WITHOUT ROWID;
CREATE TABLE orders (
    order_id INTEGER PRIMARY KEY AUTOINCREMENT, uid INTEGER NOT NULL, symbol TEXT NOT NULL,
    client_order_id TEXT NOT NULL, side TEXT NOT NULL, type TEXT NOT NULL, status TEXT NOT NULL,
    quantity TEXT NOT NULL, quote_order_quantity TEXT NOT NULL, executed TEXT NOT NULL,
    executed_quote TEXT NOT NULL, prevention_mode TEXT NOT NULL, at_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL);
CREATE INDEX orders_by_client_id ON orders (uid, symbol, client_order_id);
CREATE INDEX orders_by_status ON orders (uid, status);
CREATE TABLE fills (
    trade_id INTEGER PRIMARY KEY AUTOINCREMENT, order_id INTEGER NOT NULL, uid INTEGER NOT NULL,
    symbol TEXT NOT NULL, price TEXT NOT NULL, quantity TEXT NOT NULL, quote_quantity TEXT NOT NULL,
    commission TEXT NOT NULL, commission_asset TEXT NOT NULL, at_ms INTEGER NOT NULL,
    is_buyer INTEGER NOT NULL);
CREATE INDEX fills_by_order ON fills (order_id);
CREATE INDEX fills_by_account ON fills (uid, symbol);
CREATE TABLE steering (
    symbol TEXT NOT NULL, from_ms INTEGER NOT NULL, until_ms INTEGER, price INTEGER NOT NULL);
"""


class StateError(DemoExchangeError):
    """The state file cannot be used; the text names it and says why."""


class State:
    """A connection to the state file, or to memory when there is no directory.

    One process at a time: a second one on the same file gets a StateError.
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
        version = int(self.rows("PRAGMA user_version")[0][0])
        if version == SCHEMA_VERSION:
            with self.transaction():
                return
        if version or self.rows("SELECT 1 FROM sqlite_schema"):
            raise StateError(
                f"{self._path}: written by another version of the demo exchange"
                f" (schema {version}, not {SCHEMA_VERSION}); move it away to start afresh"
            )
        with self.transaction():
            for statement in _SCHEMA.split(";"):
                self.execute(statement)
            self.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
