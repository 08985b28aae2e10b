from __future__ import annotations

import json
import time
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests

from exchange.demo.conftest import Caller, refusal
from exchange.demo.control.door import is_loopback, is_own_name
from exchange.demo.http.tests.samples import ORDERS, SAMPLES
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange


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
        ("price", {"symbol": "BTCUSDT", "price": "NaN"}, "price: must be a decimal"),
        ("price", {"symbol": "BTCUSDT", "price": "0"}, "price: must lie between"),
        ("price", {"symbol": "BTCUSDT", "price": "-5"}, "price: must be a decimal"),
        ("price", {"symbol": "BTCUSDT", "price": "1.001"}, "price: must be a multiple of 0.01"),
        ("price", {"symbol": "BTCUSDT", "price": "1", "seconds": 0}, "seconds: must lie"),
        ("prices", {"symbol": "BTCUSDT", "price": "1"}, "no such control path"),
        ("keys", {}, "key_number: is missing"),
        ("keys", {"key_number": 2}, "key_number: there is none; 1 keys are open"),
        ("keys", {"key_number": 0}, "key_number: must lie between"),
        ("keys", {"uid": 5}, "uid: there is none"),
        ("keys", {"uid": 5, "key_number": 1}, "key_number: uid says already"),
        ("keys", {"key_number": 1, "canTrade": "no"}, "canTrade: must be true or false"),
        ("keys", {"key_number": 1, "canFly": True}, "canFly: unknown field"),
        ("deposits", {"key_number": 1, "amount": "1"}, "asset: is missing"),
        ("deposits", {"key_number": 1, "asset": "usdt", "amount": "1"}, "asset: must be 1 to 20"),
        ("deposits", {"key_number": 1, "asset": "USDT", "amount": 5}, "amount: must be a string"),
        ("deposits", {"key_number": 1, "asset": "USDT", "amount": "0"}, "amount: must lie above 0"),
        ("deposits", {"key_number": 1, "asset": "USDT", "amount": "NaN"}, "amount: must be a"),
        (
            "deposits",
            {"key_number": 1, "asset": "USDT", "amount": "0.000000001"},
            "amount: must have at most 8",
        ),
        (
            "deposits",
            {"key_number": 1, "asset": "USDT", "amount": "1", "wallet": "moon"},
            "wallet: must be one of spot, um",
        ),
        ("clock", {"speed": 10**400}, "speed: must lie between"),
        ("clock", {"speed": -(10**400)}, "speed: must lie between"),
        ("price", {"symbol": "BTCUSDT", "price": "1", "seconds": 10**400}, "seconds: must lie"),
        ("price", {"symbol": "BTCUSDT", "price": "1_000"}, "price: must be a decimal number"),
        (
            "deposits",
            {"key_number": 1, "asset": "USDT", "amount": "1e-999999999"},
            "amount: must be a decimal number",
        ),
        (
            "deposits",
            {"key_number": 1, "asset": "USDT", "amount": "1_0"},
            "amount: must be a decimal number",
        ),
        ("symbols", {"symbol": "XXXUSDT"}, "symbol: must be one of"),
        ("symbols", {"symbol": "BTCUSDT", "status": "ASLEEP"}, "status: must be one of TRADING"),
        ("symbols", {"symbol": "BTCUSDT", "tick": "-1"}, "tick: must be a decimal"),
        ("symbols", {"symbol": "BTCUSDT", "step": "abc"}, "step: must be a decimal"),
        ("symbols", {"symbol": "BTCUSDT", "listed": "no"}, "listed: must be true or false"),
    ],
)
def test_bad_input_is_refused_by_name_and_changes_nothing(
    demo: RunningExchange, path: str, item: Any, words: str
) -> None:
    def state() -> tuple[Any, ...]:
        clock = demo.control("clock")
        values = clock["running"], clock["speed"], clock["market_time"]
        return *values, *map(demo.control, ("price", "ledger", "keys", "symbols"))

    before = state()
    with pytest.raises(ValueError, match=words):
        demo.control(path, item)
    assert state() == before


