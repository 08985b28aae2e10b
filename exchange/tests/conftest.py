"""People, a stored key and a running exchange for the tests of this room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import override_settings

from accounts.models import User
from exchange import shared_budget
from exchange.binance.clock import wall_milliseconds
from exchange.binance.tests.conftest import loopback_urls
from exchange.binance.tests.scripted_server import ScriptedServer, scripted_server
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange
from exchange.models import APIKey, ExchangeAccount
from exchange.registry import close_gateways

SECOND_KEY = "otherkey" * 8
SECOND_SECRET = "othersec" * 8


@pytest.fixture
def owner(db: None) -> User:
    """Return the person who owns the keys."""
    return User.objects.create_user("olivia", "olivia@example.org", "correct horse")


@pytest.fixture
def other_person(db: None) -> User:
    """Return the person who must not get at them."""
    return User.objects.create_user("mallory", "mallory@example.org", "battery staple")


@pytest.fixture
def account(owner: User) -> ExchangeAccount:
    """Return an account of the owner at the demo exchange."""
    return ExchangeAccount.objects.create(environment="demo", uid="1001", owner=owner)


@pytest.fixture
def stored_key(owner: User, account: ExchangeAccount) -> APIKey:
    """Return a key that was saved and loaded again."""
    api_key = unsaved_key(account, label="main")
    api_key.save()
    return APIKey.objects.get(pk=api_key.pk)


@pytest.fixture(scope="session")
def running_demo() -> Iterator[RunningExchange]:
    """Run one exchange with two accounts; its market stands still."""
    lines = [
        f"{key}:{secret}:USDT=10000"
        for key, secret in ((TEST_KEY, TEST_SECRET), (SECOND_KEY, SECOND_SECRET))
    ]
    with RunningExchange(accounts=lines, is_paused=True) as exchange:
        yield exchange


@pytest.fixture
def fresh_budgets(clean_redis: object) -> Iterator[None]:
    """Forget what the venue has said about limits, in Redis and in this process."""
    yield
    shared_budget._governor.cache_clear()
    shared_budget._ledger.cache_clear()


@pytest.fixture
def demo(running_demo: RunningExchange, fresh_budgets: None) -> Iterator[RunningExchange]:
    """Point the demo environment at the running exchange."""
    urls = {**settings.EXCHANGE_URLS, "demo": loopback_urls(running_demo.url)}
    running_demo.clear_faults()
    with override_settings(EXCHANGE_URLS=urls):
        yield running_demo
    running_demo.clear_faults()
    close_gateways()


@pytest.fixture
def script(fresh_budgets: None) -> Iterator[ScriptedServer]:
    """Point the demo environment at a venue that plays a script."""
    with scripted_server() as server:
        server.says("/api/v3/time", {"serverTime": wall_milliseconds()})
        urls = {**settings.EXCHANGE_URLS, "demo": loopback_urls(server.url)}
        with override_settings(EXCHANGE_URLS=urls, BINANCE_RETRY_MAX_ATTEMPTS=1):
            yield server
        close_gateways()


def unsaved_key(
    account: ExchangeAccount, *, label: str, key: str = TEST_KEY, secret: str = TEST_SECRET
) -> APIKey:
    """Return a key of the account's owner with credentials, not saved."""
    api_key = APIKey(
        owner=account.owner, account=account, label=label, environment=account.environment
    )
    api_key.set_credentials(key=key, secret=secret)
    return api_key
