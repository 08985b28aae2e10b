"""What all processes share: bans, budgets and the counts of retries, through the real Redis."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import redis
from django.test import override_settings

from exchange.binance.clock import wall_milliseconds
from exchange.demo.testing import RunningExchange
from exchange.domain.budget import Priority, asking_for
from exchange.domain.errors import RateLimitedError, UnavailableError
from exchange.domain.types import Environment, Market
from exchange.market_data import names, refresh_market_time
from exchange.models import APIKey
from exchange.registry import close_gateways, gateway_for, market_data_gateway
from exchange.shared_budget import governor, retry_counts

DEMO, SPOT = Environment.DEMO, Market.SPOT
TICKER = "GET /api/v3/ticker/24hr"


def test_a_retry_is_counted_by_endpoint_and_code(demo: RunningExchange) -> None:
    gateway = market_data_gateway(DEMO, SPOT)
    demo.set_fault(endpoint=TICKER, action="error", code=-1001, status=500, times=2)
    demo.set_fault(endpoint="GET /api/v3/klines", action="drop", times=1)

    gateway.ticker("BTCUSDT")
    gateway.klines("BTCUSDT", "1m", limit=1)

    assert retry_counts() == {(TICKER, "-1001"): 2, ("GET /api/v3/klines", "none"): 1}


def test_a_read_is_asked_as_often_as_the_setting_says(demo: RunningExchange) -> None:
    demo.set_fault(endpoint=TICKER, action="drop", times=None)

    with override_settings(BINANCE_RETRY_MAX_ATTEMPTS=2, BINANCE_RETRY_BACKOFF_BASE=0.01):
        close_gateways()
        with pytest.raises(UnavailableError):
            market_data_gateway(DEMO, SPOT).ticker("BTCUSDT")

    assert demo.faults()[0]["hits"] == 2


def test_retries_of_another_installation_are_not_ours(demo: RunningExchange) -> None:
    demo.set_fault(endpoint=TICKER, action="drop", times=1)
    market_data_gateway(DEMO, SPOT).ticker("BTCUSDT")

    with override_settings(INSTALLATION_ID="else"):
        assert retry_counts() == {}
    assert retry_counts() == {(TICKER, "none"): 1}


@pytest.mark.django_db
def test_the_gateways_of_a_process_share_one_budget(
    demo: RunningExchange, stored_key: APIKey
) -> None:
    governor(demo.url, SPOT).stop_everybody(60)

    for ask in (
        lambda: market_data_gateway(DEMO, SPOT).ticker("BTCUSDT"),
        lambda: gateway_for(stored_key, SPOT).account(),
        lambda: gateway_for(stored_key, SPOT).permit_orders(),
    ):
        with asking_for(Priority.EXIT), pytest.raises(RateLimitedError, match="not asked"):
            ask()


@pytest.mark.django_db
def test_the_orders_of_an_account_are_counted_together_and_apart_from_others(
    demo: RunningExchange, stored_key: APIKey
) -> None:
    governor(demo.url, SPOT).for_account(stored_key.account.uid).stop_orders(60)

    with pytest.raises(RateLimitedError):
        gateway_for(stored_key, SPOT).permit_orders()

    stored_key.account.uid = "another"
    close_gateways()
    gateway_for(stored_key, SPOT).permit_orders().release()


def test_a_ban_of_another_process_is_heard_of_through_redis(
    demo: RunningExchange, clean_redis: redis.Redis
) -> None:
    key = f"tradebot:budget:{{{demo.url}/spot}}:weight:ban"
    clean_redis.set(key, wall_milliseconds() + 60_000)

    with (
        asking_for(Priority.EXIT),
        pytest.raises(RateLimitedError, match="takes no requests"),
    ):
        market_data_gateway(DEMO, SPOT).ticker("BTCUSDT")

    assert refresh_market_time(DEMO, SPOT, ["BTCUSDT"]) is None
    assert 55_000 < int(clean_redis.pttl(f"{names.market_time(DEMO, SPOT)}:silent")) <= 60_000


def test_a_call_takes_two_round_trips_to_redis(
    demo: RunningExchange, clean_redis: redis.Redis
) -> None:
    gateway = market_data_gateway(DEMO, SPOT)
    gateway.ticker("BTCUSDT")  # teaches Redis the scripts
    before = _scripts_run(clean_redis)

    gateway.ticker("BTCUSDT")

    assert _scripts_run(clean_redis) - before == 2


def _scripts_run(connection: redis.Redis) -> int:
    stats: dict[str, Any] = connection.info("commandstats")
    return sum(stat["calls"] for name, stat in stats.items() if "eval" in name)


def test_the_clock_of_a_venue_that_hangs_holds_the_dispatcher_up_for_one_timeout(
    demo: RunningExchange,
) -> None:
    demo.set_fault(endpoint=TICKER, action="delay", seconds=10, times=None)

    assert refresh_market_time(DEMO, SPOT, ["BTCUSDT"]) is None

    assert demo.faults()[0]["hits"] == 1


def test_without_redis_a_read_goes_on(
    demo: RunningExchange, caplog: pytest.LogCaptureFixture
) -> None:
    close_gateways()
    with override_settings(REDIS_URL="redis://127.0.0.1:1/0"):
        gateway = market_data_gateway(DEMO, SPOT)
        demo.set_fault(endpoint=TICKER, action="drop", times=1)
        with asking_for(Priority.EXIT), caplog.at_level(logging.WARNING):
            assert gateway.ticker("BTCUSDT").price > 0

    lost = [r for r in caplog.records if "request budgets are not shared" in r.message]
    assert len(lost) == 1
