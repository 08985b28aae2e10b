"""Recorded klines: file names, strict validation, and a compact form in memory.

A file is `SYMBOL-INTERVAL-MARKET*.csv.gz` with the columns `COLUMNS`; market is `spot` or `usdm`.
The exchange plays 1m files. Files of other intervals are left alone here; the `-funding` and
`-mark` files of a perpetual are read by `stamps`. Several 1m files of one symbol and market are
joined in the order of their names. Prices and volumes are kept as whole units of 1e-8.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections import defaultdict
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from exchange.demo.amounts import DECIMALS, UNITS_PER_ONE, to_units
from exchange.demo.errors import DemoExchangeError
from exchange.demo.market.minutes import Minutes, Source
from exchange.demo.market.plays import later_play
from exchange.demo.times import MINUTE_MS

BUNDLED_DIRECTORY: Final = Path(__file__).parent.parent / "data"
COLUMNS: Final = ("open_time", "open", "high", "low", "close", "volume")
LONGEST_GAP_MINUTES: Final = 7 * 24 * 60
SPOT: Final = "spot"
PERPETUAL: Final = "usdm"
KLINES: Final = ""
FUNDING: Final = "-funding"
MARK: Final = "-mark"
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
class Recording(Minutes, Source):
    """Recorded minutes, played for ever. Once loaded it is shared and must not be changed.

    The first play is the recording as it is. Every later one is scaled minute by minute, by a
    factor that runs from last close / first open in its first minute to 1 in its last: each begins
    where the one before it ended, all are the same, and the price never drifts away.
    """

    _later: Minutes | None = field(default=None, init=False, repr=False, compare=False)

    def block(self, at_ms: int) -> Minutes:
        """Return the play that holds `at_ms`."""
        play = (at_ms - self.start_ms) // self.length_ms
        if play == 0:
            return self
        start_ms = self.start_ms + play * self.length_ms
        later = self._later or later_play(self)
        if later.start_ms != start_ms:
            # A new object over the same columns: whoever holds the last one, perhaps another
            # exchange in another thread, keeps its times.
            later = replace(later, start_ms=start_ms)
        self._later = later
        return later


class FileVersion(NamedTuple):
    """A file as it was when it was looked at: what may be kept in memory for it."""

    path: Path
    modified_ns: int
    size: int


def load_directory(directory: Path, *, prefers: str = SPOT) -> dict[str, Recording]:
    """Return what a market plays: per symbol the 1m files of `prefers`, else those of the other.

    Raises RecordingError naming the file and line of whatever is wrong.
    """
    groups = files_of(directory, interval="1m", kind=KLINES)
    if not groups:
        raise RecordingError(f"{directory}: no SYMBOL-1m-spot or SYMBOL-1m-usdm .csv.gz file in it")
    recordings = {}
    for symbol, markets in sorted(groups.items()):
        market = prefers if prefers in markets else next(iter(markets))
        recordings[symbol] = _load_files(symbol, market, markets[market])
    return recordings


def files_of(
    directory: Path, *, interval: str, kind: str
) -> dict[str, dict[str, tuple[FileVersion, ...]]]:
    """Return the files of an interval and kind by symbol and market, in the order of their names.

    kind  `KLINES`, `FUNDING` or `MARK`; RecordingError names a file whose name tells nothing
    """
    if not directory.is_dir():
        raise RecordingError(f"{directory}: no such directory of market data")
    found: dict[str, dict[str, tuple[FileVersion, ...]]] = defaultdict(dict)
    for path in sorted(directory.glob("*.csv.gz")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise RecordingError(f"{path}: the name is not SYMBOL-INTERVAL-spot|usdm*.csv.gz")
        if match["interval"] == interval and _kind_of(match["rest"]) == kind:
            of_symbol = found[match["symbol"]]
            earlier = of_symbol.get(match["market"], ())
            of_symbol[match["market"]] = (*earlier, _version_of(path))
    return found


def read_lines(path: Path, columns: tuple[str, ...]) -> list[str]:
    """Return the lines of a packed file behind its header; RecordingError when it has no such."""
    lines = _unpacked(path)
    if not lines or tuple(lines[0].split(",")) != columns:
        raise RecordingError(f"{path}, line 1: the header must be {','.join(columns)}")
    return lines[1:]


def _kind_of(rest: str) -> str:
    return next((kind for kind in (FUNDING, MARK) if rest.startswith(kind)), KLINES)


def _version_of(path: Path) -> FileVersion:
    status = path.stat()
    return FileVersion(path, status.st_mtime_ns, status.st_size)


# A process that starts several exchanges, as tests do, reads an unchanged file once.
@lru_cache(maxsize=8)
def _load_files(symbol: str, market: str, files: tuple[FileVersion, ...]) -> Recording:
    recording = Recording(symbol, market)
    for path in (file.path for file in files):
        lines = read_lines(path, COLUMNS)
        if not lines:
            raise RecordingError(f"{path}: no klines in it")
        for number, line in enumerate(lines, start=2):
            try:
                _append_row(recording, line)
            except ValueError as e:
                raise RecordingError(f"{path}, line {number}: {e}") from e
            except OverflowError as e:
                text = f"{path}, line {number}: a number, or price times volume, is over 92 billion"
                raise RecordingError(text) from e
    return recording


def _unpacked(path: Path) -> list[str]:
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
