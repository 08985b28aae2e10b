from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from exchange.demo.market.recording import BUNDLED_DIRECTORY, RecordingError, load_directory

HEADER = "open_time,open,high,low,close,volume"
FIRST = 1_746_372_780_000
MINUTE = 60_000


def row(minute: int, price: str = "10", volume: str = "1") -> str:
    return f"{FIRST + minute * MINUTE},{price},{price},{price},{price},{volume}"


def write(directory: Path, *lines: str, name: str = "BTCUSDT-1m-usdm.csv.gz") -> Path:
    path = directory / name
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


def test_the_bundled_recordings_cover_the_same_month() -> None:
    recordings = load_directory(BUNDLED_DIRECTORY)
    assert list(recordings) == ["BTCUSDT", "ETHUSDT"]
    spans = {(one.start_ms, len(one.opens), one.market) for one in recordings.values()}
    assert spans == {(FIRST, 43_199, "usdm")}


def test_prices_and_volumes_are_read_to_the_last_digit(tmp_path: Path) -> None:
    write(tmp_path, HEADER, f"{FIRST},95505.4,92000000000.12345678,0.00000001,95502.7,1.536")
    recording = load_directory(tmp_path)["BTCUSDT"]
    assert recording.opens[0] == 9_550_540_000_000
    assert recording.highs[0] == 9_200_000_000_012_345_678
    assert recording.lows[0] == 1
    assert recording.volumes[0] == 153_600_000


def test_missing_minutes_are_filled_flat_and_without_volume(tmp_path: Path) -> None:
    write(tmp_path, HEADER, row(0, "10"), row(3, "12"))
    recording = load_directory(tmp_path)["BTCUSDT"]
    assert list(recording.closes) == [10 * 10**8] * 3 + [12 * 10**8]
    assert list(recording.volumes) == [10**8, 0, 0, 10**8]
    assert list(recording.trades)[1:3] == [0, 0]


def test_several_files_of_one_symbol_are_joined_in_the_order_of_their_names(tmp_path: Path) -> None:
    write(tmp_path, HEADER, row(1, "11"), name="BTCUSDT-1m-usdm-b.csv.gz")
    write(tmp_path, HEADER, row(0, "10"), name="BTCUSDT-1m-usdm-a.csv.gz")
    assert list(load_directory(tmp_path)["BTCUSDT"].opens) == [10 * 10**8, 11 * 10**8]


def test_a_spot_file_is_played_before_the_perpetuals(tmp_path: Path) -> None:
    write(tmp_path, HEADER, row(0, "10"), name="BTCUSDT-1m-usdm.csv.gz")
    write(tmp_path, HEADER, row(0, "11"), name="BTCUSDT-1m-spot.csv.gz")
    recording = load_directory(tmp_path)["BTCUSDT"]
    assert (recording.market, recording.opens[0]) == ("spot", 11 * 10**8)


def test_other_intervals_funding_and_mark_files_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, HEADER, row(0))
    for name in ("1h-spot", "8h-usdm-funding-2025", "1m-usdm-mark-2025"):
        write(tmp_path, "no klines", name=f"BTCUSDT-{name}.csv.gz")
    assert len(load_directory(tmp_path)["BTCUSDT"].opens) == 1


@pytest.mark.parametrize(
    ("lines", "number", "words"),
    [
        (["open_time,open,high,low,close", row(0)], 1, "header"),
        ([HEADER, row(0), f"{FIRST + MINUTE},1,2,3"], 3, "6 columns expected, 4 found"),
        ([HEADER, f"{FIRST},1,1,1,x,1"], 2, "close is no plain positive number: 'x'"),
        ([HEADER, f"{FIRST},1,1,1,1e5,1"], 2, "close is no plain positive number"),
        ([HEADER, f"{FIRST},1,1,1,nan,1"], 2, "close is no plain positive number"),
        ([HEADER, f"{FIRST},1,1,1,-1,1"], 2, "close is no plain positive number"),
        ([HEADER, f"{FIRST},1,1,1,1.123456789,1"], 2, "close has more than 8 decimals"),
        ([HEADER, f"{FIRST},5,4,6,5,1"], 2, "low the lowest and high the highest"),
        ([HEADER, f"{FIRST},0,1,0,1,1"], 2, "prices must be positive"),
        ([HEADER, row(1), row(1)], 3, "does not come after the line before"),
        ([HEADER, row(1), row(0)], 3, "does not come after the line before"),
        ([HEADER, f"{FIRST + 1},1,1,1,1,1"], 2, "no whole minute"),
        ([HEADER, f"{FIRST}000,1,1,1,1,1"], 2, "not in milliseconds"),
        ([HEADER, "2025-05-04,1,1,1,1,1"], 2, "open_time is no whole number"),
        ([HEADER, row(0), row(20_000)], 3, "over a week"),
        ([HEADER, row(0, "93000000000")], 2, "is over 92 billion"),
        ([HEADER, row(0), "", row(1)], 3, "1 found"),
    ],
)
def test_a_broken_row_is_named_by_file_and_line(
    tmp_path: Path, lines: list[str], number: int, words: str
) -> None:
    path = write(tmp_path, *lines)
    with pytest.raises(RecordingError) as error:
        load_directory(tmp_path)
    assert str(error.value).startswith(f"{path}, line {number}: ")
    assert words in str(error.value)


def test_a_file_without_klines_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER)
    with pytest.raises(RecordingError, match="no klines in it") as error:
        load_directory(tmp_path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("content", [b"no gzip at all", b"\x1f\x8b\x08\x00cut off"])
def test_a_broken_gzip_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "BTCUSDT-1m-usdm.csv.gz"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match="no readable gzip") as error:
        load_directory(tmp_path)
    assert str(path) in str(error.value)


def test_a_misspelt_file_name_is_refused(tmp_path: Path) -> None:
    write(tmp_path, HEADER, row(0), name="btcusdt-1m-usdm.csv.gz")
    with pytest.raises(RecordingError, match="the name is not SYMBOL-INTERVAL"):
        load_directory(tmp_path)


@pytest.mark.parametrize("name", [".", "absent"])
def test_a_directory_without_recordings_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RecordingError, match=r"no such directory|no SYMBOL-1m"):
        load_directory(tmp_path / name)
