"""Conditional orders over HTTP: replies, what triggers, the child, cancels and refusals."""

from __future__ import annotations

from typing import Any

import pytest

from exchange.demo.conftest import refusal
from exchange.demo.fapi.tests.order_samples import ALGOS
from exchange.demo.fapi.tests.trading import SYMBOL, Trader, placed
from exchange.demo.fapi.tests.trading import trader as trader  # noqa: PLC0414 - a fixture

BASE = {
    *("algoId", "clientAlgoId", "algoType", "orderType", "symbol", "side", "positionSide"),
    *("timeInForce", "quantity", "algoStatus", "triggerPrice", "price", "icebergQuantity"),
    *("selfTradePreventionMode", "workingType", "priceMatch", "closePosition", "priceProtect"),
    *("reduceOnly", "createTime", "updateTime", "triggerTime", "goodTillDate"),
}
REPLY = BASE | {"activatePrice", "callbackRate"}
QUERIED = BASE | {"actualOrderId", "actualPrice", "tpOrderType"}
ROW = QUERIED | {"actualType", "actualQty"}
LISTED = QUERIED | {"tpTriggerPrice", "tpPrice", "slTriggerPrice", "slPrice"}
CANCELED = {"code": "200", "msg": "success"}
DONE = {"code": 200, "msg": "The operation of cancel all open order is done."}
UNKNOWN = (400, -2013, "Order does not exist.")
REJECTED = (400, -2011, "Unknown order sent.")


def open_algos(trader: Trader, **params: Any) -> list[int]:
    return [row["algoId"] for row in trader.ask("GET", "v1/openAlgoOrders", **params).json()]


def all_algos(trader: Trader, **params: Any) -> list[int]:
    rows = trader.ask("GET", "v1/allAlgoOrders", symbol=SYMBOL, **params).json()
    return [row["algoId"] for row in rows]


def stopped(trader: Trader, **params: Any) -> int:
    """Buy 0.01 BTC, place a stop at 99000, and return its id."""
    placed(trader.order())
    return int(placed(trader.algo(triggerPrice="99000", **params))["algoId"])


@pytest.mark.parametrize("kind", ALGOS)
def test_a_conditional_order_waits_and_goes_with_a_cancel(trader: Trader, kind: str) -> None:
    sent = ALGOS[kind]
    reply = placed(trader.algo(kind, clientAlgoId="mine"))
    assert set(reply) == REPLY
    assert (reply["orderType"], reply["algoStatus"]) == (kind, "NEW")
    assert float(reply["triggerPrice"]) == float(sent.get("triggerPrice", 0))
    assert float(reply["price"]) == float(sent.get("price", 0))
    assert reply["callbackRate"] == sent.get("callbackRate", "")
    assert (reply["quantity"], reply["icebergQuantity"]) == ("0.010", None)
    by_id, by_client_id = {"algoId": reply["algoId"]}, {"clientAlgoId": "mine"}
    row = trader.ask("GET", "v1/algoOrder", **by_id).json()
    assert set(row) == ROW
    assert (row["actualOrderId"], row["actualPrice"]) == ("", "0.00000")
    assert trader.ask("GET", "v1/algoOrder", **by_client_id, symbol=SYMBOL).json() == row
    for path, params in (("openAlgoOrders", {}), ("allAlgoOrders", {"symbol": SYMBOL})):
        (listed,) = trader.ask("GET", f"v1/{path}", **params).json()
        assert set(listed) == LISTED
        assert (listed["algoId"], listed["algoStatus"]) == (row["algoId"], "NEW")
    assert placed(trader.ask("DELETE", "v1/algoOrder", **by_client_id)) == (
        by_id | by_client_id | CANCELED
    )
    assert (open_algos(trader), all_algos(trader)) == ([], [reply["algoId"]])
    assert trader.ask("GET", "v1/algoOrder", **by_id).json()["algoStatus"] == "CANCELED"
    for ids in (by_id, by_client_id):
        assert refusal(trader.ask("DELETE", "v1/algoOrder", **ids)) == REJECTED
    assert trader.demo.ledger()["futures_orders"] == []


