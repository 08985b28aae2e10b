"""How an account trades, over HTTP: leverage, margin type, position mode, margin of a position."""

from __future__ import annotations

from typing import Any

import pytest

from exchange.demo.conftest import Caller, refusal
from exchange.demo.fapi.tests.trading import SYMBOL, Trader, placed
from exchange.demo.fapi.tests.trading import trader as trader  # noqa: PLC0414 - a fixture

DONE = {"code": 200, "msg": "success"}


def config(trader: Trader, symbol: str = SYMBOL) -> dict[str, Any]:
    (row,) = trader.ask("GET", "v1/symbolConfig", symbol=symbol).json()
    return dict(row)


def test_a_new_account_is_crossed_and_twenty_times_leveraged(caller: Caller) -> None:
    rows = caller.signed("GET", "/fapi/v1/symbolConfig").json()
    assert [row["symbol"] for row in rows] == ["BTCUSDT", "ETHUSDT"]
    assert rows[0] == {
        "symbol": SYMBOL,
        "marginType": "CROSSED",
        "isAutoAddMargin": False,
        "leverage": 20,
        "maxNotionalValue": "100000000",
    }


def test_leverage_is_set_for_one_symbol_and_the_tier_told(trader: Trader) -> None:
    reply = placed(trader.ask("POST", "v1/leverage", symbol=SYMBOL, leverage="125"))
    assert reply == {"symbol": SYMBOL, "leverage": 125, "maxNotionalValue": "50000"}
    assert config(trader)["leverage"] == 125
    assert config(trader)["maxNotionalValue"] == "50000"
    assert config(trader, "ETHUSDT")["leverage"] == 20


@pytest.mark.parametrize("leverage", ["0", "126", "1000"])
def test_a_leverage_that_nobody_may_use_is_refused(trader: Trader, leverage: str) -> None:
    response = trader.ask("POST", "v1/leverage", symbol=SYMBOL, leverage=leverage)
    assert refusal(response) == (400, -4028, f"Leverage {leverage} is not valid")
    assert config(trader)["leverage"] == 10


def test_margin_type_is_set_once(trader: Trader) -> None:
    again = trader.ask("POST", "v1/marginType", symbol=SYMBOL, marginType="ISOLATED")
    assert refusal(again) == (400, -4046, "No need to change margin type.")
    reply = placed(trader.ask("POST", "v1/marginType", symbol=SYMBOL, marginType="CROSSED"))
    assert (reply, config(trader)["marginType"]) == (DONE, "CROSSED")


def test_margin_type_stays_while_something_is_open(trader: Trader) -> None:
    crossed = {"symbol": SYMBOL, "marginType": "CROSSED"}
    placed(trader.limit("90000"))
    assert refusal(trader.ask("POST", "v1/marginType", **crossed))[1] == -4047
    placed(trader.ask("DELETE", "v1/allOpenOrders", symbol=SYMBOL))
    placed(trader.order())
    assert refusal(trader.ask("POST", "v1/marginType", **crossed))[1] == -4048
    assert config(trader)["marginType"] == "ISOLATED"


def test_position_mode_is_switched_while_nothing_is_open(trader: Trader) -> None:
    path = "v1/positionSide/dual"
    assert trader.ask("GET", path).json() == {"dualSidePosition": False}
    assert refusal(trader.ask("POST", path, dualSidePosition="false"))[1] == -4059
    assert placed(trader.ask("POST", path, dualSidePosition="true")) == DONE
    assert trader.ask("GET", path).json() == {"dualSidePosition": True}
    assert trader.ask("GET", "v1/accountConfig").json()["dualSidePosition"] is True
    placed(trader.order(positionSide="LONG"))
    assert refusal(trader.ask("POST", path, dualSidePosition="false"))[1] == -4068


def test_margin_is_added_to_a_position_and_taken_away(trader: Trader) -> None:
    placed(trader.order())
    added = placed(trader.ask("POST", "v1/positionMargin", symbol=SYMBOL, amount="10.5", type="1"))
    message = "Successfully modify position margin."
    assert added == {"amount": 10.5, "code": 200, "msg": message, "type": 1}
    taken = placed(trader.ask("POST", "v1/positionMargin", symbol=SYMBOL, amount="10", type="2"))
    assert (taken["amount"], taken["type"]) == (10, 2)
    (row,) = trader.ask("GET", "v3/positionRisk").json()
    assert row["isolatedWallet"] == "100.50500000"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"amount": "0", "type": "1"}, -4055),
        ({"amount": "1", "type": "3"}, -1130),
        ({"amount": "1"}, -1102),
        ({"type": "1"}, -1102),
        ({"amount": "-1", "type": "1"}, -1100),
        ({"amount": "1", "type": "1"}, -4054),
    ],
)
def test_margin_that_makes_no_sense_is_refused(
    trader: Trader, params: dict[str, str], code: int
) -> None:
    response = trader.ask("POST", "v1/positionMargin", symbol=SYMBOL, **params)
    assert refusal(response)[:2] == (400, code)


def test_tiers_come_as_numbers_and_always_in_a_list(trader: Trader) -> None:
    (row,) = trader.ask("GET", "v1/leverageBracket", symbol=SYMBOL).json()
    assert row["symbol"] == SYMBOL
    assert row["brackets"][1] == {
        "bracket": 2,
        "initialLeverage": 100,
        "notionalCap": 600_000,
        "notionalFloor": 50_000,
        "maintMarginRatio": 0.005,
        "cum": 50,
    }
    rows = trader.ask("GET", "v1/leverageBracket").json()
    assert [one["symbol"] for one in rows] == ["BTCUSDT", "ETHUSDT"]
    assert trader.ask("GET", "v1/multiAssetsMargin").json() == {"multiAssetsMargin": False}


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("v1/leverage", {"leverage": "10"}, -1102),
        ("v1/leverage", {"symbol": SYMBOL}, -1102),
        ("v1/leverage", {"symbol": "NOPE", "leverage": "10"}, -1121),
        ("v1/leverage", {"symbol": SYMBOL, "leverage": "2.5"}, -1100),
        ("v1/marginType", {"symbol": SYMBOL}, -1102),
        ("v1/marginType", {"symbol": SYMBOL, "marginType": "isolated"}, -1130),
        ("v1/positionSide/dual", {}, -1102),
        ("v1/positionSide/dual", {"dualSidePosition": "True"}, -1130),
        ("v1/multiAssetsMargin", {"multiAssetsMargin": "true"}, -1020),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(
    trader: Trader, path: str, params: dict[str, str], code: int
) -> None:
    assert refusal(trader.ask("POST", path, **params))[:2] == (400, code)