def test_a_body_that_is_no_json_is_refused(demo: RunningExchange) -> None:
    for body in ("{", "[" * 100_000, "1" * 5_000, b"\xff\xfe"):
        response = requests.post(f"{demo.url}/_control/clock", data=body, timeout=5)
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


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (None, True),
        ("127.0.0.1:9080", True),
        ("127.1.2.3", True),
        ("LocalHost:9080", True),
        ("demo.localhost", True),
        ("[::1]:9080", True),
        ("elsewhere.example:9080", False),
        ("127.0.0.1.elsewhere.example", False),
        ("localhost.elsewhere.example", False),
        ("10.0.0.5", False),
        ("[elsewhere]:9080", False),
    ],
)
def test_only_names_of_a_loopback_are_this_machines_own(
    host: str | None,
    *,
    expected: bool,
) -> None:
    assert is_own_name(host) is expected


def test_a_page_whose_name_was_led_here_is_turned_away(demo: RunningExchange) -> None:
    # Such a page is of one origin with this address, so that its GETs carry no Origin.
    for name in ("clock", "ledger", "streams"):
        page = requests.get(
            f"{demo.url}/_control/{name}", headers={"Host": "elsewhere.example"}, timeout=5
        )
        assert (page.status_code, "market" in page.text) == (403, False)


def test_a_key_may_lose_the_right_to_trade_or_to_read(
    demo: RunningExchange, caller: Caller
) -> None:
    path = "/sapi/v1/account/apiRestrictions"
    usual = caller.signed("GET", path).json()
    assert (usual["enableReading"], usual["enableWithdrawals"], usual["ipRestrict"]) == (
        True,
        False,
        False,
    )
    demo.control("keys", {"key_number": 1, "enableWithdrawals": True, "ipRestrict": True})
    changed = caller.signed("GET", path).json()
    assert changed == usual | {"enableWithdrawals": True, "ipRestrict": True}
    assert caller.order(quantity="0.001").status_code == 200
    demo.control("keys", {"key_number": 1, "enableSpotAndMarginTrading": False})
    words = "Invalid API-key, IP, or permissions for action."
    for method, endpoint in (
        ("POST", "/api/v3/order"),
        ("POST", "/api/v3/order/test"),
        ("POST", "/api/v3/orderList/oco"),
        ("DELETE", "/api/v3/openOrders"),
    ):
        response = caller.signed(method, endpoint, **SAMPLES[method, endpoint])
        assert refusal(response) == (401, -2015, words)
    assert caller.signed("GET", "/api/v3/account").json()["canTrade"] is True
    demo.control("keys", {"key_number": 1, "enableReading": False})
    assert refusal(caller.signed("GET", "/api/v3/account")) == (401, -2015, words)
    assert len(demo.ledger()["orders"]) == 1


def test_an_account_that_may_not_trade_is_told_so(demo: RunningExchange, caller: Caller) -> None:
    (uid,) = demo.ledger()["balances"]
    state = demo.control("keys", {"uid": int(uid), "canTrade": False})
    assert (state["key_number"], state["canTrade"]) == (1, False)
    assert caller.signed("GET", "/api/v3/account").json()["canTrade"] is False
    words = "This account may not place or cancel orders."
    assert refusal(caller.order(quantity="0.001")) == (400, -2010, words)
    canceled = caller.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    assert refusal(canceled) == (400, -2011, words)
    assert demo.ledger()["orders"] == []


def test_keys_are_numbered_and_never_shown(demo: RunningExchange) -> None:
    (key,) = demo.control("keys")
    assert key["key_number"] == 1
    assert TEST_KEY not in json.dumps(key)


def test_a_deposit_is_new_money_and_the_books_know_it(
    demo: RunningExchange, caller: Caller
) -> None:
    demo.control("deposits", {"key_number": 1, "asset": "BNB", "amount": "2.5"})
    demo.control("deposits", {"key_number": 1, "asset": "USDT", "amount": "5", "wallet": "um"})
    ledger = demo.ledger()
    ((uid, wallets),) = ledger["balances"].items()
    assert wallets["spot"]["BNB"] == {"free": "2.50000000", "locked": "0.00000000"}
    assert wallets["um"]["USDT"]["free"] == "10005.00000000"
    deposit = {"uid": int(uid), "wallet": "spot", "asset": "BNB", "amount": "2.50000000"}
    assert deposit in ledger["deposits"]
    assert set(ledger["differences"].values()) == {"0.00000000"}
    rows = caller.signed("GET", "/api/v3/account").json()["balances"]
    assert {row["asset"]: row["free"] for row in rows}["BNB"] == "2.50000000"


