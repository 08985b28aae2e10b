from __future__ import annotations

import time
from typing import Any

import pytest
import requests

from exchange.demo.conftest import Caller, refusal
from exchange.demo.http.tests.samples import ORDERS, SAMPLES
from exchange.demo.testing import RunningExchange

ORDER = "POST /api/v3/order"


def test_a_connection_dropped_after_the_engine_acted_leaves_an_order(
    demo: RunningExchange, caller: Caller
) -> None:
    demo.set_fault(endpoint=ORDER, when="after", action="drop")
    with pytest.raises(requests.ConnectionError):
        caller.order(quantity="0.001", newClientOrderId="lost")
    assert [one["clientOrderId"] for one in demo.ledger()["orders"]] == ["lost"]
    assert caller.order(quantity="0.001").status_code == 200


def test_a_connection_dropped_before_the_engine_saw_it_leaves_none(
    demo: RunningExchange, caller: Caller
) -> None:
    demo.set_fault(endpoint=ORDER, when="before", action="drop")
    with pytest.raises(requests.ConnectionError):
        caller.order(quantity="0.001")
    assert demo.ledger()["orders"] == []


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"action": "status", "status": 503, "body": "Service Unavailable."}, (503, "text/html")),
        ({"action": "status", "status": 408, "body": "{}"}, (408, "application/json")),
        ({"action": "html"}, (502, "text/html")),
        ({"action": "garbage"}, (200, "application/json")),
        ({"action": "error", "code": -1007, "message": "Timeout."}, (504, "application/json")),
    ],
)
def test_a_reply_may_be_replaced_before_or_after_the_engine_acted(
    demo: RunningExchange,
    caller: Caller,
    when: str,
    fault: dict[str, Any],
    expected: tuple[int, str],
) -> None:
    demo.set_fault(endpoint=ORDER, when=when, **fault)
    response = caller.order(quantity="0.001")
    content_type = response.headers["Content-Type"].removesuffix(";charset=UTF-8")
    assert (response.status_code, content_type) == expected
    assert len(demo.ledger()["orders"]) == (when == "after")
    if fault["action"] == "error":
        assert refusal(response) == (504, -1007, "Timeout.")
    if fault["action"] == "garbage":
        with pytest.raises(requests.JSONDecodeError):
            response.json()


def test_a_late_reply_belongs_to_an_order_that_is_already_there(
    demo: RunningExchange, caller: Caller
) -> None:
    demo.set_fault(endpoint=ORDER, when="after", action="delay", seconds=0.3)
    started = time.monotonic()
    assert caller.order(quantity="0.001").status_code == 200
    assert time.monotonic() - started >= 0.3
    assert len(demo.ledger()["orders"]) == 1


def test_a_request_that_arrives_too_late_is_refused_for_its_timestamp(
    demo: RunningExchange, caller: Caller
) -> None:
    demo.set_fault(endpoint=ORDER, when="before", action="delay", seconds=0.3)
    assert refusal(caller.order(quantity="0.001", recvWindow=100))[1] == -1021
    assert demo.ledger()["orders"] == []


@pytest.mark.parametrize(
    ("code", "status", "words", "wait"),
    [
        (-1000, 400, "An unknown error occurred", None),
        (-1001, 500, "Internal error; unable to process your request.", None),
        (-1003, 429, "Too much request weight used", "60"),
        (-1006, 500, "An unexpected response was received from the message bus.", None),
        (-1007, 504, "Send status unknown; execution status unknown.", None),
        (-1008, 503, "Server is currently overloaded", None),
        (-1015, 429, "Too many new orders; current limit is 100 orders per 10 SECOND.", "10"),
        (-1021, 400, "outside of the recvWindow.", None),
        (-2015, 401, "Invalid API-key, IP, or permissions for action.", None),
        (-4321, 400, "An unknown error occurred", None),
    ],
)
def test_a_code_alone_brings_the_venues_own_words_and_status(
    demo: RunningExchange, caller: Caller, code: int, status: int, words: str, wait: str | None
) -> None:
    demo.set_fault(endpoint="GET /api/v3/account", action="error", code=code)
    response = caller.signed("GET", "/api/v3/account")
    found_status, found_code, message = refusal(response)
    assert (found_status, found_code) == (status, code)
    assert words in message
    assert response.headers.get("Retry-After") == wait
    assert response.headers["X-MBX-USED-WEIGHT-1M"] == "0"


@pytest.mark.parametrize("path", ["/api/v3/orderList/oco", "/api/v3/order/oco"])
def test_a_list_may_be_lost_after_the_engine_acted(
    demo: RunningExchange, caller: Caller, path: str
) -> None:
    demo.set_fault(endpoint=f"POST {path}", when="after", action="drop")
    with pytest.raises(requests.ConnectionError):
        caller.signed("POST", path, **SAMPLES["POST", path], listClientOrderId="lost")
    assert [one["listClientOrderId"] for one in demo.ledger()["lists"]] == ["lost"]
    found = caller.signed("GET", "/api/v3/orderList", origClientOrderId="lost")
    assert found.status_code == 200


