"""Events of an account at the real demo exchange are told to everybody who listens."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.test import override_settings

from accounts.models import User
from exchange import shared_budget
from exchange.binance.tests.conftest import loopback_urls
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange
from exchange.domain.futures import MarginType
from exchange.domain.orders import MarketOrderRequest
from exchange.domain.streams import AccountEventKind
from exchange.domain.types import Environment, Market, Side
from exchange.feed.announcing import AccountNews, account_news
from exchange.feed.tests.running import Heard, RunningFeed, eventually, with_settings
from exchange.feed.wanted import AccountLine, Wanted
from exchange.market_data import feed_statuses, names
from exchange.models import APIKey, ExchangeAccount
from exchange.registry import close_gateways, futures_gateway_for, gateway_for
from exchange.tests.conftest import unsaved_key

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


@pytest.fixture
def demo(clean_redis: Any) -> Iterator[RunningExchange]:
    """Point the demo environment at an exchange that stands still."""
    with RunningExchange(is_paused=True) as exchange:
        urls = {**settings.EXCHANGE_URLS, "demo": loopback_urls(exchange.url)}
        with override_settings(EXCHANGE_URLS=urls):
            yield exchange
        close_gateways()
    shared_budget._governor.cache_clear()
    shared_budget._ledger.cache_clear()


@pytest.fixture
def account(trader: User) -> ExchangeAccount:
    """Return an account of the trader."""
    return ExchangeAccount.objects.create(environment="demo", uid="1001", owner=trader)


@pytest.fixture
def api_key(account: ExchangeAccount) -> APIKey:
    """Return a stored key that the exchange knows."""
    api_key = unsaved_key(account, label="main", key=TEST_KEY, secret=TEST_SECRET)
    api_key.save()
    return APIKey.objects.get(pk=api_key.pk)


def line_of(api_key: APIKey, market: Market, *, fingerprint: str = "") -> AccountLine:
    return AccountLine(
        environment=Environment.DEMO,
        market=market,
        account_id=api_key.account_id,
        api_key_id=api_key.pk,
        fingerprint=fingerprint,
    )


def wanting(*lines: AccountLine) -> Wanted:
    return Wanted(accounts=frozenset(lines))


def told(heard: Heard) -> list[AccountNews]:
    return [account_news(message) for message in heard.collect()]


def kinds(heard: Heard) -> list[AccountEventKind]:
    return [one.event.kind for one in told(heard)]


def buy(api_key: APIKey, market: Market, name: str) -> None:
    gateway = gateway_for(api_key, market)
    if market is Market.FUTURES:
        futures_gateway_for(api_key).set_margin_type("BTCUSDT", MarginType.ISOLATED)
    request = MarketOrderRequest(
        symbol="BTCUSDT",
        side=Side.BUY,
        client_order_id=name,
        signed_at_ms=gateway.signing_time_ms(),
        recv_window_ms=5000,
        quantity=Decimal("0.002"),
    )
    gateway.place_market_order(request, permit=gateway.permit_orders())


@pytest.mark.parametrize("market", list(Market))
def test_a_fill_is_told_with_its_order_and_only_after_a_call_to_look(
    market: Market, demo: RunningExchange, api_key: APIKey
) -> None:
    with Heard(names.account_channel()) as heard, RunningFeed(wanting(line_of(api_key, market))):
        eventually(lambda: kinds(heard) == [AccountEventKind.RESYNC])
        status = eventually(lambda: feed_statuses().get(f"account:{api_key.account_id}:{market}"))
        assert (status.up, status.reason) == (True, "")

        buy(api_key, market, "tbfeed-1")

        def is_filled() -> Any:
            return [
                one
                for one in told(heard)
                if one.event.client_order_id == "tbfeed-1" and one.event.status == "FILLED"
            ]

        news = eventually(is_filled)[0]
        assert (news.account_id, news.environment, news.market) == (
            api_key.account_id,
            Environment.DEMO,
            market,
        )
        assert news.event.symbol == "BTCUSDT"
        assert news.event.filled_quantity == Decimal("0.002")
        assert news.event.event_time == demo.market_time()


@pytest.mark.parametrize("market", list(Market))
def test_after_every_cut_the_account_is_listened_to_again_and_must_be_looked_at(
    market: Market, demo: RunningExchange, api_key: APIKey
) -> None:
    with Heard(names.account_channel()) as heard, RunningFeed(wanting(line_of(api_key, market))):
        for count in (1, 2, 3):
            eventually(partial(_has_resyncs, heard, count))
            demo.cut_streams()
        eventually(lambda: kinds(heard).count(AccountEventKind.RESYNC) == 4)
        buy(api_key, market, "tbfeed-2")
        eventually(lambda: "tbfeed-2" in {one.event.client_order_id for one in told(heard)})


@pytest.mark.parametrize("market", list(Market))
def test_an_account_that_is_not_wanted_any_more_is_let_go(
    market: Market, demo: RunningExchange, api_key: APIKey
) -> None:
    with (
        Heard(names.account_channel()) as heard,
        RunningFeed(wanting(line_of(api_key, market))) as feed,
    ):
        eventually(lambda: kinds(heard))
        assert len(demo.streams()) == 1

        feed.wanted = Wanted()

        eventually(lambda: demo.streams() == [], within=5)
        eventually(lambda: feed_statuses() == {})
        before = len(told(heard))
        buy(api_key, market, "tbfeed-3")
        assert len(told(heard)) == before


def test_replaced_credentials_are_used_by_a_new_connection(
    demo: RunningExchange, api_key: APIKey
) -> None:
    line = line_of(api_key, Market.SPOT)
    with Heard(names.account_channel()) as heard, RunningFeed(wanting(line)) as feed:
        eventually(lambda: kinds(heard) == [AccountEventKind.RESYNC])
        feed.wanted = wanting(line_of(api_key, Market.SPOT, fingerprint="new"))
        eventually(lambda: kinds(heard) == [AccountEventKind.RESYNC] * 2)
        eventually(lambda: len(demo.streams()) == 1)


@pytest.mark.parametrize("market", list(Market))
def test_a_key_that_the_venue_refuses_is_said_and_does_not_hold_up_the_others(
    market: Market, demo: RunningExchange, api_key: APIKey, account: ExchangeAccount
) -> None:
    refused = unsaved_key(account, label="refused", key="x" * 64)
    refused.save()
    line = AccountLine(
        environment=Environment.DEMO, market=market, account_id=999, api_key_id=refused.pk
    )
    good = line_of(api_key, market)
    soon = with_settings(ready_seconds=0.5)
    with Heard(names.account_channel()) as heard, RunningFeed(wanting(line, good), settings=soon):
        eventually(lambda: {one.account_id for one in told(heard)} == {api_key.account_id})
        status = eventually(
            lambda: (
                (one := feed_statuses().get(f"account:999:{market}"))
                and one.reason != "not connected yet"
                and one
            )
        )
        assert not status.up
        assert "-2015" in status.reason or "-2014" in status.reason or "key" in status.reason
        assert "xxxx" not in status.reason


def test_a_key_that_does_not_open_or_is_gone_is_said(
    demo: RunningExchange, api_key: APIKey
) -> None:
    other = unsaved_key(api_key.account, label="other")
    other.encrypted_secret = api_key.encrypted_secret  # of another row: it does not open here
    other.save()
    lines = [
        AccountLine(
            environment=Environment.DEMO, market=Market.SPOT, account_id=account_id, api_key_id=key
        )
        for account_id, key in ((11, other.pk), (12, uuid4()))
    ]
    with RunningFeed(wanting(*lines), settings=with_settings(ready_seconds=0.3)):
        expected = {
            "account:11:spot": (False, "the stored key does not open"),
            "account:12:spot": (False, "the key is gone"),
        }
        eventually(
            lambda: (
                {name: (one.up, one.reason) for name, one in feed_statuses().items()} == expected
            )
        )


def test_after_redis_was_away_everybody_is_called_to_look(
    demo: RunningExchange, api_key: APIKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        Heard(names.account_channel()) as heard,
        RunningFeed(wanting(line_of(api_key, Market.SPOT))),
    ):
        eventually(lambda: kinds(heard) == [AccountEventKind.RESYNC])
        with monkeypatch.context() as patch:
            patch.setattr(redis.Redis, "publish", _refuse)
            patch.setattr(redis.Redis, "ping", _refuse)
            buy(api_key, Market.SPOT, "tbfeed-4")
            time.sleep(1)
        eventually(lambda: kinds(heard).count(AccountEventKind.RESYNC) == 2)


def _has_resyncs(heard: Heard, count: int) -> bool:
    return kinds(heard).count(AccountEventKind.RESYNC) == count


def _refuse(*_: Any, **__: Any) -> None:
    raise redis.ConnectionError("away")


def test_a_key_is_read_again_after_the_database_has_broken_the_connection(
    demo: RunningExchange, api_key: APIKey
) -> None:
    spot, futures = (line_of(api_key, market) for market in Market)
    again = line_of(api_key, Market.SPOT, fingerprint="new")
    with (
        Heard(names.account_channel()) as heard,
        RunningFeed(wanting(spot, futures)) as feed,
    ):
        eventually(lambda: kinds(heard) == [AccountEventKind.RESYNC] * 2)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        feed.wanted = wanting(again, futures)
        eventually(lambda: kinds(heard) == [AccountEventKind.RESYNC] * 3, within=5)
