"""Orders of the futures book over HTTP: replies, trades, queries, cancels and refusals."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from exchange.demo.conftest import refusal
from exchange.demo.fapi.tests.trading import ASK, SYMBOL, Trader, placed
from exchange.demo.fapi.tests.trading import trader as trader  # noqa: PLC0414 - a fixture

REPLY = {
    *("orderId", "symbol", "status", "clientOrderId", "price", "origQty", "executedQty", "cumQty"),
    *("timeInForce", "type", "reduceOnly", "closePosition", "side", "positionSide", "stopPrice"),
    *("workingType", "priceProtect", "origType", "priceMatch", "selfTradePreventionMode"),
    *("goodTillDate", "updateTime"),
}
ROW = REPLY - {"cumQty"} | {"avgPrice", "cumQuote", "time"}
UNKNOWN = (400, -2013, "Order does not exist.")


def open_ids(trader: Trader, **params: Any) -> list[int]:
    return [row["orderId"] for row in trader.ask("GET", "v1/openOrders", **params).json()]


def all_ids(trader: Trader, **params: Any) -> list[int]:
    rows = trader.ask("GET", "v1/allOrders", symbol=SYMBOL, **params).json()
    return [row["orderId"] for row in rows]


@pytest.mark.parametrize("asked", [None, "ACK"])
def test_a_market_order_is_only_acknowledged_unless_asked(
    trader: Trader, asked: str | None
) -> None:
    reply = placed(trader.order(newOrderRespType=asked))
    assert set(reply) == REPLY
    assert (reply["status"], reply["executedQty"], reply["cumQty"]) == ("NEW", "0.000", "0.000")
    row = trader.find(reply["orderId"])
    assert set(row) == ROW
    assert (row["status"], row["executedQty"]) == ("FILLED", "0.010")
    assert (row["avgPrice"], row["cumQuote"]) == ("100005.00000", "1000.05000")


def test_the_result_of_a_market_order_tells_no_price(trader: Trader) -> None:
    reply = placed(trader.order(newOrderRespType="RESULT"))
    assert set(reply) == REPLY
    assert (reply["status"], reply["executedQty"], reply["cumQty"]) == ("FILLED", "0.010", "0.010")
    assert reply["price"] == "0.00"
    assert reply["updateTime"] == trader.find(reply["orderId"])["time"]


def test_price_commission_and_result_stand_in_the_trades(trader: Trader) -> None:
    bought = placed(trader.order())["orderId"]
    trader.move("101000")
    sold = placed(trader.order(side="SELL", reduceOnly="true"))["orderId"]
    opening, closing = trader.trades()
    assert (opening["orderId"], opening["price"], opening["qty"]) == (bought, ASK, "0.010")
    assert (opening["commission"], opening["commissionAsset"]) == ("0.50002500", "USDT")
    assert (opening["realizedPnl"], opening["buyer"]) == ("0.00000000", True)
    assert (closing["orderId"], closing["price"]) == (sold, "100994.90")
    assert (closing["quoteQty"], closing["commission"]) == ("1009.949", "0.50497450")
    # (100994.9 - 100005) * 0.01, without the commissions
    assert (closing["realizedPnl"], closing["buyer"]) == ("9.89900000", False)
    assert {one["maker"] for one in (opening, closing)} == {False}
    ledger = trader.demo.ledger()
    assert ledger["positions"] == []
    (uid,) = ledger["balances"]
    assert ledger["balances"][uid]["um"]["USDT"]["free"] == "10008.89400050"


def test_a_large_order_has_the_average_price_of_its_trades(trader: Trader) -> None:
    order_id = placed(trader.order(quantity="0.500"))["orderId"]
    trades = trader.trades(orderId=order_id)
    row = trader.find(order_id)
    assert len(trades) > 1
    worth = sum(Decimal(one["quoteQty"]) for one in trades)
    assert worth == sum(Decimal(one["price"]) * Decimal(one["qty"]) for one in trades)
    assert Decimal(row["cumQuote"]) == worth
    assert Decimal(row["avgPrice"]) == (worth / Decimal("0.5")).quantize(Decimal("0.00000001"))
    assert Decimal(row["avgPrice"]) > Decimal(ASK)


def test_a_limit_order_rests_shows_itself_and_fills_as_maker(trader: Trader) -> None:
    reply = placed(trader.limit("99000", newClientOrderId="mine", newOrderRespType="RESULT"))
    assert (reply["status"], reply["price"], reply["clientOrderId"]) == ("NEW", "99000.00", "mine")
    order_id = reply["orderId"]
    row = trader.find(order_id)
    assert (row["avgPrice"], row["cumQuote"]) == ("0.00000", "0.00000")
    for params in ({"orderId": order_id}, {"origClientOrderId": "mine"}):
        assert trader.ask("GET", "v1/order", symbol=SYMBOL, **params).json() == row
        assert trader.ask("GET", "v1/openOrder", symbol=SYMBOL, **params).json() == row
    assert trader.ask("GET", "v1/openOrders").json() == [row]
    assert open_ids(trader, symbol="ETHUSDT") == []
    trader.move("98900")
    assert trader.find(order_id)["status"] == "FILLED"
    assert open_ids(trader) == []
    assert refusal(trader.ask("GET", "v1/openOrder", symbol=SYMBOL, orderId=order_id)) == UNKNOWN
    (trade,) = trader.trades()
    assert (trade["maker"], trade["price"], trade["commission"]) == (
        True,
        "99000.00",
        "0.19800000",
    )


def test_a_crossing_limit_order_is_acknowledged_as_new_or_answered_with_its_result(
    trader: Trader,
) -> None:
    assert placed(trader.limit("101000"))["status"] == "NEW"
    result = placed(trader.limit("101000", newOrderRespType="RESULT"))
    assert (result["status"], result["executedQty"]) == ("FILLED", "0.010")


def test_an_order_that_may_not_wait_expires(trader: Trader) -> None:
    reply = placed(trader.limit("99000", timeInForce="IOC", newOrderRespType="RESULT"))
    assert (reply["status"], reply["timeInForce"]) == ("EXPIRED", "IOC")
    assert reply["executedQty"] == "0.000"
    assert trader.trades() == []


def test_an_order_ends_at_its_date(trader: Trader) -> None:
    now_ms = trader.demo.control("clock")["market_time_ms"]
    reply = placed(trader.limit("99000", timeInForce="GTD", goodTillDate=now_ms + 601_500))
    assert reply["goodTillDate"] == (now_ms + 601_500) // 1000 * 1000
    trader.wait(seconds=600)
    assert trader.find(reply["orderId"])["status"] == "NEW"
    trader.wait(seconds=2)
    assert trader.find(reply["orderId"])["status"] == "EXPIRED"


def test_a_cancel_returns_the_order_and_happens_once(trader: Trader) -> None:
    order_id = placed(trader.limit("99000", newClientOrderId="mine"))["orderId"]
    ids = {"symbol": SYMBOL, "origClientOrderId": "mine"}
    reply = placed(trader.ask("DELETE", "v1/order", **ids))
    assert set(reply) == REPLY
    assert (reply["orderId"], reply["status"]) == (order_id, "CANCELED")
    assert (reply["clientOrderId"], reply["cumQty"]) == ("mine", "0.000")
    unknown = (400, -2011, "Unknown order sent.")
    assert refusal(trader.ask("DELETE", "v1/order", **ids)) == unknown
    filled = placed(trader.order())["orderId"]
    assert refusal(trader.ask("DELETE", "v1/order", symbol=SYMBOL, orderId=filled)) == unknown


def test_canceling_everything_leaves_conditional_orders_and_other_symbols(trader: Trader) -> None:
    done = {"code": 200, "msg": "The operation of cancel all open order is done."}
    for price in ("99000", "98000"):
        placed(trader.limit(price))
    algo_id = placed(trader.algo())["algoId"]
    other = trader.ask("DELETE", "v1/allOpenOrders", symbol="ETHUSDT")
    assert (placed(other), len(open_ids(trader))) == (done, 2)
    assert placed(trader.ask("DELETE", "v1/allOpenOrders", symbol=SYMBOL)) == done
    assert open_ids(trader) == []
    assert trader.find_algo(algo_id)["algoStatus"] == "NEW"
    # Nothing left is no reason to refuse, unlike on the spot market.
    assert placed(trader.ask("DELETE", "v1/allOpenOrders", symbol=SYMBOL)) == done


def test_ids_that_belong_to_different_orders_find_none(trader: Trader) -> None:
    order_id = placed(trader.limit("99000", newClientOrderId="mine"))["orderId"]
    both = {"symbol": SYMBOL, "orderId": order_id, "origClientOrderId": "other"}
    assert refusal(trader.ask("GET", "v1/order", **both)) == UNKNOWN
    assert trader.ask("GET", "v1/order", **both | {"origClientOrderId": "mine"}).status_code == 200
    elsewhere = {"symbol": "ETHUSDT", "orderId": order_id}
    assert refusal(trader.ask("GET", "v1/order", **elsewhere)) == UNKNOWN


def test_a_client_id_may_be_used_again_and_finds_the_newest(trader: Trader) -> None:
    ids = [placed(trader.order(newClientOrderId="mine"))["orderId"] for _ in range(2)]
    found = trader.ask("GET", "v1/order", symbol=SYMBOL, origClientOrderId="mine").json()
    assert ids[0] < ids[1] == found["orderId"]


def test_orders_are_listed_by_time_id_and_limit(trader: Trader) -> None:
    ids = []
    for _ in range(4):
        ids.append(placed(trader.order())["orderId"])
        trader.wait(seconds=1)
    times = [trader.find(one)["time"] for one in ids]
    assert all_ids(trader) == ids
    assert all_ids(trader, limit=2) == ids[-2:]
    assert all_ids(trader, orderId=ids[1], limit=2) == ids[1:3]
    assert all_ids(trader, startTime=times[1], limit=2) == ids[1:3]
    assert all_ids(trader, endTime=times[1]) == ids[:2]
    assert all_ids(trader, startTime=times[1], endTime=times[2]) == ids[1:3]
    row = trader.ask("GET", "v1/allOrders", symbol=SYMBOL, limit=1).json()[0]
    assert set(row) == ROW | {"pair", "cumBase"}
    assert (row["pair"], row["cumBase"]) == (SYMBOL, "0.010")


def test_trades_are_listed_by_time_id_order_and_limit(trader: Trader) -> None:
    orders = []
    for _ in range(4):
        orders.append(placed(trader.order())["orderId"])
        trader.wait(seconds=1)
    trades = trader.trades()
    ids, times = [one["id"] for one in trades], [one["time"] for one in trades]
    assert [one["orderId"] for one in trades] == orders

    def found(**params: Any) -> list[int]:
        return [one["id"] for one in trader.trades(**params)]

    assert found(limit=2) == ids[-2:]
    assert found(fromId=ids[1], limit=2) == ids[1:3]
    assert found(startTime=times[1], limit=2) == ids[1:3]
    assert found(startTime=times[1], endTime=times[2]) == ids[1:3]
    assert found(orderId=orders[2]) == [ids[2]]
    assert found(orderId=orders[2], startTime=times[3]) == []


def test_all_orders_are_of_one_symbol_or_of_all(trader: Trader) -> None:
    placed(trader.ask("POST", "v1/marginType", symbol="ETHUSDT", marginType="ISOLATED"))
    trader.demo.set_price("ETHUSDT", "2000")
    names = (SYMBOL, "ETHUSDT", SYMBOL)
    ids = [placed(trader.order(symbol=name, quantity="0.050"))["orderId"] for name in names]
    rows = trader.ask("GET", "v1/allOrders").json()
    assert [(row["orderId"], row["symbol"]) for row in rows] == list(zip(ids, names, strict=True))
    assert all_ids(trader) == [ids[0], ids[2]]
    newest = trader.ask("GET", "v1/allOrders", limit=2).json()
    assert [row["orderId"] for row in newest] == ids[1:]
    onwards = trader.ask("GET", "v1/allOrders", orderId=ids[0], limit=2).json()
    assert [row["orderId"] for row in onwards] == ids[:2]


def test_what_is_older_than_seven_days_has_to_be_asked_for(trader: Trader) -> None:
    order_id = placed(trader.order())["orderId"]
    (trade,) = trader.trades()
    trader.wait(days=7, seconds=1)
    assert (all_ids(trader), trader.trades(), trader.trades(orderId=order_id)) == ([], [], [])
    assert trader.find(order_id)["status"] == "FILLED"
    assert all_ids(trader, startTime=trade["time"]) == [order_id]
    assert trader.trades(startTime=trade["time"]) == [trade]
    assert trader.trades(fromId=trade["id"]) == [trade]


def test_an_order_without_a_trade_is_forgotten_after_three_days(trader: Trader) -> None:
    canceled, expired = (
        placed(trader.limit("90000"))["orderId"],
        placed(trader.limit("99000", timeInForce="IOC"))["orderId"],
    )
    placed(trader.ask("DELETE", "v1/order", symbol=SYMBOL, orderId=canceled))
    filled, resting = (
        placed(trader.order())["orderId"],
        placed(trader.limit("96000"))["orderId"],
    )
    trader.wait(days=3)
    assert all_ids(trader) == [canceled, expired, filled, resting]
    trader.wait(seconds=1)
    assert all_ids(trader) == [filled, resting]
    assert all_ids(trader, limit=2) == [filled, resting]
    for one in (canceled, expired):
        assert refusal(trader.ask("GET", "v1/order", symbol=SYMBOL, orderId=one)) == UNKNOWN
    assert trader.find(resting)["status"] == "NEW"
    assert len(trader.demo.ledger()["futures_orders"]) == 4


def test_a_test_order_is_checked_and_not_placed(trader: Trader) -> None:
    form = {"symbol": SYMBOL, "side": "BUY", "quantity": "0.010"}
    limit = {"type": "LIMIT", "timeInForce": "GTC", "price": "99000"}
    reply = placed(trader.ask("POST", "v1/order/test", **form, **limit))
    assert set(reply) == REPLY | {"avgPrice", "cumQuote"}
    assert (reply["orderId"], reply["status"], reply["price"]) == (0, "NEW", "99000.00")
    refused = trader.ask("POST", "v1/order/test", **form, **limit | {"price": "99000.05"})
    assert refusal(refused)[1] == -4014
    assert trader.demo.ledger()["futures_orders"] == []


REFUSED = [
    ({"symbol": None}, -1102, "'symbol'"),
    ({"symbol": "NOPE"}, -1121, "Invalid symbol."),
    ({"quantity": "0"}, -4003, "Quantity less than or equal to zero."),
    ({"quantity": "0.0015"}, -1111, "Precision is over the maximum defined for this asset."),
    ({"quantity": "120.001"}, -4005, "Quantity greater than max quantity."),
    ({"quantity": "100"}, -2019, "Margin is insufficient."),
    ({"reduceOnly": "true"}, -2022, "ReduceOnly Order is rejected."),
    ({"positionSide": "LONG"}, -4061, "Order's position side does not match user's setting."),
    ({"symbol": "ETHUSDT", "quantity": "1"}, -1020, "cross margin"),
]
REFUSED_LIMITS = [
    ({"price": "99000.05"}, -4014, "Price not increased by tick size."),
    ({"price": "99000.001"}, -1111, "Precision is over the maximum defined for this asset."),
    ({"price": "120000"}, -4016, "Limit price can't be higher than 105000"),
    ({"side": "SELL", "price": "80000"}, -4024, "Limit price can't be lower than 95000"),
    ({"price": "0"}, -4001, "Price less than 0."),
    ({"price": "40000", "quantity": "0.001"}, -4164, "must be no smaller than 50 (unless"),
    ({"price": "101000", "timeInForce": "GTX"}, -5022, "could not be executed as maker"),
    ({"price": "99000", "timeInForce": "FOK"}, -5021, "could not be filled immediately"),
]


@pytest.mark.parametrize(("params", "code", "words"), REFUSED)
def test_a_market_order_that_the_venue_would_refuse_leaves_no_trace(
    trader: Trader, params: dict[str, str | None], code: int, words: str
) -> None:
    before = trader.demo.ledger()
    status, found, message = refusal(trader.order(**params))
    assert (status, found, words in message) == (400, code, True)
    assert trader.demo.ledger() == before


@pytest.mark.parametrize(("params", "code", "words"), REFUSED_LIMITS)
def test_a_limit_order_that_the_venue_would_refuse_leaves_no_trace(
    trader: Trader, params: dict[str, str], code: int, words: str
) -> None:
    before = trader.demo.ledger()
    status, found, message = refusal(trader.limit(**({"price": "99000"} | params)))
    assert (status, found, words in message) == (400, code, True)
    assert trader.demo.ledger() == before


def test_a_client_id_of_an_open_order_is_refused(trader: Trader) -> None:
    placed(trader.limit("99000", newClientOrderId="busy"))
    found = refusal(trader.limit("98000", newClientOrderId="busy"))
    assert found == (400, -4116, "ClientOrderId is duplicated.")
    assert len(open_ids(trader)) == 1


@pytest.mark.parametrize("value", ["true", "false"])
def test_reduce_only_may_not_be_sent_in_hedge_mode(trader: Trader, value: str) -> None:
    placed(trader.ask("POST", "v1/positionSide/dual", dualSidePosition="true"))
    placed(trader.order(positionSide="LONG"))
    message = "Parameter 'reduceonly' sent when not required."
    for asked in (
        trader.order(side="SELL", positionSide="LONG", reduceOnly=value),
        trader.algo(positionSide="LONG", reduceOnly=value),
    ):
        assert refusal(asked) == (400, -1106, message)
    placed(trader.order(side="SELL", positionSide="LONG"))
    assert trader.demo.ledger()["positions"] == []


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("v1/order", {"symbol": SYMBOL}, -1102),
        ("v1/order", {"symbol": SYMBOL, "orderId": "x"}, -1100),
        ("v1/order", {"symbol": SYMBOL, "origClientOrderId": "a" * 37}, -4015),
        ("v1/order", {"symbol": SYMBOL, "orderId": 99}, -2013),
        ("v1/openOrder", {"symbol": SYMBOL}, -1102),
        ("v1/openOrders", {"symbol": "NOPE"}, -1121),
        ("v1/allOrders", {"symbol": SYMBOL, "limit": 0}, -1130),
        ("v1/allOrders", {"symbol": SYMBOL, "limit": 1001}, -1130),
        ("v1/userTrades", {}, -1102),
        ("v1/userTrades", {"symbol": SYMBOL, "limit": 1001}, -1130),
        ("v1/allAlgoOrders", {}, -1102),
        ("v1/allAlgoOrders", {"symbol": SYMBOL, "limit": 1001}, -1130),
        ("v1/allOrders", {"symbol": SYMBOL, "startTime": 2, "endTime": 1}, -4165),
        ("v1/allOrders", {"symbol": SYMBOL, "startTime": 1, "endTime": 604_800_002}, -4165),
        ("v1/userTrades", {"symbol": SYMBOL, "startTime": 1, "endTime": 604_800_002}, -4165),
        ("v1/userTrades", {"symbol": SYMBOL, "fromId": 1, "startTime": 1}, -1128),
        ("v1/userTrades", {"symbol": SYMBOL, "fromId": 1, "endTime": 1}, -1128),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(
    trader: Trader, path: str, params: dict[str, Any], code: int
) -> None:
    assert refusal(trader.ask("GET", path, **params))[:2] == (400, code)


def test_an_account_that_may_not_trade_is_refused_and_may_still_cancel(trader: Trader) -> None:
    order_id = placed(trader.limit("99000"))["orderId"]
    trader.demo.control("keys", {"key_number": 1, "canTrade": False})
    refused = (400, -4088, "User can not place order currently")
    assert refusal(trader.order()) == refused
    assert refusal(trader.algo()) == refused
    assert placed(trader.ask("DELETE", "v1/order", symbol=SYMBOL, orderId=order_id))["status"] == (
        "CANCELED"
    )


def test_a_key_without_futures_sees_and_does_nothing(trader: Trader) -> None:
    trader.demo.control("keys", {"key_number": 1, "enableFutures": False})
    for asked in (trader.order(), trader.algo(), trader.ask("GET", "v1/openOrders")):
        assert refusal(asked)[:2] == (401, -2015)
    assert trader.demo.ledger()["futures_orders"] == []


def weight(trader: Trader, method: str, path: str, **params: Any) -> int:
    def used() -> int:
        headers = trader.caller.public("/fapi/v1/ping").headers
        return int(headers["X-MBX-USED-WEIGHT-1M"])

    before = used()
    trader.ask(method, path, **params)
    return used() - before - 1


@pytest.mark.parametrize(
    ("method", "path", "params", "expected"),
    [
        ("POST", "v1/order", {"symbol": SYMBOL, "side": "BUY", "type": "MARKET"}, 0),
        (
            "POST",
            "v1/order",
            {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "0.010"},
            0,
        ),
        ("DELETE", "v1/order", {"symbol": SYMBOL, "orderId": 1}, 1),
        ("DELETE", "v1/allOpenOrders", {"symbol": SYMBOL}, 1),
        ("GET", "v1/order", {"symbol": SYMBOL, "orderId": 1}, 1),
        ("GET", "v1/openOrder", {"symbol": SYMBOL, "orderId": 1}, 1),
        ("GET", "v1/openOrders", {"symbol": SYMBOL}, 1),
        ("GET", "v1/openOrders", {}, 40),
        ("GET", "v1/allOrders", {"symbol": SYMBOL}, 5),
        ("GET", "v1/userTrades", {"symbol": SYMBOL}, 5),
        ("GET", "v1/algoOrder", {"algoId": 1}, 1),
        ("DELETE", "v1/algoOrder", {"algoId": 1}, 1),
        ("DELETE", "v1/algoOpenOrders", {"symbol": SYMBOL}, 1),
        ("GET", "v1/openAlgoOrders", {"symbol": SYMBOL}, 1),
        ("GET", "v1/openAlgoOrders", {}, 40),
        ("GET", "v1/allAlgoOrders", {"symbol": SYMBOL}, 5),
    ],
)
def test_a_request_costs_what_the_venue_says(
    trader: Trader, method: str, path: str, params: dict[str, Any], expected: int
) -> None:
    assert weight(trader, method, path, **params) == expected


def test_orders_of_both_kinds_are_counted_in_ten_seconds_and_a_minute(trader: Trader) -> None:
    names = ("X-MBX-ORDER-COUNT-10S", "X-MBX-ORDER-COUNT-1M")
    counts = []
    for response in (trader.order(), trader.algo(), trader.limit("99000")):
        assert response.status_code == 200
        counts.append([response.headers[name] for name in names])
    assert [int(row[1]) for row in counts] == [1, 2, 3]
    refused = trader.order(quantity="0")
    assert refused.status_code == 400
    assert int(trader.limit("98000").headers[names[1]]) == 4


def test_a_query_may_answer_from_the_past_while_the_engine_goes_on(trader: Trader) -> None:
    trader.demo.set_fault(endpoint="GET /fapi/v1/*", action="stale", seconds=30, times=None)
    assert open_ids(trader) == []
    order_id = placed(trader.limit("99000", newClientOrderId="mine"))["orderId"]
    bought = placed(trader.order())["orderId"]
    algo_id = placed(trader.algo(clientAlgoId="sl"))["algoId"]
    for one in (order_id, bought):
        assert refusal(trader.ask("GET", "v1/order", symbol=SYMBOL, orderId=one)) == UNKNOWN
    assert refusal(trader.ask("GET", "v1/algoOrder", algoId=algo_id)) == UNKNOWN
    assert (open_ids(trader), all_ids(trader), trader.trades()) == ([], [], [])
    assert trader.ask("GET", "v1/openAlgoOrders").json() == []
    trader.demo.clear_faults()
    assert (open_ids(trader), trader.find(bought)["status"]) == ([order_id], "FILLED")
    assert trader.find_algo(algo_id)["clientAlgoId"] == "sl"


def test_trades_are_kept_for_three_months(trader: Trader) -> None:
    placed(trader.order())
    opened = trader.trades()[0]["time"]
    placed(trader.order(side="SELL", reduceOnly="true"))
    trader.wait(days=89)
    assert len(trader.trades(startTime=opened)) == len(trader.trades(fromId=1)) == 2
    trader.wait(days=2)
    assert trader.trades(startTime=opened) == trader.trades(fromId=1) == []
