"""Conditional orders as the tests send them, and the gateway that sends them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from exchange.binance.futures import BinanceFuturesGateway
from exchange.binance.listing_cache import drop_listing_caches
from exchange.binance.tests.asking import SIGNED
from exchange.binance.tests.conftest import KEY, SECRET, asking_once, loopback_urls
from exchange.domain.algo_orders import AlgoOrderRequest, AlgoOrderType
from exchange.domain.types import Environment, Side


@contextmanager
def opened_at(url: str, **changes: Any) -> Iterator[BinanceFuturesGateway]:
    """Open a gateway at `url` that waits briefly, asks once and knows no rules."""
    drop_listing_caches()  # the port may have been another venue's
    values: dict[str, Any] = {
        "environment": Environment.DEMO,
        "urls": loopback_urls(url),
        "key": KEY,
        "secret": SECRET,
        "timeout": (0.5, 0.5),
        "governor": asking_once(),
    }
    gateway = BinanceFuturesGateway(**(values | changes))
    try:
        yield gateway
    finally:
        gateway.close()


def algo(**changes: Any) -> AlgoOrderRequest:
    """Return a stop-loss at the market that can only shrink a long position."""
    values: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "side": Side.SELL,
        "type": AlgoOrderType.STOP_MARKET,
        "client_order_id": "tb-s",
        "quantity": Decimal("0.01"),
        "trigger_price": Decimal(59000),
        **SIGNED,
    }
    return AlgoOrderRequest(**(values | changes))


def trailing(**changes: Any) -> AlgoOrderRequest:
    """Return a trailing stop of one percent."""
    values: dict[str, Any] = {
        "type": AlgoOrderType.TRAILING_STOP_MARKET,
        "trigger_price": None,
        "callback_percent": Decimal(1),
    }
    return algo(**(values | changes))
