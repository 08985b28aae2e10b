"""Orders that rest, over HTTP: replies, queries and cancels of every kind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import requests

from exchange.demo.conftest import Caller, refusal
from exchange.demo.http.tests.samples import LISTS, ORDERS, REPLACE
from exchange.demo.testing import RunningExchange

ORDER = "/api/v3/order"
OPEN = "/api/v3/openOrders"
RESTING = [kind for kind in ORDERS if kind != "MARKET"]
ACK = {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}
RESULT = ACK | {
    *("price", "origQty", "executedQty", "origQuoteOrderQty", "cummulativeQuoteQty", "status"),
    *("timeInForce", "type", "side", "workingTime", "selfTradePreventionMode"),
}


def placed(caller: Caller, kind: str, **changes: str) -> dict[str, Any]:
    response = caller.signed("POST", ORDER, **(ORDERS[kind] | changes))
    assert response.status_code == 200, response.text
    return dict(response.json())


def listed(caller: Caller, name: str, **changes: str) -> dict[str, Any]:
    response = caller.signed("POST", f"/api/v3/orderList/{name}", **(LISTS[name][0] | changes))
    assert response.status_code == 200, response.text
    return dict(response.json())


def cancel(caller: Caller, **params: Any) -> requests.Response:
    return caller.signed("DELETE", ORDER, symbol="BTCUSDT", **params)


def asked(caller: Caller, order_id: int) -> dict[str, Any]:
    return dict(caller.signed("GET", ORDER, symbol="BTCUSDT", orderId=order_id).json())


def price_goes_to(demo: RunningExchange, price: str) -> None:
    demo.set_price("BTCUSDT", price)
    later = demo.market_time() + timedelta(seconds=1)
    demo.set_clock(market_time=later.isoformat())


def locked(caller: Caller) -> dict[str, str]:
    rows = caller.signed("GET", "/api/v3/account").json()["balances"]
    return {row["asset"]: row["locked"] for row in rows if float(row["locked"])}


def sound(demo: RunningExchange) -> bool:
    return set(demo.ledger()["differences"].values()) == {"0.00000000"}


@pytest.mark.parametrize("kind", RESTING)
def test_an_order_answers_as_much_as_its_type_says_unless_told(caller: Caller, kind: str) -> None:
    usual = placed(caller, kind)
    assert set(usual) == (RESULT | {"fills"} if kind == "LIMIT" else ACK)
    assert usual["orderListId"] == -1
    result = placed(caller, kind, newOrderRespType="RESULT")
    stop = {"stopPrice"} if "stopPrice" in ORDERS[kind] else set()
    assert set(result) == RESULT | stop
    assert (result["status"], result["executedQty"]) == ("NEW", "0.00000000")
    assert (result["workingTime"] == -1) is bool(stop)
    assert placed(caller, kind, newOrderRespType="FULL")["fills"] == []
    assert set(placed(caller, kind, newOrderRespType="ACK")) == ACK


@pytest.mark.parametrize("kind", RESTING)
def test_a_resting_order_locks_shows_itself_and_goes_with_a_cancel(
    caller: Caller, demo: RunningExchange, kind: str
) -> None:
    sent = ORDERS[kind]
    labels = {"strategyId": "7", "strategyType": "1000001", "newClientOrderId": "mine"}
    order_id = placed(caller, kind, **labels)["orderId"]
    row = asked(caller, order_id)
    assert (row["status"], row["type"], row["side"]) == ("NEW", kind, sent["side"])
    assert (row["strategyId"], row["strategyType"]) == (7, 1_000_001)
    assert float(row["price"]) == float(sent.get("price", 0))
    assert float(row["stopPrice"]) == float(sent.get("stopPrice", 0))
    assert row["isWorking"] is ("stopPrice" not in sent)
    assert caller.signed("GET", OPEN).json() == [row]
    assert locked(caller) == (
        {"USDT": "90.00000000"} if sent["side"] == "BUY" else {"BTC": "0.00100000"}
    )
    reply = cancel(caller, origClientOrderId="mine", newClientOrderId="stop-it").json()
    assert (reply["origClientOrderId"], reply["clientOrderId"]) == ("mine", "stop-it")
    assert (reply["status"], "workingTime" in reply) == ("CANCELED", False)
    assert (locked(caller), caller.signed("GET", OPEN).json()) == ({}, [])
    assert asked(caller, order_id)["status"] == "CANCELED"
    assert sound(demo)


def test_an_order_that_is_not_open_is_not_canceled(caller: Caller) -> None:
    order_id = placed(caller, "LIMIT")["orderId"]
    assert cancel(caller, orderId=order_id).status_code == 200
    unknown = (400, -2011, "Unknown order sent.")
    assert refusal(cancel(caller, orderId=order_id)) == unknown
    assert refusal(cancel(caller, origClientOrderId="never")) == unknown
    filled = placed(caller, "MARKET")["orderId"]
    assert refusal(cancel(caller, orderId=filled)) == unknown
    assert refusal(caller.signed("DELETE", OPEN, symbol="BTCUSDT")) == unknown


def test_a_cancel_keeps_to_its_restriction(caller: Caller) -> None:
    order_id = placed(caller, "LIMIT")["orderId"]
    refused = cancel(caller, orderId=order_id, cancelRestrictions="ONLY_PARTIALLY_FILLED")
    message = "Order was not canceled due to cancel restrictions."
    assert refusal(refused) == (400, -2011, message)
    assert asked(caller, order_id)["status"] == "NEW"
    accepted = cancel(caller, orderId=order_id, cancelRestrictions="ONLY_NEW")
    assert accepted.json()["status"] == "CANCELED"


def test_everything_open_on_a_symbol_is_canceled_at_once(caller: Caller) -> None:
    single = placed(caller, "LIMIT")["orderId"]
    order_list = listed(caller, "oco")["orderListId"]
    rows = caller.signed("DELETE", OPEN, symbol="BTCUSDT").json()
    singles = [row["orderId"] for row in rows if "orderReports" not in row]
    lists = [row["orderListId"] for row in rows if "orderReports" in row]
    assert (singles, lists) == ([single], [order_list])
    assert (caller.signed("GET", OPEN).json(), locked(caller)) == ([], {})


def test_a_limit_order_fills_as_maker_when_the_price_comes(
    caller: Caller, demo: RunningExchange
) -> None:
    order_id = placed(caller, "LIMIT")["orderId"]
    assert caller.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT").json() == []
    price_goes_to(demo, "89000")
    row = asked(caller, order_id)
    assert (row["status"], row["executedQty"], row["cummulativeQuoteQty"]) == (
        "FILLED",
        "0.00100000",
        "90.00000000",
    )
    (trade,) = caller.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT").json()
    assert (trade["isMaker"], trade["isBuyer"], trade["orderId"]) == (True, True, order_id)
    assert (trade["price"], trade["commissionAsset"]) == ("90000.00000000", "BTC")
    assert sound(demo)


@pytest.mark.parametrize(("force", "reason"), [("IOC", "UNFILLED_IOC"), ("FOK", "UNFILLED_FOK")])
def test_an_order_that_may_not_wait_expires(caller: Caller, force: str, reason: str) -> None:
    reply = placed(caller, "LIMIT", timeInForce=force)
    assert (reply["status"], reply["timeInForce"]) == ("EXPIRED", force)
    assert reply["expiryReason"].startswith(reason)
    assert asked(caller, reply["orderId"])["expiryReason"] == reply["expiryReason"]
    assert locked(caller) == {}


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("LIMIT_MAKER", {"price": "110000"}, "Order would immediately match and take."),
        ("STOP_LOSS", {"stopPrice": "110000"}, "Order would trigger immediately."),
        ("TAKE_PROFIT", {"stopPrice": "80000"}, "Order would trigger immediately."),
        ("LIMIT", {"quantity": "1"}, "Account has insufficient balance for requested action."),
    ],
)
def test_an_order_that_the_engine_refuses_leaves_no_trace(
    caller: Caller, demo: RunningExchange, kind: str, changes: dict[str, str], message: str
) -> None:
    before = demo.ledger()
    response = caller.signed("POST", ORDER, **(ORDERS[kind] | changes))
    assert refusal(response) == (400, -2010, message)
    assert demo.ledger() == before


@pytest.mark.parametrize("name", LISTS)
def test_a_list_answers_with_its_legs_and_is_found_again(
    caller: Caller, demo: RunningExchange, name: str
) -> None:
    reply = listed(caller, name, listClientOrderId="L1")
    count = LISTS[name][1]
    assert reply["contingencyType"] == ("OCO" if name == "oco" else "OTO")
    assert (reply["listStatusType"], reply["listOrderStatus"]) == ("EXEC_STARTED", "EXECUTING")
    assert len(reply["orders"]) == len(reply["orderReports"]) == count
    assert {row["orderListId"] for row in reply["orderReports"]} == {reply["orderListId"]}
    statuses = [row["status"] for row in reply["orderReports"]]
    assert statuses == (["NEW"] * 2 if name == "oco" else ["NEW"] + ["PENDING_NEW"] * (count - 1))
    unsized = ["origQty" not in row for row in reply["orderReports"]]
    assert unsized == [name in ("opo", "opoco") and place > 0 for place in range(count)]
    row = {key: value for key, value in reply.items() if key != "orderReports"}
    path = "/api/v3/orderList"
    assert caller.signed("GET", path, origClientOrderId="L1").json() == row
    assert caller.signed("GET", path, orderListId=reply["orderListId"]).json() == row
    assert caller.signed("GET", "/api/v3/openOrderList").json() == [row]
    assert caller.signed("GET", "/api/v3/allOrderList").json() == [row]
    assert [one["orderListId"] for one in demo.ledger()["lists"]] == [reply["orderListId"]]
    assert len(caller.signed("GET", OPEN).json()) == count


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("by_leg", [True, False])
def test_a_cancel_of_a_list_or_of_one_leg_ends_all_of_it(
    caller: Caller, demo: RunningExchange, name: str, *, by_leg: bool
) -> None:
    reply = listed(caller, name, listClientOrderId="L1")
    if by_leg:
        canceled = cancel(caller, orderId=reply["orders"][0]["orderId"])
    else:
        canceled = caller.signed(
            "DELETE", "/api/v3/orderList", symbol="BTCUSDT", listClientOrderId="L1"
        )
    body = canceled.json()
    assert (body["listStatusType"], body["listOrderStatus"]) == ("ALL_DONE", "ALL_DONE")
    assert {row["status"] for row in body["orderReports"]} <= {"CANCELED", "EXPIRED"}
    assert len({row["clientOrderId"] for row in body["orderReports"]}) == 1
    assert [row["origClientOrderId"] for row in body["orderReports"]] == [
        one["clientOrderId"] for one in reply["orders"]
    ]
    assert (caller.signed("GET", OPEN).json(), locked(caller)) == ([], {})
    assert caller.signed("GET", "/api/v3/openOrderList").json() == []
    assert sound(demo)


@pytest.mark.parametrize(("price", "filled"), [("79500", "STOP_LOSS"), ("121000", "LIMIT_MAKER")])
def test_of_an_oco_one_order_fills_and_the_other_expires(
    caller: Caller, demo: RunningExchange, price: str, filled: str
) -> None:
    reply = listed(caller, "oco")
    price_goes_to(demo, price)
    rows = [asked(caller, one["orderId"]) for one in reply["orders"]]
    other, done = sorted(rows, key=lambda row: row["type"] == filled)
    assert (done["status"], other["status"]) == ("FILLED", "EXPIRED")
    assert (done.get("expiryReason"), other["expiryReason"]) == (None, "OCO_TRIGGER")
    found = caller.signed("GET", "/api/v3/orderList", orderListId=reply["orderListId"]).json()
    assert found["listOrderStatus"] == "ALL_DONE"
    assert (locked(caller), sound(demo)) == ({}, True)


def test_what_an_opo_pays_becomes_the_quantity_of_its_exit(
    caller: Caller, demo: RunningExchange
) -> None:
    reply = listed(caller, "opo")
    price_goes_to(demo, "89000")
    entry, stop = (asked(caller, one["orderId"]) for one in reply["orders"])
    assert (entry["status"], stop["status"]) == ("FILLED", "NEW")
    assert 0 < float(stop["origQty"]) <= float(entry["executedQty"])
    assert locked(caller) == {"BTC": stop["origQty"]}


def test_a_deprecated_oco_is_still_an_oco(caller: Caller) -> None:
    sent = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.001"}
    prices = {"price": "120000", "stopPrice": "80000"}
    reply = caller.signed("POST", "/api/v3/order/oco", **sent, **prices).json()
    kinds = {row["type"] for row in reply["orderReports"]}
    assert (reply["contingencyType"], kinds) == ("OCO", {"LIMIT_MAKER", "STOP_LOSS"})


def replaced(caller: Caller, **changes: str) -> requests.Response:
    return caller.signed("POST", "/api/v3/order/cancelReplace", **(REPLACE | changes))


def test_an_order_is_replaced_by_another(caller: Caller) -> None:
    old = placed(caller, "LIMIT")["orderId"]
    response = replaced(caller, cancelOrderId=str(old), price="91000")
    body = response.json()
    assert (response.status_code, body["cancelResult"], body["newOrderResult"]) == (
        200,
        "SUCCESS",
        "SUCCESS",
    )
    assert body["cancelResponse"]["orderId"] == old
    assert body["newOrderResponse"]["price"] == "91000.00000000"
    assert [row["price"] for row in caller.signed("GET", OPEN).json()] == ["91000.00000000"]
    assert response.headers["X-MBX-ORDER-COUNT-10S"] == "2"


@pytest.mark.parametrize(
    ("mode", "is_there", "changes", "expected"),
    [
        ("STOP_ON_FAILURE", False, {}, (400, -2022, "FAILURE", "NOT_ATTEMPTED", 0)),
        ("ALLOW_FAILURE", False, {}, (409, -2021, "FAILURE", "SUCCESS", 1)),
        ("ALLOW_FAILURE", False, {"quantity": "1"}, (400, -2022, "FAILURE", "FAILURE", 0)),
        ("STOP_ON_FAILURE", True, {"quantity": "1"}, (409, -2021, "SUCCESS", "FAILURE", 0)),
    ],
)
def test_a_replacement_tells_which_half_failed(
    caller: Caller,
    mode: str,
    changes: dict[str, str],
    expected: tuple[int, int, str, str, int],
    *,
    is_there: bool,
) -> None:
    old = placed(caller, "LIMIT")["orderId"] if is_there else 99
    response = replaced(caller, cancelReplaceMode=mode, cancelOrderId=str(old), **changes)
    status, code, cancel_result, new_result, left = expected
    body = response.json()
    assert (response.status_code, body["code"]) == (status, code)
    data = body["data"]
    assert (data["cancelResult"], data["newOrderResult"]) == (cancel_result, new_result)
    if cancel_result == "FAILURE":
        assert data["cancelResponse"] == {"code": -2011, "msg": "Unknown order sent."}
    if new_result == "FAILURE":
        assert data["newOrderResponse"]["code"] == -2010
    if new_result == "NOT_ATTEMPTED":
        assert data["newOrderResponse"] is None
    assert len(caller.signed("GET", OPEN).json()) == left


@pytest.mark.parametrize("mode", ["STOP_ON_FAILURE", "ALLOW_FAILURE"])
@pytest.mark.parametrize("changes", [{"quantity": "0.00001"}, {"price": "90000.001"}])
def test_a_replacement_that_a_filter_refuses_leaves_the_old_order(
    caller: Caller, mode: str, changes: dict[str, str]
) -> None:
    old = placed(caller, "LIMIT")["orderId"]
    response = replaced(caller, cancelReplaceMode=mode, cancelOrderId=str(old), **changes)
    assert refusal(response)[:2] == (400, -1013)
    assert [row["orderId"] for row in caller.signed("GET", OPEN).json()] == [old]


@pytest.mark.parametrize("name", ["cancelReplaceMode", "cancelOrderId", "price"])
def test_a_replacement_without_what_it_needs_changes_nothing(caller: Caller, name: str) -> None:
    old = placed(caller, "LIMIT")["orderId"]
    sent = REPLACE | {"cancelOrderId": str(old)}
    del sent[name]
    assert refusal(caller.signed("POST", "/api/v3/order/cancelReplace", **sent))[1] == -1102
    assert [row["orderId"] for row in caller.signed("GET", OPEN).json()] == [old]


@pytest.mark.parametrize("kind", ORDERS)
def test_a_test_order_of_any_type_is_checked_and_not_placed(
    caller: Caller, demo: RunningExchange, kind: str
) -> None:
    before = demo.ledger()
    sent = ORDERS[kind]
    assert caller.signed("POST", f"{ORDER}/test", **sent).json() == {}
    rates = caller.signed("POST", f"{ORDER}/test", **sent, computeCommissionRates="true").json()
    assert rates["standardCommissionForOrder"]["taker"] == "0.00100000"
    small = sent | {"quantity": "0.00001"}
    assert refusal(caller.signed("POST", f"{ORDER}/test", **small))[2] == "Filter failure: NOTIONAL"
    assert demo.ledger() == before


def test_fees_are_paid_in_bnb_when_asked(caller: Caller) -> None:
    path = "/sapi/v1/bnbBurn"
    assert caller.signed("GET", path).json() == {"spotBNBBurn": False, "interestBNBBurn": False}
    assert caller.signed("POST", path, spotBNBBurn="true").json()["spotBNBBurn"] is True
    assert caller.signed("POST", path).json()["spotBNBBurn"] is True
    rates = caller.signed("GET", "/api/v3/account/commission", symbol="BTCUSDT").json()
    assert rates["discount"]["enabledForAccount"] is True
    assert caller.signed("POST", path, spotBNBBurn="false").json()["spotBNBBurn"] is False
    assert refusal(caller.signed("POST", path, spotBNBBurn="True"))[1] == -1130
