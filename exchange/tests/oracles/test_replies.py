"""Every reply of the demo exchange, in every state that matters, against the venue's own models."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from exchange.demo.dispatch import ENDPOINTS
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange
from exchange.tests.oracles.futures_models import FUTURES_BY_HAND, FUTURES_MODELS
from exchange.tests.oracles.models import (
    ABSENT,
    BY_HAND,
    EXTRAS,
    LIST_REPLIES,
    MODELS,
)
from exchange.tests.oracles.scenes import Recorded, play_all
from exchange.tests.oracles.strict import Field, Verdict, fields_of, judge

ACCOUNT = f"{TEST_KEY}:{TEST_SECRET}:USDT=100000000,BTC=10,BNB=10"
OK = 200
KLINE = (int, str, str, str, str, str, int, str, int, str, str, str)


@pytest.fixture(scope="module")
def replies() -> dict[str, list[Recorded]]:
    """Play every scene once and return the replies by endpoint."""
    with RunningExchange(accounts=[ACCOUNT], is_paused=True) as demo:
        recorded = play_all(demo)
    found = defaultdict(list)
    for one in recorded:
        found[one.endpoint].append(one)
    return found


def verdict_on(one: Recorded) -> Verdict:
    """Judge one successful reply; orders and order lists in it each by their own model."""
    verdict = Verdict(EXTRAS)
    for model, part in _parts(one):
        each = judge(model, part, extras=EXTRAS)
        verdict.problems.extend(f"{one.scene}: {problem}" for problem in each.problems)
        verdict.seen.update(each.seen)
    return verdict


def _parts(one: Recorded) -> list[tuple[Any, Any]]:
    model, of_lists = MODELS[one.endpoint], LIST_REPLIES.get(one.endpoint)
    if of_lists is None:
        return [(model, one.reply)]
    if isinstance(one.reply, dict):
        return [(of_lists if "contingencyType" in one.reply else model, one.reply)]
    lists = [row for row in one.reply if "contingencyType" in row]
    orders = [row for row in one.reply if "contingencyType" not in row]
    return [(model, orders), *((of_lists, row) for row in lists)]


@pytest.mark.parametrize("endpoint", MODELS)
def test_every_reply_is_what_the_venues_own_model_describes(
    replies: dict[str, list[Recorded]], endpoint: str
) -> None:
    good = [one for one in replies[endpoint] if one.status == OK]

    assert good
    assert [problem for one in good for problem in verdict_on(one).problems] == []


@pytest.mark.parametrize("endpoint", MODELS)
def test_every_field_of_the_model_is_sent_or_is_known_to_be_absent(
    replies: dict[str, list[Recorded]], endpoint: str
) -> None:
    seen: set[Field] = set()
    for one in replies[endpoint]:
        if one.status == OK:
            seen |= verdict_on(one).seen

    # Models of filters that no symbol has do not count; what is left out is seen one level up.
    met = {model for model, _ in seen}
    absent = {(model, key) for model, key in fields_of(MODELS[endpoint]) - seen if model in met}

    unexplained = {f"{model}.{key}" for model, key in absent if key not in ABSENT}
    assert sorted(unexplained - ABSENT.keys()) == []


def test_every_endpoint_of_the_demo_exchange_has_a_judge_or_a_reason_why_not() -> None:
    built = {f"{method} {path}" for method, path in ENDPOINTS}

    judged = MODELS | FUTURES_MODELS
    assert built - judged.keys() == BY_HAND.keys() | FUTURES_BY_HAND.keys()
    assert judged.keys() - built == set()


def test_what_no_model_describes_has_the_documented_form(
    replies: dict[str, list[Recorded]],
) -> None:
    assert [one.reply for one in replies["GET /api/v3/ping"]] == [{}]
    for one in replies["GET /api/v3/klines"]:
        if one.status == OK:
            assert one.reply
            for row in one.reply:
                assert tuple(type(slot) for slot in row) == KLINE


def test_every_refusal_is_a_code_and_a_text(replies: dict[str, list[Recorded]]) -> None:
    refused = [one for rows in replies.values() for one in rows if one.status != OK]

    assert refused
    for one in refused:
        assert one.reply.keys() - {"data"} == {"code", "msg"}, one
        assert type(one.reply["code"]) is int
        assert one.reply["code"] < 0
        assert isinstance(one.reply["msg"], str)
        assert ("data" in one.reply) == one.endpoint.endswith("cancelReplace"), one


def test_scenes_meet_only_the_refusals_that_they_provoke(
    replies: dict[str, list[Recorded]],
) -> None:
    provoked = {
        "reset": {-2011},
        "refusals": {-1013, -1100, -1102, -1121, -2010, -2011, -2013, -2018, -5000},
        "cancel_replace": {-2021, -2022},
        "cancel_all": {-2011},
    }
    for one in (one for rows in replies.values() for one in rows if one.status != OK):
        assert one.reply["code"] in provoked.get(one.scene, ()), one


def test_a_cancel_replace_that_fails_tells_both_halves(
    replies: dict[str, list[Recorded]],
) -> None:
    rows = replies["POST /api/v3/order/cancelReplace"]
    found = {
        (one.status, one.reply["code"], *_halves(one.reply["data"]))
        for one in rows
        if one.status != OK
    }

    # rest-api.md, "Cancel an Existing Order and Send a New Order", the table of results
    assert found == {
        (400, -2022, "FAILURE", "NOT_ATTEMPTED"),
        (400, -2022, "FAILURE", "FAILURE"),
        (409, -2021, "SUCCESS", "FAILURE"),
        (409, -2021, "FAILURE", "SUCCESS"),
    }
    model = MODELS["POST /api/v3/order/cancelReplace"]
    for one in rows:
        if one.status != OK:
            assert _problems_of_halves(model, one.reply["data"]) == []


def _halves(data: dict[str, Any]) -> tuple[str, str]:
    return data["cancelResult"], data["newOrderResult"]


def _problems_of_halves(model: Any, data: dict[str, Any]) -> list[str]:
    problems = []
    reports = dict(data)
    for half, result in (
        ("cancelResponse", "cancelResult"),
        ("newOrderResponse", "newOrderResult"),
    ):
        if data[result] == "SUCCESS":
            continue
        told = reports.pop(half)
        if data[result] == "NOT_ATTEMPTED":
            problems += [] if told is None else [f"{half} is not null"]
        elif set(told) != {"code", "msg"}:
            problems.append(f"{half} is no error: {told}")
    return problems + judge(model, reports, extras=EXTRAS).problems


def test_the_scenes_reach_every_state_of_an_order(replies: dict[str, list[Recorded]]) -> None:
    rows = [one.reply for one in replies["GET /api/v3/order"] if one.status == OK]

    assert {row["status"] for row in rows} == {
        "NEW",
        "PENDING_NEW",
        "PARTIALLY_FILLED",
        "FILLED",
        "CANCELED",
        "EXPIRED",
    }
    assert {row["type"] for row in rows} == {
        "MARKET",
        "LIMIT",
        "LIMIT_MAKER",
        "STOP_LOSS",
        "STOP_LOSS_LIMIT",
        "TAKE_PROFIT",
        "TAKE_PROFIT_LIMIT",
    }
    assert {row["timeInForce"] for row in rows} == {"GTC", "IOC", "FOK"}


def test_the_scenes_reach_every_state_of_a_list(replies: dict[str, list[Recorded]]) -> None:
    rows = [one.reply for one in replies["GET /api/v3/orderList"] if one.status == OK]
    found = {
        (row["contingencyType"], row["listStatusType"], row["listOrderStatus"]) for row in rows
    }

    assert found == {
        ("OCO", "EXEC_STARTED", "EXECUTING"),
        ("OCO", "ALL_DONE", "ALL_DONE"),
        ("OTO", "EXEC_STARTED", "EXECUTING"),
        ("OTO", "ALL_DONE", "ALL_DONE"),
    }
