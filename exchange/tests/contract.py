"""A gateway at the built-in exchange, as the contract tests open it."""

from __future__ import annotations

from typing import Any

from exchange.binance.spot import BinanceSpotGateway
from exchange.binance.tests.conftest import loopback_urls
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange
from exchange.domain.types import Environment


def opened(demo: RunningExchange, **changes: Any) -> BinanceSpotGateway:
    """Return a gateway of the test account, with short patience."""
    values: dict[str, Any] = {
        "environment": Environment.DEMO,
        "urls": loopback_urls(demo.url),
        "key": TEST_KEY,
        "secret": TEST_SECRET,
        "timeout": (1.0, 0.6),
    }
    return BinanceSpotGateway(**(values | changes))
