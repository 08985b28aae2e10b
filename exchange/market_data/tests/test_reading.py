"""One request for everybody, none when the cache is proven: against the demo exchange."""

from __future__ import annotations

import logging
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest
import redis
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from exchange.demo.testing import RunningExchange
from exchange.domain.errors import UnavailableError
from exchange.domain.gateway import MarketDataGateway
from exchange.domain.paging import read_klines
from exchange.domain.streams import KlineUpdate, Series
from exchange.domain.types import Environment, Kline, Market
from exchange.market_data import (
    Added,
    FeedStatus,
    SeriesStore,
    Source,
    market_link,
    names,
    not_shared,
    note_market_time,
    proof,
    read_shared,
    reading,
    shared_klines,
    wanted_by_pages,
    write_feed_statuses,
)
from exchange.market_data.tests.conftest import MINUTE, SECOND
from exchange.registry import close_gateways, market_data_gateway

DEMO: Final = Environment.DEMO
SPOT: Final = Series(DEMO, Market.SPOT, "BTCUSDT", "1m")
FUTURES: Final = Series(DEMO, Market.FUTURES, "BTCUSDT", "1m")
Counter = Callable[[], int]


@pytest.fixture
def gateway(venue: RunningExchange) -> MarketDataGateway:
    """Return the gateway of the demo's spot market."""
    assert settings.EXCHANGE_URLS["demo"].spot == venue.url
    return market_data_gateway(DEMO, Market.SPOT)


def read(series: Series = SPOT, *, count: int = 120) -> list[Kline]:
    """Read as a tick does: the price first, then the klines."""
    gateway = market_data_gateway(series.environment, series.market)
    ticker = gateway.ticker(series.symbol)
    return shared_klines(
        gateway,
        series.symbol,
        series.interval,
        count=count,
        market_time=ticker.market_time,
        price=ticker.price,
    )


def read_in_thread(series: Series = SPOT) -> list[Kline]:
    """Read as another process does, with connections of its own."""
    try:
        return read(series)
    finally:
        close_gateways()


def move(venue: RunningExchange, step: timedelta) -> datetime:
    """Let the market jump and return its time."""
    moment = venue.market_time() + step
    venue.set_clock(market_time=moment.isoformat())
    return moment


def feed_is_up(*, at: datetime | None = None) -> None:
    """Let the feed say that it hears both markets."""
    now = at or timezone.now()
    status = FeedStatus(up=True, since=now, at=now, streams=1)
    write_feed_statuses({market_link(DEMO, market): status for market in Market})


def stream(series: Series, kline: Kline, *, seen_at: datetime | None = None) -> Added:
    """Bring what the stream tells of a kline at its end."""
    moment = kline.open_time + series.length
    update = KlineUpdate(stream=series.stream, kline=kline, event_time=moment)
    return SeriesStore().add(series, update, seen_at=seen_at or timezone.now())


def newest_closed(series: Series) -> Kline:
    """Ask the venue for its newest closed kline."""
    gateway = market_data_gateway(series.environment, series.market)
    return gateway.klines(series.symbol, series.interval, limit=2)[0]


def test_what_is_read_is_what_the_venue_answers(
    venue: RunningExchange, gateway: MarketDataGateway, count_requests: Counter
) -> None:
    for step in (0, 0, 1, 7, 59, 60, 61, 3600):
        move(venue, step * SECOND)
        shown = read()
        true = read_klines(gateway, "BTCUSDT", "1m", count=120)
        assert shown[:-1] == true[:-1]
        assert _beginning_and_price(shown[-1]) == _beginning_and_price(true[-1])
    assert count_requests() == 5 + 8  # one of ours for each minute, and those to compare with


def _beginning_and_price(kline: Kline) -> tuple[datetime, Decimal, Decimal, bool]:
    return kline.open_time, kline.open, kline.close, kline.is_closed


@pytest.mark.parametrize("series", [SPOT, FUTURES], ids=lambda one: one.market)
def test_twenty_bots_ask_once_for_each_close(
    venue: RunningExchange, count_requests: Counter, series: Series
) -> None:
    with ThreadPoolExecutor(max_workers=20) as pool:
        for _ in range(4):
            shown = list(pool.map(read_in_thread, [series] * 20))
            assert count_requests() == 1
            assert all(one == shown[0] for one in shown)
            move(venue, MINUTE)
        move(venue, 10 * MINUTE)
        list(pool.map(read_in_thread, [series] * 20))
        assert count_requests() == 1


