from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from exchange.binance.listing_cache import ListingCache, drop_listing_caches, listing_cache_of
from exchange.binance.parsing import MalformedReplyError
from exchange.binance.rules import rows_by_symbol
from exchange.domain.errors import UnavailableError, UnknownSymbolError

ROOT = Path(__file__).parents[3]
DATA = Path(__file__).parent / "data"
# Only the forking thread is copied, so a child that used the parent's lock would wait for ever.
FORKING = """
import os
from exchange.binance import listing_cache

parent = listing_cache.listing_cache_of("https://fapi.example")
with listing_cache._lock:
    child = os.fork()
    if not child:
        is_new = listing_cache.listing_cache_of("https://fapi.example") is not parent
        os._exit(0 if is_new else 1)
assert os.waitpid(child, 0)[1] == 0
assert listing_cache.listing_cache_of("https://fapi.example") is parent
"""


def row(symbol: str = "BTCUSDT", **changes: Any) -> dict[str, Any]:
    named = {"symbol": symbol, "status": "TRADING", "contractType": "PERPETUAL"}
    return {**named, "baseAsset": "BTC", "quoteAsset": "USDT", "filters": []} | changes


class Venue:
    """Counts how often it is asked, and says what it was told to say."""

    def __init__(self, *rows: dict[str, Any]) -> None:
        self.seconds = 1000.0
        self.asked = 0
        self.says: list[dict[str, Any]] | Exception = list(rows)
        self.cache = ListingCache(clock=lambda: self.seconds)

    def fetch(self) -> Mapping[str, Mapping[str, Any]]:
        self.asked += 1
        if isinstance(self.says, Exception):
            raise self.says
        return rows_by_symbol({"symbols": self.says})

    def is_trading(self, symbol: str, *, max_age: float | None = None) -> bool:
        return self.cache.get(symbol, self.fetch, max_age=max_age).is_trading


def test_one_request_serves_all_symbols_for_an_hour() -> None:
    venue = Venue(row(), row("ETHUSDT"))

    assert venue.cache.get("BTCUSDT", venue.fetch).symbol == "BTCUSDT"
    assert venue.cache.get("ETHUSDT", venue.fetch).symbol == "ETHUSDT"
    venue.seconds += 3599
    assert venue.is_trading("ETHUSDT")
    assert venue.asked == 1

    venue.seconds += 1
    assert venue.is_trading("BTCUSDT")
    assert venue.asked == 2


def test_a_symbol_is_read_once() -> None:
    venue = Venue(row())

    assert venue.cache.get("BTCUSDT", venue.fetch) is venue.cache.get("BTCUSDT", venue.fetch)


def test_who_needs_it_newer_asks() -> None:
    venue = Venue(row())
    assert venue.is_trading("BTCUSDT")
    venue.seconds += 10

    assert venue.is_trading("BTCUSDT", max_age=11)
    assert venue.asked == 1
    assert venue.is_trading("BTCUSDT", max_age=10)
    assert venue.asked == 2


@pytest.mark.parametrize("rows", [[row("ETHUSDT")], [row("ETHUSDT"), row(status="SETTLING")]])
def test_a_symbol_in_trouble_is_looked_at_once_a_minute(rows: list[dict[str, Any]]) -> None:
    venue = Venue(*rows)

    def trades() -> bool:
        try:
            return venue.is_trading("BTCUSDT")
        except UnknownSymbolError:
            return False

    assert not trades()
    venue.seconds += 59
    assert not trades()
    assert venue.asked == 1
    assert venue.is_trading("ETHUSDT")
    assert venue.asked == 1

    venue.says = [row()]
    venue.seconds += 1
    assert trades()
    assert venue.asked == 2


def test_a_symbol_that_is_not_listed_is_named() -> None:
    venue = Venue(row())

    for _ in range(2):
        with pytest.raises(UnknownSymbolError, match="the venue does not list MOONUSDT"):
            venue.is_trading("MOONUSDT")
    assert venue.asked == 1


def test_a_symbol_that_makes_no_sense_harms_no_other() -> None:
    venue = Venue(row(), row("BADUSDT", filters=None))

    assert venue.is_trading("BTCUSDT")
    with pytest.raises(MalformedReplyError, match="filters: expected a list"):
        venue.is_trading("BADUSDT")
    assert venue.is_trading("BTCUSDT")
    assert venue.asked == 1


def test_a_failure_is_not_remembered() -> None:
    venue = Venue()
    venue.says = UnavailableError("no answer")
    with pytest.raises(UnavailableError):
        venue.is_trading("BTCUSDT")
    venue.says = [row()]

    assert venue.is_trading("BTCUSDT")


def test_what_was_forgotten_is_asked_for_and_the_others_are_not() -> None:
    venue = Venue(row(), row("ETHUSDT"))
    assert venue.is_trading("BTCUSDT")
    venue.says = [row(status="SETTLING"), row("ETHUSDT")]

    venue.cache.forget("BTCUSDT")

    assert venue.is_trading("ETHUSDT")
    assert venue.asked == 1
    assert not venue.is_trading("BTCUSDT")
    assert not venue.is_trading("BTCUSDT")
    assert venue.asked == 2


def test_a_listing_that_was_under_way_while_somebody_forgot_is_kept_for_the_others_only() -> None:
    venue = Venue(row(), row("ETHUSDT"))
    is_asking, may_answer = threading.Event(), threading.Event()

    def slow() -> Mapping[str, Mapping[str, Any]]:
        is_asking.set()
        assert may_answer.wait(10)
        return venue.fetch()

    with ThreadPoolExecutor(max_workers=1) as pool:
        first = pool.submit(venue.cache.get, "BTCUSDT", slow)
        assert is_asking.wait(10)
        venue.cache.forget("BTCUSDT")
        may_answer.set()
        assert first.result(10).is_trading
    venue.says = [row(status="SETTLING"), row("ETHUSDT")]

    assert venue.is_trading("ETHUSDT")
    assert venue.asked == 1
    assert not venue.is_trading("BTCUSDT")


def test_only_perpetual_contracts_are_traded() -> None:
    reply = json.loads(gzip.decompress((DATA / "usdm_demo_2026-03-31_all.json.gz").read_bytes()))
    rows = rows_by_symbol(reply)
    cache = ListingCache()

    trading = {symbol for symbol in rows if cache.get(symbol, lambda: rows).is_trading}

    assert len(rows) == 705
    assert "BTCUSDT" in trading
    kinds = {(rows[symbol]["contractType"], rows[symbol]["status"]) for symbol in trading}
    assert kinds == {("PERPETUAL", "TRADING")}
    others = {rows[symbol]["contractType"] for symbol in rows} - {"PERPETUAL"}
    assert others == {
        *("TRADIFI_PERPETUAL", "CURRENT_QUARTER", "NEXT_QUARTER", "CURRENT_QUARTER DELIVERING")
    }


def test_one_origin_has_one_cache_in_a_process() -> None:
    drop_listing_caches()
    first = listing_cache_of("https://fapi.example")
    with ThreadPoolExecutor(max_workers=1) as pool:
        same = pool.submit(listing_cache_of, "https://fapi.example").result()

    assert same is first
    assert listing_cache_of("https://other.example") is not first
    drop_listing_caches()
    assert listing_cache_of("https://fapi.example") is not first


def test_a_forked_child_starts_with_nothing() -> None:
    """In a process of its own: forking this one, with its threads, is what nobody should do."""
    done = subprocess.run(
        [sys.executable, "-c", FORKING], cwd=ROOT, timeout=20, check=False, capture_output=True
    )

    assert (done.returncode, done.stderr) == (0, b"")
