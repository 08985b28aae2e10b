from __future__ import annotations

import pytest
import requests

from exchange.demo.conftest import Caller, refusal
from exchange.demo.errors import VenueError
from exchange.demo.http.tests.samples import LISTS, ORDERS, REPLACE
from exchange.demo.limits import (
    ORDERS_PER_DAY,
    ORDERS_PER_TEN_SECONDS,
    WEIGHT_LIMIT,
    RateLimits,
)
from exchange.demo.testing import RunningExchange
from exchange.demo.venue import Venue

HOME = "127.0.0.1"


class Wall:
    def __init__(self) -> None:
        self.seconds = 1_795_000_000.0 // 60 * 60 + 15

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def limits(wall: Wall) -> RateLimits:
    return RateLimits(wall)


def test_weight_beyond_the_limit_is_refused_until_the_minute_ends(
    limits: RateLimits, wall: Wall
) -> None:
    limits.charge(HOME, WEIGHT_LIMIT)
    with pytest.raises(VenueError) as error:
        limits.charge(HOME, 1)
    assert (error.value.status, error.value.code) == (429, -1003)
    assert error.value.retry_after_seconds == 45
    limits.charge("10.0.0.1", 1)
    wall.seconds += 45
    limits.charge(HOME, 1)
    assert limits.used_weight(HOME) == 1


def test_whoever_insists_is_banned_for_a_while(limits: RateLimits, wall: Wall) -> None:
    limits.charge(HOME, WEIGHT_LIMIT)
    statuses = []
    for _ in range(12):
        with pytest.raises(VenueError) as error:
            limits.charge(HOME, 1)
        statuses.append(error.value.status)
    assert statuses == [429] * 10 + [418] * 2
    wall.seconds += 60
    with pytest.raises(VenueError, match="IP banned until") as error:
        limits.charge(HOME, 1)
    assert error.value.retry_after_seconds == 61
    wall.seconds += 61
    limits.charge(HOME, 1)


def test_orders_beyond_the_limit_are_refused_until_the_window_ends(
    limits: RateLimits, wall: Wall
) -> None:
    for _ in range(ORDERS_PER_TEN_SECONDS):
        with limits.placing(7, 1):
            pass
    with pytest.raises(VenueError, match="Too many new orders") as error, limits.placing(7, 1):
        pytest.fail("the order must not be placed")
    assert (error.value.status, error.value.code) == (429, -1015)
    assert error.value.retry_after_seconds == 5
    with limits.placing(8, 1) as counts:
        assert counts == (1, 1)
    wall.seconds += 5
    with limits.placing(7, 1) as counts:
        assert counts == (1, ORDERS_PER_TEN_SECONDS + 1)


def test_a_list_must_fit_whole_into_what_is_left(limits: RateLimits) -> None:
    with limits.placing(7, ORDERS_PER_TEN_SECONDS - 2):
        pass
    with pytest.raises(VenueError, match="Too many new orders"), limits.placing(7, 3):
        pytest.fail("the list must not be placed")
    with limits.placing(7, 2):
        pass
    assert limits.order_counts(7)[0] == ORDERS_PER_TEN_SECONDS


def test_a_refused_order_does_not_count(limits: RateLimits) -> None:
    with pytest.raises(VenueError), limits.placing(7, 3):
        raise VenueError(-2010, "Order would trigger immediately.")
    assert limits.order_counts(7) == (0, 0)


def test_a_first_fill_takes_one_order_off_but_never_below_none(limits: RateLimits) -> None:
    with limits.placing(7, 2) as counts:
        limits.first_fill(7)
    assert (counts, limits.order_counts(7)) == ((2, 2), (1, 1))
    for _ in range(3):
        limits.first_fill(7)
    assert limits.order_counts(7) == (0, 0)


