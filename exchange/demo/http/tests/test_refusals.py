"""Every refusal in the venue's words, over HTTP."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from exchange.demo.conftest import Caller, refusal
from exchange.demo.dispatch import ENDPOINTS
from exchange.demo.http.auth import signature_of
from exchange.demo.http.tests.samples import ORDERS, SAMPLES
from exchange.demo.testing import RunningExchange

ORDER = "/api/v3/order"
LONGEST_ID = "a" * 36


@pytest.mark.parametrize(
    ("params", "code", "words"),
    [
        ({"symbol": None}, -1102, "'symbol'"),
        ({"side": None}, -1102, "'side'"),
        ({"type": None}, -1102, "'type'"),
        ({"quantity": None}, -1102, "Param 'quantity' or 'quoteOrderQty' must be sent"),
        ({"quoteOrderQty": "10"}, -1128, "Combination of optional parameters invalid."),
        ({"symbol": ""}, -1105, "Parameter 'symbol' was empty."),
        ({"quantity": ""}, -1105, "Parameter 'quantity' was empty."),
        ({"symbol": "btcusdt"}, -1100, "'symbol'"),
        ({"symbol": "XXXUSDT"}, -1121, "Invalid symbol."),
        ({"side": "HOLD"}, -1117, "Invalid side."),
        ({"type": "GUESS"}, -1116, "Invalid orderType."),
        ({"quantity": "1e-05"}, -1100, "'quantity'"),
        ({"quantity": "-1"}, -1100, "'quantity'"),
        ({"quantity": "True"}, -1100, "'quantity'"),
        ({"quantity": "0.000000001"}, -1111, "'quantity' has too much precision"),
        ({"quantity": "0"}, -1013, "Invalid quantity."),
        ({"quantity": "0.000001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "0.010001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "9000.00001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "99999999999999999999"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "146.31"}, -1013, "Filter failure: MARKET_LOT_SIZE"),
        ({"quantity": "0.00005"}, -1013, "Filter failure: NOTIONAL"),
        ({"quantity": None, "quoteOrderQty": "4.99"}, -1013, "Filter failure: NOTIONAL"),
        ({"quantity": None, "quoteOrderQty": "5.000000001"}, -1111, "'quoteOrderQty'"),
        ({"quantity": "1"}, -2010, "Account has insufficient balance for requested action."),
        ({"side": "SELL", "quantity": "0.50001"}, -2010, "insufficient balance"),
        ({"price": "100000"}, -1106, "Parameter 'price' sent when not required."),
        ({"timeInForce": "GTC"}, -1106, "'timeInForce' sent when not required."),
        ({"newClientOrderId": "a" * 37}, -1100, "^[a-zA-Z0-9-_]{1,36}$"),
        ({"newClientOrderId": "a.b"}, -1100, "'newClientOrderId'"),
        ({"newOrderRespType": "LONG"}, -1130, "'newOrderRespType'"),
        ({"selfTradePreventionMode": "MAYBE"}, -1130, "'selfTradePreventionMode'"),
        ({"reduceOnly": "true"}, -1104, "read '6' parameter(s) but was sent '7'"),
    ],
)
def test_an_order_that_the_venue_would_refuse_is_refused(
    caller: Caller, demo: RunningExchange, params: dict[str, str | None], code: int, words: str
) -> None:
    before = demo.ledger()
    asked: dict[str, Any] = {"quantity": "0.001"} | params
    status, found, message = refusal(caller.order(**asked))
    assert (status, found) == (400, code)
    assert words in message
    after = demo.ledger()
    assert (after["orders"], after["balances"]) == ([], before["balances"])


@pytest.mark.parametrize("quantity", ["0.00001", "0.0001", "146.30917"])
def test_quantities_on_the_grid_pass_the_lot_filters(caller: Caller, quantity: str) -> None:
    message = refusal(caller.order(quantity=quantity))[2] if quantity != "0.0001" else ""
    assert "LOT_SIZE" not in message


def test_every_endpoint_has_its_sample() -> None:
    assert set(SAMPLES) == set(ENDPOINTS)


def ask(caller: Caller, method: str, path: str, **params: str) -> requests.Response:
    if ENDPOINTS[method, path].is_signed:
        return caller.signed(method, path, **params)
    key = caller.key if ENDPOINTS[method, path].needs_key else None
    return caller.raw(method, path, query=urlencode(params), key=key)


@pytest.mark.parametrize(("method", "path"), sorted(ENDPOINTS))
def test_no_endpoint_swallows_a_parameter_it_does_not_know(
    caller: Caller, demo: RunningExchange, method: str, path: str
) -> None:
    response = ask(caller, method, path, **SAMPLES[method, path], stopPrice2="1")
    assert refusal(response)[:2] == (400, -1104)
    assert (demo.ledger()["orders"], demo.ledger()["lists"]) == ([], [])


@pytest.mark.parametrize(
    ("method", "path", "name", "value"),
    [
        (method, path, name, value)
        for (method, path), sample in sorted(SAMPLES.items())
        for name in sample
        for value in ("True", "1e-05", "")
        if name not in ("symbol", "interval")
    ],
)
def test_no_endpoint_takes_what_a_program_writes_for_a_number_or_a_flag(
    caller: Caller, method: str, path: str, name: str, value: str
) -> None:
    response = ask(caller, method, path, **(SAMPLES[method, path] | {name: value}))
    words = {"side": -1117, "type": -1116, "timeInForce": -1115}
    is_of_order = "rder" in path and name != "algoType"
    kind = next((words[word] for word in words if name.lower().endswith(word.lower())), 0)
    expected = -1105 if not value else kind * is_of_order
    status, code, _ = refusal(response)
    assert status == 400
    assert code == expected if expected else code in (-1100, -1130)


@pytest.mark.parametrize(("method", "path"), sorted(k for k, v in ENDPOINTS.items() if v.is_signed))
def test_no_signed_endpoint_answers_without_the_right_signature(
    caller: Caller, demo: RunningExchange, method: str, path: str
) -> None:
    sample = SAMPLES[method, path]
    payload = urlencode(sample | {"timestamp": int(time.time() * 1000), "recvWindow": "5 000"})
    unencoded = payload.replace("+", " ")
    for query, code in (
        (payload, -1102),
        (f"{payload}&signature={signature_of(unencoded, caller.secret)}", -1022),
        (f"{payload}&signature={signature_of(payload, 'x' * 64)}", -1022),
    ):
        assert refusal(caller.raw(method, path, query=query, key=caller.key))[:2] == (400, code)
    assert refusal(caller.raw(method, path, query=payload))[:2] == (401, -2014)
    assert (demo.ledger()["orders"], demo.ledger()["lists"]) == ([], [])


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("/api/v3/klines", {"interval": "1m"}, -1102),
        ("/api/v3/klines", {"symbol": "BTCUSDT"}, -1102),
        ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "7m"}, -1120),
        ("/api/v3/klines", {"symbol": "NOPE", "interval": "1m"}, -1121),
        ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "0"}, -1130),
        ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "x"}, -1100),
        ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m", "startTime": "-1"}, -1100),
        ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m", "endTime": "9" * 20}, -1130),
        ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m", "timeZone": "8"}, -1130),
        ("/api/v3/ticker/price", {"symbol": "NOPE"}, -1121),
        ("/api/v3/ticker/price", {"symbols": "NOPE"}, -1100),
        ("/api/v3/ticker/price", {"symbols": "[1]"}, -1100),
        ("/api/v3/ticker/price", {"symbols": '["NOPE"]'}, -1121),
        ("/api/v3/ticker/price", {"symbol": "BTCUSDT", "symbols": '["BTCUSDT"]'}, -1128),
        ("/api/v3/ticker/price", {"symbols": '["BTCUSDT","BTCUSDT"]'}, -1151),
        ("/api/v3/ticker/price", {"symbol": "BTCUSDT", "symbolStatus": "HALT"}, -1220),
        ("/api/v3/ticker/price", {"symbolStatus": "ASLEEP"}, -1122),
        ("/api/v3/ticker/24hr", {"symbol": "BTCUSDT", "type": "HUGE"}, -1139),
        ("/api/v3/exchangeInfo", {"symbol": "BTCUSDT", "permissions": "SPOT"}, -1128),
        ("/api/v3/exchangeInfo", {"symbol": "BTCUSDT", "symbolStatus": "TRADING"}, -1128),
        ("/api/v3/exchangeInfo", {"permissions": "[SPOT]"}, -1130),
        ("/api/v3/exchangeInfo", {"showPermissionSets": "True"}, -1130),
        ("/api/v3/exchangeInfo", {"symbolStatus": "ASLEEP"}, -1122),
    ],
)
def test_a_public_request_that_makes_no_sense_is_refused(
    caller: Caller, path: str, params: dict[str, str], code: int
) -> None:
    assert refusal(caller.public(path, **params))[:2] == (400, code)


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        (ORDER, {"symbol": "BTCUSDT"}, -1102),
        (ORDER, {"symbol": "BTCUSDT", "orderId": "99"}, -2013),
        (ORDER, {"symbol": "BTCUSDT", "origClientOrderId": "unheard-of"}, -2013),
        (ORDER, {"symbol": "BTCUSDT", "origClientOrderId": "a b"}, -1100),
        ("/api/v3/myTrades", {}, -1102),
        ("/api/v3/allOrders", {"symbol": "BTCUSDT", "startTime": 2, "endTime": 1}, -1130),
        ("/api/v3/allOrders", {"symbol": "BTCUSDT", "startTime": 1, "endTime": 10**9}, -1127),
        ("/api/v3/account", {"omitZeroBalances": "True"}, -1130),
        ("/api/v3/myTrades", {"symbol": "BTCUSDT", "fromId": 1, "startTime": 1}, -1128),
        ("/api/v3/myTrades", {"symbol": "BTCUSDT", "orderId": 1, "endTime": 1}, -1128),
        ("/api/v3/allOrderList", {"fromId": 1, "startTime": 1}, -1128),
        ("/api/v3/allOrderList", {"startTime": 1, "endTime": 10**9}, -1127),
        ("/api/v3/orderList", {}, -1102),
        ("/api/v3/orderList", {"orderListId": 1}, -2013),
        ("/api/v3/orderList", {"origClientOrderId": "unheard-of"}, -2013),
    ],
)
def test_a_signed_query_that_makes_no_sense_is_refused(
    caller: Caller, path: str, params: dict[str, Any], code: int
) -> None:
    assert refusal(caller.signed("GET", path, **params))[:2] == (400, code)


def test_ids_that_belong_to_different_orders_are_refused(caller: Caller) -> None:
    order_id = caller.order(quantity="0.001", newClientOrderId="mine").json()["orderId"]
    both = {"symbol": "BTCUSDT", "orderId": order_id, "origClientOrderId": "other"}
    assert refusal(caller.signed("GET", ORDER, **both))[:2] == (400, -2039)


def test_a_parameter_sent_twice_is_refused_unless_query_and_body_share_it(caller: Caller) -> None:
    assert refusal(caller.raw("GET", "/api/v3/klines", query="symbol=A&symbol=B"))[1] == -1101
    query = "quantity=0.001"
    body = f"symbol=BTCUSDT&side=BUY&type=MARKET&quantity=7&timestamp={int(time.time() * 1000)}"
    body += f"&signature={signature_of(query + body, caller.secret)}"
    placed = caller.raw("POST", ORDER, query=query, body=body, key=caller.key).json()
    assert placed["origQty"] == "0.00100000"


def test_the_longest_client_id_is_accepted_and_may_be_used_again_once_filled(
    caller: Caller,
) -> None:
    ids = [
        caller.order(quantity="0.001", newClientOrderId=LONGEST_ID).json()["orderId"]
        for _ in range(2)
    ]
    found = caller.signed("GET", ORDER, symbol="BTCUSDT", origClientOrderId=LONGEST_ID).json()
    assert ids[0] < ids[1] == found["orderId"]


def test_orders_of_one_account_are_invisible_to_another() -> None:
    first, second = ("first" + "0" * 20, "second" + "0" * 20)
    lines = [f"{key}:{key}:USDT=1000" for key in (first, second)]
    with RunningExchange(is_paused=True, accounts=lines) as demo:
        caller = Caller(demo.url, key=first, secret=first)
        order_id = caller.order(quantity="0.001").json()["orderId"]
        stranger = Caller(demo.url, key=second, secret=second)
        query = {"symbol": "BTCUSDT", "orderId": order_id}
        assert refusal(stranger.signed("GET", ORDER, **query))[1] == -2013
        assert stranger.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT").json() == []
        assert stranger.signed("GET", "/api/v3/allOrders", symbol="BTCUSDT").json() == []


def test_a_client_id_of_an_open_order_is_refused(caller: Caller) -> None:
    busy = ORDERS["LIMIT"] | {"newClientOrderId": "busy"}
    assert caller.signed("POST", ORDER, **busy).status_code == 200
    message = refusal(caller.order(quantity="0.001", newClientOrderId="busy"))
    assert message == (400, -2010, "Duplicate order sent.")
    rows = caller.signed("GET", "/api/v3/openOrders", symbol="BTCUSDT").json()
    assert [row["clientOrderId"] for row in rows] == ["busy"]
    assert caller.signed("GET", "/api/v3/openOrders", symbol="ETHUSDT").json() == []


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v3/nothing", 404, -5000),
        ("GET", "/", 404, -5000),
        ("POST", "/api/v3/klines", 404, -5000),
        ("POST", "/api/v3/userDataStream", 410, -1020),
        ("PUT", "/api/v3/userDataStream", 410, -1020),
        ("DELETE", "/api/v3/userDataStream", 410, -1020),
        ("PUT", "/api/v3/order/amend/keepPriority", 400, -1020),
        ("POST", "/api/v3/sor/order", 400, -1020),
        ("POST", "/sapi/v1/futures/transfer", 400, -1020),
        ("GET", "/fapi/v1/nothing", 404, -5000),
        ("DELETE", "/fapi/v1/leverage", 404, -5000),
        ("GET", "/fapi/v1/depth", 400, -1020),
        ("PUT", "/fapi/v1/order", 400, -1020),
        ("POST", "/fapi/v1/batchOrders", 400, -1020),
        ("POST", "/fapi/v1/multiAssetsMargin", 400, -1020),
        ("GET", "/fapi/v1/listenKey", 404, -5000),
        ("GET", "/futures/data/basis", 400, -1020),
    ],
)
def test_what_is_not_here_is_refused_in_json(
    caller: Caller, method: str, path: str, status: int, code: int
) -> None:
    response = caller.raw(method, path)
    assert refusal(response)[:2] == (status, code)
    assert response.headers["Content-Type"] == "application/json;charset=UTF-8"
    header = "X-SAPI-USED-IP-WEIGHT-1M" if path.startswith("/sapi") else "X-MBX-USED-WEIGHT-1M"
    assert response.headers[header] == "1"


def test_a_body_is_read_as_it_is_whatever_it_says_of_its_encoding(
    demo: RunningExchange, caplog: pytest.LogCaptureFixture
) -> None:
    for path in ("/api/v3/order", "/_control/clock"):
        headers = {"Content-Encoding": "gzip"}
        response = requests.post(demo.url + path, data=b"a=1", headers=headers, timeout=5)
        assert response.status_code in (400, 401)
        assert response.json()
    assert caplog.text == ""
