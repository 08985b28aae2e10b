"""Gateways of these tests talk real HTTP to a scripted venue on loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from exchange.binance.spot import BinanceSpotGateway
from exchange.binance.tests.scripted_server import ScriptedServer, scripted_server
from exchange.binance.urls import UrlSet
from exchange.domain.types import Environment

KEY = "k" * 60 + "Key1"
SECRET = "s" * 58 + "Secret"


@pytest.fixture
def script() -> Iterator[ScriptedServer]:
    """Return a venue that says what the test tells it to."""
    with scripted_server() as server:
        yield server


@pytest.fixture
def gateway(script: ScriptedServer) -> Iterator[BinanceSpotGateway]:
    """Return a gateway with a key and a short patience."""
    gateway = BinanceSpotGateway(
        environment=Environment.DEMO,
        urls=loopback_urls(script.url),
        key=KEY,
        secret=SECRET,
        timeout=(0.5, 0.5),
    )
    yield gateway
    gateway.close()


def loopback_urls(http: str) -> UrlSet:
    """Return a set of URLs that all lead to one loopback server."""
    websocket = http.replace("http", "ws", 1)
    return UrlSet(
        spot=http, spot_ws=websocket, spot_ws_api=websocket, futures=http, futures_ws=websocket
    )
