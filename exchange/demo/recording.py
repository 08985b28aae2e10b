"""Recorded klines: file names, strict validation, and a compact form in memory.

A file is `SYMBOL-INTERVAL-MARKET*.csv.gz` with the columns `COLUMNS`; market is `spot` or `usdm`.
The exchange plays 1m files. Files of other intervals and the `-funding` and `-mark` files of a
perpetual are left alone. Several 1m files of one symbol and market are joined in the order of
their names. Prices and volumes are kept as whole units of 1e-8.
"""

from __future__ import annotations

import gzip
import re
import zlib
from array import array
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from exchange.demo.amounts import DECIMALS, UNITS_PER_ONE, to_units
from exchange.demo.errors import DemoExchangeError
from exchange.demo.times import MINUTE_MS

BUNDLED_DIRECTORY: Final = Path(__file__).parent / "data"
COLUMNS: Final = ("open_time", "open", "high", "low", "close", "volume")
LONGEST_GAP_MINUTES: Final = 7 * 24 * 60
_QUOTE_PER_TRADE: Final = 1000 * UNITS_PER_ONE
_NAME: Final = re.compile(
    r"(?P<symbol>[A-Z0-9]+)-(?P<interval>[0-9]+[mhdwM])-(?P<market>spot|usdm)(?P<rest>.*)\.csv\.gz"
)
_ROW: Final = re.compile(r"[0-9]{12,14}(?:,[0-9]{1,15}(?:\.[0-9]{1,8})?){5}")
_NUMBER: Final = re.compile(r"[0-9]{1,15}(\.[0-9]+)?")
# Below this a float times 1e8, rounded, is the exact number of units.
_EXACT_FLOAT: Final = 2.0**53 / UNITS_PER_ONE / 2


class RecordingError(DemoExchangeError):
    """A file of klines cannot be used; the text names the file and, if it can, the line."""