def test_an_order_of_yesterday_that_fills_today_counts_for_today(
    limits: RateLimits, wall: Wall
) -> None:
    with limits.placing(7, 1):
        pass
    wall.seconds += 86_400
    with limits.placing(7, 2):
        pass
    limits.first_fill(7)
    assert limits.order_counts(7) == (1, 1)


def test_a_ban_lasts_as_long_as_told(limits: RateLimits, wall: Wall) -> None:
    limits.ban(HOME, 30)
    with pytest.raises(VenueError, match="IP banned until") as error:
        limits.charge(HOME, 1)
    assert (error.value.status, error.value.retry_after_seconds) == (418, 31)
    limits.charge("10.0.0.1", 1)
    wall.seconds += 30
    limits.charge(HOME, 1)


@pytest.mark.parametrize(
    ("path", "params", "weight"),
    [
        ("/api/v3/ping", {}, 1),
        ("/api/v3/time", {}, 1),
        ("/api/v3/exchangeInfo", {}, 20),
        ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m"}, 2),
        ("/api/v3/ticker/price", {"symbol": "BTCUSDT"}, 2),
        ("/api/v3/ticker/price", {}, 4),
        ("/api/v3/ticker/24hr", {"symbol": "BTCUSDT"}, 2),
        ("/api/v3/ticker/24hr", {"symbols": '["BTCUSDT","ETHUSDT"]'}, 2),
        ("/api/v3/ticker/24hr", {}, 80),
        ("/api/v3/ticker/bookTicker", {"symbols": '["BTCUSDT"]'}, 4),
        ("/api/v3/avgPrice", {"symbol": "BTCUSDT"}, 2),
    ],
)
def test_public_requests_weigh_what_they_weigh_at_the_venue(
    caller: Caller, path: str, params: dict[str, str], weight: int
) -> None:
    response = caller.public(path, **params)
    assert response.status_code == 200
    assert response.headers["X-MBX-USED-WEIGHT-1M"] == str(weight)


@pytest.mark.parametrize(
    ("path", "params", "weight"),
    [
        ("/api/v3/account", {}, 20),
        ("/api/v3/order", {"symbol": "BTCUSDT", "orderId": 1}, 4),
        ("/api/v3/openOrders", {}, 80),
        ("/api/v3/openOrders", {"symbol": "BTCUSDT"}, 6),
        ("/api/v3/allOrders", {"symbol": "BTCUSDT"}, 20),
        ("/api/v3/myTrades", {"symbol": "BTCUSDT"}, 20),
        ("/api/v3/myTrades", {"symbol": "BTCUSDT", "orderId": 1}, 5),
        ("/api/v3/rateLimit/order", {}, 40),
        ("/api/v3/myFilters", {"symbol": "BTCUSDT"}, 40),
        ("/api/v3/account/commission", {"symbol": "BTCUSDT"}, 20),
        ("/api/v3/orderList", {"orderListId": 1}, 4),
        ("/api/v3/allOrderList", {}, 20),
        ("/api/v3/openOrderList", {}, 6),
    ],
)
def test_signed_requests_weigh_what_they_weigh_at_the_venue(
    caller: Caller, path: str, params: dict[str, str | int], weight: int
) -> None:
    headers = caller.signed("GET", path, **params).headers
    assert headers["X-MBX-USED-WEIGHT-1M"] == str(weight)


def test_an_accepted_order_weighs_nothing_and_a_refused_one_counts_nowhere(caller: Caller) -> None:
    accepted = caller.order(quantity="0.001").headers
    assert accepted["X-MBX-USED-WEIGHT-1M"] == "0"
    assert accepted["X-MBX-ORDER-COUNT-10S"] == "1"
    refused = caller.order(quantity="5").headers
    assert refused["X-MBX-USED-WEIGHT-1M"] == "1"
    assert "X-MBX-ORDER-COUNT-10S" not in refused


def used(response: requests.Response) -> str:
    assert response.status_code == 200, response.text
    return response.headers["X-MBX-USED-WEIGHT-1M"]


