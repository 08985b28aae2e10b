"""The eight-hourly files of a perpetual: what is read, and what is wrong in them."""

from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path

import pytest

from exchange.demo.market.recording import BUNDLED_DIRECTORY, RecordingError
from exchange.demo.market.stamps import load_funding, load_marks

STAMP = 1_746_374_400_000
LATER = STAMP + 28_800_000
FUNDING_HEADER = "open_time,funding_rate"
MARK_HEADER = "open_time,open,high,low,close"
FUNDING_FILE = "BTCUSDT-8h-usdm-funding.csv.gz"
MARK_FILE = "BTCUSDT-8h-usdm-mark.csv.gz"


def write(directory: Path, name: str, *lines: str) -> Path:
    path = directory / name
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


def test_the_bundled_files_hold_what_the_venue_published() -> None:
    rates, marks = load_funding(BUNDLED_DIRECTORY), load_marks(BUNDLED_DIRECTORY)
    assert {name: len(one) for name, one in rates.items()} == {"BTCUSDT": 266, "ETHUSDT": 302}
    assert {name: list(one) for name, one in marks.items()} == {
        name: list(one) for name, one in rates.items()
    }
    first, last = 1_741_276_800_000, 1_748_908_800_000
    assert rates["BTCUSDT"][first] == Decimal("0.00006818")
    assert rates["BTCUSDT"][last] == Decimal("0.00005005")
    assert marks["BTCUSDT"][first].price == 9_077_694_748_889
    assert marks["BTCUSDT"][last].price == 10_581_440_000_000


def test_rates_and_marks_are_read_to_the_last_digit(tmp_path: Path) -> None:
    write(tmp_path, FUNDING_FILE, FUNDING_HEADER, f"{STAMP},-6.12e-06", f"{LATER},0.003")
    path = write(tmp_path, MARK_FILE, MARK_HEADER, f"{STAMP},2.5,3,2,2.12345678")
    assert load_funding(tmp_path) == {
        "BTCUSDT": {STAMP: Decimal("-0.00000612"), LATER: Decimal("0.003")}
    }
    (mark,) = load_marks(tmp_path)["BTCUSDT"].values()
    assert mark == (250_000_000, f"{path}, line 2")


def test_several_files_of_a_symbol_are_joined_and_others_left_alone(tmp_path: Path) -> None:
    write(tmp_path, "BTCUSDT-8h-usdm-funding-b.csv.gz", FUNDING_HEADER, f"{LATER},0.2")
    write(tmp_path, "BTCUSDT-8h-usdm-funding-a.csv.gz", FUNDING_HEADER, f"{STAMP},0.1")
    for name in ("8h-spot-funding", "1h-usdm-funding", "8h-usdm", "1m-usdm"):
        write(tmp_path, f"ETHUSDT-{name}.csv.gz", "something else")
    rates = load_funding(tmp_path)
    assert list(rates) == ["BTCUSDT"]
    assert list(rates["BTCUSDT"].values()) == [Decimal("0.1"), Decimal("0.2")]
    assert load_marks(tmp_path) == {}


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    for rate in ("0.1", "0.25"):
        write(tmp_path, FUNDING_FILE, FUNDING_HEADER, f"{STAMP},{rate}")
        assert load_funding(tmp_path)["BTCUSDT"] == {STAMP: Decimal(rate)}


@pytest.mark.parametrize(
    ("lines", "number", "words"),
    [
        ([MARK_HEADER, f"{STAMP},0.1"], 1, "the header must be open_time,funding_rate"),
        ([FUNDING_HEADER, f"{STAMP},0.1,1"], 2, "2 columns expected, 3 found"),
        ([FUNDING_HEADER, f"{STAMP},0.1", "", f"{LATER},0.1"], 3, "2 columns expected, 1 found"),
        ([FUNDING_HEADER, "2025-05-04,0.1"], 2, "open_time is no time in milliseconds"),
        ([FUNDING_HEADER, f"{STAMP + 3_600_000},0.1"], 2, "is none of 00:00, 08:00 and 16:00"),
        ([FUNDING_HEADER, f"{STAMP},0.1", f"{STAMP},0.1"], 3, "does not come after the line"),
        ([FUNDING_HEADER, f"{LATER},0.1", f"{STAMP},0.1"], 3, "does not come after the line"),
        ([FUNDING_HEADER, f"{STAMP},nan"], 2, "funding_rate is no number: 'nan'"),
        ([FUNDING_HEADER, f"{STAMP},"], 2, "funding_rate is no number: ''"),
        ([FUNDING_HEADER, f"{STAMP},1e-4", f"{LATER},1e5"], 3, "funding_rate is no number"),
        ([FUNDING_HEADER, f"{STAMP},1"], 2, "funding_rate must lie between -1 and 1"),
        ([FUNDING_HEADER, f"{STAMP},-1.5"], 2, "funding_rate must lie between -1 and 1"),
        ([FUNDING_HEADER, f"{STAMP},1e-09"], 2, "funding_rate has more than 8 decimals"),
    ],
)
def test_a_broken_funding_row_is_named_by_file_and_line(
    tmp_path: Path, lines: list[str], number: int, words: str
) -> None:
    path = write(tmp_path, FUNDING_FILE, *lines)
    with pytest.raises(RecordingError) as error:
        load_funding(tmp_path)
    assert str(error.value).startswith(f"{path}, line {number}: ")
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (f"{STAMP},2,3,1", "5 columns expected, 4 found"),
        (f"{STAMP},2,3,1,x", "close is no plain positive number: 'x'"),
        (f"{STAMP},2,3,1,1e5", "close is no plain positive number"),
        (f"{STAMP},-2,3,1,2", "open is no plain positive number"),
        (f"{STAMP},2.123456789,3,1,2", "open: 2.123456789 has more than 8 decimals"),
        (f"{STAMP},4,3,1,2", "low the lowest and high the highest"),
        (f"{STAMP},0,3,0,2", "prices must be positive"),
        (f"{STAMP + 60_000},2,3,1,2", "is none of 00:00, 08:00 and 16:00"),
    ],
)
def test_a_broken_mark_row_is_named_by_file_and_line(tmp_path: Path, row: str, words: str) -> None:
    path = write(tmp_path, MARK_FILE, MARK_HEADER, row)
    with pytest.raises(RecordingError) as error:
        load_marks(tmp_path)
    assert str(error.value).startswith(f"{path}, line 2: ")
    assert words in str(error.value)


def test_a_file_without_rows_and_one_that_is_no_gzip_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, FUNDING_FILE, FUNDING_HEADER)
    with pytest.raises(RecordingError, match=f"{path}: no rows in it"):
        load_funding(tmp_path)
    path.write_bytes(b"no gzip at all")
    with pytest.raises(RecordingError, match=f"{path}: no readable gzip file"):
        load_funding(tmp_path)