def test_what_each_close_costs_is_a_small_request(
    venue: RunningExchange, monkeypatch: pytest.MonkeyPatch, gateway: MarketDataGateway
) -> None:
    limits: list[int] = []
    asked = type(gateway).klines

    def note(self: Any, *args: Any, limit: int, **named: Any) -> list[Kline]:
        limits.append(limit)
        return asked(self, *args, limit=limit, **named)

    monkeypatch.setattr(type(gateway), "klines", note)
    for step in (timedelta(0), MINUTE, 5 * MINUTE):
        move(venue, step)
        read()
    read(count=700)
    assert limits == [499, 3, 7, 1000]


def test_with_the_stream_s_klines_nothing_is_asked(
    venue: RunningExchange, count_requests: Counter
) -> None:
    read()
    for _ in range(5):
        move(venue, MINUTE)
        closed = newest_closed(SPOT)
        assert stream(SPOT, closed) is Added.STORED
        count_requests()
        shown = read()
        assert count_requests() == 0
        assert shown[-2] == closed
        assert len(shown) == 120
        assert (shown[-1].open_time, shown[-1].is_closed) == (closed.open_time + MINUTE, False)


def test_the_open_kline_knows_the_price_that_it_is_read_with(venue: RunningExchange) -> None:
    before = read()[-1]
    venue.set_price("BTCUSDT", "150000")
    after = read()[-1]
    assert (after.close, after.high) == (Decimal(150000), Decimal(150000))
    assert (after.open, after.low, after.volume) == (before.open, before.low, before.volume)


def test_an_open_kline_that_nobody_has_told_of_begins_at_the_last_close(
    venue: RunningExchange, gateway: MarketDataGateway
) -> None:
    read()
    move(venue, MINUTE)
    closed = newest_closed(SPOT)
    stream(SPOT, closed)
    price = gateway.ticker("BTCUSDT").price
    shown = read()[-1]
    assert (shown.open, shown.close) == (closed.close, price)
    assert (shown.low, shown.high) == tuple(sorted((closed.close, price)))
    assert shown.volume == 0


def test_a_close_that_the_stream_is_about_to_tell_is_waited_for(
    venue: RunningExchange, count_requests: Counter
) -> None:
    read()
    move(venue, MINUTE)
    stream(SPOT, newest_closed(SPOT))
    feed_is_up()
    move(venue, MINUTE)
    closed = newest_closed(SPOT)
    count_requests()
    timer = threading.Timer(0.4, stream, (SPOT, closed))
    timer.start()
    assert read()[-2] == closed
    timer.join()
    assert count_requests() == 0


def test_a_stream_that_keeps_silent_is_waited_for_once_and_not_for_long(
    venue: RunningExchange, count_requests: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "FEED_PATIENCE", 0.3)
    read()
    move(venue, MINUTE)
    stream(SPOT, newest_closed(SPOT))
    feed_is_up()
    move(venue, MINUTE)
    count_requests()
    began = time.monotonic()
    shown = read()
    assert 0.3 <= time.monotonic() - began < 1.5
    assert count_requests() == 1
    assert shown[-2] == newest_closed(SPOT)


