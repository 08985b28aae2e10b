"""Transfers between the wallets of an account over HTTP; their times are the wall's."""

from __future__ import annotations

import time
from typing import Any

import pytest
from binance.client import Client

from exchange.demo.conftest import Caller, refusal
from exchange.demo.testing import RunningExchange

PATH = "/sapi/v1/asset/transfer"
TO_FUTURES = "MAIN_UMFUTURE"
TO_SPOT = "UMFUTURE_MAIN"


def move(caller: Caller, amount: str, kind: str = TO_FUTURES, **params: Any) -> Any:
    sent = {"type": kind, "asset": "USDT", "amount": amount} | params
    return caller.signed("POST", PATH, **sent)


def history(caller: Caller, kind: str = TO_FUTURES, **params: Any) -> dict[str, Any]:
    return dict(caller.signed("GET", PATH, type=kind, **params).json())


def wallets(demo: RunningExchange) -> tuple[str, str]:
    (of_account,) = [one for one in demo.ledger()["balances"].values() if "BTC" in one["spot"]]
    return of_account["spot"]["USDT"]["free"], of_account["um"]["USDT"]["free"]


def test_money_goes_over_and_back(demo: RunningExchange, caller: Caller) -> None:
    before = int(time.time() * 1000)
    first = move(caller, "100.5").json()
    assert wallets(demo) == ("9899.50000000", "10100.50000000")
    assert move(caller, "0.5", TO_SPOT).json()["tranId"] > first["tranId"]
    assert wallets(demo) == ("9900.00000000", "10100.00000000")
    (row,) = history(caller)["rows"]
    stamp = row.pop("timestamp")
    assert before <= stamp <= int(time.time() * 1000)
    assert row == {
        "asset": "USDT",
        "amount": "100.50000000",
        "type": TO_FUTURES,
        "status": "CONFIRMED",
        "tranId": first["tranId"],
    }
    assert set(demo.ledger()["differences"].values()) == {"0.00000000"}


def test_the_same_request_twice_moves_twice(demo: RunningExchange, caller: Caller) -> None:
    ids = {move(caller, "10").json()["tranId"] for _ in range(2)}
    assert len(ids) == 2
    assert wallets(demo) == ("9980.00000000", "10020.00000000")


def test_the_history_has_pages_newest_first_and_a_span(caller: Caller) -> None:
    ids = [move(caller, "1").json()["tranId"] for _ in range(5)]
    move(caller, "1", TO_SPOT)
    whole = history(caller)
    assert (whole["total"], [row["tranId"] for row in whole["rows"]]) == (5, ids[::-1])
    second = history(caller, size=2, current=2)
    assert (second["total"], [row["tranId"] for row in second["rows"]]) == (5, ids[2:0:-1])
    assert history(caller, size=2, current=4) == {"total": 5, "rows": []}
    newest = whole["rows"][0]["timestamp"]
    assert history(caller, startTime=newest + 1) == {"total": 0, "rows": []}
    assert history(caller, endTime=newest)["total"] == 5
    assert history(caller, endTime=whole["rows"][-1]["timestamp"] - 1)["total"] == 0
    assert history(caller, TO_SPOT)["total"] == 1


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"amount": "10000.00000001"}, -5013),
        ({"type": TO_SPOT, "amount": "10000.00000001"}, -5013),
        ({"amount": "0"}, -1130),
        ({"amount": "-1"}, -1100),
        ({"amount": "1e2"}, -1100),
        ({"amount": "1.000000001"}, -1111),
        ({"asset": "BTC"}, -1126),
        ({"asset": "usdt"}, -1100),
        ({"type": "MAIN_MARGIN"}, -1020),
        ({"type": "HERE_THERE_AND"}, -1100),
        ({"clientTranId": "mine"}, -1104),
        ({"type": None}, -1102),
        ({"asset": None}, -1102),
        ({"amount": None}, -1102),
    ],
)
def test_a_transfer_that_cannot_be_is_refused_and_moves_nothing(
    demo: RunningExchange, caller: Caller, changed: dict[str, str | None], code: int
) -> None:
    asked = {"type": TO_FUTURES, "asset": "USDT", "amount": "1"} | changed
    sent = {name: value for name, value in asked.items() if value is not None}
    assert refusal(caller.signed("POST", PATH, **sent))[:2] == (400, code)
    assert wallets(demo) == ("10000.00000000", "10000.00000000")
    assert history(caller)["total"] == 0


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, -1102),
        ({"type": TO_FUTURES, "size": "101"}, -1130),
        ({"type": TO_FUTURES, "current": "0"}, -1130),
        ({"type": TO_FUTURES, "startTime": "x"}, -1100),
        ({"type": "MAIN_FUNDING"}, -1020),
    ],
)
def test_a_history_that_makes_no_sense_is_refused(
    caller: Caller, params: dict[str, str], code: int
) -> None:
    assert refusal(caller.signed("GET", PATH, **params))[:2] == (400, code)


def test_a_key_that_may_not_move_money_still_reads_what_was_moved(
    demo: RunningExchange, caller: Caller
) -> None:
    move(caller, "1")
    demo.control("keys", {"key_number": 1, "permitsUniversalTransfer": False})
    expected = (401, -1002, "You are not authorized to execute this request.")
    assert refusal(move(caller, "1")) == expected
    assert history(caller)["total"] == 1
    assert wallets(demo) == ("9999.00000000", "10001.00000000")


def test_transfers_are_weighed_by_account_and_their_history_by_address(
    demo: RunningExchange, caller: Caller
) -> None:
    for number in (1, 2):
        headers = move(caller, "1").headers
        assert headers["X-SAPI-USED-UID-WEIGHT-1M"] == str(300 * number)
        assert "X-MBX-USED-WEIGHT-1M" not in headers
    listed = caller.signed("GET", PATH, type=TO_FUTURES).headers
    assert listed["X-SAPI-USED-IP-WEIGHT-1M"] == "1"
    assert caller.signed("GET", "/sapi/v1/bnbBurn").headers["X-SAPI-USED-IP-WEIGHT-1M"] == "1"
    assert caller.public("/api/v3/ping").headers["X-MBX-USED-WEIGHT-1M"] == "1"

    def use_up(venue: Any) -> None:
        (account,) = venue.accounts.values()
        venue.other_pools.of_path(PATH, is_per_account=True).charge(f"uid {account.uid}", 179_400)

    demo.run_inside(use_up)
    refused = move(caller, "1")
    assert refusal(refused)[:2] == (429, -1003)
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert history(caller)["total"] == 2


def test_a_ban_of_the_spot_host_covers_transfers(demo: RunningExchange, caller: Caller) -> None:
    demo.run_inside(lambda venue: venue.limits.ban("127.0.0.1", 60))
    assert move(caller, "1").status_code == 418


def test_a_transfer_with_a_lost_reply_is_found_in_the_history(
    demo: RunningExchange, caller: Caller, client: Client
) -> None:
    demo.set_fault(endpoint=f"POST {PATH}", when="after", action="html")
    assert move(caller, "7").status_code == 502
    found = client.query_universal_transfer_history(type=TO_FUTURES)
    assert [row["amount"] for row in found["rows"]] == ["7.00000000"]
    moved = client.make_universal_transfer(type=TO_SPOT, asset="USDT", amount="7")
    assert moved["tranId"] > found["rows"][0]["tranId"]
    assert wallets(demo) == ("10000.00000000", "10000.00000000")