def test_a_stale_query_does_not_know_a_new_order_yet(demo: RunningExchange, caller: Caller) -> None:
    known = caller.order(quantity="0.001", newClientOrderId="known").json()["orderId"]
    demo.set_fault(endpoint="GET /api/v3/*", action="stale", seconds=60, times=5)
    caller.order(quantity="0.002", newClientOrderId="new")
    asked = {"symbol": "BTCUSDT", "origClientOrderId": "new"}
    assert refusal(caller.signed("GET", "/api/v3/order", **asked))[:2] == (400, -2013)
    rows = caller.signed("GET", "/api/v3/allOrders", symbol="BTCUSDT").json()
    assert [row["orderId"] for row in rows] == [known]
    trades = caller.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT").json()
    assert {row["orderId"] for row in trades} == {known}
    balances = caller.signed("GET", "/api/v3/account").json()["balances"]
    assert {one["free"] for one in balances if one["asset"] == "BTC"} == {"0.50099900"}
    assert caller.signed("GET", "/api/v3/openOrderList").json() == []
    assert caller.signed("GET", "/api/v3/order", **asked).json()["status"] == "FILLED"
    assert [fault["hits"] for fault in demo.faults()] == [5]


def test_a_stale_query_shows_a_canceled_order_as_open(
    demo: RunningExchange, caller: Caller
) -> None:
    order_id = caller.signed("POST", "/api/v3/order", **ORDERS["LIMIT"]).json()["orderId"]
    demo.set_fault(endpoint="GET /api/v3/openOrders", action="stale", seconds=60)
    caller.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=order_id)
    stale = caller.signed("GET", "/api/v3/openOrders").json()
    assert [(row["orderId"], row["status"]) for row in stale] == [(order_id, "NEW")]
    assert caller.signed("GET", "/api/v3/openOrders").json() == []


def test_a_stale_query_catches_up_when_its_seconds_have_passed(
    demo: RunningExchange, caller: Caller
) -> None:
    demo.set_fault(endpoint="GET /api/v3/order", action="stale", seconds=0.3, times=None)
    caller.order(quantity="0.001", newClientOrderId="new")
    asked = {"symbol": "BTCUSDT", "origClientOrderId": "new"}
    assert refusal(caller.signed("GET", "/api/v3/order", **asked))[1] == -2013
    caller.public("/api/v3/ping")
    time.sleep(0.35)
    assert caller.signed("GET", "/api/v3/order", **asked).status_code == 200


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_ban_begins_with_the_hit_and_ends(
    demo: RunningExchange, caller: Caller, when: str
) -> None:
    demo.set_fault(endpoint=ORDER, when=when, action="ban", seconds=1)
    response = caller.order(quantity="0.001")
    status, code, message = refusal(response)
    assert (status, code, "IP banned until" in message) == (418, -1003, True)
    assert response.headers["Retry-After"] in ("1", "2")
    assert len(demo.ledger()["orders"]) == (when == "after")
    assert refusal(caller.public("/api/v3/ping"))[0] == 418
    time.sleep(1.05)
    assert caller.public("/api/v3/ping").status_code == 200


def test_a_fault_strikes_as_often_as_told_and_counts_its_hits(
    demo: RunningExchange, caller: Caller
) -> None:
    demo.set_fault(endpoint="GET /api/v3/ti*", action="html", times=2)
    statuses = [caller.public("/api/v3/time").status_code for _ in range(3)]
    assert statuses == [502, 502, 200]
    assert caller.public("/api/v3/ping").status_code == 200
    assert [fault["hits"] for fault in demo.faults()] == [2]
    demo.clear_faults()
    assert demo.faults() == []


def test_a_fault_without_end_strikes_until_cleared(demo: RunningExchange, caller: Caller) -> None:
    demo.set_fault(endpoint="*", action="status", times=None)
    assert {caller.public("/api/v3/ping").status_code for _ in range(4)} == {503}
    assert demo.ledger()["orders"] == []
    demo.clear_faults()
    assert caller.public("/api/v3/ping").status_code == 200


