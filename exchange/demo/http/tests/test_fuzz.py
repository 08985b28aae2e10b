"""Nothing that anybody can send breaks the exchange, or its books."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange.demo.accounts import parse_account
from exchange.demo.control.door import Control
from exchange.demo.control.faults import FaultBoard
from exchange.demo.dispatch import ENDPOINTS, respond
from exchange.demo.http.auth import signature_of
from exchange.demo.http.tests.samples import ORDERS, SAMPLES
from exchange.demo.http.wire import WireRequest
from exchange.demo.market.sources import Market
from exchange.demo.testing import TEST_ACCOUNT, TEST_KEY, TEST_SECRET
from exchange.demo.venue import ExchangeConfig, Venue, local_market

HOME: Final = "127.0.0.1"
METHODS: Final = ("GET", "POST", "PUT", "DELETE", "PATCH", "")
VALUES: Final = (
    *("", "0", "1", "-1", "0.001", "0.00001", "0.0015", "0.4", "5", "9" * 20, "9" * 20 + ".9"),
    *("80000", "90000", "94000.01", "100000", "120000", "1e-05", "True", "true", "NaN", "x" * 50),
    *("BUY", "SELL", *ORDERS, "GTC", "IOC", "FOK", "ACK", "FULL", "ALLOW_FAILURE", "CANCEL_ONLY"),
    *("BTCUSDT", "ETHUSDT", "NOPE", "a", "L1", '["BTCUSDT"]', "[", "ONLY_NEW", "HALT"),
)
NAMES: Final = sorted(
    {name for sample in SAMPLES.values() for name in sample}
    | {name for sample in ORDERS.values() for name in sample}
    | {"newClientOrderId", "origClientOrderId", "listClientOrderId", "quoteOrderQty", "limit"}
    | {"startTime", "endTime", "fromId", "symbols", "newOrderRespType", "recvWindow"}
    | {"cancelRestrictions", "orderRateLimitExceededMode", "workingClientOrderId"}
)
changes: Final = st.dictionaries(
    st.sampled_from(NAMES), st.sampled_from(VALUES) | st.text(max_size=12) | st.none(), max_size=4
)
anything: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
steps: Final = st.lists(
    st.tuples(st.sampled_from(sorted(ENDPOINTS)), changes, st.integers(0, 90_000)), max_size=12
)
CONTROL: Final[dict[str, dict[str, Any]]] = {
    "clock": {"running": False, "speed": 60, "market_time": "2025-05-05T18:00:00Z"},
    "price": {"symbol": "BTCUSDT", "price": "95000", "seconds": 60},
    "faults": {"endpoint": "*", "action": "error", "when": "after", "code": -1007, "times": 2},
    "deposits": {"key_number": 1, "asset": "BNB", "amount": "2.5", "wallet": "spot"},
    "keys": {"key_number": 1, "canTrade": False, "ipRestrict": True},
    "symbols": {
        "symbol": "BTCUSDT",
        "status": "HALT",
        "tick": "0.1",
        "step": "0.001",
        "min_notional": "10",
    },
    "ledger": {},
}
control_changes: Final = st.dictionaries(
    st.sampled_from(sorted({name for sample in CONTROL.values() for name in sample})),
    anything | st.sampled_from([*VALUES, 1, 0.5, 10**30, True, None]),
    max_size=3,
)


@pytest.fixture(scope="module")
def config(short_recordings: Path) -> ExchangeConfig:
    return ExchangeConfig(
        is_paused=True, market_data=short_recordings, accounts=[parse_account(TEST_ACCOUNT)]
    )


@pytest.fixture(scope="module")
def market(config: ExchangeConfig) -> Market:
    return local_market(config)


@pytest.fixture
def venue(config: ExchangeConfig, market: Market) -> Iterator[Venue]:
    opened = Venue(config, market=market)
    yield opened
    opened.close()


def signed(method: str, path: str, params: dict[str, str]) -> WireRequest:
    payload = urlencode({"timestamp": str(int(time.time() * 1000))} | params)
    payload += f"&signature={signature_of(payload, TEST_SECRET)}"
    return WireRequest(
        method=method, path=path, query=payload, body="", api_key=TEST_KEY, peer=HOME
    )


def assert_sound(venue: Venue) -> None:
    assert not any(venue.engine.ledger.differences().values())
    negative = [one for one in venue.engine.ledger.holdings() if one.uid > 0 and one.free < 0]
    assert negative == []


@settings(max_examples=60, deadline=None)
@given(steps)
def test_whatever_is_asked_is_answered_and_the_books_stay_sound(
    config: ExchangeConfig,
    market: Market,
    taken: list[tuple[tuple[str, str], dict[str, str | None], int]],
) -> None:
    venue = Venue(config, market=market)
    try:
        for (method, path), changed, milliseconds in taken:
            venue.clock.jump_to(venue.clock.now_ms() + milliseconds)
            mixed = SAMPLES[method, path] | changed
            params = {name: value for name, value in mixed.items() if value is not None}
            if ENDPOINTS[method, path].is_signed:
                request = signed(method, path, params)
            else:
                request = with_key(method, path, urlencode(params))
            reply = respond(venue, request)
            assert reply.status in (200, 400, 409, 429)
            if reply.status != 200:
                assert reply.payload["code"] < 0
                assert reply.payload["msg"]
            json.dumps(reply.payload)
            assert_sound(venue)
    finally:
        venue.close()


def with_key(method: str, path: str, query: str) -> WireRequest:
    key = TEST_KEY if ENDPOINTS[method, path].needs_key else None
    return WireRequest(method=method, path=path, query=query, body="", api_key=key, peer=HOME)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    method=st.sampled_from(METHODS) | st.text(max_size=6),
    path=st.sampled_from([path for _, path in ENDPOINTS]) | st.text(max_size=30),
    query=st.text(max_size=60),
    body=st.text(max_size=60),
    key=st.none() | st.just(TEST_KEY) | st.text(max_size=20),
)
def test_no_bytes_bring_anything_but_an_answer(
    venue: Venue, method: str, path: str, query: str, body: str, key: str | None
) -> None:
    before = venue.engine.orders.all_orders()
    request = WireRequest(method=method, path=path, query=query, body=body, api_key=key, peer=HOME)
    reply = respond(venue, request)
    assert reply.status in (200, 400, 401, 404, 410, 418, 429)
    json.dumps(reply.payload)
    assert venue.engine.orders.all_orders() == before
    assert_sound(venue)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    door=st.sampled_from(sorted(CONTROL)),
    method=st.sampled_from(["POST", "POST", "GET", "DELETE"]),
    changed=control_changes,
    instead=st.none() | anything,
)
def test_no_body_breaks_the_control_door(
    venue: Venue, door: str, method: str, changed: dict[str, Any], instead: Any
) -> None:
    item = CONTROL[door] | changed if instead is None else instead
    control = Control(venue, FaultBoard(seed=1))
    reply = control.respond(method, f"/_control/{door}", json.dumps(item), peer=HOME)
    assert reply.status in (200, 400, 404)
    if reply.status != 200:
        assert reply.payload["error"]
    json.dumps(reply.payload)
    assert_sound(venue)
