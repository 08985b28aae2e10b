"""What was recorded of a perpetual every eight hours: its funding rate, and its mark price.

The files are `SYMBOL-8h-usdm-funding*.csv.gz` and `SYMBOL-8h-usdm-mark*.csv.gz`, with the columns
`FUNDING_COLUMNS` and `MARK_COLUMNS`. Rows stand at 00:00, 08:00 and 16:00 UTC and rise; some may be
missing. A mark row's open is the mark price of its stamp. Everything wrong raises RecordingError
with file and line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from exchange.demo.amounts import DECIMALS, UNIT, to_units
from exchange.demo.market.funding import FUNDING_INTERVAL_MS
from exchange.demo.market.recording import (
    FUNDING,
    MARK,
    PERPETUAL,
    FileVersion,
    RecordingError,
    files_of,
    read_lines,
)

FUNDING_COLUMNS: Final = ("open_time", "funding_rate")
MARK_COLUMNS: Final = ("open_time", "open", "high", "low", "close")
_INTERVAL: Final = "8h"
_TIME: Final = re.compile(r"[0-9]{12,14}")
_RATE: Final = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,20})?(e-[0-9]{1,2})?")
_PRICE: Final = re.compile(r"[0-9]{1,10}(\.[0-9]+)?")


class RecordedMark(NamedTuple):
    """A mark price in units of 1e-8, and the file and line that it stands in."""

    price: int
    place: str


_Files = tuple[FileVersion, ...]


def load_funding(directory: Path) -> dict[str, Mapping[int, Decimal]]:
    """Return the recorded funding rates of a directory by symbol and stamp."""
    return {symbol: _load_rates(files) for symbol, files in _stamped(directory, FUNDING).items()}


def load_marks(directory: Path) -> dict[str, Mapping[int, RecordedMark]]:
    """Return the recorded mark prices of a directory by symbol and stamp."""
    return {symbol: _load_marks(files) for symbol, files in _stamped(directory, MARK).items()}


def _stamped(directory: Path, kind: str) -> dict[str, _Files]:
    found = files_of(directory, interval=_INTERVAL, kind=kind)
    return {symbol: markets[PERPETUAL] for symbol, markets in found.items() if PERPETUAL in markets}


@lru_cache(maxsize=8)
def _load_rates(files: _Files) -> Mapping[int, Decimal]:
    rows: dict[int, Decimal] = {}

    def add(fields: list[str], _place: str) -> None:
        rows[_stamp(fields[0], rows)] = _rate(fields[1])

    _read(files, FUNDING_COLUMNS, add)
    return rows


@lru_cache(maxsize=8)
def _load_marks(files: _Files) -> Mapping[int, RecordedMark]:
    rows: dict[int, RecordedMark] = {}

    def add(fields: list[str], place: str) -> None:
        rows[_stamp(fields[0], rows)] = RecordedMark(_opened(fields), place)

    _read(files, MARK_COLUMNS, add)
    return rows


def _read(files: _Files, columns: tuple[str, ...], add: Callable[[list[str], str], None]) -> None:
    for path in (file.path for file in files):
        lines = read_lines(path, columns)
        if not lines:
            raise RecordingError(f"{path}: no rows in it")
        for number, line in enumerate(lines, start=2):
            place = f"{path}, line {number}"
            fields = line.split(",")
            if len(fields) != len(columns):
                text = f"{len(columns)} columns expected, {len(fields)} found"
                raise RecordingError(f"{place}: {text}")
            try:
                add(fields, place)
            except ValueError as e:
                raise RecordingError(f"{place}: {e}") from e


def _stamp(value: str, earlier: Mapping[int, Any]) -> int:
    if _TIME.fullmatch(value) is None:
        raise ValueError(f"open_time is no time in milliseconds: {value!r}")
    stamp_ms = int(value)
    if stamp_ms % FUNDING_INTERVAL_MS:
        raise ValueError(f"open_time {value} is none of 00:00, 08:00 and 16:00 UTC")
    if earlier and stamp_ms <= next(reversed(earlier)):
        raise ValueError(f"open_time {value} does not come after the line before")
    return stamp_ms


def _rate(value: str) -> Decimal:
    if _RATE.fullmatch(value) is None:
        raise ValueError(f"funding_rate is no number: {value!r}")
    rate = Decimal(value)
    if not -1 < rate < 1:
        raise ValueError(f"funding_rate must lie between -1 and 1: {value!r}")
    if rate % UNIT:
        raise ValueError(f"funding_rate has more than {DECIMALS} decimals: {value!r}")
    return rate


def _opened(fields: list[str]) -> int:
    prices = [_price(*one) for one in zip(MARK_COLUMNS[1:], fields[1:], strict=True)]
    opened, high, low, closed = prices
    if not 0 < low <= min(opened, closed) <= max(opened, closed) <= high:
        raise ValueError(
            "prices must be positive, low the lowest and high the highest,"
            f" but open, high, low, close are {', '.join(fields[1:])}"
        )
    return opened


def _price(name: str, value: str) -> int:
    if _PRICE.fullmatch(value) is None:
        raise ValueError(f"{name} is no plain positive number: {value!r}")
    try:
        return to_units(Decimal(value))
    except ValueError as e:
        raise ValueError(f"{name}: {e}") from e
