"""Fixtures that every room shares: own Redis database per test process, people, a demo venue."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import redis
from channels.layers import channel_layers
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase, override_settings

from accounts.models import User
from bots.models import BotConfig
from bots.services import create_bot
from exchange.binance.listing_cache import drop_listing_caches
from exchange.binance.rules_cache import drop_rules_caches
from exchange.binance.urls import UrlSet
from exchange.demo.testing import RunningExchange
from exchange.domain.types import Environment
from exchange.models import APIKey
from exchange.registry import close_gateways
from exchange.services import add_api_key

pytest_plugins = ["bots.tests.faults.printing"]

# Kept apart from the default start, so that moving that moves no test. Market time, UTC.
BEFORE_THE_FIRST_TRADE = datetime(2025, 5, 12, 3, 20, tzinfo=UTC)
DEMO_KEY = "DemoKey0" * 8
DEMO_SECRET = "Secret00" * 8
FAST_HASHER = "django.contrib.auth.hashers.MD5PasswordHasher"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the chapters of the whole-stack story in their order; everything else is shuffled.

    That story, and what else takes long, begins first: at the end it would run alone.
    """
    chapters = [item for item in items if item.get_closest_marker("stack")]
    chapters.sort(key=lambda item: item.location[:2])
    others = [item for item in items if not item.get_closest_marker("stack")]
    others.sort(key=lambda item: item.get_closest_marker("long") is None)
    items[:] = chapters + others
    for item in items:
        if item.get_closest_marker("long"):
            # Measuring which lines run makes thousands of ticks two to three times as slow.
            item.add_marker(pytest.mark.no_cover)


def _own_redis_url() -> str:
    """Return a database of its own for each parallel test process (gw0 → 1, gw1 → 2, …)."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    base, _, _ = str(settings.REDIS_URL).rpartition("/")
    return f"{base}/{int(worker.removeprefix('gw')) + 1}"


@pytest.fixture(autouse=True, scope="session")
def _own_places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep parallel test processes apart, and out of a developer's installation."""
    url = _own_redis_url()
    static = tmp_path_factory.mktemp("static")
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    config = {"hosts": [url], "prefix": f"tradebot:test:{worker}:channels"}
    layers = {"default": {**settings.CHANNEL_LAYERS["default"], "CONFIG": config}}
    with override_settings(
        REDIS_URL=url,
        CHANNEL_LAYERS=layers,
        PASSWORD_HASHERS=[FAST_HASHER],
        STATIC_ROOT=static,
    ):
        channel_layers.backends.clear()
        yield
    channel_layers.backends.clear()


# What no test changes, and the flush of Django would make anew after each of them.
KEPT_TABLES = frozenset({"django_content_type", "auth_permission", "django_migrations"})


@pytest.fixture(autouse=True, scope="session")
def _quick_flush() -> Iterator[None]:
    """Empty tables after a test by deleting their rows: truncating makes every file anew.

    Row triggers (the append-only journal) and foreign keys are off meanwhile, which takes a
    superuser of the database; without one Django's own flush is what happens.
    """
    with pytest.MonkeyPatch.context() as patch:
        original = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]
        patch.setattr(
            TransactionTestCase,
            "_fixture_teardown",
            lambda case: _delete_all_rows() if _is_superuser() else original(case),
        )
        yield


@functools.cache
def _is_superuser() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])


@functools.cache
def _deletion() -> str:
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    quoted = (connection.ops.quote_name(name) for name in sorted({*tables} - KEPT_TABLES))
    deletes = "".join(f"DELETE FROM {name};" for name in quoted)  # noqa: S608  # our own tables
    return f"SET session_replication_role = replica; {deletes} RESET session_replication_role"


def _delete_all_rows() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_deletion())


@pytest.fixture
def clean_redis() -> Iterator[redis.Redis]:
    """Lend the test process's Redis database, empty before and after."""
    connection = redis.Redis.from_url(settings.REDIS_URL)
    connection.flushdb()
    yield connection
    connection.flushdb()
    connection.close()


@pytest.fixture
def cut_subscriptions(clean_redis: redis.Redis) -> Callable[[], None]:
    """Return what cuts the subscriptions of this test process; neighbours keep theirs."""

    def cut() -> None:
        own = str(clean_redis.get_connection_kwargs()["db"])
        clients: list[dict[str, str]] = clean_redis.client_list(_type="pubsub")
        for client in clients:
            if client["db"] == own:
                clean_redis.client_kill_filter(_id=client["id"])

    return cut


@pytest.fixture
def venue(clean_redis: Any) -> Iterator[RunningExchange]:
    """Run a demo exchange whose market stands still, and point the demo environment at it."""
    with RunningExchange(
        accounts=[f"{DEMO_KEY}:{DEMO_SECRET}:USDT=10000"],
        is_paused=True,
        start=BEFORE_THE_FIRST_TRADE,
    ) as exchange:
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


@pytest.fixture
def trader(db: None) -> User:
    """Return a person who owns bots."""
    return User.objects.create_user("alice", "alice@example.org", "correct horse")


@pytest.fixture
def stranger(db: None) -> User:
    """Return a person who owns nothing."""
    return User.objects.create_user("charlie", "charlie@example.org", "battery staple")


@pytest.fixture
def api_key(trader: User, venue: RunningExchange) -> APIKey:
    """Return the trader's key to the running demo exchange."""
    return add_api_key(
        owner=trader, environment=Environment.DEMO, label="demo", key=DEMO_KEY, secret=DEMO_SECRET
    )


@pytest.fixture
def bot(trader: User, api_key: APIKey) -> BotConfig:
    """Return a stopped bot on BTCUSDT with a fixed size of 1000 USDT and no exit rules."""
    bot = BotConfig(
        user=trader,
        api_key=api_key,
        name="Bitcoin",
        symbol="BTCUSDT",
        timeframe="5m",
        strategy="ema",
        check_interval_seconds=30,
        initial_capital=Decimal(5000),
        position_size_fixed=Decimal(1000),
    )
    bot.full_clean()
    return create_bot(bot, actor=trader)
