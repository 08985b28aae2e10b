"""Nothing that anybody can ask about futures orders breaks the exchange, or its books."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.demo.accounts import FUTURES, parse_account
from exchange.demo.control.accounts import whole_ledger
from exchange.demo.dispatch import Reply, respond
from exchange.demo.fapi.tests.order_samples import ALGOS, FUTURES_ORDERS, ORDER_SAMPLES
from exchange.demo.http.auth import signature_of
from exchange.demo.http.wire import WireRequest
from exchange.demo.market.sources import Market
from exchange.demo.testing import TEST_ACCOUNT, TEST_KEY, TEST_SECRET
from exchange.demo.venue import ExchangeConfig, Venue, local_market

FORMS: Final = (
    *((("POST", "/fapi/v1/order"), form) for form in FUTURES_ORDERS.values()),
    *((("POST", "/fapi/v1/algoOrder"), form) for form in ALGOS.values()),
    *ORDER_SAMPLES.items(),
)
NAMES: Final = sorted(
    {name for _, form in FORMS for name in form}
    | {"newClientOrderId", "origClientOrderId", "clientAlgoId", "positionSide", "reduceOnly"}
    | {"closePosition", "workingType", "priceProtect", "priceMatch", "goodTillDate", "limit"}
    | {"newOrderRespType", "selfTradePreventionMode", "activatePrice", "startTime", "endTime"}
    | {"fromId", "recvWindow", "stopPrice", "activationPrice"}
)
VALUES: Final = (
    *("", "0", "1", "2", "-1", "0.001", "0.010", "0.0015", "0.4", "5", "100", "9" * 20),
    *("50000", "90000", "93999.95", "94000", "99000", "105000", "1e-05", "NaN", "x" * 37),
    *("True", "true", "false", "BUY", "SELL", "GTC", "IOC", "FOK", "GTX", "GTD", "BOTH"),
    *("LONG", "SHORT", "MARK_PRICE", "CONTRACT_PRICE", "NONE", "QUEUE", "RESULT", "ACK"),
    *("MARKET", "LIMIT", *ALGOS, "BTCUSDT", "ETHUSDT", "NOPE", "a", "a:b/c.", "CONDITIONAL"),
)
changes: Final = st.dictionaries(
    st.sampled_from(NAMES), st.sampled_from(VALUES) | st.text(max_size=6) | st.none(), max_size=3
)
steps: Final = st.lists(
    st.tuples(st.sampled_from(FORMS), changes, st.integers(0, 600_000)), min_size=1, max_size=15
)


@pytest.fixture(scope="module")
def opened(short_recordings: Path) -> tuple[ExchangeConfig, Market]:
    config = ExchangeConfig(
        is_paused=True, market_data=short_recordings, accounts=[parse_account(TEST_ACCOUNT)]
    )
    return config, local_market(config)


def asked(venue: Venue, method: str, path: str, params: dict[str, str]) -> Reply:
    payload = urlencode({"timestamp": str(int(time.time() * 1000))} | params)
    payload += f"&signature={signature_of(payload, TEST_SECRET)}"
    request = WireRequest(
        method=method, path=path, query=payload, body="", api_key=TEST_KEY, peer="127.0.0.1"
    )
    return respond(venue, request)


def prepared(venue: Venue) -> None:
    for path, setting in (
        ("marginType", {"marginType": "ISOLATED"}),
        ("leverage", {"leverage": "50"}),
    ):
        reply = asked(venue, "POST", f"/fapi/v1/{path}", {"symbol": "BTCUSDT"} | setting)
        assert reply.status == 200


def asked_for(venue: Venue) -> tuple[int, int]:
    books = venue.futures.books
    own = [one for one in books.all_orders() if not one.algo_id]
    return (
        len([one for one in own if not one.client_order_id.startswith("autoclose-")]),
        len(books.all_algos()),
    )


def assert_sound(venue: Venue) -> None:
    assert not any(venue.engine.ledger.differences().values())
    held = venue.engine.ledger.holdings()
    assert [one for one in held if one.uid > 0 and one.free < 0] == []
    (uid,) = {one.uid for one in held if one.uid > 0}
    (wallet,) = (one.free for one in held if (one.uid, one.wallet) == (uid, FUTURES))
    positions = venue.futures.books.all_positions()
    assert sum(one.isolated_wallet for one in positions) <= wallet
    assert all(one.isolated_wallet >= 0 for one in positions)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_whatever_is_asked_of_orders_is_answered_and_the_books_stay_sound(
    opened: tuple[ExchangeConfig, Market], taken: list[tuple[Any, dict[str, str | None], int]]
) -> None:
    config, market = opened
    venue = Venue(config, market=market)
    try:
        prepared(venue)
        for ((method, path), form), changed, milliseconds in taken:
            venue.clock.jump_to(venue.clock.now_ms() + milliseconds)
            params = {name: value for name, value in (form | changed).items() if value is not None}
            before = asked_for(venue)
            reply = asked(venue, method, path, params)
            assert reply.status in (200, 400)
            if reply.status != 200:
                assert reply.payload.keys() == {"code", "msg"}
                assert reply.payload["code"] < 0
            if reply.status != 200 or not path.endswith("rder") or method != "POST":
                assert asked_for(venue) == before
            json.dumps(reply.payload)
            assert_sound(venue)
        json.dumps(whole_ledger(venue))
    finally:
        venue.close()
