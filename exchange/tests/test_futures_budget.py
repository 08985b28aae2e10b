"""Two keys of one account draw on one count of futures orders, through the real Redis."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.conf import settings
from django.test import override_settings

from exchange.binance.tests.conftest import loopback_urls
from exchange.demo.testing import RunningExchange
from exchange.domain.budget import Priority, asking_for
from exchange.domain.errors import RateLimitedError
from exchange.domain.gateway import ExchangeGateway
from exchange.domain.types import Environment, Market
from exchange.models import APIKey, ExchangeAccount
from exchange.registry import futures_gateway_for, market_data_gateway, spot_gateway_for
from exchange.shared_budget import governor
from exchange.tests.conftest import unsaved_key

LIMITS = {
    "rateLimits": [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400},
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100},
        {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 3},
    ]
}


@pytest.fixture
def second_key(account: ExchangeAccount) -> APIKey:
    """Return another key of the same account."""
    api_key = unsaved_key(account, label="second")
    api_key.save()
    return api_key


def refused(gateway: ExchangeGateway, count: int) -> bool:
    try:
        gateway.permit_orders(count).release()
    except RateLimitedError:
        return True
    return False


@pytest.mark.django_db
def test_two_gateways_of_one_account_share_the_count_of_its_orders(
    demo: RunningExchange, stored_key: APIKey, second_key: APIKey
) -> None:
    first, second = futures_gateway_for(stored_key), futures_gateway_for(second_key)
    assert first is not second
    governor(demo.url, Market.FUTURES).learn(LIMITS)

    with asking_for(Priority.EXIT, patience=0):
        permit = first.permit_orders(2)

        assert refused(second, 2)
        assert not refused(second, 1)
        assert not refused(spot_gateway_for(stored_key), 4)
        permit.release()
        assert not refused(second, 3)
        assert refused(second, 4)


@pytest.mark.django_db
def test_accounts_have_counts_of_their_own(
    demo: RunningExchange, stored_key: APIKey, second_key: APIKey
) -> None:
    second_key.account.uid = "2002"
    governor(demo.url, Market.FUTURES).learn(LIMITS)

    with asking_for(Priority.EXIT, patience=0):
        futures_gateway_for(stored_key).permit_orders(3)

        assert refused(futures_gateway_for(stored_key), 1)
        assert not refused(futures_gateway_for(second_key), 3)


@pytest.mark.django_db
def test_exits_go_where_entries_find_no_room(demo: RunningExchange, stored_key: APIKey) -> None:
    governor(demo.url, Market.FUTURES).learn(LIMITS)
    gateway = futures_gateway_for(stored_key)
    with asking_for(Priority.EXIT, patience=0):
        gateway.permit_orders(2)

    with asking_for(Priority.ENTRY, patience=0):
        assert refused(gateway, 1)
    with asking_for(Priority.EXIT, patience=0):
        assert not refused(gateway, 1)


@pytest.mark.django_db
def test_what_everybody_asks_and_what_a_key_asks_is_counted_at_the_futures_host(
    demo: RunningExchange, stored_key: APIKey
) -> None:
    host = "http://127.0.0.2:2"
    apart = replace(loopback_urls(demo.url), futures=host)
    with override_settings(EXCHANGE_URLS={**settings.EXCHANGE_URLS, "demo": apart}):
        governor(host, Market.FUTURES).stop_everybody(60)

        with asking_for(Priority.EXIT, patience=0):
            for ask in (
                lambda: market_data_gateway(Environment.DEMO, Market.FUTURES).ticker("BTCUSDT"),
                lambda: futures_gateway_for(stored_key).account(),
            ):
                with pytest.raises(RateLimitedError, match="not asked"):
                    ask()
            assert spot_gateway_for(stored_key).ticker("BTCUSDT").symbol == "BTCUSDT"