def test_a_probability_strikes_now_and_then_and_the_same_way_for_a_seed(
    demo: RunningExchange, caller: Caller
) -> None:
    demo.set_fault(endpoint="*", action="html", times=None, probability=0.5)
    statuses = [caller.public("/api/v3/ping").status_code for _ in range(20)]
    assert {200, 502} == set(statuses)
    with RunningExchange(is_paused=True) as other:
        other.set_fault(endpoint="*", action="html", times=None, probability=0.5)
        again = Caller(other.url)
        assert [again.public("/api/v3/ping").status_code for _ in range(20)] == statuses


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ([], None),
        ({"action": "drop"}, "endpoint: is missing"),
        ({"endpoint": 5, "action": "drop"}, "endpoint: must be a string"),
        ({"endpoint": "POST /api/v3/oder", "action": "drop"}, "endpoint: matches none"),
        ({"endpoint": "*"}, "action: is missing"),
        ({"endpoint": "*", "action": "explode"}, "action: must be one of drop, delay"),
        ({"endpoint": "*", "action": "drop", "when": "never"}, "when: must be one of"),
        ({"endpoint": "*", "action": "delay"}, "seconds: is missing"),
        ({"endpoint": "*", "action": "stale"}, "seconds: is missing"),
        ({"endpoint": "*", "action": "ban"}, "seconds: is missing"),
        ({"endpoint": "*", "action": "ban", "seconds": 10**6}, "seconds: must lie between"),
        (
            {"endpoint": "*", "action": "stale", "seconds": 1, "when": "after"},
            "when: a stale answer",
        ),
        ({"endpoint": "*", "action": "delay", "seconds": "5"}, "seconds: must be a number"),
        ({"endpoint": "*", "action": "delay", "seconds": -1}, "seconds: must lie between"),
        ({"endpoint": "*", "action": "drop", "times": 0}, "times: must lie between"),
        ({"endpoint": "*", "action": "drop", "times": 1.5}, "times: must be a whole number"),
        ({"endpoint": "*", "action": "drop", "times": True}, "times: must be a whole number"),
        ({"endpoint": "*", "action": "drop", "probability": 2}, "probability: must lie"),
        ({"endpoint": "*", "action": "status", "status": 99}, "status: must lie between"),
        ({"endpoint": "*", "action": "error", "code": "x"}, "code: must be a whole number"),
        ({"endpoint": "*", "action": "drop", "oops": 1}, "oops: unknown field"),
        ("drop", "a JSON object is expected, not str"),
        ([{"endpoint": "*", "action": "drop"}, {"endpoint": "*"}], "action: is missing"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_whole(
    demo: RunningExchange, item: Any, words: str | None
) -> None:
    if words is None:
        assert demo.control("faults", item) == []
    else:
        with pytest.raises(ValueError, match=words):
            demo.control("faults", item)
    assert demo.faults() == []


@pytest.mark.parametrize(
    ("endpoint", "code", "expected"),
    [
        ("POST /fapi/v1/order", -2019, (400, -2019, "Margin is insufficient.")),
        ("POST /fapi/v1/order", -2022, (400, -2022, "ReduceOnly Order is rejected.")),
        ("POST /fapi/*", -4116, (400, -4116, "ClientOrderId is duplicated.")),
        ("POST /fapi/v1/order", -2021, (400, -2021, "Order would immediately trigger.")),
        ("*/fapi/v1/order", -1008, (503, -1008, "Request throttled by system-level protection.")),
        ("POST /fapi/v1/order", -1007, (408, -1007, "Timeout waiting for response")),
        (
            "POST /fapi/v1/order",
            -1015,
            (429, -1015, "Too many new orders; current limit is 300 orders per TEN_SECONDS."),
        ),
        ("POST /fapi/v1/order", -1003, (429, -1003, "Too many requests; current limit of IP(")),
        ("POST /fapi/v1/order", -1021, (400, -1021, "Timestamp for this request is outside")),
        ("*", -1008, (503, -1008, "Server is currently overloaded with other requests.")),
        ("*", -2019, (400, -2019, "An unknown error occurred")),
    ],
)
def test_a_futures_fault_speaks_as_the_futures_market_does(
    demo: RunningExchange, caller: Caller, endpoint: str, code: int, expected: tuple[int, int, str]
) -> None:
    demo.set_fault(endpoint=endpoint, action="error", code=code)
    response = caller.signed("POST", "/fapi/v1/order", **SAMPLES["POST", "/fapi/v1/order"])
    status, found, message = refusal(response)
    assert (status, found) == expected[:2]
    assert message.startswith(expected[2])
    assert demo.ledger()["orders"] == []


@pytest.mark.parametrize("path", sorted({path for _, path in SAMPLES}))
def test_every_endpoint_may_be_struck(demo: RunningExchange, path: str) -> None:
    assert demo.set_fault(endpoint=f"* {path}", action="drop")["endpoint"] == f"* {path}"


def test_a_fault_tells_the_weight_of_the_host_it_strikes(
    demo: RunningExchange, caller: Caller
) -> None:
    caller.public("/api/v3/exchangeInfo")
    demo.set_fault(endpoint="GET /fapi/v1/time", action="status", times=None)
    assert caller.public("/fapi/v1/time").headers["X-MBX-USED-WEIGHT-1M"] == "0"
