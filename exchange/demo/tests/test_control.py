from __future__ import annotations

import json
import time
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests

from exchange.demo.control import is_loopback
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange
from exchange.demo.tests.conftest import Caller


def test_a_paused_market_stands_still_until_it_is_released(demo: RunningExchange) -> None:
    before = demo.market_time()
    assert demo.market_time() == before
    demo.set_clock(running=True, speed=1_000)
    time.sleep(0.05)
    later = demo.market_time()
    assert (later - before).total_seconds() >= 50
    state = demo.set_clock(running=False)
    assert (state["running"], state["speed"]) == (False, 1_000)


def test_market_time_jumps_forward_and_the_prices_with_it(
    demo: RunningExchange, caller: Caller
) -> None:
    demo.set_clock(market_time="2025-05-05T20:00:00Z")
    row = caller.public("/api/v3/klines", symbol="BTCUSDT", interval="1m", limit=1).json()[0]
    assert row[0] == 1_746_475_200_000
    price = caller.public("/api/v3/ticker/price", symbol="BTCUSDT").json()["price"]
    assert price == row[1] == row[4]


@pytest.mark.parametrize(
    ("path", "item", "words"),
    [
        ("clock", {"running": "yes"}, "running: must be true or false"),
        ("clock", {"speed": 0}, "speed: must lie between"),
        ("clock", {"speed": "fast"}, "speed: must be a number"),
        ("clock", {"speed": 1e9, "running": True}, "speed: must lie between"),
        ("clock", {"market_time": "yesterday"}, "market_time: must be a moment"),
        ("clock", {"market_time": 5}, "market_time: must be a string"),
        ("clock", {"market_time": "2025-05-05T00:00:00Z"}, "market_time: market time only goes"),
        ("clock", {"market_time": "2035-01-01T00:00:00Z"}, "market_time: lies more than"),
        ("clock", {"pause": True}, "pause: unknown field"),
        ("clock", [], "a JSON object is expected"),
        ("price", {"price": "1"}, "symbol: is missing"),
        ("price", {"symbol": "NOPE", "price": "1"}, "symbol: must be one of BTCUSDT"),
        ("price", {"symbol": "BTCUSDT"}, "price: is missing"),
        ("price", {"symbol": "BTCUSDT", "price": 5.0}, "price: must be a string"),
        ("price", {"symbol": "BTCUSDT", "price": "x"}, "price: must be a decimal number"),
        ("price", {"symbol": "BTCUSDT", "price": "NaN"}, "price: must lie between"),
        ("price", {"symbol": "BTCUSDT", "price": "0"}, "price: must lie between"),
        ("price", {"symbol": "BTCUSDT", "price": "-5"}, "price: must lie between"),
        ("price", {"symbol": "BTCUSDT", "price": "1.001"}, "price: must be a multiple of 0.01"),
        ("price", {"symbol": "BTCUSDT", "price": "1", "seconds": 0}, "seconds: must lie"),
        ("prices", {"symbol": "BTCUSDT", "price": "1"}, "no such control path"),
    ],
)
def test_bad_input_is_refused_by_name_and_changes_nothing(
    demo: RunningExchange, path: str, item: Any, words: str
) -> None:
    def state() -> tuple[Any, ...]:
        clock = demo.control("clock")
        return clock["running"], clock["speed"], clock["market_time"], demo.control("price")

    before = state()
    with pytest.raises(ValueError, match=words):
        demo.control(path, item)
    assert state() == before


def test_a_body_that_is_no_json_is_refused(demo: RunningExchange) -> None:
    response = requests.post(f"{demo.url}/_control/clock", data="{", timeout=5)
    assert response.status_code == 400
    assert response.json()["error"].startswith("the body is no JSON")


def test_a_steered_price_is_seen_everywhere_until_released(
    demo: RunningExchange, caller: Caller
) -> None:
    recorded = caller.public("/api/v3/ticker/price", symbol="BTCUSDT").json()["price"]
    demo.set_clock(market_time="2025-05-05T17:00:00.500Z")
    demo.set_price("BTCUSDT", "50000.5")
    ticker = caller.public("/api/v3/ticker/24hr", symbol="BTCUSDT").json()
    assert (ticker["lastPrice"], ticker["lowPrice"]) == ("50000.50000000",) * 2
    row = caller.public("/api/v3/klines", symbol="BTCUSDT", interval="1m", limit=1).json()[0]
    assert row[3:5] == ["50000.50000000"] * 2
    assert Decimal(row[1]) > 90_000
    assert demo.control("price")["BTCUSDT"]["is_steered"] is True
    demo.set_price("BTCUSDT", None)
    released = caller.public("/api/v3/ticker/price", symbol="BTCUSDT").json()["price"]
    assert abs(Decimal(released) - Decimal(recorded)) < 5_000
    assert demo.control("price")["BTCUSDT"]["is_steered"] is False


def test_a_price_may_be_held_for_some_market_time(demo: RunningExchange) -> None:
    demo.set_price("BTCUSDT", "50000", seconds=60)
    start = demo.market_time()
    held = []
    for seconds in (0, 59.999, 60):
        demo.set_clock(market_time=(start + timedelta(seconds=seconds)).isoformat())
        held.append(demo.control("price")["BTCUSDT"]["is_steered"])
    assert held == [True, True, False]


def test_the_ledger_tells_everything_but_secrets(demo: RunningExchange, caller: Caller) -> None:
    placed = caller.order(quantity="0.002").json()
    ledger = demo.ledger()
    assert ledger["orders"][0]["orderId"] == placed["orderId"]
    assert ledger["fills"][0]["orderId"] == placed["orderId"]
    (uid,) = ledger["balances"]
    assert ledger["orders"][0]["uid"] == int(uid)
    assert ledger["balances"][uid]["um"] == {
        "USDT": {"free": "10000.00000000", "locked": "0.00000000"}
    }
    assert ledger["balances"][uid]["spot"]["BTC"]["free"] == "0.50199800"
    assert ledger["fees"] == {"BTC": "0.00000200"}
    assert {one["amount"] for one in ledger["deposits"]} == {"0.50000000", "10000.00000000"}
    assert TEST_KEY not in json.dumps(ledger)
    assert TEST_SECRET not in json.dumps(ledger)


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.5", False),
        ("192.168.1.2", False),
        ("2001:db8::1", False),
        ("::ffff:10.0.0.5", False),
        ("", False),
        ("localhost", False),
    ],
)
def test_only_this_machine_counts_as_loopback(peer: str, *, expected: bool) -> None:
    assert is_loopback(peer) is expected


def test_a_stranger_and_a_web_page_are_turned_away(demo: RunningExchange) -> None:
    asked = ("POST", "/_control/clock", '{"running": true}')
    reply = demo.run_inside_control(*asked, peer="10.0.0.5")
    assert reply.status == 403
    page = requests.post(
        f"{demo.url}/_control/clock",
        data='{"running": true}',
        headers={"Origin": "https://elsewhere.example"},
        timeout=5,
    )
    assert page.status_code == 403
    assert demo.control("clock")["running"] is False
