"""Every reply of the futures API, in every state that matters, against the venue's own models."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest

from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange
from exchange.tests.oracles.futures_models import (
    FUTURES_ABSENT,
    FUTURES_EXTRAS,
    FUTURES_MODELS,
    NULLS,
)
from exchange.tests.oracles.futures_scenes import play_all_futures
from exchange.tests.oracles.scenes import Recorded
from exchange.tests.oracles.strict import Field, Verdict, fields_of, judge

ACCOUNT = f"{TEST_KEY}:{TEST_SECRET}:USDT=100000000,UM.USDT=1000000"
OK = 200
KLINE: tuple[type, ...] = (int, str, str, str, str, str, int, str, int, str, str, str)
Replies = dict[str, list[Recorded]]


@pytest.fixture(scope="module")
def replies() -> Replies:
    """Play every scene once and return the replies by endpoint."""
    with RunningExchange(accounts=[ACCOUNT], is_paused=True) as demo:
        recorded = play_all_futures(demo)
    found = defaultdict(list)
    for one in recorded:
        found[one.endpoint].append(one)
    return found


def verdict_on(one: Recorded) -> Verdict:
    """Judge one successful reply."""
    model = FUTURES_MODELS[one.endpoint]
    return judge(model, one.reply, extras=FUTURES_EXTRAS, nulls=NULLS)


def good(replies: Replies, endpoint: str) -> list[Any]:
    """Return the bodies of an endpoint's successful replies."""
    return [one.reply for one in replies[endpoint] if one.status == OK]


def rows_of(replies: Replies, endpoint: str) -> list[dict[str, Any]]:
    """Return every row that an endpoint has ever listed."""
    return [row for reply in good(replies, endpoint) for row in reply]


@pytest.mark.parametrize("endpoint", FUTURES_MODELS)
def test_every_reply_is_what_the_venues_own_model_describes(
    replies: Replies, endpoint: str
) -> None:
    played = [one for one in replies[endpoint] if one.status == OK]

    assert played
    problems = {f"{one.scene}: {told}" for one in played for told in verdict_on(one).problems}
    assert sorted(problems) == []


@pytest.mark.parametrize("endpoint", FUTURES_MODELS)
def test_every_field_of_the_model_is_sent_or_is_known_to_be_absent(
    replies: Replies, endpoint: str
) -> None:
    seen: set[Field] = set()
    for one in replies[endpoint]:
        if one.status == OK:
            seen |= verdict_on(one).seen

    # What is left out as a whole is seen one level up.
    met = {model for model, _ in seen}
    absent = {
        (model, key) for model, key in fields_of(FUTURES_MODELS[endpoint]) - seen if model in met
    }

    unexplained = {f"{model}.{key}" for model, key in absent if key not in FUTURES_ABSENT}
    assert sorted(unexplained - FUTURES_ABSENT.keys()) == []


def test_nothing_is_excused_that_needs_no_excuse(replies: Replies) -> None:
    declared = {field for model in FUTURES_MODELS.values() for field in fields_of(model)}
    known = {key for _, key in declared} | {f"{model}.{key}" for model, key in declared}
    seen: set[Field] = set()
    for rows in replies.values():
        for one in rows:
            if one.status == OK and one.endpoint in FUTURES_MODELS:
                seen |= verdict_on(one).seen

    assert sorted(FUTURES_ABSENT.keys() - known) == []
    assert sorted(FUTURES_ABSENT.keys() & {f"{model}.{key}" for model, key in seen}) == []
    assert sorted(FUTURES_EXTRAS.keys() - {f"{model}.{key}" for model, key in seen}) == []
    assert sorted(NULLS - {f"{model}.{key}" for model, key in seen}) == []


def test_what_no_model_describes_has_the_documented_form(replies: Replies) -> None:
    assert good(replies, "GET /fapi/v1/ping") == [{}]
    assert good(replies, "DELETE /fapi/v1/listenKey") == [{}]
    for path in ("klines", "markPriceKlines"):
        rows = rows_of(replies, f"GET /fapi/v1/{path}")
        assert rows
        assert {tuple(type(slot) for slot in row) for row in rows} == {KLINE}


