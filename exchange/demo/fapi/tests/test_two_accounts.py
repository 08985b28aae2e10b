"""What one account does in the futures market is nothing to another one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from exchange.demo.conftest import Caller, refusal
from exchange.demo.fapi.tests.trading import SYMBOL, Trader, placed
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange

OTHER_KEY, OTHER_SECRET = "otherkey" * 8, "othersec" * 8
WALLET = "USDT=10000"


class Neighbors(NamedTuple):
    """`busy` trades; `idle` has never asked for anything."""

    busy: Trader
    idle: Trader


@pytest.fixture
def neighbors(short_recordings: Path) -> Iterator[Neighbors]:
    lines = [f"{TEST_KEY}:{TEST_SECRET}:{WALLET},UM.BNB=2", f"{OTHER_KEY}:{OTHER_SECRET}:{WALLET}"]
    with RunningExchange(accounts=lines, is_paused=True, market_data=short_recordings) as demo:
        demo.set_price(SYMBOL, "100000")
        busy = Trader(demo, Caller(demo.url))
        idle = Trader(demo, Caller(demo.url, key=OTHER_KEY, secret=OTHER_SECRET))
        placed(busy.ask("POST", "v1/marginType", symbol=SYMBOL, marginType="ISOLATED"))
        yield Neighbors(busy, idle)


def told(one: Trader, path: str, **params: Any) -> Any:
    response = one.ask("GET", path, **params)
    assert response.status_code == 200, response.text
    return response.json()


def test_an_account_sees_nothing_of_another(neighbors: Neighbors) -> None:
    busy, idle = neighbors
    placed(busy.order())
    order_id = placed(busy.limit("99000", newClientOrderId="mine"))["orderId"]
    algo_id = placed(busy.algo(clientAlgoId="stop"))["algoId"]
    for path in ("openOrders", "allOrders", "openAlgoOrders", "income"):
        assert told(busy, f"v1/{path}")
        assert told(idle, f"v1/{path}") == []
    for path in ("userTrades", "allOrders", "allAlgoOrders"):
        assert told(idle, f"v1/{path}", symbol=SYMBOL) == []
    assert told(idle, "v3/positionRisk") == []
    assert {row["positionAmt"] for row in told(idle, "v2/positionRisk")} == {"0.000"}
    account = told(idle, "v3/account")
    assert (account["totalWalletBalance"], account["positions"]) == ("10000.00000000", [])
    assert account["availableBalance"] == account["totalMarginBalance"] == "10000.00000000"
    assert [row["asset"] for row in account["assets"]] == ["USDT"]
    (config,) = told(idle, "v1/symbolConfig", symbol=SYMBOL)
    assert (config["marginType"], config["leverage"]) == ("CROSSED", 20)
    for ids in ({"orderId": order_id}, {"origClientOrderId": "mine"}):
        for path in ("order", "openOrder"):
            asked = idle.ask("GET", f"v1/{path}", symbol=SYMBOL, **ids)
            assert refusal(asked)[:2] == (400, -2013)
    for ids in ({"algoId": algo_id}, {"clientAlgoId": "stop"}):
        assert refusal(idle.ask("GET", "v1/algoOrder", **ids))[:2] == (400, -2013)


def test_an_account_cancels_and_closes_nothing_of_another(neighbors: Neighbors) -> None:
    busy, idle = neighbors
    placed(busy.order())
    order_id = placed(busy.limit("99000", newClientOrderId="mine"))["orderId"]
    algo_id = placed(busy.algo(clientAlgoId="stop"))["algoId"]
    for ids in ({"orderId": order_id}, {"origClientOrderId": "mine"}):
        refused = idle.ask("DELETE", "v1/order", symbol=SYMBOL, **ids)
        assert refusal(refused)[:2] == (400, -2011)
    for ids in ({"algoId": algo_id}, {"clientAlgoId": "stop"}):
        assert refusal(idle.ask("DELETE", "v1/algoOrder", **ids))[:2] == (400, -2011)
    placed(idle.ask("DELETE", "v1/allOpenOrders", symbol=SYMBOL))
    placed(idle.ask("DELETE", "v1/algoOpenOrders", symbol=SYMBOL))
    placed(idle.ask("POST", "v1/positionSide/dual", dualSidePosition="true"))
    assert [row["orderId"] for row in told(busy, "v1/openOrders")] == [order_id]
    assert [row["algoId"] for row in told(busy, "v1/openAlgoOrders")] == [algo_id]
    assert told(busy, "v1/positionSide/dual") == {"dualSidePosition": False}
    placed(idle.ask("POST", "v1/positionSide/dual", dualSidePosition="false"))
    placed(idle.ask("POST", "v1/marginType", symbol=SYMBOL, marginType="ISOLATED"))
    assert refusal(idle.order(side="SELL", reduceOnly="true"))[:2] == (400, -2022)
    # The same names are free, for they are the other account's.
    placed(idle.limit("99000", newClientOrderId="mine"))
    placed(idle.algo(clientAlgoId="stop"))
    (row,) = told(busy, "v3/positionRisk")
    assert (row["symbol"], row["positionAmt"]) == (SYMBOL, "0.010")
