"""Weights, counters, bans and permissions of the futures host, apart from the spot host's."""

from __future__ import annotations

import pytest
import requests

from exchange.demo.conftest import Caller, refusal
from exchange.demo.fapi.tests.trading import SYMBOL, Trader, placed
from exchange.demo.fapi.tests.trading import trader as trader  # noqa: PLC0414 - a fixture
from exchange.demo.limits import (
    FUNDING_REQUEST_LIMIT,
    FUTURES_WEIGHT_LIMIT,
    RateLimits,
    futures_rules,
)
from exchange.demo.testing import RunningExchange
from exchange.demo.venue import Venue

HOME = "127.0.0.1"
WEIGHT = "X-MBX-USED-WEIGHT-1M"
ADVICE = "Please use the websocket for live updates to avoid"


@pytest.mark.parametrize(
    ("path", "params", "weight"),
    [
        ("v1/ping", {}, 1),
        ("v1/time", {}, 1),
        ("v1/exchangeInfo", {}, 1),
        ("v1/klines", {"symbol": SYMBOL, "interval": "1m"}, 5),
        ("v1/klines", {"symbol": SYMBOL, "interval": "1m", "limit": "99"}, 1),
        ("v1/markPriceKlines", {"symbol": SYMBOL, "interval": "1m", "limit": "1001"}, 10),
        ("v1/ticker/price", {"symbol": SYMBOL}, 1),
        ("v2/ticker/price", {}, 2),
        ("v1/ticker/bookTicker", {"symbol": SYMBOL}, 2),
        ("v1/ticker/bookTicker", {}, 5),
        ("v1/ticker/24hr", {"symbol": SYMBOL}, 1),
        ("v1/ticker/24hr", {}, 40),
        ("v1/premiumIndex", {"symbol": SYMBOL}, 1),
        ("v1/premiumIndex", {}, 10),
    ],
)
def test_public_requests_weigh_what_they_weigh_at_the_venue(
    caller: Caller, path: str, params: dict[str, str], weight: int
) -> None:
    response = caller.public(f"/fapi/{path}", **params)
    assert response.status_code == 200
    assert response.headers[WEIGHT] == str(weight)
    assert "X-MBX-USED-WEIGHT" not in response.headers


@pytest.mark.parametrize(
    ("method", "path", "params", "weight"),
    [
        ("GET", "v2/account", {}, 5),
        ("GET", "v3/account", {}, 5),
        ("GET", "v2/balance", {}, 5),
        ("GET", "v3/balance", {}, 5),
        ("GET", "v2/positionRisk", {}, 5),
        ("GET", "v3/positionRisk", {}, 5),
        ("GET", "v1/symbolConfig", {}, 5),
        ("GET", "v1/accountConfig", {}, 5),
        ("GET", "v1/commissionRate", {"symbol": SYMBOL}, 20),
        ("GET", "v1/income", {}, 30),
        ("GET", "v1/positionSide/dual", {}, 30),
        ("GET", "v1/multiAssetsMargin", {}, 30),
        ("GET", "v1/leverageBracket", {}, 1),
        ("GET", "v1/rateLimit/order", {}, 1),
        ("POST", "v1/leverage", {"symbol": SYMBOL, "leverage": "5"}, 1),
        ("POST", "v1/marginType", {"symbol": SYMBOL, "marginType": "ISOLATED"}, 1),
        ("POST", "v1/positionSide/dual", {"dualSidePosition": "true"}, 1),
    ],
)
def test_signed_requests_weigh_what_they_weigh_at_the_venue(
    caller: Caller, method: str, path: str, params: dict[str, str], weight: int
) -> None:
    response = caller.signed(method, f"/fapi/{path}", **params)
    assert response.status_code == 200
    assert response.headers[WEIGHT] == str(weight)


@pytest.mark.parametrize("path", ["fundingRate", "fundingInfo"])
@pytest.mark.parametrize("params", [{}, {"symbol": "NOPE"}])
def test_requests_about_funding_weigh_nothing_and_tell_no_weight(
    demo: RunningExchange, caller: Caller, path: str, params: dict[str, str]
) -> None:
    response = caller.public(f"/fapi/v1/{path}", **params)
    assert response.status_code == (400 if params else 200)
    assert not [name for name in response.headers if name.upper().startswith("X-MBX")]
    demo.set_fault(endpoint=f"GET /fapi/v1/{path}", action="error", code=-1000)
    assert WEIGHT not in caller.public(f"/fapi/v1/{path}").headers
    assert caller.public("/fapi/v1/ping").headers[WEIGHT] == "1"


def test_the_two_hosts_count_apart(caller: Caller) -> None:
    assert caller.public("/api/v3/exchangeInfo").headers[WEIGHT] == "20"
    assert caller.public("/fapi/v1/ping").headers[WEIGHT] == "1"
    assert caller.public("/api/v3/ping").headers[WEIGHT] == "21"


def test_over_the_weight_requests_are_refused_with_the_futures_text(
    demo: RunningExchange, caller: Caller
) -> None:
    demo.run_inside(lambda venue: venue.futures_limits.charge(HOME, FUTURES_WEIGHT_LIMIT))
    response = caller.public("/fapi/v1/time")
    told = f"Too many requests; current limit of IP({HOME}) is 2400 requests per minute."
    assert refusal(response) == (429, -1003, f"{told} {ADVICE} polling the API.")
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    assert caller.public("/api/v3/time").status_code == 200


