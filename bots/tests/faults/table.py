"""The table of scenarios and results that a run of this package prints at its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

PROPERTY: Final = "fault scenario"  # of a test's report
_HEADINGS: Final = {
    "name": "scenario",
    "market": "market",
    "did": "the venue had",
    "ticks": "ticks",
    "verdict": "verdict",
}


class _Cell:
    """One column of a row."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, row: Row, owner: type | None = None) -> Any:
        return row.cells[self._name]

    def __set__(self, row: Row, value: Any) -> None:
        # Words that are an enum are no plain values to the process that prints the table.
        row.cells[self._name] = str(value) if isinstance(value, str) else value


class Row:
    """One scenario; `ticks` until it was whole again, None while that has not been measured.

    `cells` is plain, so that processes that run tests in parallel can hand it over.
    """

    name = _Cell()
    market = _Cell()
    did = _Cell()
    ticks = _Cell()

    def __init__(self, name: str) -> None:
        self.cells: dict[str, Any] = {"name": name, "market": "both", "did": "", "ticks": None}


def lines_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the lines of the table, its columns as wide as they need to be."""
    lines = [tuple(_HEADINGS.values()), *sorted(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    ruled = [lines[0], tuple("-" * width for width in widths), *lines[1:]]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in ruled
    ]


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple("" if row[name] is None else str(row[name]) for name in _HEADINGS)
