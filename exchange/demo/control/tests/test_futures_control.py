"""The control door and the futures market: prices of the perpetual and of its mark, its rules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exchange.demo.testing import RunningExchange

ETHER = "ETHUSDT"


def prices(demo: RunningExchange, symbol: str = "BTCUSDT") -> dict[str, Decimal]:
    shown = demo.control("price")[symbol]
    return {
        "spot": Decimal(shown["price"]),
        "futures": Decimal(shown["futures"]["price"]),
        "mark": Decimal(shown["mark"]["price"]),
    }


def test_all_three_prices_are_shown(demo: RunningExchange) -> None:
    for symbol in ("BTCUSDT", ETHER):
        shown = demo.control("price")[symbol]
        assert list(shown) == ["price", "is_steered", "futures", "mark"]
        assert shown["is_steered"] is shown["futures"]["is_steered"] is False
        assert shown["mark"]["is_steered"] is False
        found = prices(demo, symbol)
        assert abs(found["mark"] / found["futures"] - 1) < Decimal("0.002")
        assert abs(found["spot"] / found["futures"] - 1) < Decimal("0.0001")


def test_without_of_all_three_hold_the_price(demo: RunningExchange) -> None:
    held = demo.control("price", {"symbol": "BTCUSDT", "price": "50000.53"})
    assert (held["price"], held["of"]) == ("50000.53000000", None)
    assert prices(demo) == {
        "spot": Decimal("50000.53"),
        "futures": Decimal("50000.5"),
        "mark": Decimal("50000.53"),
    }
    demo.set_price("BTCUSDT", None)
    assert min(prices(demo).values()) > 90_000


@pytest.mark.parametrize("of", ["spot", "futures", "mark"])
def test_with_of_only_one_holds_it(demo: RunningExchange, of: str) -> None:
    before = prices(demo)
    demo.set_price("BTCUSDT", "50000.5", of=of)
    assert prices(demo) == before | {of: Decimal("50000.5")}
    demo.set_price("BTCUSDT", None, of="futures" if of == "spot" else "spot")
    assert prices(demo) == before | {of: Decimal("50000.5")}
    demo.set_price("BTCUSDT", None, of=of)
    assert prices(demo) == before


def test_a_mark_price_may_have_eight_decimals_and_a_time(demo: RunningExchange) -> None:
    demo.set_price(ETHER, "2000.12345678", of="mark", seconds=60)
    assert prices(demo, ETHER)["mark"] == Decimal("2000.12345678")
    demo.set_clock(market_time=(demo.market_time() + timedelta(seconds=60)).isoformat())
    assert prices(demo, ETHER)["mark"] < 1_900


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"price": "1", "of": "index"}, "of: must be one of spot, futures, mark"),
        ({"price": "1", "of": 1}, "of: must be a string"),
        ({"price": "50000.05", "of": "futures"}, "price: must be a multiple of 0.10"),
        ({"price": "0.000000001", "of": "mark"}, "price: must lie between 0.00000001 and 45297"),
        ({"price": "50000.000000001", "of": "mark"}, "price: must be a multiple of 0.00000001"),
        ({"price": "4529765", "of": "futures"}, "price: must lie between 0.10 and 4529764"),
        ({"price": "1", "of": "futures", "symbol": "ETHBTC"}, "symbol: must be one of BTCUSDT, E"),
    ],
)
def test_a_wrong_price_is_refused_by_its_field(
    demo: RunningExchange, fields: dict[str, Any], words: str
) -> None:
    before = prices(demo)
    with pytest.raises(ValueError, match=words):
        demo.control("price", {"symbol": "BTCUSDT"} | fields)
    assert prices(demo) == before


@pytest.fixture
def kept(short_recordings: Path, tmp_path: Path) -> Callable[[], RunningExchange]:
    """Start an exchange over the same state as often as asked."""

    def start() -> RunningExchange:
        return RunningExchange(is_paused=True, market_data=short_recordings, state_dir=tmp_path)

    return start


def test_what_is_steered_and_changed_survives_a_restart(
    kept: Callable[[], RunningExchange],
) -> None:
    with kept() as first:
        first.set_price("BTCUSDT", "95000.5", of="mark")
        first.set_price("BTCUSDT", "94000.3", of="futures")
        first.control("symbols", {"symbol": ETHER, "market": "futures", "status": "CLOSE"})
        shown = prices(first)
    with kept() as second:
        assert prices(second) == shown
        assert shown["mark"] == Decimal("95000.5")
        row = second.control("symbols", {"symbol": ETHER, "market": "futures"})
        assert row["status"] == "CLOSE"


def test_rules_of_a_perpetual_change_without_those_of_its_pair(demo: RunningExchange) -> None:
    pairs = demo.control("symbols")
    changes = {"tick": "0.5", "step": "0.01", "min_notional": "7", "status": "TRADING_HALT"}
    row = demo.control("symbols", {"symbol": "BTCUSDT", "market": "futures"} | changes)
    assert row == {
        "symbol": "BTCUSDT",
        "market": "futures",
        "status": "TRADING_HALT",
        "tick": "0.50000000",
        "step": "0.01000000",
        "min_notional": "7.00000000",
        "listed": True,
    }
    rules = demo.run_inside(lambda venue: venue.futures_market.symbols["BTCUSDT"])
    assert rules.is_trading is False
    assert demo.control("symbols") == pairs
    assert demo.control("symbols", {"symbol": "BTCUSDT", "market": "spot"}) == pairs[0]


def test_a_perpetual_may_be_gone_and_come_back(demo: RunningExchange) -> None:
    asked = {"symbol": ETHER, "market": "futures"}
    assert demo.control("symbols", asked | {"listed": False})["listed"] is False
    assert list(demo.run_inside(lambda venue: venue.futures_market.symbols)) == ["BTCUSDT"]
    assert list(demo.control("price")[ETHER]) == ["price", "is_steered"]
    with pytest.raises(ValueError, match="symbol: must be one of BTCUSDT"):
        demo.set_price(ETHER, "2000", of="mark")
    with pytest.raises(ValueError, match="symbol: is not listed"):
        demo.control("symbols", asked | {"status": "CLOSE"})
    with pytest.raises(ValueError, match="listed: must come alone"):
        demo.control("symbols", asked | {"listed": True, "status": "CLOSE"})
    assert demo.control("symbols", asked | {"listed": True})["status"] == "TRADING"
    assert demo.control("price")[ETHER]["mark"]["is_steered"] is False


def test_a_perpetual_with_a_position_cannot_be_taken_off(demo: RunningExchange) -> None:
    demo.run_inside(lambda venue: open_position(venue, ETHER))
    with pytest.raises(ValueError, match="listed: ETHUSDT has open orders or positions"):
        demo.control("symbols", {"symbol": ETHER, "market": "futures", "listed": False})
    assert ETHER in demo.run_inside(lambda venue: venue.futures_market.symbols)


def open_position(venue: Any, symbol: str) -> None:
    uid, at_ms = next(iter(venue.accounts.values())).uid, venue.advance()
    venue.futures.set_margin_type(uid, symbol, "ISOLATED", at_ms=at_ms)
    venue.futures.trade_elsewhere(uid, symbol, Decimal("0.1"), at_ms=at_ms)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"market": "options"}, "market: must be one of spot, futures"),
        ({"market": "futures", "symbol": "XXXUSDT"}, "symbol: must be one of BTCUSDT, ETHUSDT"),
        ({"market": "futures", "status": "HALT"}, "status: must be one of TRADING, PENDING"),
        ({"market": "futures", "tick": "0.00000001"}, "tick times step must be a multiple"),
        ({"market": "futures", "listed": False, "tick": "1"}, "listed: false must come alone"),
    ],
)
def test_a_wrong_change_of_a_perpetual_is_refused(
    demo: RunningExchange, fields: dict[str, Any], words: str
) -> None:
    before = demo.run_inside(lambda venue: dict(venue.futures_market.symbols))
    with pytest.raises(ValueError, match=words):
        demo.control("symbols", {"symbol": "BTCUSDT"} | fields)
    assert demo.run_inside(lambda venue: dict(venue.futures_market.symbols)) == before
