"""Account events as the venue's documentation shows them, read as reasons to look."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange.binance.streams.futures_events import futures_event
from exchange.binance.streams.spot_events import spot_event
from exchange.domain.clock import from_milliseconds
from exchange.domain.streams import AccountEvent, AccountEventKind

# user-data-stream.md of binance-spot-api-docs
EXECUTION_REPORT: dict[str, Any] = {
    "e": "executionReport",
    "E": 1499405658658,
    "s": "ETHBTC",
    "c": "mUvoqJxFIILMdfAW5iGSOW",
    "S": "BUY",
    "o": "LIMIT",
    "f": "GTC",
    "q": "1.00000000",
    "p": "0.10264410",
    "P": "0.00000000",
    "F": "0.00000000",
    "g": -1,
    "C": "",
    "x": "NEW",
    "X": "NEW",
    "r": "NONE",
    "i": 4293153,
    "l": "0.00000000",
    "z": "0.00000000",
    "L": "0.00000000",
    "n": "0",
    "N": None,
    "T": 1499405658657,
    "t": -1,
    "I": 8641984,
    "w": True,
    "m": False,
    "M": False,
    "O": 1499405658657,
    "Z": "0.00000000",
    "Y": "0.00000000",
    "Q": "0.00000000",
    "W": 1499405658657,
    "V": "NONE",
}
LIST_STATUS: dict[str, Any] = {
    "e": "listStatus",
    "E": 1564035303637,
    "s": "ETHBTC",
    "g": 2,
    "c": "OCO",
    "l": "EXEC_STARTED",
    "L": "EXECUTING",
    "r": "NONE",
    "C": "F4QN4G8DlFATFlIUQ0cjdD",
    "T": 1564035303625,
    "O": [
        {"s": "ETHBTC", "i": 17, "c": "AJYsMjErWJesZvqlJCTUgL"},
        {"s": "ETHBTC", "i": 18, "c": "bfYPSQdLoqAJeNrOr9adzq"},
    ],
}
POSITION: dict[str, Any] = {
    "e": "outboundAccountPosition",
    "E": 1564034571105,
    "u": 1564034571073,
    "B": [{"a": "ETH", "f": "10000.000000", "l": "0.000000"}],
}
# USD-M futures, user data streams
ORDER_UPDATE: dict[str, Any] = {
    "e": "ORDER_TRADE_UPDATE",
    "E": 1568879465651,
    "T": 1568879465650,
    "o": {
        "s": "BTCUSDT",
        "c": "TEST",
        "S": "SELL",
        "o": "TRAILING_STOP_MARKET",
        "f": "GTC",
        "q": "0.001",
        "p": "0",
        "ap": "0",
        "sp": "7103.04",
        "x": "TRADE",
        "X": "PARTIALLY_FILLED",
        "i": 8886774,
        "l": "0.0004",
        "z": "0.0006",
        "L": "0",
        "N": "USDT",
        "n": "0",
        "T": 1568879465650,
        "t": 0,
        "rp": "0",
    },
}
ACCOUNT_UPDATE: dict[str, Any] = {
    "e": "ACCOUNT_UPDATE",
    "E": 1564745798939,
    "T": 1564745798938,
    "a": {
        "m": "ORDER",
        "B": [{"a": "USDT", "wb": "122624.12345678", "cw": "100.12345678", "bc": "50.12345678"}],
        "P": [
            {"s": "BTCUSDT", "pa": "0", "ep": "0.00000", "ps": "BOTH"},
            {"s": "BTCUSDT", "pa": "20", "ep": "6563.66500", "ps": "LONG"},
        ],
    },
}
ALGO_UPDATE: dict[str, Any] = {
    "e": "ALGO_UPDATE",
    "T": 1750515742297,
    "E": 1750515742303,
    "o": {
        "caid": "Q5xaq5EGKgXXa0fD7fs0Ip",
        "aid": 2148719,
        "at": "CONDITIONAL",
        "o": "TAKE_PROFIT",
        "s": "BNBUSDT",
        "S": "SELL",
        "ps": "BOTH",
        "f": "GTC",
        "q": "0.01",
        "X": "FINISHED",
        "ai": "4389",
        "ap": "750.0",
        "aq": "0.01",
        "act": "LIMIT",
        "tp": "750",
    },
}
TRADE_LITE: dict[str, Any] = {
    "e": "TRADE_LITE",
    "E": 1721895408092,
    "T": 1721895408214,
    "s": "BTCUSDT",
    "q": "0.001",
    "p": "0",
    "m": False,
    "c": "z8hcUoOsqEdKMeKPSABslD",
    "S": "BUY",
    "L": "64089.20",
    "l": "0.040",
    "t": 109100866,
    "i": 8886774,
}
CONFIG: dict[str, Any] = {
    "e": "ACCOUNT_CONFIG_UPDATE",
    "E": 1611646737479,
    "T": 1611646737476,
    "ac": {"s": "BTCUSDT", "l": 25},
}
MARGIN_CALL: dict[str, Any] = {
    "e": "MARGIN_CALL",
    "E": 1587727187525,
    "cw": "3.16812045",
    "p": [{"s": "ETHUSDT", "ps": "LONG", "pa": "1.327", "mt": "CROSSED"}],
}
KINDS = AccountEventKind


def test_an_order_is_named_by_its_id() -> None:
    assert spot_event(EXECUTION_REPORT) == AccountEvent(
        kind=KINDS.ORDER,
        symbol="ETHBTC",
        client_order_id="mUvoqJxFIILMdfAW5iGSOW",
        status="NEW",
        filled_quantity=Decimal("0.00000000"),
        event_time=from_milliseconds(1499405658658),
    )


def test_a_canceled_order_is_named_by_its_original_id() -> None:
    canceled = EXECUTION_REPORT | {"c": "theCancel", "C": "theOrder", "X": "CANCELED", "z": "0.4"}

    found = spot_event(canceled)

    assert found is not None
    assert (found.client_order_id, found.status) == ("theOrder", "CANCELED")
    assert found.filled_quantity == Decimal("0.4")


def test_an_order_list_is_named_by_its_own_id() -> None:
    assert spot_event(LIST_STATUS) == AccountEvent(
        kind=KINDS.ORDER,
        symbol="ETHBTC",
        client_order_id="F4QN4G8DlFATFlIUQ0cjdD",
        status="EXECUTING",
        event_time=from_milliseconds(1564035303637),
    )


@pytest.mark.parametrize("kind", ["outboundAccountPosition", "balanceUpdate", "externalLockUpdate"])
def test_balances_are_about_the_whole_account(kind: str) -> None:
    assert spot_event(POSITION | {"e": kind}) == AccountEvent(
        kind=KINDS.ACCOUNT, event_time=from_milliseconds(1564034571105)
    )


def test_an_order_of_futures_tells_what_it_has_filled_in_all() -> None:
    assert futures_event(ORDER_UPDATE) == AccountEvent(
        kind=KINDS.ORDER,
        symbol="BTCUSDT",
        client_order_id="TEST",
        status="PARTIALLY_FILLED",
        filled_quantity=Decimal("0.0006"),
        event_time=from_milliseconds(1568879465651),
    )


def test_a_light_trade_does_not_tell_what_the_order_has_filled_in_all() -> None:
    assert futures_event(TRADE_LITE) == AccountEvent(
        kind=KINDS.ORDER,
        symbol="BTCUSDT",
        client_order_id="z8hcUoOsqEdKMeKPSABslD",
        event_time=from_milliseconds(1721895408092),
    )


def test_an_algo_order_is_named_by_its_own_id_and_not_by_its_childs() -> None:
    assert futures_event(ALGO_UPDATE) == AccountEvent(
        kind=KINDS.ALGO_ORDER,
        symbol="BNBUSDT",
        client_order_id="Q5xaq5EGKgXXa0fD7fs0Ip",
        status="FINISHED",
        filled_quantity=Decimal("0.01"),
        event_time=from_milliseconds(1750515742303),
    )


def test_an_algo_order_that_has_no_child_has_filled_nothing_that_is_known() -> None:
    row = {"e": "ALGO_UPDATE", "E": 1, "o": {"s": "BTCUSDT", "caid": "x", "X": "NEW", "aq": ""}}

    found = futures_event(row)

    assert found is not None
    assert found.filled_quantity is None


@pytest.mark.parametrize(
    ("event", "symbol"),
    [
        (ACCOUNT_UPDATE, "BTCUSDT"),
        (ACCOUNT_UPDATE | {"a": {"m": "FUNDING_FEE", "B": []}}, None),
        (ACCOUNT_UPDATE | {"a": {"P": [{"s": "BTCUSDT"}, {"s": "ETHUSDT"}]}}, None),
        (ACCOUNT_UPDATE | {"a": {"P": "BTCUSDT"}}, None),
        (CONFIG, "BTCUSDT"),
        ({"e": "ACCOUNT_CONFIG_UPDATE", "E": 1611646737479, "ai": {"j": True}}, None),
        (MARGIN_CALL, "ETHUSDT"),
    ],
)
def test_an_event_about_the_account_names_its_symbol_when_there_is_one(
    event: dict[str, Any], symbol: str | None
) -> None:
    assert futures_event(event) == AccountEvent(
        kind=KINDS.ACCOUNT, symbol=symbol, event_time=from_milliseconds(event["E"])
    )


def test_a_trigger_that_was_refused_is_about_algo_orders_of_its_symbol() -> None:
    event = {
        "e": "CONDITIONAL_ORDER_TRIGGER_REJECT",
        "E": 1685517224945,
        "or": {"s": "ETHUSDT", "i": 155618472834, "r": "FOK is not filled"},
    }

    assert futures_event(event) == AccountEvent(
        kind=KINDS.ALGO_ORDER, symbol="ETHUSDT", event_time=from_milliseconds(1685517224945)
    )


@pytest.mark.parametrize("kind", ["STRATEGY_UPDATE", "listenKeyExpired", None, 5, ["x"], ""])
def test_an_event_that_nobody_has_heard_of_is_none(kind: Any) -> None:
    assert spot_event({"e": kind}) is None
    assert futures_event({"e": kind}) is None


KNOWN = [
    *("executionReport", "listStatus", "outboundAccountPosition"),
    *("ORDER_TRADE_UPDATE", "ALGO_UPDATE", "ACCOUNT_UPDATE", "MARGIN_CALL", "TRADE_LITE"),
    *("ACCOUNT_CONFIG_UPDATE", "CONDITIONAL_ORDER_TRIGGER_REJECT"),
]
NAMES = st.sampled_from(["E", "o", "a", "p", "P", "s", "c", "C", "X", "z", "or", "ac", "B", "aq"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kind=st.sampled_from(KNOWN), fields=st.dictionaries(NAMES, JSON, max_size=6))
def test_no_nonsense_in_an_event_raises(kind: str, fields: dict[str, Any]) -> None:
    event = fields | {"e": kind}

    found = [told for told in (spot_event(event), futures_event(event)) if told]

    assert len(found) == 1
