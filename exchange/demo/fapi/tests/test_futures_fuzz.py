"""Nothing that anybody can ask of the futures market breaks it, or its books."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.demo.accounts import parse_account
from exchange.demo.dispatch import ENDPOINTS, respond
from exchange.demo.fapi.tests.order_samples import ALGOS, FUTURES_ORDERS
from exchange.demo.fapi.tests.samples import FUTURES_SAMPLES
from exchange.demo.futures.values import CROSSED, ISOLATED
from exchange.demo.http.auth import signature_of
from exchange.demo.http.wire import WireRequest
from exchange.demo.market.sources import Market
from exchange.demo.testing import TEST_ACCOUNT, TEST_KEY, TEST_SECRET
from exchange.demo.venue import ExchangeConfig, Venue, local_market

Step = tuple[tuple[str, str], dict[str, str | None], int]
HOME: Final = "127.0.0.1"
VALUES: Final = (
    *("", "0", "1", "2", "-1", "0.001", "0.010", "0.0001", "5", "50", "126", "9" * 20),
    *("80000", "90000", "94000.1", "94000.01", "100000", "120000", "1e-05", "True", "true"),
    *("BUY", "SELL", "BOTH", "LONG", "SHORT", "GTC", "IOC", "FOK", "GTX", "GTD", "RESULT"),
    *("ISOLATED", "CROSSED", "MARK_PRICE", "UMFUTURE_MAIN", "USDT", "BTC", "false", "x" * 40),
    *("BTCUSDT", "ETHUSDT", "NOPE", "a", "1747000000000", *ALGOS, *FUTURES_ORDERS),
)
NAMES: Final = sorted(
    {name for sample in FUTURES_SAMPLES.values() for name in sample}
    | {name for sample in (*ALGOS.values(), *FUTURES_ORDERS.values()) for name in sample}
    | {"newClientOrderId", "clientAlgoId", "positionSide", "reduceOnly", "closePosition"}
    | {"newOrderRespType", "goodTillDate", "workingType", "fromId", "activatePrice"}
)
changes: Final = st.dictionaries(
    st.sampled_from(NAMES), st.sampled_from(VALUES) | st.text(max_size=8) | st.none(), max_size=3
)
steps: Final = st.lists(
    st.tuples(st.sampled_from(sorted(FUTURES_SAMPLES)), changes, st.integers(0, 3_600_000)),
    max_size=15,
)


@pytest.fixture(scope="module")
def config(short_recordings: Path) -> ExchangeConfig:
    return ExchangeConfig(
        is_paused=True, market_data=short_recordings, accounts=[parse_account(TEST_ACCOUNT)]
    )


@pytest.fixture(scope="module")
def market(config: ExchangeConfig) -> Market:
    return local_market(config)


def wire(method: str, path: str, params: dict[str, str]) -> WireRequest:
    query, key = urlencode(params), None
    if ENDPOINTS[method, path].needs_key:
        key = TEST_KEY
    if ENDPOINTS[method, path].is_signed:
        query = urlencode({"timestamp": str(int(time.time() * 1000))} | params)
        query += f"&signature={signature_of(query, TEST_SECRET)}"
        key = TEST_KEY
    return WireRequest(method=method, path=path, query=query, body="", api_key=key, peer=HOME)


def everything(venue: Venue) -> list[Any]:
    books = venue.futures.books
    (account,) = venue.accounts.values()
    return [
        books.all_orders(),
        books.all_algos(),
        books.all_fills(),
        books.all_positions(),
        books.all_incomes(),
        books.all_transfers(),
        books.is_hedge_mode(account.uid),
        [books.settings(account.uid, name) for name in venue.futures_market.symbols],
        venue.engine.ledger.holdings(),
    ]


@settings(max_examples=60, deadline=None)
@given(margin_type=st.sampled_from((ISOLATED, CROSSED)), taken=steps)
def test_whatever_is_asked_is_answered_and_what_is_refused_leaves_no_trace(
    config: ExchangeConfig, market: Market, margin_type: str, taken: list[Step]
) -> None:
    venue = Venue(config, market=market)
    try:
        if margin_type == ISOLATED:
            wanted = {"symbol": "BTCUSDT", "marginType": ISOLATED}
            assert respond(venue, wire("POST", "/fapi/v1/marginType", wanted)).status == 200
        for (method, path), changed, milliseconds in taken:
            venue.clock.jump_to(venue.clock.now_ms() + milliseconds)
            venue.advance()
            before = everything(venue)
            mixed = FUTURES_SAMPLES[method, path] | changed
            params = {name: value for name, value in mixed.items() if value is not None}
            reply = respond(venue, wire(method, path, params))
            json.dumps(reply.payload)
            assert reply.status in (200, 400)
            if reply.status != 200:
                assert reply.payload["code"] < 0
                assert reply.payload["msg"]
            if reply.status != 200 or method == "GET":
                assert everything(venue) == before
            assert not any(venue.engine.ledger.differences().values())
    finally:
        venue.close()
