"""The doors for hitches at triggers and for trades that somebody makes elsewhere."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from exchange.demo.conftest import Caller
from exchange.demo.testing import RunningExchange


def trader(demo: RunningExchange, caller: Caller) -> None:
    """Give the account money and isolated margin in BTCUSDT, at a price of 100000."""
    demo.set_price("BTCUSDT", "100000")
    deposit = {"key_number": 1, "asset": "USDT", "amount": "20000", "wallet": "um"}
    demo.control("deposits", deposit)
    asked = {"symbol": "BTCUSDT", "marginType": "ISOLATED"}
    assert caller.signed("POST", "/fapi/v1/marginType", **asked).ok


def trade(demo: RunningExchange, amount: str, **more: Any) -> dict[str, Any]:
    asked = {"key_number": 1, "symbol": "BTCUSDT", "amount": amount} | more
    return dict(demo.control("positions", asked))


def go(demo: RunningExchange, seconds: float) -> None:
    """Let market time jump."""
    then = demo.market_time() + timedelta(seconds=seconds)
    demo.set_clock(market_time=then.isoformat())


def refused(demo: RunningExchange, path: str, payload: Any) -> str:
    with pytest.raises(ValueError, match=r"\w") as error:
        demo.control(path, payload)
    return str(error.value)


def test_hitches_are_set_shown_and_cleared(demo: RunningExchange) -> None:
    first = demo.control("algo", {"on_trigger": "late", "seconds": 2.5})
    assert first == {
        "id": 1,
        "symbol": None,
        "on_trigger": "late",
        "seconds": 2.5,
        "times": 1,
        "hits": 0,
    }
    asked = {"on_trigger": "stuck", "symbol": "BTCUSDT", "times": None}
    second = demo.control("algo", asked)
    assert (second["id"], second["symbol"], second["times"]) == (2, "BTCUSDT", None)
    assert demo.control("algo") == [first, second]
    assert demo.control("algo", method="DELETE") == []
    assert demo.control("algo") == []


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({}, "on_trigger: is missing"),
        ({"on_trigger": "never"}, "on_trigger: must be one of late, stuck, missing, refuse"),
        ({"on_trigger": "late"}, "seconds: is missing"),
        ({"on_trigger": "late", "seconds": 0}, "seconds: must lie between 0.001 and 1e+07"),
        ({"on_trigger": "stuck", "seconds": 1}, "seconds: belongs to late and missing alone"),
        ({"on_trigger": "stuck", "times": 0}, "times: must lie between 1 and 1000000000"),
        ({"on_trigger": "stuck", "symbol": "XYZUSDT"}, "symbol: must be one of"),
        ({"on_trigger": "stuck", "extra": 1}, "extra: unknown field"),
        ([], "a JSON object is expected, not list"),
    ],
)
def test_a_wrong_hitch_is_refused_by_the_name_of_its_field(
    demo: RunningExchange, asked: Any, text: str
) -> None:
    assert refused(demo, "algo", asked).startswith(text)
    assert demo.control("algo") == []


def test_a_stuck_stop_leaves_the_position_open(demo: RunningExchange, caller: Caller) -> None:
    trader(demo, caller)
    trade(demo, "0.010")
    demo.control("algo", {"on_trigger": "stuck"})
    asked = {
        "algoType": "CONDITIONAL",
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "STOP_MARKET",
        "triggerPrice": "99000",
        "quantity": "0.010",
        "reduceOnly": "true",
        "clientAlgoId": "stop-1",
    }
    assert caller.signed("POST", "/fapi/v1/algoOrder", **asked).json()["algoStatus"] == "NEW"
    demo.set_price("BTCUSDT", "98900")
    go(demo, 1)
    found = caller.signed("GET", "/fapi/v1/algoOrder", clientAlgoId="stop-1").json()
    assert (found["algoStatus"], found["actualOrderId"]) == ("TRIGGERING", "")
    canceled = caller.signed("DELETE", "/fapi/v1/algoOrder", clientAlgoId="stop-1")
    assert canceled.json()["code"] == -2011
    assert [one["amount"] for one in demo.control("positions")] == ["0.01000000"]
    assert demo.control("algo")[0]["hits"] == 1

    demo.control("algo", method="DELETE")

    found = caller.signed("GET", "/fapi/v1/algoOrder", clientAlgoId="stop-1").json()
    assert (found["algoStatus"], found["actualPrice"]) == ("FINISHED", "98895.00000")
    assert demo.control("positions") == []


def test_what_hangs_in_a_halted_market_comes_when_that_goes_on(
    demo: RunningExchange, caller: Caller
) -> None:
    trader(demo, caller)
    trade(demo, "0.010")
    demo.control("algo", {"on_trigger": "stuck"})
    asked = {"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET"}
    asked |= {"triggerPrice": "99000", "closePosition": "true", "clientAlgoId": "stop-1"}
    assert caller.signed("POST", "/fapi/v1/algoOrder", **asked).ok
    demo.set_price("BTCUSDT", "98900")
    go(demo, 1)
    demo.control("symbols", {"symbol": "BTCUSDT", "market": "futures", "status": "TRADING_HALT"})

    demo.control("algo", method="DELETE")

    assert [one["amount"] for one in demo.control("positions")] == ["0.01000000"]
    demo.control("symbols", {"symbol": "BTCUSDT", "market": "futures", "status": "TRADING"})
    go(demo, 1)
    assert demo.control("positions") == []


def test_a_missing_child_is_found_later(demo: RunningExchange, caller: Caller) -> None:
    trader(demo, caller)
    trade(demo, "0.010")
    demo.control("algo", {"on_trigger": "missing", "seconds": 30})
    asked = {
        "algoType": "CONDITIONAL",
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "STOP_MARKET",
        "triggerPrice": "99000",
        "closePosition": "true",
        "clientAlgoId": "stop-1",
    }
    assert caller.signed("POST", "/fapi/v1/algoOrder", **asked).ok
    demo.set_price("BTCUSDT", "98900")
    go(demo, 1)
    found = caller.signed("GET", "/fapi/v1/algoOrder", clientAlgoId="stop-1").json()
    child = {"symbol": "BTCUSDT", "orderId": found["actualOrderId"]}
    assert found["algoStatus"] == "FINISHED"
    assert caller.signed("GET", "/fapi/v1/order", **child).json()["code"] == -2013
    go(demo, 30)
    shown = caller.signed("GET", "/fapi/v1/order", **child).json()
    assert (shown["status"], shown["clientOrderId"]) == ("FILLED", "stop-1")


def test_a_trade_elsewhere_changes_the_position(demo: RunningExchange, caller: Caller) -> None:
    trader(demo, caller)
    bought = trade(demo, "0.010")
    assert bought["client_order_id"].startswith("web_")
    assert bought["executed"] == "0.01000000"
    sold = trade(demo, "-0.030")
    (position,) = sold["positions"]
    assert position == demo.control("positions")[0]
    assert (position["symbol"], position["side"], position["amount"]) == (
        *("BTCUSDT", "BOTH", "-0.02000000"),
    )
    assert position["mark_price"] == "100000.00000000"
    assert Decimal(position["isolated_wallet"]) > 0
    assert Decimal(position["liquidation_price"]) > 100_000
    assert [one["uid"] for one in demo.ledger()["positions"]] == [sold["uid"]]


def test_somebody_may_be_named_by_uid(demo: RunningExchange, caller: Caller) -> None:
    trader(demo, caller)
    uid = demo.control("keys")[0]["uid"]
    asked = {"uid": uid, "symbol": "BTCUSDT", "amount": "0.010"}
    assert demo.control("positions", asked)["uid"] == uid


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"amount": "0"}, "amount: must not be 0"),
        ({"amount": "1e3"}, "amount: must be a decimal number in a string"),
        ({"amount": "0.000000001"}, "amount: must not be 0 and have at most 8 decimals"),
        ({"amount": 1}, "amount: must be a string"),
        ({"amount": "0.0001"}, "amount: refused by the venue: -1111 Precision"),
        ({"amount": "100"}, "amount: refused by the venue: -20"),
        ({"symbol": "XYZUSDT"}, "symbol: must be one of"),
        ({"key_number": 9}, "key_number: there is none"),
        ({"uid": 100}, "key_number: uid says already whose it is"),
    ],
)
def test_a_wrong_trade_is_refused_and_trades_nothing(
    demo: RunningExchange, caller: Caller, changed: dict[str, Any], text: str
) -> None:
    trader(demo, caller)
    asked = {"key_number": 1, "symbol": "BTCUSDT", "amount": "0.010"} | changed
    assert refused(demo, "positions", asked).startswith(text)
    assert demo.control("positions") == []
    assert demo.ledger()["futures_orders"] == []