def test_a_stop_becomes_an_order_that_carries_its_name(trader: Trader) -> None:
    algo_id = stopped(trader, clientAlgoId="sl-1", reduceOnly="true")
    trader.move("98900")
    row = trader.find_algo(algo_id)
    assert (row["algoStatus"], row["actualQty"]) == ("FINISHED", "0.010")
    assert (row["actualType"], row["actualPrice"]) == ("MARKET", "98895.00000")
    assert row["triggerTime"] == row["updateTime"]
    child = trader.find(int(row["actualOrderId"]))
    assert (child["clientOrderId"], child["status"]) == ("sl-1", "FILLED")
    assert (child["type"], child["origType"], child["stopPrice"]) == (
        "MARKET",
        "STOP_MARKET",
        "99000.00",
    )
    assert (child["reduceOnly"], child["avgPrice"]) == (True, "98895.00000")
    closing = trader.trades(orderId=child["orderId"])
    # (98895 - 100005) * 0.01
    assert [one["realizedPnl"] for one in closing] == ["-11.10000000"]
    assert open_algos(trader) == []
    assert refusal(trader.ask("DELETE", "v1/algoOrder", algoId=algo_id)) == REJECTED
    assert trader.demo.ledger()["positions"] == []


def test_a_stop_with_a_limit_may_leave_its_child_in_the_book(trader: Trader) -> None:
    placed(trader.order())
    algo_id = placed(trader.algo("STOP", triggerPrice="99000", price="99500"))["algoId"]
    trader.move("98900")
    row = trader.find_algo(algo_id)
    assert (row["algoStatus"], row["actualType"]) == ("TRIGGERED", "LIMIT")
    assert row["actualQty"] == "0.000"
    child_id = int(row["actualOrderId"])
    assert (open_algos(trader), trader.find(child_id)["status"]) == ([algo_id], "NEW")
    assert refusal(trader.ask("DELETE", "v1/algoOrder", algoId=algo_id)) == REJECTED
    placed(trader.ask("DELETE", "v1/order", symbol=SYMBOL, orderId=child_id))
    row = trader.find_algo(algo_id)
    # Finished says nothing of whether it filled.
    assert (row["algoStatus"], row["actualQty"]) == ("FINISHED", "0.000")
    assert open_algos(trader) == []


def test_a_stop_that_closes_all_sells_what_there_is(trader: Trader) -> None:
    placed(trader.order(quantity="0.030"))
    reply = placed(trader.algo(triggerPrice="99000", quantity=None, closePosition="true"))
    assert (reply["closePosition"], reply["quantity"]) == (True, "0.000")
    trader.move("98900")
    row = trader.find_algo(reply["algoId"])
    assert (row["algoStatus"], row["actualQty"]) == ("FINISHED", "0.030")
    assert trader.demo.ledger()["positions"] == []


def test_a_trailing_stop_follows_the_price_and_then_sells(trader: Trader) -> None:
    placed(trader.order())
    algo_id = placed(trader.algo("TRAILING_STOP_MARKET", callbackRate="1"))["algoId"]
    trader.move("102000", seconds=60)
    assert trader.find_algo(algo_id)["algoStatus"] == "NEW"
    trader.move("101000", seconds=60)  # less than one percent below the peak
    assert trader.find_algo(algo_id)["algoStatus"] == "NEW"
    trader.move("100980", seconds=60)
    assert trader.find_algo(algo_id)["algoStatus"] == "FINISHED"
    assert trader.demo.ledger()["positions"] == []


def test_the_mark_price_triggers_when_that_was_asked(trader: Trader) -> None:
    placed(trader.order())
    by_mark = placed(trader.algo(triggerPrice="99000", workingType="MARK_PRICE"))["algoId"]
    by_last = placed(trader.algo(triggerPrice="99000"))["algoId"]
    trader.demo.control("price", {"symbol": SYMBOL, "price": "98900", "of": "mark"})
    trader.wait(seconds=1)
    found = [trader.find_algo(one)["algoStatus"] for one in (by_mark, by_last)]
    assert found == ["FINISHED", "NEW"]


