from __future__ import annotations

import os
import threading
from dataclasses import replace
from decimal import Decimal

import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from exchange import registry
from exchange.binance.tests.conftest import loopback_urls
from exchange.credentials import Credentials, CredentialsDecryptError
from exchange.demo.testing import RunningExchange
from exchange.domain.budget import Priority, asking_for
from exchange.domain.errors import RateLimitedError
from exchange.domain.types import Environment, Market
from exchange.models import APIKey, ExchangeAccount
from exchange.registry import (
    ClientInitError,
    KeyRevokedError,
    close_gateways,
    futures_gateway_for,
    gateway_for,
    market_data_gateway,
    spot_gateway_for,
    temporary_gateway,
)
from exchange.shared_budget import governor
from exchange.tests.conftest import SECOND_KEY, SECOND_SECRET, unsaved_key

DEMO, SPOT, FUTURES = Environment.DEMO, Market.SPOT, Market.FUTURES


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

    account = gateway.account()
    # Other tests move money out of this wallet: the exchange's own books say how much is there.
    (wallet,) = (books for uid, books in demo.ledger()["balances"].items() if uid == account.uid)
    assert account.free("USDT") == Decimal(wallet["spot"]["USDT"]["free"])
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
def test_each_market_has_a_gateway_of_its_own(demo: RunningExchange, stored_key: APIKey) -> None:
    spot, futures = gateway_for(stored_key, SPOT), gateway_for(stored_key, FUTURES)

    assert (spot.market, futures.market) == (SPOT, FUTURES)
    assert spot_gateway_for(stored_key) is spot
    assert futures_gateway_for(stored_key) is futures
    assert market_data_gateway(DEMO, SPOT).market is SPOT
    public = market_data_gateway(DEMO, FUTURES)
    assert public.market is FUTURES
    assert public is not futures
    assert market_data_gateway(DEMO, FUTURES) is public


@pytest.mark.django_db
def test_the_futures_market_is_asked_at_its_own_address(stored_key: APIKey) -> None:
    apart = replace(loopback_urls("http://127.0.0.1:1"), futures="http://127.0.0.2:2")
    with override_settings(EXCHANGE_URLS={**settings.EXCHANGE_URLS, "demo": apart}):
        assert repr(futures_gateway_for(stored_key)).endswith(" demo at 127.0.0.2:2>")
        assert repr(market_data_gateway(DEMO, FUTURES)).endswith(" demo at 127.0.0.2:2>")
        assert repr(spot_gateway_for(stored_key)).endswith(" demo at 127.0.0.1:1>")
        with temporary_gateway(DEMO, FUTURES, Credentials(key="k", secret="s")) as lent:
            assert repr(lent) == "<BinanceFuturesGateway demo at 127.0.0.2:2>"


@pytest.mark.django_db
def test_the_order_counts_of_an_account_are_those_of_one_market(
    demo: RunningExchange, stored_key: APIKey
) -> None:
    spot, futures = spot_gateway_for(stored_key), futures_gateway_for(stored_key)

    governor(demo.url, FUTURES).for_account(stored_key.account.uid).stop_orders(30)

    with asking_for(Priority.EXIT, patience=0):
        spot.permit_orders().release()
        with pytest.raises(RateLimitedError, match="takes no orders from us"):
            futures.permit_orders()


@pytest.mark.django_db
@pytest.mark.parametrize("market", list(Market))
def test_a_revoked_key_opens_no_market(stored_key: APIKey, market: Market) -> None:
    stored_key.revoked_at = timezone.now()

    with pytest.raises(KeyRevokedError, match="main was revoked"):
        gateway_for(stored_key, market)


@override_settings(EXCHANGE_URLS={})
@pytest.mark.parametrize("market", list(Market))
def test_an_environment_without_urls_is_named(market: Market) -> None:
    with pytest.raises(ClientInitError, match="no URLs are configured for testnet"):
        market_data_gateway(Environment.TESTNET, market)


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
