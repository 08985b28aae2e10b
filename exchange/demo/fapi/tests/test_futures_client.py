"""The real python-binance client against the futures market."""

from __future__ import annotations

from typing import Any

import pytest
from binance.client import Client
from binance.exceptions import BinanceAPIException

from exchange.demo.fapi.tests.trading import SYMBOL
from exchange.demo.testing import RunningExchange


def test_public_methods_find_their_endpoints(demo: RunningExchange, client: Client) -> None:
    demo.set_price(SYMBOL, "100000")
    assert client.futures_ping() == {}
    assert client.futures_time()["serverTime"] > 0
    assert len(client.futures_exchange_info()["symbols"]) == 2
    assert len(client.futures_klines(symbol=SYMBOL, interval="5m", limit=3)) == 3
    assert len(client.futures_mark_price_klines(symbol=SYMBOL, interval="5m", limit=3)) == 3
    assert client.futures_symbol_ticker(symbol=SYMBOL)["price"] == "100000.00"
    assert client.futures_orderbook_ticker(symbol=SYMBOL)["askPrice"] == "100005.00"
    assert client.futures_ticker(symbol=SYMBOL)["lastPrice"] == "100000.00"
    assert client.futures_mark_price(symbol=SYMBOL)["markPrice"] == "100000.00000000"
    assert len(client.futures_funding_rate(symbol=SYMBOL, limit=4)) == 4


def test_an_account_is_set_up_and_asked_about(demo: RunningExchange, client: Client) -> None:
    demo.set_price(SYMBOL, "100000")
    assert client.futures_change_leverage(symbol=SYMBOL, leverage=7)["leverage"] == 7
    assert client.futures_change_margin_type(symbol=SYMBOL, marginType="ISOLATED")["code"] == 200
    assert client.futures_get_position_mode() == {"dualSidePosition": False}
    assert client.futures_change_position_mode(dualSidePosition="true")["code"] == 200
    assert client.futures_change_position_mode(dualSidePosition="false")["code"] == 200
    client.futures_create_order(symbol=SYMBOL, side="BUY", type="MARKET", quantity="0.010")
    client.futures_change_position_margin(symbol=SYMBOL, amount="5", type=1)
    (position,) = client.futures_position_information()
    assert (position["positionAmt"], position["entryPrice"]) == ("0.010", "100005.0")
    assert client.futures_account()["positions"][0]["leverage"] == "7"
    assert client.futures_account(version=3)["positions"][0]["symbol"] == SYMBOL
    assert client.futures_account_balance()[0]["asset"] == "USDT"
    assert client.futures_income_history(incomeType="COMMISSION")[0]["income"] == "-0.50002500"
    assert client.futures_leverage_bracket(symbol=SYMBOL)[0]["brackets"][0]["bracket"] == 1
    assert client.futures_commission_rate(symbol=SYMBOL)["takerCommissionRate"] == "0.000500"
    assert client.futures_symbol_config(symbol=SYMBOL)[0]["marginType"] == "ISOLATED"
    assert client.futures_account_config()["canTrade"] is True
    assert client.futures_get_multi_assets_mode() == {"multiAssetsMargin": False}


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("futures_change_leverage", {"symbol": SYMBOL, "leverage": 126}, -4028),
        ("futures_change_margin_type", {"symbol": SYMBOL, "marginType": "CROSSED"}, -4046),
        ("futures_change_position_mode", {"dualSidePosition": "false"}, -4059),
        ("futures_change_position_mode", {"dualSidePosition": False}, -1130),
        ("futures_change_multi_assets_mode", {"multiAssetsMargin": True}, -1020),
        ("futures_order_book", {"symbol": SYMBOL}, -1020),
        ("futures_income_history", {"page": 1}, -1104),
    ],
)
def test_refusals_reach_the_client_with_their_code(
    client: Client, method: str, params: dict[str, Any], code: int
) -> None:
    with pytest.raises(BinanceAPIException) as error:
        getattr(client, method)(**params)
    assert error.value.code == code