def test_a_conditional_order_ends_at_its_date(trader: Trader) -> None:
    ends = trader.demo.control("clock")["market_time_ms"] + 601_000
    reply = placed(trader.algo("STOP", timeInForce="GTD", goodTillDate=ends))
    assert reply["goodTillDate"] == ends // 1000 * 1000
    trader.wait(seconds=602)
    assert trader.find_algo(reply["algoId"])["algoStatus"] == "EXPIRED"


def test_canceling_all_conditional_orders_leaves_the_book(trader: Trader) -> None:
    order_id = placed(trader.limit("99000"))["orderId"]
    for kind in ALGOS:
        placed(trader.algo(kind))
    assert placed(trader.ask("DELETE", "v1/algoOpenOrders", symbol="ETHUSDT")) == DONE
    assert len(open_algos(trader)) == len(ALGOS)
    assert placed(trader.ask("DELETE", "v1/algoOpenOrders", symbol=SYMBOL)) == DONE
    assert open_algos(trader) == []
    assert trader.find(order_id)["status"] == "NEW"
    assert placed(trader.ask("DELETE", "v1/algoOpenOrders", symbol=SYMBOL)) == DONE


def test_open_conditional_orders_are_listed_by_symbol_id_and_kind(trader: Trader) -> None:
    ids = [placed(trader.algo(kind))["algoId"] for kind in ALGOS]
    assert open_algos(trader) == ids
    assert open_algos(trader, symbol="ETHUSDT") == []
    assert open_algos(trader, symbol=SYMBOL, algoType="CONDITIONAL") == ids
    assert open_algos(trader, algoId=ids[2]) == [ids[2]]
    assert open_algos(trader, algoId=999) == []


def test_conditional_orders_are_listed_by_time_id_and_limit(trader: Trader) -> None:
    ids = []
    for kind in ALGOS:
        ids.append(placed(trader.algo(kind))["algoId"])
        trader.wait(seconds=1)
    times = [trader.find_algo(one)["createTime"] for one in ids]
    assert all_algos(trader) == ids
    assert all_algos(trader, limit=2) == ids[-2:]
    assert all_algos(trader, algoId=ids[1], limit=2) == ids[1:3]
    assert all_algos(trader, startTime=times[1], limit=2) == ids[1:3]
    assert all_algos(trader, startTime=times[1], endTime=times[2]) == ids[1:3]


def test_one_that_was_canceled_is_forgotten_after_three_days(trader: Trader) -> None:
    canceled = placed(trader.algo())["algoId"]
    placed(trader.ask("DELETE", "v1/algoOrder", algoId=canceled))
    waiting = placed(trader.algo(triggerPrice="50000"))["algoId"]
    trader.wait(days=3)
    assert all_algos(trader) == [canceled, waiting]
    trader.wait(seconds=1)
    assert all_algos(trader) == [waiting]
    assert refusal(trader.ask("GET", "v1/algoOrder", algoId=canceled)) == UNKNOWN
    assert trader.find_algo(waiting)["algoStatus"] == "NEW"


def test_one_is_found_by_its_own_symbol_and_ids_only(trader: Trader) -> None:
    algo_id = placed(trader.algo(clientAlgoId="mine"))["algoId"]
    for wrong in (
        {"algoId": algo_id, "symbol": "ETHUSDT"},
        {"algoId": algo_id, "clientAlgoId": "other"},
        {"algoId": 999},
        {"clientAlgoId": "other"},
    ):
        assert refusal(trader.ask("GET", "v1/algoOrder", **wrong)) == UNKNOWN
        assert refusal(trader.ask("DELETE", "v1/algoOrder", **wrong)) == REJECTED
    right = {"algoId": algo_id, "clientAlgoId": "mine", "symbol": SYMBOL}
    placed(trader.ask("DELETE", "v1/algoOrder", **right))


