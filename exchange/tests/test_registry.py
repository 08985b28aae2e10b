from __future__ import annotations

import os
import threading

import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from exchange import registry
from exchange.binance.tests.conftest import loopback_urls
from exchange.credentials import CredentialsDecryptError
from exchange.demo.testing import RunningExchange
from exchange.domain.types import Environment, Market
from exchange.models import APIKey, ExchangeAccount
from exchange.registry import (
    ClientInitError,
    KeyRevokedError,
    close_gateways,
    gateway_for,
    market_data_gateway,
)
from exchange.tests.conftest import SECOND_KEY, SECOND_SECRET, unsaved_key

DEMO, SPOT = Environment.DEMO, Market.SPOT


def test_market_data_come_from_the_configured_urls(demo: RunningExchange) -> None:
    gateway = market_data_gateway(DEMO, SPOT)

    assert (gateway.environment, gateway.market) == (DEMO, SPOT)
    assert gateway.ticker("BTCUSDT").market_time == demo.market_time()


def test_one_gateway_serves_a_thread_and_follows_the_settings(demo: RunningExchange) -> None:
    gateway = market_data_gateway(DEMO, SPOT)
    assert market_data_gateway(DEMO, SPOT) is gateway

    elsewhere = {**settings.EXCHANGE_URLS, "demo": loopback_urls("http://127.0.0.1:1")}
    with override_settings(EXCHANGE_URLS=elsewhere):
        assert market_data_gateway(DEMO, SPOT) is not gateway


def test_threads_share_no_gateway(demo: RunningExchange) -> None:
    found: list[object] = []

    def look() -> None:
        found.append(market_data_gateway(DEMO, SPOT))

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({id(gateway) for gateway in [*found, market_data_gateway(DEMO, SPOT)]}) == 3


def test_a_forked_child_makes_its_own_gateway(
    demo: RunningExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    parents = market_data_gateway(DEMO, SPOT)

    child = os.getpid() + 1
    monkeypatch.setattr("exchange.registry.os.getpid", lambda: child)

    assert market_data_gateway(DEMO, SPOT) is not parents
    parents.close()  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_a_stored_key_opens_its_account(demo: RunningExchange, stored_key: APIKey) -> None:
    gateway = gateway_for(stored_key, SPOT)

    assert gateway.account().free("USDT") == 10_000
    assert gateway_for(APIKey.objects.get(pk=stored_key.pk), SPOT) is gateway


@pytest.mark.django_db
def test_replaced_credentials_are_used_at_once(demo: RunningExchange, stored_key: APIKey) -> None:
    before = gateway_for(stored_key, SPOT).account().uid

    stored_key.set_credentials(key=SECOND_KEY, secret=SECOND_SECRET)
    stored_key.save()

    assert gateway_for(stored_key, SPOT).account().uid != before


@pytest.mark.django_db
def test_a_revoked_key_is_refused_even_when_its_gateway_is_open(
    demo: RunningExchange, stored_key: APIKey
) -> None:
    gateway_for(stored_key, SPOT)
    stored_key.revoked_at = timezone.now()

    with pytest.raises(KeyRevokedError, match="main was revoked"):
        gateway_for(stored_key, SPOT)


@pytest.mark.django_db
def test_a_key_that_does_not_open_says_so(demo: RunningExchange, stored_key: APIKey) -> None:
    with override_settings(FERNET_KEYS=["lost"]), pytest.raises(CredentialsDecryptError):
        gateway_for(stored_key, SPOT)


@pytest.mark.django_db
def test_futures_are_not_available_in_this_version(stored_key: APIKey) -> None:
    with pytest.raises(ClientInitError, match="futures trading is not available in this version"):
        gateway_for(stored_key, Market.FUTURES)
    with pytest.raises(ClientInitError):
        market_data_gateway(DEMO, Market.FUTURES)


@override_settings(EXCHANGE_URLS={})
def test_an_environment_without_urls_is_named() -> None:
    with pytest.raises(ClientInitError, match="no URLs are configured for testnet"):
        market_data_gateway(Environment.TESTNET, SPOT)


@pytest.mark.django_db
def test_the_gateway_used_longest_ago_makes_room(
    demo: RunningExchange, account: ExchangeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    close_gateways()
    monkeypatch.setattr(registry, "MAX_GATEWAYS", 2)
    keys = [unsaved_key(account, label=label) for label in "abc"]

    first, second = (gateway_for(key, SPOT) for key in keys[:2])
    gateway_for(keys[0], SPOT)
    gateway_for(keys[2], SPOT)

    assert gateway_for(keys[0], SPOT) is first
    assert gateway_for(keys[1], SPOT) is not second
