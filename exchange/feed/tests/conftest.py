"""A demo exchange whose market runs fast, and the series that the tests listen to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from django.conf import settings
from django.test import override_settings

from exchange import shared_budget
from exchange.binance.tests.conftest import loopback_urls
from exchange.demo.testing import RunningExchange
from exchange.registry import close_gateways

SPEED: Final = 400.0  # a minute of the market takes 150 ms


@contextmanager
def running_market(**how: Any) -> Iterator[RunningExchange]:
    """Run an exchange and point the demo environment at it."""
    with RunningExchange(**({"speed": SPEED} | how)) as exchange:
        urls = {**settings.EXCHANGE_URLS, "demo": loopback_urls(exchange.url)}
        with override_settings(EXCHANGE_URLS=urls):
            yield exchange
        close_gateways()


@pytest.fixture
def market(clean_redis: Any) -> Iterator[RunningExchange]:
    """Return a demo exchange whose market runs, with an empty Redis."""
    with running_market() as exchange:
        yield exchange
    shared_budget._governor.cache_clear()
    shared_budget._ledger.cache_clear()
