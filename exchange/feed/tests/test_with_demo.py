"""The feed against the real demo exchange: whatever the streams do, the klines have no gap."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any, Final

import pytest
import redis
from django.db import OperationalError

from exchange.demo.testing import RunningExchange
from exchange.domain.streams import Series
from exchange.domain.types import Environment, Market
from exchange.feed.silence import SilenceSettings
from exchange.feed.tests.conftest import SPEED, running_market
from exchange.feed.tests.running import (
    Heard,
    RunningFeed,
    assert_announced_once_in_order,
    assert_whole,
    eventually,
    hearing_closes,
    stored,
    truth,
    with_settings,
)
from exchange.feed.wanted import Wanted
from exchange.market_data import (
    SeriesStore,
    Source,
    feed_statuses,
    market_time,
    note_market_time,
)

pytestmark = pytest.mark.long

DEMO = Environment.DEMO
BTC = Series(DEMO, Market.SPOT, "BTCUSDT", "1m")
ETH = Series(DEMO, Market.SPOT, "ETHUSDT", "1m")
SLOW = Series(DEMO, Market.SPOT, "BTCUSDT", "5m")
FUTURE = Series(DEMO, Market.FUTURES, "BTCUSDT", "1m")
EVERY: Final = (BTC, ETH, SLOW, FUTURE)
WANTED: Final = Wanted(series=frozenset(EVERY))
KLINES: Final = "GET /api/v3/klines"


def count_requests(exchange: RunningExchange, endpoint: str = KLINES) -> Any:
    """Count what is asked from now on."""
    fault = exchange.set_fault(
        endpoint=endpoint, when="before", action="delay", seconds=0.001, times=None
    )
    return lambda: next(one["hits"] for one in exchange.faults() if one["id"] == fault["id"])


def wait_for_closes(heard: Heard, series: Series, count: int) -> None:
    before = len(heard.closed(series))
    eventually(lambda: len(heard.closed(series)) >= before + count)


def test_every_close_is_stored_and_announced_once_without_any_request(
    market: RunningExchange,
) -> None:
    patient = with_settings(silence=SilenceSettings())
    with hearing_closes() as heard, RunningFeed(WANTED, settings=patient):
        eventually(lambda: all(stored(one, 1) for one in EVERY))
        wait_for_closes(heard, BTC, 2)  # until streams and first answers have met
        requests = count_requests(market)
        wait_for_closes(heard, BTC, 10)
        assert requests() == 0

        assert_whole(market, *EVERY)
        for series in EVERY:
            told = heard.closed(series)
            assert_announced_once_in_order(told)
            assert told[-1].open_time == stored(series, 1)[0].open_time
        opened = [one.open_time for one in heard.closed(BTC)]
        assert opened == [opened[0] + n * timedelta(minutes=1) for n in range(len(opened))]


def test_the_running_kline_the_market_time_and_the_ages_move_on(market: RunningExchange) -> None:
    with RunningFeed(WANTED):
        before = eventually(lambda: market_time(DEMO, Market.SPOT))
        eventually(lambda: (cached := SeriesStore().read(SLOW, 1)) and cached.open)
        eventually(lambda: market_time(DEMO, Market.SPOT) > before + timedelta(minutes=3))
        seen = SeriesStore().ages(EVERY)
        assert {one.source for one in seen.values()} == {Source.STREAM}
        assert set(seen) == set(EVERY)
        statuses = feed_statuses()
        assert {name: (one.up, one.streams) for name, one in statuses.items()} == {
            "demo:spot": (True, 3),
            "demo:futures": (True, 1),
        }


FAULTS: Final = {
    "lost": {"endpoint": "STREAM *@kline_*", "action": "lose", "probability": 0.3},
    "lost on futures": {"endpoint": "STREAM um:*", "action": "lose", "probability": 0.5},
    "doubled": {"endpoint": "STREAM *", "action": "duplicate", "probability": 0.5},
    "late": {"endpoint": "STREAM *", "action": "late", "seconds": 0.35, "probability": 0.3},
    "silent": {"endpoint": "STREAM btcusdt@kline_1m", "action": "silence", "seconds": 0.7},
    "all silent": {"endpoint": "STREAM *", "action": "silence", "seconds": 1, "times": 6},
    "cut": {"endpoint": "STREAM *", "action": "cut", "times": 6, "probability": 0.2},
    "frozen": {"endpoint": "STREAM *", "action": "freeze", "seconds": 1.5, "times": 2},
    "shut down": {"endpoint": "STREAM *", "action": "shutdown", "seconds": 0.2, "times": 2},
}


@pytest.mark.parametrize("name", [*FAULTS, "all together"])
def test_under_every_fault_no_kline_is_missing_and_none_is_announced_twice(
    name: str, market: RunningExchange
) -> None:
    chosen = list(FAULTS.values()) if name == "all together" else [FAULTS[name]]
    with hearing_closes() as heard, RunningFeed(WANTED):
        eventually(lambda: all(stored(one, 1) for one in EVERY))
        faults = [market.set_fault(**({"times": None} | one)) for one in chosen]
        began = stored(ETH, 1)[0].open_time
        eventually(lambda: stored(ETH, 1)[0].open_time >= began + timedelta(minutes=10))
        hits = {one["id"]: one["hits"] for one in market.faults()}
        assert all(hits[one["id"]] for one in faults) or name == "all together"

        assert_whole(market, *EVERY)
        for series in EVERY:
            assert_announced_once_in_order(heard.closed(series))
            assert heard.closed(series)[-1].open_time == stored(series, 1)[0].open_time


def test_connections_that_are_cut_again_and_again_leave_no_gap(market: RunningExchange) -> None:
    with hearing_closes() as heard, RunningFeed(WANTED):
        for _ in range(5):
            wait_for_closes(heard, BTC, 1)
            market.cut_streams()
        assert_whole(market, *EVERY)
        assert_announced_once_in_order(heard.closed(BTC))


def test_where_no_stream_can_be_opened_each_close_costs_one_request(
    market: RunningExchange,
) -> None:
    for path in ("GET /ws*", "GET /market*"):
        market.set_fault(endpoint=path, when="before", action="status", status=503, times=None)
    quiet = with_settings(ready_seconds=0.5)
    with hearing_closes() as heard, RunningFeed(Wanted(series=frozenset({BTC})), settings=quiet):
        eventually(lambda: stored(BTC, 1))
        status = eventually(lambda: feed_statuses().get("demo:spot"))
        assert (status.up, status.reason) == (False, "the handshake was refused (HTTP 503)")
        requests, closes = count_requests(market), len(heard.closed(BTC))
        until = time.monotonic() + 2
        while time.monotonic() < until:
            # Somebody else, the dispatcher for one, moves the clock.
            _note(market)
            time.sleep(0.05)
        told = heard.closed(BTC)
        assert_announced_once_in_order(told)
        assert len(told) - closes >= 6
        assert requests() <= len(told) - closes + 2
        assert SeriesStore().ages([BTC])[BTC].source is Source.REQUEST


def _note(market: RunningExchange) -> None:
    note_market_time(DEMO, Market.SPOT, market.market_time())


def test_redis_that_forgets_everything_is_filled_again(
    market: RunningExchange, clean_redis: redis.Redis
) -> None:
    with hearing_closes() as heard, RunningFeed(WANTED):
        wait_for_closes(heard, BTC, 2)
        clean_redis.flushdb()
        wait_for_closes(heard, BTC, 3)
        assert_whole(market, *EVERY)


def test_a_jump_of_the_market_leaves_no_gap(market: RunningExchange) -> None:
    with hearing_closes() as heard, RunningFeed(WANTED):
        wait_for_closes(heard, BTC, 2)
        jump = market.market_time() + timedelta(hours=30)
        market.set_clock(market_time=jump.isoformat())
        eventually(lambda: stored(BTC, 1)[0].open_time > jump - timedelta(minutes=2))
        assert_whole(market, *EVERY)
        assert_announced_once_in_order(heard.closed(BTC))


@pytest.mark.parametrize("minutes", [-10, -600, 10])
def test_an_exchange_that_is_started_anew_at_another_time_is_believed(
    minutes: int, clean_redis: object
) -> None:
    with running_market() as first:
        began, port = first.market_time(), first.port
        feed = RunningFeed(Wanted(series=frozenset({BTC, FUTURE})))
        with feed:
            eventually(lambda: stored(BTC, 1))
            first.stop()
            start = began + timedelta(minutes=minutes)
            with RunningExchange(start=start, port=port, speed=SPEED) as second:
                eventually(lambda: stored(BTC, 1)[0].open_time < second.market_time())
                eventually(lambda: stored(BTC, 1)[0].open_time > start + timedelta(minutes=3))
                eventually(lambda: stored(FUTURE, 1)[0].open_time > start + timedelta(minutes=3))
                assert_whole(second, BTC, FUTURE)


def test_a_series_that_is_wanted_later_is_served_and_one_that_is_let_go_is_not(
    market: RunningExchange,
) -> None:
    with RunningFeed(Wanted(series=frozenset({BTC}))) as feed:
        eventually(lambda: stored(BTC, 1))
        assert stored(ETH) == []
        feed.wanted = Wanted(series=frozenset({ETH, FUTURE}))
        eventually(lambda: stored(ETH, 1) and stored(FUTURE, 1))
        eventually(lambda: _subscribed(market) == {"ethusdt@kline_1m", "btcusdt@kline_1m"})
        left = stored(BTC, 1)
        newest = stored(ETH, 1)
        eventually(lambda: stored(ETH, 1) != newest)
        assert stored(BTC, 1) == left
        feed.wanted = Wanted()
        eventually(lambda: market.streams() == [])
        eventually(lambda: feed_statuses() == {})


def _subscribed(market: RunningExchange) -> set[str]:
    return {name for one in market.streams() for name in one["streams"]}


def test_a_market_that_stands_still_is_asked_ever_more_rarely_and_not_called_deaf(
    market: RunningExchange,
) -> None:
    with RunningFeed(Wanted(series=frozenset({BTC}))):
        eventually(lambda: stored(BTC, 1))
        market.set_clock(running=False)
        connections = [one["id"] for one in market.streams()]
        requests = count_requests(market)
        time.sleep(2.7)
        assert 2 <= requests() <= 5
        assert [one["id"] for one in market.streams()] == connections
        assert stored(BTC) == truth(BTC, len(stored(BTC)))


def test_rest_that_fails_is_asked_again_and_said_so(
    market: RunningExchange, caplog: pytest.LogCaptureFixture
) -> None:
    market.set_fault(endpoint=KLINES, when="before", action="status", status=503, times=None)
    with RunningFeed(Wanted(series=frozenset({BTC})), settings=with_settings(ready_seconds=1.0)):
        status = eventually(
            lambda: (one := feed_statuses().get("demo:spot")) and one.reason and one
        )
        assert status.up
        assert status.reason.startswith("no klines by request: ")
        market.clear_faults()
        eventually(lambda: stored(BTC, 1))
        eventually(lambda: feed_statuses()["demo:spot"].reason == "")
        assert_whole(market, BTC)


def test_a_market_whose_requests_hang_holds_up_no_other(market: RunningExchange) -> None:
    market.set_fault(endpoint=KLINES, when="before", action="delay", seconds=2.5, times=None)
    with RunningFeed(WANTED, settings=with_settings(ready_seconds=0.1)):
        eventually(lambda: stored(FUTURE, 1), within=2)
        assert stored(BTC) == []


def test_what_is_in_use_is_kept_while_it_cannot_be_read(
    market: RunningExchange, caplog: pytest.LogCaptureFixture
) -> None:
    def fails() -> Wanted:
        raise OperationalError("the connection is closed\nwith more words")

    with hearing_closes() as heard, RunningFeed(Wanted(series=frozenset({BTC}))) as feed:
        wait_for_closes(heard, BTC, 1)
        feed.look = fails
        wait_for_closes(heard, BTC, 3)
        told = [one.getMessage() for one in caplog.records if "in use" in one.getMessage()]
        assert told == ["what is in use cannot be read: the connection is closed"]