@pytest.mark.parametrize(
    ("method", "path", "params", "code"),
    [
        ("GET", "v1/algoOrder", {}, -1102),
        ("GET", "v1/algoOrder", {"symbol": SYMBOL}, -1102),
        ("GET", "v1/algoOrder", {"algoId": "x"}, -1100),
        ("GET", "v1/algoOrder", {"clientAlgoId": "a b"}, -1100),
        ("GET", "v1/algoOrder", {"clientAlgoId": "a" * 37}, -4015),
        ("DELETE", "v1/algoOrder", {}, -1102),
        ("DELETE", "v1/algoOpenOrders", {}, -1102),
        ("GET", "v1/openAlgoOrders", {"algoType": "TWAP"}, -1130),
        ("GET", "v1/openAlgoOrders", {"symbol": "NOPE"}, -1121),
        ("GET", "v1/allAlgoOrders", {}, -1102),
        ("GET", "v1/allAlgoOrders", {"symbol": SYMBOL, "page": 1}, -1104),
        ("GET", "v1/allAlgoOrders", {"symbol": SYMBOL, "startTime": 2, "endTime": 1}, -4165),
    ],
)
def test_a_query_or_cancel_that_makes_no_sense_is_refused(
    trader: Trader, method: str, path: str, params: dict[str, Any], code: int
) -> None:
    assert refusal(trader.ask(method, path, **params))[:2] == (400, code)


@pytest.mark.parametrize(
    ("kind", "params", "code"),
    [
        ("STOP_MARKET", {"triggerPrice": "101000"}, -2021),
        ("TAKE_PROFIT_MARKET", {"triggerPrice": "99000"}, -2021),
        ("TRAILING_STOP_MARKET", {"activatePrice": "99000"}, -2021),
        ("STOP_MARKET", {"triggerPrice": "99000.05"}, -4014),
        ("STOP_MARKET", {"quantity": "0.0001"}, -1111),
        ("STOP_MARKET", {"quantity": "0"}, -4003),
        ("STOP_MARKET", {"positionSide": "LONG"}, -4061),
        ("STOP_MARKET", {"symbol": "NOPE"}, -1121),
        ("STOP_MARKET", {"symbol": None}, -1102),
        ("STOP_MARKET", {"algoType": None}, -1102),
    ],
)
def test_a_conditional_order_that_the_venue_would_refuse_leaves_no_trace(
    trader: Trader, kind: str, params: dict[str, str | None], code: int
) -> None:
    before = trader.demo.ledger()
    assert refusal(trader.algo(kind, **params))[:2] == (400, code)
    assert trader.demo.ledger() == before


def test_no_margin_is_asked_for_before_the_trigger(trader: Trader) -> None:
    algo_id = placed(trader.algo(side="BUY", triggerPrice="101000", quantity="100"))["algoId"]
    trader.move("101100")
    assert trader.find_algo(algo_id)["algoStatus"] == "REJECTED"
    ledger = trader.demo.ledger()
    assert [one["rejectReason"] for one in ledger["algo_orders"]] == ["Margin is insufficient."]
    assert (ledger["futures_orders"], ledger["positions"]) == ([], [])


def test_a_client_id_of_one_that_waits_is_refused_and_free_afterwards(trader: Trader) -> None:
    first = placed(trader.algo(clientAlgoId="busy"))["algoId"]
    assert refusal(trader.algo(clientAlgoId="busy"))[:2] == (400, -4116)
    placed(trader.ask("DELETE", "v1/algoOrder", algoId=first))
    second = placed(trader.algo(clientAlgoId="busy"))["algoId"]
    found = trader.ask("GET", "v1/algoOrder", clientAlgoId="busy").json()
    assert (found["algoId"], first < second) == (second, True)


