"""Frozen dataclasses as rows of the state file: a field per column, amounts as text."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import fields
from decimal import Decimal
from typing import Any, Generic, TypeVar

from exchange.demo.amounts import text
from exchange.demo.state import State

Row = TypeVar("Row")


class Table(Generic[Row]):
    """One table whose columns are the fields of a dataclass. `key` is its primary key."""

    def __init__(self, state: State, name: str, kind: type[Row], key: str) -> None:
        described = fields(kind)  # type: ignore[arg-type]  # every Row is a dataclass
        self._state, self._kind, self._key = state, kind, key
        self._columns = [one.name for one in described]
        self._amounts = {one.name for one in described if one.type in ("Decimal", Decimal)}
        self._flags = {one.name for one in described if one.type in ("bool", bool)}
        places = ", ".join("?" * len(self._columns))
        columns = ", ".join(self._columns)
        self._save = f"INSERT OR REPLACE INTO {name} ({columns}) VALUES ({places})"  # noqa: S608
        self._select = f"SELECT {columns} FROM {name} WHERE "  # noqa: S608 - our own names

    def save(self, rows: Iterable[Row]) -> None:
        """Store new rows and replace known ones."""
        self._state.execute_many(self._save, [self._values(row) for row in rows])

    def find(self, where: str, *values: Any, limit: int = -1, newest: bool = False) -> list[Row]:
        """Return rows by key, oldest first: the first ones, or the newest, of at most `limit`."""
        order = "DESC" if newest else "ASC"
        sql = f"{self._select}{where} ORDER BY {self._key} {order} LIMIT ?"
        found = [self._row(row) for row in self._state.rows(sql, *values, limit)]
        return found[::-1] if newest else found

    def _values(self, row: Row) -> list[Any]:
        return [
            text(getattr(row, name)) if name in self._amounts else getattr(row, name)
            for name in self._columns
        ]

    def _row(self, row: sqlite3.Row) -> Row:
        return self._kind(**{name: self._value(name, row[name]) for name in self._columns})

    def _value(self, name: str, value: Any) -> Any:
        if name in self._amounts:
            return Decimal(value)
        return bool(value) if name in self._flags else value
