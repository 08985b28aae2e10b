from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from exchange.binance.rules_cache import RulesCache, drop_rules_caches, rules_cache_of
from exchange.domain.errors import UnavailableError, UnknownSymbolError
from exchange.domain.rules import TradingRules

RULES = TradingRules(
    symbol="BTCUSDT",
    base_asset="BTC",
    quote_asset="USDT",
    is_trading=True,
    price_increment=Decimal("0.01"),
    quantity_increment=Decimal("0.00001"),
    min_quantity=Decimal("0.00001"),
    max_quantity=Decimal(9000),
    min_notional=Decimal(5),
    max_notional=Decimal(0),
)
HALTED = replace(RULES, is_trading=False, status="HALT")
ROOT = Path(__file__).parents[3]
# Only the forking thread is copied, so a child that used the parent's lock would wait for ever.
FORKING = """
import os
from exchange.binance import rules_cache

parent = rules_cache.rules_cache_of("https://api.example")
with rules_cache._lock:
    child = os.fork()
    if not child:
        os._exit(0 if rules_cache.rules_cache_of("https://api.example") is not parent else 1)
assert os.waitpid(child, 0)[1] == 0
assert rules_cache.rules_cache_of("https://api.example") is parent
"""


class Venue:
    """Counts how often it is asked, and says what it was told to say."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.asked = 0
        self.says: TradingRules | Exception = RULES

    def fetch(self) -> TradingRules:
        self.asked += 1
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


@pytest.fixture
def venue() -> Venue:
    return Venue()


@pytest.fixture
def cache(venue: Venue) -> RulesCache:
    return RulesCache(clock=lambda: venue.seconds)


def test_rules_are_asked_for_once_an_hour(venue: Venue, cache: RulesCache) -> None:
    assert cache.get("BTCUSDT", venue.fetch) is RULES
    venue.seconds += 3599
    assert cache.get("BTCUSDT", venue.fetch) is RULES
    assert venue.asked == 1
    venue.seconds += 1
    cache.get("BTCUSDT", venue.fetch)
    assert venue.asked == 2


def test_whoever_wants_newer_rules_gets_them_and_everybody_has_them_then(
    venue: Venue, cache: RulesCache
) -> None:
    cache.get("BTCUSDT", venue.fetch)
    venue.says = HALTED
    venue.seconds += 5
    assert cache.get("BTCUSDT", venue.fetch, max_age=6) is RULES
    assert cache.get("BTCUSDT", venue.fetch, max_age=5) is HALTED
    assert cache.get("BTCUSDT", venue.fetch) is HALTED
    assert venue.asked == 2
    venue.seconds += 60  # a greater age does not lengthen a life
    cache.get("BTCUSDT", venue.fetch, max_age=3600)
    assert venue.asked == 3


def test_each_symbol_is_asked_for_on_its_own(venue: Venue, cache: RulesCache) -> None:
    cache.get("BTCUSDT", venue.fetch)
    cache.get("ETHUSDT", venue.fetch)
    cache.forget("ETHUSDT")
    cache.get("BTCUSDT", venue.fetch)

    assert venue.asked == 2


def test_what_was_forgotten_is_asked_for_anew(venue: Venue, cache: RulesCache) -> None:
    cache.get("BTCUSDT", venue.fetch)
    venue.says = HALTED
    cache.forget("BTCUSDT")

    assert cache.get("BTCUSDT", venue.fetch) is HALTED
    cache.forget("NEVER_SEEN")  # harmless


@pytest.mark.parametrize("trouble", [HALTED, UnknownSymbolError("not listed", code=-1121)])
def test_a_symbol_in_trouble_is_looked_at_once_a_minute(
    venue: Venue, cache: RulesCache, trouble: TradingRules | Exception
) -> None:
    def status() -> str:
        try:
            return cache.get("BTCUSDT", venue.fetch).status
        except UnknownSymbolError as error:
            return f"{error} {error.code}"

    venue.says = trouble
    expected = {status() for _ in range(100)}
    assert expected in ({"HALT"}, {"not listed -1121"})
    venue.seconds += 59
    assert {status()} == expected
    assert venue.asked == 1
    venue.says = RULES
    venue.seconds += 1
    assert status() == "TRADING"
    assert venue.asked == 2


def test_a_venue_that_does_not_answer_is_asked_again_at_once(
    venue: Venue, cache: RulesCache
) -> None:
    venue.says = UnavailableError("no answer in time")
    for _ in range(2):
        with pytest.raises(UnavailableError):
            cache.get("BTCUSDT", venue.fetch)
    venue.says = RULES

    assert cache.get("BTCUSDT", venue.fetch) is RULES
    assert venue.asked == 3


def test_each_caller_gets_an_error_of_its_own(venue: Venue, cache: RulesCache) -> None:
    venue.says = UnknownSymbolError("not listed")
    seen = []
    for _ in range(2):
        with pytest.raises(UnknownSymbolError) as caught:
            cache.get("BTCUSDT", venue.fetch)
        seen.append(caught.value)

    assert seen[0] is not seen[1]  # a shared one would grow a traceback with every tick


def test_a_forget_reaches_every_thread(venue: Venue, cache: RulesCache) -> None:
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(lambda _: cache.get("BTCUSDT", venue.fetch), range(50)))
        asked = venue.asked
        pool.submit(cache.forget, "BTCUSDT").result()
        venue.says = HALTED
        answers = set(pool.map(lambda _: cache.get("BTCUSDT", venue.fetch), range(50)))

    assert answers == {HALTED}
    assert asked < venue.asked <= asked + 8


def test_an_answer_that_was_under_way_while_somebody_forgot_is_not_kept(
    venue: Venue, cache: RulesCache
) -> None:
    is_asking, may_answer = threading.Event(), threading.Event()

    def slow() -> TradingRules:
        is_asking.set()
        assert may_answer.wait(10)
        return RULES

    with ThreadPoolExecutor(max_workers=1) as pool:
        first = pool.submit(cache.get, "BTCUSDT", slow)
        assert is_asking.wait(10)
        cache.forget("BTCUSDT")
        may_answer.set()
        assert first.result(10) is RULES
    venue.says = HALTED

    assert cache.get("BTCUSDT", venue.fetch) is HALTED


def test_one_origin_has_one_cache_in_a_process() -> None:
    drop_rules_caches()
    first = rules_cache_of("https://api.example")
    with ThreadPoolExecutor(max_workers=1) as pool:
        same = pool.submit(rules_cache_of, "https://api.example").result()

    assert same is first
    assert rules_cache_of("https://fapi.example") is not first
    drop_rules_caches()
    assert rules_cache_of("https://api.example") is not first


def test_a_forked_child_starts_with_nothing() -> None:
    """In a process of its own: forking this one, with its threads, is what nobody should do."""
    done = subprocess.run(
        [sys.executable, "-c", FORKING], cwd=ROOT, timeout=20, check=False, capture_output=True
    )

    assert (done.returncode, done.stderr) == (0, b"")
