"""What is listed as a perpetual, and where its prices come from."""

from __future__ import annotations

import gzip
import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from exchange.demo.errors import DemoExchangeError
from exchange.demo.market.brackets import brackets_of
from exchange.demo.market.funding import DEFAULT_RATE
from exchange.demo.market.futures_listings import FuturesListing, futures_market
from exchange.demo.market.futures_sources import plain_futures, recorded_futures
from exchange.demo.market.minutes import Amounts
from exchange.demo.market.mirror import MirroredSource, Row
from exchange.demo.market.recording import BUNDLED_DIRECTORY, Recording
from exchange.demo.market.sources import Listing, recorded_listings, walk_listings
from exchange.demo.market.steering import Steering
from exchange.demo.market.symbols import symbol_of
from exchange.demo.market.walk import Walk

FIRST = 1_746_372_780_000
STAMP = 1_746_374_400_000
MINUTE = 60_000
HEADER = "open_time,open,high,low,close,volume"


def write(directory: Path, name: str, price: str, *, minute: int = 0) -> None:
    row = f"{FIRST + minute * MINUTE},{price},{price},{price},{price},1"
    (directory / f"{name}.csv.gz").write_bytes(gzip.compress(f"{HEADER}\n{row}".encode()))


def listed(directory: Path, **walks: int) -> dict[str, FuturesListing]:
    prices = {name: Decimal(price) for name, price in walks.items()}
    return recorded_futures(directory, recorded_listings(directory, prices, seed=0))


def test_the_bundled_recordings_are_two_perpetuals_with_marks_and_rates() -> None:
    futures = listed(BUNDLED_DIRECTORY)
    assert list(futures) == ["BTCUSDT", "ETHUSDT"]
    assert [one.funding.rate(STAMP) for one in futures.values()] == [
        Decimal("0.00003745"),
        Decimal("-0.0000267"),
    ]
    market = futures_market(futures)
    assert market.marks["ETHUSDT"].price(STAMP) == 182_985_000_000
    assert market.tracks["ETHUSDT"].price(STAMP) == 182_964_000_000
    assert [one.tick for one in market.tracks.values()] == [10**7, 10**6]
    assert market.brackets["ETHUSDT"] == brackets_of("ETHUSDT")


def test_the_funding_of_a_later_play_follows_the_recording() -> None:
    funding = listed(BUNDLED_DIRECTORY)["ETHUSDT"].funding
    length = 43_199 * MINUTE
    later = funding.next_stamp(FIRST + length)
    own = FIRST + (later - FIRST) % length
    assert funding.rate(later) == funding.rate(funding.last_stamp(own))
    assert funding.rate(later) != DEFAULT_RATE


def test_with_two_files_each_market_plays_its_own(tmp_path: Path) -> None:
    write(tmp_path, "BTCUSDT-1m-spot", "100000")
    write(tmp_path, "BTCUSDT-1m-usdm", "100007", minute=5)
    write(tmp_path, "ETHUSDT-1m-spot", "2500")
    listings = recorded_listings(tmp_path, {}, seed=0)
    futures = recorded_futures(tmp_path, listings)
    spot, perpetual = listings["BTCUSDT"].source, futures["BTCUSDT"].source
    assert isinstance(spot, Recording)
    assert isinstance(perpetual, Recording)
    assert (spot.market, perpetual.market) == ("spot", "usdm")
    assert perpetual.opens[0] == 100_007 * 10**8
    assert perpetual.start_ms == spot.start_ms + 5 * MINUTE
    assert futures["ETHUSDT"].source is listings["ETHUSDT"].source


def test_what_both_markets_play_is_read_once_however_many_symbols_there_are(
    tmp_path: Path,
) -> None:
    for number in range(12):
        write(tmp_path, f"A{number}USDT-1m-usdm", "100")
    listings = recorded_listings(tmp_path, {}, seed=0)
    futures = recorded_futures(tmp_path, listings)
    assert len(futures) == 12
    assert all(one.source is listings[name].source for name, one in futures.items())