def test_a_halted_symbol_takes_no_orders_and_says_so(demo: RunningExchange, caller: Caller) -> None:
    demo.control("symbols", {"symbol": "BTCUSDT", "status": "HALT"})
    assert refusal(caller.order(quantity="0.001"))[2] == "Market is closed."
    info = caller.public("/api/v3/exchangeInfo", symbol="BTCUSDT").json()
    assert info["symbols"][0]["status"] == "HALT"
    halted = caller.public("/api/v3/exchangeInfo", symbolStatus="HALT").json()["symbols"]
    assert [one["symbol"] for one in halted] == ["BTCUSDT"]
    trading = caller.public("/api/v3/ticker/price", symbolStatus="TRADING").json()
    assert [one["symbol"] for one in trading] == ["ETHUSDT"]
    demo.control("symbols", {"symbol": "BTCUSDT", "status": "TRADING"})
    assert caller.order(quantity="0.001").status_code == 200


def test_a_symbol_that_only_lets_cancel_lets_cancel(demo: RunningExchange, caller: Caller) -> None:
    order_id = caller.signed("POST", "/api/v3/order", **ORDERS["LIMIT"]).json()["orderId"]
    demo.control("symbols", {"symbol": "BTCUSDT", "status": "CANCEL_ONLY"})
    assert refusal(caller.order(quantity="0.001"))[2] == "Market is closed."
    canceled = caller.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=order_id)
    assert canceled.json()["status"] == "CANCELED"


def test_rules_of_a_symbol_change_between_two_calls(demo: RunningExchange, caller: Caller) -> None:
    changes = {"tick": "0.1", "step": "0.001", "min_notional": "100"}
    row = demo.control("symbols", {"symbol": "BTCUSDT"} | changes)
    assert (row["tick"], row["step"], row["min_notional"]) == (
        "0.10000000",
        "0.00100000",
        "100.00000000",
    )
    assert refusal(caller.order(quantity="0.0015"))[2] == "Filter failure: LOT_SIZE"
    assert refusal(caller.order(quantity="0.001"))[2] == "Filter failure: NOTIONAL"
    limit = ORDERS["LIMIT"] | {"price": "90000.05", "quantity": "0.002"}
    response = caller.signed("POST", "/api/v3/order", **limit)
    assert refusal(response)[2] == "Filter failure: PRICE_FILTER"


def test_a_symbol_may_be_gone(demo: RunningExchange, caller: Caller) -> None:
    assert demo.control("symbols", {"symbol": "ETHUSDT", "listed": False})["listed"] is False
    gone = (400, -1121, "Invalid symbol.")
    assert refusal(caller.public("/api/v3/ticker/price", symbol="ETHUSDT")) == gone
    assert refusal(caller.order(symbol="ETHUSDT", quantity="0.1")) == gone
    symbols = caller.public("/api/v3/exchangeInfo").json()["symbols"]
    assert [one["symbol"] for one in symbols] == ["BTCUSDT"]
    assert [one["symbol"] for one in demo.control("symbols")] == ["BTCUSDT"]
    assert list(demo.control("price")) == ["BTCUSDT"]
    for price in ("2000", None):
        with pytest.raises(ValueError, match="symbol: must be one of BTCUSDT"):
            demo.set_price("ETHUSDT", price)
    with pytest.raises(ValueError, match="symbol: is not listed"):
        demo.control("symbols", {"symbol": "ETHUSDT", "status": "HALT"})
    with pytest.raises(ValueError, match="listed: must come alone"):
        demo.control("symbols", {"symbol": "ETHUSDT", "listed": True, "status": "HALT"})
    assert demo.control("symbols", {"symbol": "ETHUSDT", "listed": True})["status"] == "TRADING"
    assert caller.public("/api/v3/ticker/price", symbol="ETHUSDT").status_code == 200


def test_whatever_a_person_sends_comes_back_as_text(demo: RunningExchange) -> None:
    for body in (
        '{"\\ud800": 1}',
        '{"endpoint": "\\ud800", "action": "drop"}',
        '{"endpoint": "*", "action": "status", "body": "\\ud800"}',
        '{"endpoint": "*", "action": "error", "message": "\\ud800"}',
    ):
        response = requests.post(f"{demo.url}/_control/faults", data=body, timeout=5)
        assert response.status_code == 400
        assert response.json()["error"]
    assert demo.faults() == []
