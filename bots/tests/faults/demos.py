"""Demo exchanges with more than the usual one has: another price, another account."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.conf import settings
from django.test import override_settings

from conftest import BEFORE_THE_FIRST_TRADE, DEMO_KEY, DEMO_SECRET
from exchange.binance.listing_cache import drop_listing_caches
from exchange.binance.rules_cache import drop_rules_caches
from exchange.binance.urls import UrlSet
from exchange.demo.testing import RunningExchange
from exchange.registry import close_gateways

ACCOUNT: Final = f"{DEMO_KEY}:{DEMO_SECRET}:USDT=10000"


@contextmanager
def another_demo(**options: Any) -> Iterator[RunningExchange]:
    """Run a demo exchange with `options`, standing still, as the demo environment."""
    chosen: dict[str, Any] = {
        "accounts": [ACCOUNT],
        "is_paused": True,
        "start": BEFORE_THE_FIRST_TRADE,
    } | options
    with RunningExchange(**chosen) as exchange:
        sockets = exchange.url.replace("http", "ws", 1)
        urls = UrlSet(
            spot=exchange.url,
            spot_ws=sockets,
            spot_ws_api=sockets,
            futures=exchange.url,
            futures_ws=sockets,
        )
        with override_settings(EXCHANGE_URLS={**settings.EXCHANGE_URLS, "demo": urls}):
            yield exchange
        close_gateways()
        drop_rules_caches()
        drop_listing_caches()