def test_a_child_may_be_missing_for_a_while(trader: Trader) -> None:
    trader.demo.control("algo", {"on_trigger": "missing", "seconds": 60})
    algo_id = stopped(trader, clientAlgoId="sl")
    trader.move("98900")
    row = trader.find_algo(algo_id)
    child_id = int(row["actualOrderId"])
    assert row["actualPrice"] == "0.00000"
    for ids in ({"orderId": child_id}, {"origClientOrderId": "sl"}):
        assert refusal(trader.ask("GET", "v1/order", symbol=SYMBOL, **ids)) == UNKNOWN
    listed = trader.ask("GET", "v1/allOrders", symbol=SYMBOL).json()
    assert child_id not in [one["orderId"] for one in listed]
    assert trader.demo.ledger()["positions"] == []
    trader.wait(seconds=60)
    assert trader.find(child_id)["status"] == "FILLED"
    assert trader.find_algo(algo_id)["actualPrice"] == "98895.00000"


def test_one_that_hangs_while_it_triggers_can_not_be_canceled(trader: Trader) -> None:
    trader.demo.control("algo", {"on_trigger": "stuck"})
    algo_id = stopped(trader)
    trader.move("98900", seconds=3600)
    row = trader.find_algo(algo_id)
    assert (row["algoStatus"], row["actualOrderId"]) == ("TRIGGERING", "")
    assert row["triggerTime"] > 0
    assert open_algos(trader) == [algo_id]
    assert refusal(trader.ask("DELETE", "v1/algoOrder", algoId=algo_id)) == REJECTED
    assert len(trader.demo.ledger()["positions"]) == 1


def test_the_whole_ledger_tells_of_both_kinds_of_orders(trader: Trader) -> None:
    algo_id = stopped(trader, clientAlgoId="sl")
    trader.move("98900")
    ledger = trader.demo.ledger()
    (uid,) = (int(one) for one in ledger["balances"])
    (algo,) = ledger["algo_orders"]
    opening, child = ledger["futures_orders"]
    assert (algo["uid"], algo["algoId"], algo["rejectReason"]) == (uid, algo_id, None)
    assert (opening["algoId"], child["algoId"]) == (0, algo_id)
    assert algo["actualOrderId"] == str(child["orderId"])
    assert {one["uid"] for one in ledger["futures_fills"]} == {uid}
    assert {one["orderId"] for one in ledger["futures_fills"]} == {
        opening["orderId"],
        child["orderId"],
    }
    kinds = [one["incomeType"] for one in ledger["incomes"]]
    assert sorted(kinds) == ["COMMISSION", "COMMISSION", "REALIZED_PNL"]
    # Two commissions of 0.05 %, on 1000.05 and 988.95, are in the hands of the venue.
    assert ledger["futures_fees"] == {"USDT": "0.99450000"}
    assert ledger["futures_market_maker"] == {"USDT": "11.10000000"}
    assert (ledger["fees"], ledger["market_maker"]) == ({}, {})
    assert (ledger["funding"], ledger["insurance"]) == ({}, {})


def test_the_whole_ledger_tells_of_transfers_and_positions(trader: Trader) -> None:
    sent = {"type": "MAIN_UMFUTURE", "asset": "USDT", "amount": "12.5"}
    placed(trader.caller.signed("POST", "/sapi/v1/asset/transfer", **sent))
    placed(trader.order())
    ledger = trader.demo.ledger()
    (uid,) = (int(one) for one in ledger["balances"])
    (position,) = ledger["positions"]
    assert (position["uid"], position["symbol"], position["positionAmt"]) == (uid, SYMBOL, "0.01")
    assert (position["cost"], position["isolatedWallet"]) == ("1000.05000000", "100.00500000")
    (transfer,) = ledger["transfers"]
    assert (transfer["uid"], transfer["type"]) == (uid, "MAIN_UMFUTURE")
    assert (transfer["asset"], transfer["amount"]) == ("USDT", "12.50000000")
    incomes = {one["incomeType"]: one["income"] for one in ledger["incomes"]}
    assert incomes["TRANSFER"] == "12.50000000"
