"""The market clock on a real Valkey."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import redis
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from exchange.binance.tests.conftest import loopback_urls
from exchange.demo.testing import RunningExchange
from exchange.domain.types import Environment, Market
from exchange.market_data import market_time, names, note_market_time, refresh_market_time

DEMO, SPOT = Environment.DEMO, Market.SPOT
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_market_time() -> Iterator[None]:
    with redis.Redis.from_url(settings.REDIS_URL) as connection:
        _forget(connection)
        yield
        _forget(connection)


def _forget(connection: redis.Redis) -> None:
    for name in connection.scan_iter("tradebot:*:time*"):
        connection.delete(name)


def test_before_the_first_report_there_is_no_market_time() -> None:
    assert market_time(DEMO, SPOT) is None


def test_the_newest_time_is_kept_to_the_millisecond() -> None:
    newest = NOON + timedelta(milliseconds=7)

    for seen in (NOON, newest, NOON + timedelta(milliseconds=6)):
        note_market_time(DEMO, SPOT, seen)

    assert market_time(DEMO, SPOT) == newest


def test_markets_and_environments_have_clocks_of_their_own() -> None:
    note_market_time(DEMO, SPOT, NOON)

    assert market_time(DEMO, Market.FUTURES) is None
    assert market_time(Environment.LIVE, SPOT) is None


def test_a_step_back_of_an_hour_is_ignored_and_a_longer_one_taken_over_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    note_market_time(DEMO, SPOT, NOON)

    note_market_time(DEMO, SPOT, NOON - timedelta(hours=1))
    assert market_time(DEMO, SPOT) == NOON
    assert caplog.records == []

    restarted = NOON - timedelta(days=1, milliseconds=1)
    with caplog.at_level(logging.WARNING):
        note_market_time(DEMO, SPOT, restarted)
    assert market_time(DEMO, SPOT) == restarted
    assert [record.getMessage() for record in caplog.records] == [
        f"market time of demo spot went back to {restarted}"
    ]


def test_threads_that_report_at_once_never_move_it_back() -> None:
    moments = [NOON + timedelta(seconds=second) for second in range(40)]
    threads = [
        threading.Thread(target=note_market_time, args=(DEMO, SPOT, moment)) for moment in moments
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert market_time(DEMO, SPOT) == moments[-1]


def test_a_refresh_asks_the_venue_and_notes_what_it_says(demo: RunningExchange) -> None:
    seen = refresh_market_time(DEMO, SPOT, ["BTCUSDT"])

    assert seen == demo.market_time()
    assert market_time(DEMO, SPOT) == seen


def test_a_market_that_a_stream_tells_of_is_not_asked(venue: RunningExchange) -> None:
    told = venue.market_time() + timedelta(seconds=5)
    note_market_time(DEMO, SPOT, told, seen_at=timezone.now())
    assert refresh_market_time(DEMO, SPOT, ["BTCUSDT"]) == told
    assert refresh_market_time(DEMO, Market.FUTURES, ["BTCUSDT"]) == venue.market_time()

    used = venue.run_inside(lambda inside: inside.limits.used_weight("127.0.0.1"))
    # The same once more is no news: it does not lengthen the time.
    note_market_time(DEMO, SPOT, told, seen_at=timezone.now() + timedelta(seconds=60))
    with redis.Redis.from_url(settings.REDIS_URL) as connection:
        name = f"{names.market_time(DEMO, SPOT)}:heard"
        assert 0 < int(connection.pttl(name)) <= 1500
        connection.delete(name)
    assert refresh_market_time(DEMO, SPOT, ["BTCUSDT"]) == told
    asked = venue.run_inside(lambda inside: inside.limits.used_weight("127.0.0.1"))
    assert asked == used + 2


def test_what_a_stream_told_long_ago_keeps_nobody_from_asking(venue: RunningExchange) -> None:
    long_ago = timezone.now() - timedelta(seconds=2)
    note_market_time(DEMO, SPOT, NOON - timedelta(days=365), seen_at=long_ago)
    assert refresh_market_time(DEMO, SPOT, ["BTCUSDT"]) == venue.market_time()


def test_a_symbol_that_is_gone_does_not_stop_the_clock_of_the_others(
    venue: RunningExchange,
) -> None:
    for _ in range(3):
        seen = refresh_market_time(DEMO, SPOT, ["GONEUSDT", "ETHUSDT"])
        assert seen == venue.market_time()

    asked = venue.run_inside(lambda inside: inside.limits.used_weight("127.0.0.1"))
    assert asked == 3 * 2 + 2  # the one that is gone was asked for once


def test_where_every_symbol_is_gone_there_is_no_market_time(venue: RunningExchange) -> None:
    assert [refresh_market_time(DEMO, SPOT, ["GONEUSDT"]) for _ in range(2)] == [None, None]

    # Not held to be silent: a symbol that it knows is asked for at once.
    assert refresh_market_time(DEMO, SPOT, ["BTCUSDT"]) == venue.market_time()


def test_a_venue_that_cannot_be_reached_is_a_warning_and_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    note_market_time(DEMO, SPOT, NOON)
    nowhere = {**settings.EXCHANGE_URLS, "demo": loopback_urls("http://127.0.0.1:1")}

    with override_settings(EXCHANGE_URLS=nowhere), caplog.at_level(logging.WARNING):
        assert refresh_market_time(DEMO, SPOT, ["BTCUSDT"]) is None

    assert market_time(DEMO, SPOT) == NOON
    assert "no market time from demo spot: 127.0.0.1:1" in caplog.text


def test_each_market_is_asked_for_its_own_time(venue: RunningExchange) -> None:
    futures = "GET /fapi/v2/ticker/price"
    venue.set_fault(endpoint=futures, when="before", action="error", status=503, times=None)
    assert refresh_market_time(DEMO, Market.FUTURES, ["BTCUSDT"]) is None
    assert refresh_market_time(DEMO, SPOT, ["BTCUSDT"]) == venue.market_time()
    assert market_time(DEMO, Market.FUTURES) is None


def test_the_futures_market_tells_its_time_with_its_last_price(venue: RunningExchange) -> None:
    seen = refresh_market_time(DEMO, Market.FUTURES, ["GONEUSDT", "BTCUSDT"])

    assert seen == venue.market_time()
    assert market_time(DEMO, Market.FUTURES) == seen
    assert market_time(DEMO, SPOT) is None


def test_a_venue_that_says_wait_is_left_alone_as_long_as_it_said(venue: RunningExchange) -> None:
    venue.set_fault(
        endpoint="GET /api/v3/ticker/24hr", when="before", action="error", status=429, code=-1003,
        message="Too much request weight used.",
    )  # fmt: skip
    assert refresh_market_time(DEMO, SPOT, ["BTCUSDT"]) is None
    assert refresh_market_time(DEMO, SPOT, ["BTCUSDT"]) is None
    assert [fault["hits"] for fault in venue.faults()] == [1]
