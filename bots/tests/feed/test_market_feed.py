"""The command as the supervisor runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

import pytest
from django.conf import settings
from django.db import connection

from bots.models import BotConfig, BotState
from bots.services import start_bot
from exchange.demo.testing import RunningExchange
from exchange.domain.streams import Series
from exchange.domain.types import Environment, Market
from exchange.feed.tests.running import eventually, stored
from exchange.market_data import SeriesStore, feed_statuses
from exchange.models import APIKey
from exchange.services import revoke_api_key

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "journal"]),
    pytest.mark.long,
]

READY: Final = "market feed: listening"
START_SECONDS: Final = 40.0
Start = Callable[[], "subprocess.Popen[str]"]


@pytest.fixture
def start(venue: RunningExchange) -> Iterator[Start]:
    """Start the real command on this test's database, Redis and venue."""
    started: list[subprocess.Popen[str]] = []
    database = settings.DATABASE_URL.rsplit("/", 1)[0] + f"/{connection.settings_dict['NAME']}"
    environment = {
        **os.environ,
        "DATABASE_URL": database,
        "REDIS_URL": settings.REDIS_URL,
        "BINANCE_DEMO_SPOT_URL": venue.url,
        "BINANCE_DEMO_FUTURES_URL": venue.url,
        "BINANCE_DEMO_SPOT_WS_URL": venue.ws_url,
        "BINANCE_DEMO_SPOT_WS_API_URL": venue.ws_url,
        "BINANCE_DEMO_FUTURES_WS_URL": venue.ws_url,
    }

    def run() -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [sys.executable, "manage.py", "market_feed"],
                env=environment,
                cwd=settings.BASE_DIR,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def series_of(bot: BotConfig) -> Series:
    return Series(Environment.DEMO, Market.SPOT, bot.symbol, bot.timeframe)


def test_it_listens_says_so_lets_a_revoked_key_go_and_ends_on_sigterm(
    bot: BotConfig, api_key: APIKey, venue: RunningExchange, start: Start
) -> None:
    start_bot(bot_id=bot.pk, actor=bot.user)
    feed = start()
    assert feed.stdout is not None
    assert feed.stdout.readline().strip() == READY

    links = {"demo:spot": True, f"account:{api_key.account_id}:spot": True}
    eventually(lambda: {name: one.up for name, one in feed_statuses().items()} == links)
    assert len(stored(series_of(bot))) > 100
    assert len(venue.streams()) == 2

    revoke_api_key(api_key=api_key)
    eventually(lambda: len(venue.streams()) == 1, within=5)

    began = time.monotonic()
    feed.send_signal(signal.SIGTERM)
    output, errors = feed.communicate(timeout=START_SECONDS)
    assert time.monotonic() - began < 2
    assert (feed.returncode, output) == (0, "")
    assert "Traceback" not in errors
    assert "Secret" not in errors
    assert "DemoKey" not in errors


def test_a_feed_that_is_killed_leaves_what_the_next_one_goes_on_from(
    bot: BotConfig, venue: RunningExchange, start: Start
) -> None:
    start_bot(bot_id=bot.pk, actor=bot.user)
    first = start()
    assert first.stdout is not None
    assert first.stdout.readline().strip() == READY
    first.kill()
    first.wait()
    before = stored(series_of(bot))
    later = venue.market_time() + 4 * series_of(bot).length
    venue.set_clock(market_time=later.isoformat())

    second = start()
    assert second.stdout is not None
    assert second.stdout.readline().strip() == READY

    after = stored(series_of(bot))
    assert after[: len(before)] == before
    assert len(after) == len(before) + 4
    seen = SeriesStore().ages([series_of(bot)])
    assert set(seen) == {series_of(bot)}


def test_where_nothing_is_in_use_it_is_ready_at_once(venue: RunningExchange, start: Start) -> None:
    feed = start()
    assert feed.stdout is not None
    assert feed.stdout.readline().strip() == READY
    assert BotState.objects.count() == 0
    assert venue.streams() == []