def test_whoever_insists_is_banned_from_the_futures_host_alone(
    demo: RunningExchange, caller: Caller
) -> None:
    demo.run_inside(lambda venue: venue.futures_limits.charge(HOME, FUTURES_WEIGHT_LIMIT))
    statuses = [caller.public("/fapi/v1/ping").status_code for _ in range(11)]
    assert statuses == [429] * 10 + [418]
    status, code, message = refusal(caller.signed("GET", "/fapi/v1/fundingRate"))
    assert (status, code) == (418, -1003)
    assert message.startswith(f"Way too many requests; IP({HOME}) banned until ")
    assert message.endswith(f". {ADVICE} bans.")
    assert caller.signed("GET", "/api/v3/account").status_code == 200
    assert caller.signed("GET", "/sapi/v1/bnbBurn").status_code == 200


@pytest.mark.parametrize(
    ("banned", "free"),
    [("/fapi/v1/ping", ("/api/v3/ping",)), ("/api/v3/ping", ("/fapi/v1/ping",))],
)
def test_a_ban_on_demand_strikes_one_host(
    demo: RunningExchange, caller: Caller, banned: str, free: tuple[str, ...]
) -> None:
    demo.set_fault(endpoint=f"GET {banned}", action="ban", seconds=60)
    assert caller.public(banned).status_code == 418
    assert [caller.public(path).status_code for path in free] == [200] * len(free)
    sapi = caller.signed("GET", "/sapi/v1/bnbBurn").status_code
    assert sapi == (418 if banned.startswith("/api") else 200)


def test_requests_about_funding_have_a_pool_of_their_own(
    demo: RunningExchange, caller: Caller
) -> None:
    demo.run_inside(lambda venue: venue.other_pools.funding.charge(HOME, FUNDING_REQUEST_LIMIT))
    for path in ("fundingRate", "fundingInfo"):
        response = caller.public(f"/fapi/v1/{path}")
        assert refusal(response)[:2] == (429, -1003)
        assert 1 <= int(response.headers["Retry-After"]) <= 300
    assert caller.public("/fapi/v1/ping").status_code == 200


def counts(response: requests.Response) -> list[str]:
    return [response.headers.get(f"X-MBX-ORDER-COUNT-{one}", "") for one in ("10S", "1M", "1D")]


def test_orders_of_every_kind_are_counted_by_ten_seconds_and_by_minute(trader: Trader) -> None:
    def stand_still(venue: Venue) -> None:
        venue.futures_limits = RateLimits(lambda: 1_795_000_000.0, futures_rules())

    trader.demo.run_inside(stand_still)
    answers = [trader.limit("90000"), trader.order(), trader.algo()]
    assert [placed(one)["symbol"] for one in answers] == [SYMBOL] * 3
    assert [counts(one) for one in answers] == [["1", "1", ""], ["2", "2", ""], ["3", "3", ""]]
    assert counts(trader.order(quantity="5000")) == ["", "", ""]
    assert counts(trader.caller.order(quantity="0.001")) == ["1", "", "1"]
    assert counts(trader.limit("90000")) == ["4", "4", ""]


def used_up(venue: Venue, place: int) -> None:
    (account,) = venue.accounts.values()
    rule = venue.futures_limits.rules.orders[place]
    venue.futures_limits._order_window(account.uid, rule).count = rule.limit


@pytest.mark.parametrize(
    ("place", "words", "seconds"),
    [
        (0, "Too many new orders; current limit is 300 orders per TEN_SECONDS.", 10),
        (1, "Too many new orders; current limit is 1200 orders per MINUTE.", 60),
    ],
)
def test_orders_over_a_limit_are_refused_on_this_market_alone(
    trader: Trader, place: int, words: str, seconds: int
) -> None:
    trader.demo.run_inside(lambda venue: used_up(venue, place))
    for response in (trader.order(), trader.algo()):
        assert refusal(response) == (429, -1015, words)
        assert 1 <= int(response.headers["Retry-After"]) <= seconds
    assert trader.ask("GET", "v1/openAlgoOrders").json() == []
    assert trader.caller.order(quantity="0.001").status_code == 200


def test_the_counters_of_an_account_begin_anew_with_every_window() -> None:
    now = [1_795_000_000.0 // 60 * 60 + 5]
    limits = RateLimits(lambda: now[0], rules=futures_rules())
    with limits.placing(7, 300) as told:
        assert told == (300, 300)
    now[0] += 10
    with limits.placing(7, 300) as told:
        assert told == (300, 600)
    now[0] += 55
    assert limits.order_counts(7) == (0, 0)


@pytest.mark.parametrize("flag", ["enableFutures", "enableReading"])
def test_a_key_without_the_futures_permission_is_refused_everywhere(
    demo: RunningExchange, caller: Caller, flag: str
) -> None:
    demo.control("keys", {"key_number": 1, flag: False})
    expected = (401, -2015, "Invalid API-key, IP, or permissions for action.")
    assert refusal(caller.signed("GET", "/fapi/v3/account")) == expected
    leverage = {"symbol": SYMBOL, "leverage": "5"}
    assert refusal(caller.signed("POST", "/fapi/v1/leverage", **leverage)) == expected
    spot = caller.signed("GET", "/api/v3/account").status_code
    assert spot == (200 if flag == "enableFutures" else 401)
    assert caller.public("/fapi/v1/ping").status_code == 200


def test_a_key_without_the_spot_permission_still_trades_futures(trader: Trader) -> None:
    trader.demo.control("keys", {"key_number": 1, "enableSpotAndMarginTrading": False})
    assert placed(trader.order())["symbol"] == SYMBOL
    assert refusal(trader.caller.order(quantity="0.001"))[:2] == (401, -2015)