def test_every_refusal_is_a_code_and_a_text(replies: Replies) -> None:
    refused = [one for rows in replies.values() for one in rows if one.status != OK]

    assert refused
    for one in refused:
        assert one.reply.keys() == {"code", "msg"}, one
        assert type(one.reply["code"]) is int
        assert one.reply["code"] < 0
        assert isinstance(one.reply["msg"], str)


def test_scenes_meet_only_the_refusals_that_they_provoke(replies: Replies) -> None:
    provoked = {
        "refusals": {
            *(-1020, -1100, -1102, -1104, -1111, -1121, -2011, -2013, -2019, -2021, -2022),
            *(-4003, -4005, -4014, -4016, -4028, -4046, -4059, -4061, -4116, -4120, -4164),
            *(-5000, -5013, -5021, -5022),
        },
        "algos_that_go_wrong": {-2013},  # the child that is not seen
    }
    met = defaultdict(set)
    for one in (one for rows in replies.values() for one in rows if one.status != OK):
        met[one.scene].add(one.reply["code"])

    assert met == provoked


def test_the_scenes_reach_every_state_of_an_order(replies: Replies) -> None:
    rows = good(replies, "GET /fapi/v1/order")

    assert {row["status"] for row in rows} == {
        *("NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED")
    }
    assert {row["type"] for row in rows} == {"MARKET", "LIMIT"}
    assert {row["origType"] for row in rows} >= {
        *("MARKET", "LIMIT", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"),
        "TRAILING_STOP_MARKET",
    }
    assert {row["timeInForce"] for row in rows} == {"GTC", "GTX", "IOC", "GTD"}
    assert {row["positionSide"] for row in rows} == {"BOTH", "LONG", "SHORT"}
    assert {row["reduceOnly"] for row in rows} == {True, False}


def test_the_scenes_reach_every_state_of_a_conditional_order(replies: Replies) -> None:
    rows = good(replies, "GET /fapi/v1/algoOrder")

    assert {row["algoStatus"] for row in rows} == {
        *("NEW", "TRIGGERING", "TRIGGERED", "FINISHED", "CANCELED", "REJECTED", "EXPIRED")
    }
    assert {row["orderType"] for row in rows} == {
        *("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
    }
    assert {bool(row["actualOrderId"]) for row in rows} == {True, False}
    assert {row["closePosition"] for row in rows} == {True, False}
    assert {row["workingType"] for row in rows} == {"MARK_PRICE", "CONTRACT_PRICE"}


def test_the_scenes_meet_every_kind_of_income(replies: Replies) -> None:
    rows = rows_of(replies, "GET /fapi/v1/income")

    assert {row["incomeType"] for row in rows} == {
        *("TRANSFER", "REALIZED_PNL", "FUNDING_FEE", "COMMISSION", "INSURANCE_CLEAR")
    }


def test_a_liquidation_is_an_order_with_the_venues_own_name(replies: Replies) -> None:
    forced = [
        row
        for row in rows_of(replies, "GET /fapi/v1/allOrders")
        if row["clientOrderId"].startswith("autoclose-")
    ]

    assert forced
    assert {row["status"] for row in forced} == {"FILLED"}
    assert {row["side"] for row in forced} == {"SELL"}


def test_no_reply_to_a_new_or_canceled_order_tells_an_average_price(replies: Replies) -> None:
    # Gone since 2026-06-30; the bot has to ask for the trades.
    for endpoint in ("POST /fapi/v1/order", "DELETE /fapi/v1/order"):
        assert all({"avgPrice", "cumQuote"}.isdisjoint(one) for one in good(replies, endpoint))


def test_the_trades_of_an_order_add_up_to_what_its_row_tells(replies: Replies) -> None:
    trades = {row["id"]: row for row in rows_of(replies, "GET /fapi/v1/userTrades")}.values()
    done = {row["orderId"]: row for row in good(replies, "GET /fapi/v1/order")}
    filled = [row for row in done.values() if row["status"] == "FILLED"]

    assert filled
    for row in filled:
        own = [one for one in trades if one["orderId"] == row["orderId"]]
        assert sum(Decimal(one["qty"]) for one in own) == Decimal(row["executedQty"]), row
        assert sum(Decimal(one["quoteQty"]) for one in own) == Decimal(row["cumQuote"]), row
