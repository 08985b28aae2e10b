from __future__ import annotations

import pytest

from exchange.demo.errors import VenueError
from exchange.demo.limits import ORDERS_PER_TEN_SECONDS, WEIGHT_LIMIT, RateLimits
from exchange.demo.testing import RunningExchange
from exchange.demo.tests.conftest import Caller, refusal

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
        limits.check_orders(7)
        limits.count_order(7)
    with pytest.raises(VenueError, match="Too many new orders") as error:
        limits.check_orders(7)
    assert (error.value.status, error.value.code) == (429, -1015)
    assert error.value.retry_after_seconds == 5
    limits.check_orders(8)
    wall.seconds += 5
    limits.check_orders(7)
    assert limits.order_counts(7) == (0, ORDERS_PER_TEN_SECONDS)


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


def test_the_429_carries_retry_after_over_http(demo: RunningExchange, caller: Caller) -> None:
    demo.run_inside(lambda venue: venue.limits.charge(HOME, WEIGHT_LIMIT))
    response = caller.public("/api/v3/time")
    assert refusal(response)[:2] == (429, -1003)
    assert 1 <= int(response.headers["Retry-After"]) <= 60