def test_only_pairs_quoted_in_usdt_are_perpetuals(tmp_path: Path) -> None:
    for name in ("ETHBTC", "SOLUSDT", "BTCUSDC"):
        write(tmp_path, f"{name}-1m-spot", "150")
    assert list(listed(tmp_path)) == ["SOLUSDT"]


def test_a_symbol_without_files_of_its_own_has_the_plain_ratio_and_rate(tmp_path: Path) -> None:
    write(tmp_path, "SOLUSDT-1m-usdm", "150")
    futures = listed(tmp_path, BNBUSDT=600)
    assert set(futures) == {"SOLUSDT", "BNBUSDT"}
    market = futures_market(futures)
    for name in futures:
        assert market.marks[name].price(STAMP) == market.marks[name].source.path(STAMP).prices[0]
        assert market.funding[name].rate(STAMP) == DEFAULT_RATE
    assert market.marks["SOLUSDT"].price(STAMP) == 150 * 10**8
    assert isinstance(futures["BNBUSDT"].source, Walk)
    assert (market.symbols["BNBUSDT"].step, market.symbols["SOLUSDT"].step) == (
        Decimal("0.01"),
    ) * 2
    assert market.brackets["SOLUSDT"].max_leverage == 50


def test_a_wrong_file_beside_the_recordings_is_named(tmp_path: Path) -> None:
    write(tmp_path, "BTCUSDT-1m-usdm", "100000")
    name = "BTCUSDT-8h-usdm-mark.csv.gz"
    rows = f"open_time,open,high,low,close\n{STAMP},5,5,5,5"
    (tmp_path / name).write_bytes(gzip.compress(rows.encode()))
    assert listed(tmp_path)["BTCUSDT"].mark.start_ms == FIRST
    shutil.copy(BUNDLED_DIRECTORY / "BTCUSDT-1m-usdm.csv.gz", tmp_path)
    with pytest.raises(DemoExchangeError, match=f"{tmp_path / name}, line 2: the mark price 5"):
        listed(tmp_path)


def test_walks_are_perpetuals_too() -> None:
    listings = walk_listings({"BTCUSDT": Decimal(100_000)}, seed=3)
    futures = plain_futures(listings)
    assert futures["BTCUSDT"].source is listings["BTCUSDT"].source
    assert futures["BTCUSDT"].symbol.tick == Decimal("0.1")


def test_the_mark_of_a_mirror_is_its_last_price() -> None:
    rows = [Row(FIRST, (10 * 10**8,) * 4, Amounts(1, 1, 1))]
    source = MirroredSource("SOLUSDT", rows, newest_ms=FIRST + 20_000)
    recording = Recording("SOLUSDT", "usdm")
    recording.append((10 * 10**8,) * 4, 0)
    (listing,) = plain_futures({"SOLUSDT": Listing(symbol_of(recording), source)}).values()
    assert listing.mark is listing.source is source
    marks = futures_market({"SOLUSDT": listing}).marks["SOLUSDT"]
    running = Row(FIRST, (10 * 10**8, 12 * 10**8, 10 * 10**8, 12 * 10**8), Amounts(2, 2, 2))
    source.see([running], FIRST + 40_000)
    assert marks.price(FIRST + 20_000) == 10 * 10**8
    assert marks.price(FIRST + 40_000) == 12 * 10**8


def test_last_and_mark_price_are_steered_apart() -> None:
    def steering(symbol: str, of: str) -> Steering:
        held = Steering()
        if (symbol, of) == ("BTCUSDT", "mark"):
            held.hold(7, from_ms=STAMP, until_ms=None)
        return held

    market = futures_market(listed(BUNDLED_DIRECTORY), steering=steering)
    assert market.marks["BTCUSDT"].price(STAMP) == 7
    assert market.tracks["BTCUSDT"].price(STAMP) > 10**12
    assert market.marks["ETHUSDT"].price(STAMP) > 10**10