@pytest.mark.parametrize("why", ["no feed", "silent feed", "silent series", "far behind"])
def test_a_feed_that_cannot_tell_is_not_waited_for(
    venue: RunningExchange, count_requests: Counter, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    monkeypatch.setattr(reading, "FEED_PATIENCE", 60)
    read()
    move(venue, MINUTE)
    now = timezone.now()
    stream(SPOT, newest_closed(SPOT), seen_at=now - (11 if why == "silent series" else 0) * SECOND)
    if why != "no feed":
        feed_is_up(at=now - (16 if why == "silent feed" else 0) * SECOND)
    move(venue, 2 * MINUTE if why == "far behind" else MINUTE)
    count_requests()
    assert read()[-1].open_time <= venue.market_time()
    assert count_requests() == 1


def test_a_request_that_somebody_else_has_sent_is_waited_for(
    venue: RunningExchange, count_requests: Counter
) -> None:
    venue.set_fault(
        endpoint="GET /api/v3/klines", when="before", action="delay", seconds=1, times=1
    )
    with ThreadPoolExecutor(max_workers=4) as pool:
        shown = list(pool.map(read_in_thread, [SPOT] * 4))
    assert [len(one) for one in shown] == [120] * 4
    assert count_requests() == 1


def test_what_somebody_has_filled_in_meanwhile_is_not_asked_for_again(
    venue: RunningExchange, count_requests: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = read()
    monkeypatch.setattr(reading, "_from_cache", lambda *_: None)  # as the look was a moment before
    assert read() == shown
    assert count_requests() == 1


def test_whoever_asks_too_long_is_not_waited_for(
    venue: RunningExchange, clean_redis: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "REQUEST_PATIENCE", 0.2)
    move(venue, SECOND)
    clean_redis.set(names.klines_request(SPOT), "somebody", px=60_000)
    assert len(read()) == 120
    assert clean_redis.get(names.klines_request(SPOT)) == b"somebody"  # and keeps it


def test_a_venue_that_does_not_answer_is_an_error_and_holds_nobody_up(
    venue: RunningExchange, clean_redis: redis.Redis
) -> None:
    always = settings.BINANCE_RETRY_MAX_ATTEMPTS
    venue.set_fault(endpoint="GET /api/v3/klines", when="before", action="html", times=always)
    with pytest.raises(UnavailableError):
        read()
    assert not clean_redis.exists(names.klines_request(SPOT))
    assert len(read()) == 120


def test_without_redis_everybody_asks_and_the_outage_is_told_once(
    venue: RunningExchange, count_requests: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        override_settings(REDIS_URL="redis://127.0.0.1:1/0"),
        caplog.at_level(logging.INFO, logger="exchange.market_data"),
    ):
        for _ in range(3):
            assert len(read()) == 120
        assert count_requests() == 3
    with caplog.at_level(logging.INFO, logger="exchange.market_data"):
        assert read() == read()
    said = [one.getMessage() for one in caplog.records if "market_data" in one.name]
    assert said == ["the shared klines are away: ConnectionError", "the shared klines are back"]


def test_redis_that_forgets_everything_costs_one_request(
    venue: RunningExchange, count_requests: Counter, clean_redis: redis.Redis
) -> None:
    shown = read()
    clean_redis.flushdb()
    assert read() == shown
    assert read() == shown
    assert count_requests() == 2


def test_a_kline_that_the_venue_has_not_is_asked_for_three_times_in_its_interval(
    venue: RunningExchange,
    gateway: MarketDataGateway,
    count_requests: Counter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moment = venue.market_time()
    ahead = moment + 2 * MINUTE  # the ticker is, the klines are not
    for patience, asked in ((0, [1, 1, 1, 0, 0]), (60, [1, 0, 0])):
        monkeypatch.setattr(proof, "MISSING_PATIENCE", timedelta(seconds=patience))
        for expected in asked:
            shown = shared_klines(gateway, "BTCUSDT", "1m", count=120, market_time=ahead)
            assert count_requests() == expected
            assert shown[-1].open_time <= moment < ahead
        ahead += MINUTE


def test_a_cache_that_is_ahead_of_its_market_is_not_believed(
    venue: RunningExchange, gateway: MarketDataGateway, count_requests: Counter
) -> None:
    true = read()
    future, now = true[-1].open_time, timezone.now()
    for index in range(3):
        opened = future + index * MINUTE
        closed = Kline(
            open_time=opened,
            close_time=opened + MINUTE - timedelta(milliseconds=1),
            open=Decimal(1),
            high=Decimal(1),
            low=Decimal(1),
            close=Decimal(1),
            volume=Decimal(1),
            is_closed=True,
        )
        assert stream(SPOT, closed, seen_at=now) is Added.STORED
    _asked_long_ago(SPOT)
    count_requests()

    assert read() == true
    assert count_requests() == 1
    assert read() == true
    assert count_requests() == 0


def _asked_long_ago(series: Series) -> None:
    with redis.Redis.from_url(settings.REDIS_URL) as connection:
        connection.hset(names.newest(series), "asked", 0)


def test_who_was_held_up_after_the_price_believes_a_cache_that_went_on(
    venue: RunningExchange, gateway: MarketDataGateway, count_requests: Counter
) -> None:
    read()
    held_up = gateway.ticker("BTCUSDT")
    move(venue, 5 * MINUTE)
    fresh = read()
    _asked_long_ago(SPOT)
    count_requests()
    shown = shared_klines(
        gateway,
        "BTCUSDT",
        "1m",
        count=120,
        market_time=held_up.market_time,
        price=held_up.price,
    )
    assert count_requests() == 0
    assert shown == fresh


def test_more_than_is_kept_is_read_from_the_venue(
    venue: RunningExchange,
    gateway: MarketDataGateway,
    count_requests: Counter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "KEPT", 99)
    for _ in range(2):
        assert len(read(count=101)) == 101
    assert count_requests() == 2
    assert [len(read(count=100)) for _ in range(3)] == [100, 100, 100]
    assert count_requests() == 1


def test_a_venue_with_a_short_history_is_asked_once(
    venue: RunningExchange, gateway: MarketDataGateway, count_requests: Counter
) -> None:
    moment = gateway.ticker("BTCUSDT").market_time
    everything = shared_klines(gateway, "BTCUSDT", "12h", count=4000, market_time=moment)
    assert 10 < len(everything) < 1000
    count_requests()
    again = shared_klines(gateway, "BTCUSDT", "12h", count=4000, market_time=moment)
    assert again == everything
    assert count_requests() == 0


def test_one_kline_is_the_open_one(gateway: MarketDataGateway) -> None:
    (only,) = read(count=1)
    assert not only.is_closed


def test_a_page_is_content_with_what_was_seen_a_moment_ago(
    venue: RunningExchange, gateway: MarketDataGateway, count_requests: Counter
) -> None:
    def page() -> Any:
        return read_shared(gateway, "BTCUSDT", "1m", count=120, market_time=None)

    first = page()
    assert (len(first.klines), first.source) == (120, Source.REQUEST)
    assert timezone.now() - first.seen_at < 5 * SECOND
    assert count_requests() == 1
    move(venue, MINUTE)
    assert page() == first  # nobody knows of that minute yet
    assert count_requests() == 0
    note_market_time(DEMO, Market.SPOT, venue.market_time())
    assert page().klines[-2] == newest_closed(SPOT)
    count_requests()
    stale = timezone.now() - 11 * SECOND
    with redis.Redis.from_url(settings.REDIS_URL) as connection:
        connection.hset(names.newest(SPOT), "seen", int(stale.timestamp() * 1000))
    page()
    assert count_requests() == 1
    assert wanted_by_pages() == {SPOT}


def test_a_tick_is_no_page(venue: RunningExchange) -> None:
    read()
    assert wanted_by_pages() == frozenset()


def test_a_world_of_its_own_shares_nothing(
    venue: RunningExchange, count_requests: Counter, clean_redis: redis.Redis
) -> None:
    with not_shared():
        for _ in range(2):
            assert len(read()) == 120
        assert count_requests() == 2
    assert SeriesStore().read(SPOT, 1) is None
    read()
    read()
    assert count_requests() == 1


def _race(begin: Any, url: str, redis_url: str, rounds: int, results: Any) -> None:
    urls = settings.EXCHANGE_URLS["demo"]
    mine = type(urls)(
        spot=url,
        spot_ws=urls.spot_ws,
        spot_ws_api=urls.spot_ws_api,
        futures=url,
        futures_ws=urls.futures_ws,
    )
    with override_settings(
        REDIS_URL=redis_url, EXCHANGE_URLS={**settings.EXCHANGE_URLS, "demo": mine}
    ):
        close_gateways()
        for _ in range(rounds):
            begin.wait(20)
            results.put(len(read_in_thread()))
            begin.wait(20)


@pytest.fixture
def racers(venue: RunningExchange) -> Iterator[Any]:
    """Run two processes that read at the same moment, round after round."""
    fork = multiprocessing.get_context("fork")
    begin, results = fork.Barrier(3), fork.Queue()
    processes = [
        fork.Process(target=_race, args=(begin, venue.url, settings.REDIS_URL, 5, results))
        for _ in range(2)
    ]
    for process in processes:
        process.start()
    yield begin, results
    for process in processes:
        process.join(20)
        assert process.exitcode == 0


def test_two_processes_that_race_ask_once(
    venue: RunningExchange, count_requests: Counter, racers: Any
) -> None:
    begin, results = racers
    for _ in range(5):
        move(venue, MINUTE)
        begin.wait(20)
        begin.wait(20)
        assert [results.get(timeout=20) for _ in range(2)] == [120, 120]
        assert count_requests() == 1


def test_a_strange_row_among_what_pages_want_ends_nobody_s_feed(
    venue: RunningExchange, gateway: MarketDataGateway, clean_redis: redis.Redis
) -> None:
    read_shared(gateway, "BTCUSDT", "1m", count=2, market_time=None)
    now = timezone.now().timestamp() * 1000
    strange = (
        "",
        "demo spot BTCUSDT 2w",
        "mars spot BTCUSDT 1m",
        "demo spot BTC USDT 1m",
        "\u00e9",
    )
    clean_redis.zadd(names.wanted_by_pages(), dict.fromkeys(strange, now))
    assert wanted_by_pages() == {SPOT}


def test_a_lock_that_cannot_be_given_back_costs_no_second_request(
    venue: RunningExchange, count_requests: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any, **__: Any) -> None:
        raise redis.ConnectionError("gone")

    monkeypatch.setattr(redis.Redis, "eval", gone)
    assert len(read()) == 120
    assert count_requests() == 1