@dataclass(slots=True)
class Recording:
    """The 1m klines of one symbol without a gap, one array per column, in units of 1e-8.

    Once loaded it is shared and must not be changed.
    """

    symbol: str
    market: str
    start_ms: int = 0
    opens: array[int] = field(default_factory=lambda: array("q"))
    highs: array[int] = field(default_factory=lambda: array("q"))
    lows: array[int] = field(default_factory=lambda: array("q"))
    closes: array[int] = field(default_factory=lambda: array("q"))
    volumes: array[int] = field(default_factory=lambda: array("q"))
    quotes: array[int] = field(default_factory=lambda: array("q"))  # estimated quote volume
    trades: array[int] = field(default_factory=lambda: array("q"))  # estimated number of trades

    @property
    def length_ms(self) -> int:
        """Return how much market time one play of the recording takes."""
        return len(self.opens) * MINUTE_MS

    @property
    def end_ms(self) -> int:
        """Return the first millisecond after the last recorded minute."""
        return self.start_ms + self.length_ms

    def append(self, prices: tuple[int, int, int, int], volume: int) -> None:
        """Add the next minute; `prices` are open, high, low and close."""
        quote = sum(prices) * volume // (4 * UNITS_PER_ONE)
        self.opens.append(prices[0])
        self.highs.append(prices[1])
        self.lows.append(prices[2])
        self.closes.append(prices[3])
        self.volumes.append(volume)
        self.quotes.append(quote)
        self.trades.append(quote // _QUOTE_PER_TRADE + 1 if volume else 0)


class _FileVersion(NamedTuple):
    path: Path
    modified_ns: int
    size: int


def load_directory(directory: Path) -> dict[str, Recording]:
    """Return what the spot market plays: per symbol its 1m spot file, else its 1m usdm file.

    Raises RecordingError naming the file and line of whatever is wrong.
    """
    groups = _files_by_symbol(directory)
    if not groups:
        raise RecordingError(f"{directory}: no SYMBOL-1m-spot or SYMBOL-1m-usdm .csv.gz file in it")
    return {
        symbol: _load_files(symbol, market, tuple(map(_version_of, files)))
        for symbol, (market, files) in sorted(groups.items())
    }


def _files_by_symbol(directory: Path) -> dict[str, tuple[str, list[Path]]]:
    if not directory.is_dir():
        raise RecordingError(f"{directory}: no such directory of market data")
    found: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(directory.glob("*.csv.gz")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise RecordingError(f"{path}: the name is not SYMBOL-INTERVAL-spot|usdm*.csv.gz")
        if match["interval"] == "1m" and not match["rest"].startswith(("-funding", "-mark")):
            found[match["symbol"]][match["market"]].append(path)
    return {
        symbol: ("spot", markets["spot"]) if "spot" in markets else ("usdm", markets["usdm"])
        for symbol, markets in found.items()
    }


def _version_of(path: Path) -> _FileVersion:
    status = path.stat()
    return _FileVersion(path, status.st_mtime_ns, status.st_size)


# A process that starts several exchanges, as tests do, reads an unchanged file once.
@lru_cache(maxsize=8)
def _load_files(symbol: str, market: str, files: tuple[_FileVersion, ...]) -> Recording:
    recording = Recording(symbol, market)
    for path in (file.path for file in files):
        lines = _read_lines(path)
        if not lines or tuple(lines[0].split(",")) != COLUMNS:
            raise RecordingError(f"{path}, line 1: the header must be {','.join(COLUMNS)}")
        if len(lines) == 1:
            raise RecordingError(f"{path}: no klines in it")
        for number, line in enumerate(lines[1:], start=2):
            try:
                _append_row(recording, line)
            except ValueError as e:
                raise RecordingError(f"{path}, line {number}: {e}") from e
            except OverflowError as e:
                text = f"{path}, line {number}: a number is larger than 92 billion"
                raise RecordingError(text) from e
    return recording


def _read_lines(path: Path) -> list[str]:
    try:
        return gzip.decompress(path.read_bytes()).decode("ascii").splitlines()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as e:
        raise RecordingError(f"{path}: no readable gzip file of text: {e}") from e


def _append_row(recording: Recording, line: str) -> None:
    if _ROW.fullmatch(line) is None:
        raise ValueError(_row_fault(line))
    fields = line.split(",")
    opened, high, low, closed, volume = (_units(value) for value in fields[1:])
    if not 0 < low <= min(opened, closed) or max(opened, closed) > high:
        raise ValueError(
            "prices must be positive, low the lowest and high the highest,"
            f" but open, high, low, close are {', '.join(fields[1:5])}"
        )
    _continue_to(recording, int(fields[0]))
    recording.append((opened, high, low, closed), volume)


def _continue_to(recording: Recording, open_ms: int) -> None:
    if open_ms % MINUTE_MS:
        raise ValueError(f"open_time {open_ms} is no whole minute in milliseconds")
    if not recording.opens:
        recording.start_ms = open_ms
    if open_ms < recording.end_ms:
        raise ValueError(f"open_time {open_ms} does not come after the line before")
    missing = (open_ms - recording.end_ms) // MINUTE_MS
    if missing > LONGEST_GAP_MINUTES:
        raise ValueError(f"open_time {open_ms} leaves a gap of {missing} minutes, over a week")
    for _ in range(missing):
        last = recording.closes[-1]
        recording.append((last, last, last, last), 0)


def _units(value: str) -> int:
    number = float(value)
    return round(number * UNITS_PER_ONE) if number < _EXACT_FLOAT else to_units(Decimal(value))


def _row_fault(line: str) -> str:
    fields = line.split(",")
    if len(fields) != len(COLUMNS):
        return f"{len(COLUMNS)} columns expected, {len(fields)} found"
    if not fields[0].isdecimal():
        return f"open_time is no whole number: {fields[0]!r}"
    for name, value in zip(COLUMNS[1:], fields[1:], strict=True):
        match = _NUMBER.fullmatch(value)
        if match is None:
            return f"{name} is no plain positive number: {value!r}"
        if match[1] and len(match[1]) > DECIMALS + 1:
            return f"{name} has more than {DECIMALS} decimals: {value!r}"
    return f"open_time is not in milliseconds: {fields[0]!r}"
