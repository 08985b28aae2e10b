"""Gateways of these tests talk real HTTP to a scripted venue on loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from exchange.binance.futures import BinanceFuturesGateway
from exchange.binance.governor import Governor
from exchange.binance.listing_cache import drop_listing_caches
from exchange.binance.retry import RetryPolicy
from exchange.binance.rules_cache import drop_rules_caches
from exchange.binance.spot import BinanceSpotGateway
from exchange.binance.tests.scripted_server import ScriptedServer, scripted_server
from exchange.binance.urls import UrlSet
from exchange.domain.types import Environment, Market

KEY = "k" * 60 + "Key1"
SECRET = "s" * 58 + "Secret"


@pytest.fixture
def script() -> Iterator[ScriptedServer]:
    """Return a venue that says what the test tells it to."""
    with scripted_server() as server:
        yield server


@pytest.fixture
def futures(script: ScriptedServer) -> Iterator[BinanceFuturesGateway]:
    """Return a futures gateway with a key that waits briefly, asks once and knows no rules."""
    drop_listing_caches()
    gateway = BinanceFuturesGateway(
        environment=Environment.DEMO,
        urls=loopback_urls(script.url),
        key=KEY,
        secret=SECRET,
        timeout=(0.5, 0.5),
        governor=asking_once(Market.FUTURES),
    )
    yield gateway
    gateway.close()


@pytest.fixture
def gateway(script: ScriptedServer) -> Iterator[BinanceSpotGateway]:
    """Return a gateway with a key that waits briefly, asks once and knows no rules."""
    drop_rules_caches()  # the port may have been another venue's
    gateway = BinanceSpotGateway(
        environment=Environment.DEMO,
        urls=loopback_urls(script.url),
        key=KEY,
        secret=SECRET,
        timeout=(0.5, 0.5),
        governor=asking_once(),
    )
    yield gateway
    gateway.close()


def loopback_urls(http: str) -> UrlSet:
    """Return a set of URLs that all lead to one loopback server."""
    websocket = http.replace("http", "ws", 1)
    return UrlSet(
        spot=http, spot_ws=websocket, spot_ws_api=websocket, futures=http, futures_ws=websocket
    )


def asking_once(market: Market = Market.SPOT) -> Governor:
    """Return a budget of its own that repeats no read."""
    return Governor(market=market, retry=RetryPolicy(max_attempts=1))