def test_what_acts_on_orders_weighs_nothing_when_it_succeeds(caller: Caller) -> None:
    order = caller.signed("POST", "/api/v3/order", **ORDERS["LIMIT"])
    replace = REPLACE | {"cancelOrderId": str(order.json()["orderId"])}
    replaced = caller.signed("POST", "/api/v3/order/cancelReplace", **replace)
    new_id = replaced.json()["newOrderResponse"]["orderId"]
    canceled = caller.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=new_id)
    oco = caller.signed("POST", "/api/v3/orderList/oco", **LISTS["oco"][0])
    ids = {"symbol": "BTCUSDT", "orderListId": oco.json()["orderListId"]}
    gone = caller.signed("DELETE", "/api/v3/orderList", **ids)
    caller.signed("POST", "/api/v3/order", **ORDERS["LIMIT"])
    cleared = caller.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    answers = (order, replaced, canceled, oco, gone, cleared)
    assert [used(one) for one in answers] == ["0"] * len(answers)
    refused = caller.signed("DELETE", "/api/v3/orderList", **ids)
    assert (refused.status_code, refused.headers["X-MBX-USED-WEIGHT-1M"]) == (400, "1")


@pytest.mark.parametrize(("name", "sample"), LISTS.items())
def test_every_order_of_a_list_counts(
    caller: Caller, name: str, sample: tuple[dict[str, str], int]
) -> None:
    params, count = sample
    headers = caller.signed("POST", f"/api/v3/orderList/{name}", **params).headers
    assert headers["X-MBX-ORDER-COUNT-10S"] == headers["X-MBX-ORDER-COUNT-1D"] == str(count)


def test_orders_count_until_they_fill(caller: Caller) -> None:
    def counts() -> list[int]:
        return [one["count"] for one in caller.signed("GET", "/api/v3/rateLimit/order").json()]

    caller.signed("POST", "/api/v3/order", **ORDERS["LIMIT"])
    caller.signed("POST", "/api/v3/order", **ORDERS["STOP_LOSS"])
    assert counts()[1] == 2
    caller.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    assert counts()[1] == 2
    caller.order(quantity="0.001")
    assert counts()[1] == 2


def test_over_the_order_limit_everything_that_places_is_refused(
    demo: RunningExchange, caller: Caller
) -> None:
    order_id = caller.signed("POST", "/api/v3/order", **ORDERS["LIMIT"]).json()["orderId"]

    demo.run_inside(use_up_the_day)
    replace = REPLACE | {"cancelOrderId": str(order_id)}
    for path, params in (
        ("/api/v3/order", ORDERS["MARKET"]),
        ("/api/v3/orderList/oco", LISTS["oco"][0]),
        ("/api/v3/order/cancelReplace", replace),
    ):
        response = caller.signed("POST", path, **params)
        assert refusal(response)[:2] == (429, -1015)
        assert 1 <= int(response.headers["Retry-After"]) <= 86_400
    wanted = replace | {"orderRateLimitExceededMode": "CANCEL_ONLY"}
    body = caller.signed("POST", "/api/v3/order/cancelReplace", **wanted).json()
    assert (body["code"], body["data"]["cancelResult"]) == (-2021, "SUCCESS")
    assert body["data"]["newOrderResponse"]["code"] == -1015


def use_up_the_day(venue: Venue) -> None:
    (account,) = venue.accounts.values()
    limits = venue.limits
    for rule in limits.rules.orders[1:]:
        limits._order_window(account.uid, rule).count = ORDERS_PER_DAY


def test_the_429_carries_retry_after_over_http(demo: RunningExchange, caller: Caller) -> None:
    demo.run_inside(lambda venue: venue.limits.charge(HOME, WEIGHT_LIMIT))
    response = caller.public("/api/v3/time")
    assert refusal(response)[:2] == (429, -1003)
    assert 1 <= int(response.headers["Retry-After"]) <= 60
