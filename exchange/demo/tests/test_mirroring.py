"""A demo exchange that mirrors another one, which stands for the live venue."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from exchange.demo.conftest import Caller
from exchange.demo.errors import DemoExchangeError
from exchange.demo.market.sources import Prices
from exchange.demo.market.symbols import Symbol
from exchange.demo.market.upstream import Upstream, UpstreamError, UpstreamLimitError
from exchange.demo.mirroring import mirror_of
from exchange.demo.server import Server
from exchange.demo.testing import RunningExchange
from exchange.demo.venue import ExchangeConfig

LOOK_SECONDS = 0.05
MINUTE = 60_000
OLD_KLINE = '[0,"5","6","4","5","1",59999,"5",1,"0","0","0"]'
ENDLESS_KLINE = '[60000000,"5","6","4","5","Infinity",59999,"5",1,"0","0","0"]'
COUNTLESS_KLINE = f'[60000000,"5","6","4","5","1",59999,"5",{10**30},"0","0","0"]'
NEGATIVE_KLINE = '[60000000,"5","6","4","5","-1",59999,"5",1,"0","0","0"]'
NO_KLINE = '[60000000,"5","4","6","5","1",59999,"5",1,"0","0","0"]'


def venue(*, port: int = 0, **options: Any) -> RunningExchange:
    """An exchange whose market runs in wall time, as the live venue's does."""
    walked: dict[str, Any] = {"prices": Prices.WALK, "speed": 1.0, "start": datetime.now(UTC)}
    return RunningExchange(**(walked | options), port=port)


def following(upstream: RunningExchange, **options: Any) -> RunningExchange:
    return RunningExchange(
        prices=Prices.MIRROR, mirror_url=upstream.url, look_seconds=LOOK_SECONDS, **options
    )


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until, "waited for ten seconds in vain"
        time.sleep(0.01)


def get(demo: RunningExchange, path: str, **params: Any) -> Any:
    response = requests.get(f"{demo.url}/api/v3/{path}", params=params, timeout=10)
    response.raise_for_status()
    return response.json()


def last_price(demo: RunningExchange, symbol: str = "BTCUSDT") -> Decimal:
    return Decimal(demo.control("price")[symbol]["price"])


@pytest.fixture
def upstream() -> Iterator[RunningExchange]:
    with venue() as running:
        yield running


@pytest.fixture
def mirror(upstream: RunningExchange) -> Iterator[RunningExchange]:
    with following(upstream) as running:
        yield running


def test_closed_klines_and_rules_are_those_of_the_venue(
    upstream: RunningExchange, mirror: RunningExchange
) -> None:
    running_ms = int(mirror.market_time().timestamp() * 1000) // MINUTE * MINUTE
    for symbol in ("BTCUSDT", "ETHUSDT"):
        asked = {"symbol": symbol, "interval": "1m", "endTime": running_ms - 1, "limit": 1000}
        klines = get(mirror, "klines", **asked)
        assert len(klines) == 1000
        assert klines == get(upstream, "klines", **asked)
        rules = get(mirror, "exchangeInfo", symbol=symbol)["symbols"][0]
        original = get(upstream, "exchangeInfo", symbol=symbol)["symbols"][0]
        assert rules["filters"] == original["filters"]
    assert list(mirror.control("price")) == ["BTCUSDT", "ETHUSDT"]


def test_perpetuals_and_their_marks_follow_the_same_prices(
    upstream: RunningExchange, mirror: RunningExchange
) -> None:
    upstream.set_price("BTCUSDT", "123456.78", of="spot")
    wait_for(lambda: last_price(mirror) == Decimal("123456.78"))
    shown = mirror.control("price")["BTCUSDT"]
    assert shown["futures"] == {"price": "123456.80000000", "is_steered": False}
    assert shown["mark"] == {"price": "123456.78000000", "is_steered": False}


def test_there_are_at_least_1500_minutes_of_history(mirror: RunningExchange) -> None:
    def history(venue: Any) -> int:
        return int(venue.clock.now_ms() - venue.tracks["BTCUSDT"].start_ms)

    assert 1_500 * MINUTE <= mirror.run_inside(history) < 1_502 * MINUTE


def test_market_time_and_price_follow_the_venue(
    upstream: RunningExchange, mirror: RunningExchange
) -> None:
    upstream.set_price("BTCUSDT", "123456.78")
    wait_for(lambda: last_price(mirror) == Decimal("123456.78"))
    assert abs(upstream.market_time() - mirror.market_time()) < timedelta(seconds=5)
    clock = mirror.control("clock")
    assert (clock["running"], clock["speed"]) == (True, 1.0)


def _shows(demo: RunningExchange, price: str) -> bool:
    return last_price(demo) == Decimal(price)


def test_fills_walk_along_what_was_observed(
    upstream: RunningExchange, mirror: RunningExchange
) -> None:
    began = mirror.run_inside(lambda venue: venue.clock.now_ms())
    for price in ("150000", "90000", "120000"):
        upstream.set_price("BTCUSDT", price)
        wait_for(partial(_shows, mirror, price))

    def prices(venue: Any) -> list[int]:
        track = venue.tracks["BTCUSDT"]
        return [point.price // 10**8 for point in track.waypoints(began, venue.clock.now_ms())]

    seen = [price for price in mirror.run_inside(prices) if price in (150_000, 90_000, 120_000)]
    first_looks = [seen.index(150_000), seen.index(90_000), seen.index(120_000)]
    assert first_looks == sorted(first_looks)


def test_a_resting_order_is_filled_when_the_venue_reaches_its_price(
    upstream: RunningExchange, mirror: RunningExchange
) -> None:
    upstream.set_price("BTCUSDT", "100000")
    wait_for(partial(_shows, mirror, "100000"))
    placed = Caller(mirror.url).order(
        type="LIMIT", timeInForce="GTC", quantity="0.001", price="99000"
    )
    assert placed.json()["status"] == "NEW"
    upstream.set_price("BTCUSDT", "98000")
    wait_for(partial(_shows, mirror, "98000"))
    ledger = mirror.ledger()
    assert [(order["status"], order["price"]) for order in ledger["orders"]] == [
        ("FILLED", "99000.00000000")
    ]
    assert [fill["price"] for fill in ledger["fills"]] == ["99000.00000000"]
    assert set(ledger["differences"].values()) == {"0.00000000"}


def test_nobody_steers_the_time_of_a_mirror(mirror: RunningExchange) -> None:
    def speed_up(venue: Any) -> None:
        venue.clock.set_speed(2)

    with pytest.raises(ValueError, match="follows the mirrored venue"):
        mirror.run_inside(speed_up)


def test_when_the_venue_falls_silent_time_stands_still_and_goes_on_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    upstream = venue().start()
    try:
        with caplog.at_level(logging.WARNING), following(upstream) as mirror:
            upstream.stop()
            wait_for(lambda: "Market time stands still at" in caplog.text)
            silent, price = mirror.market_time(), last_price(mirror)
            time.sleep(0.3)
            assert (mirror.market_time(), last_price(mirror)) == (silent, price)
            assert "cannot be reached" in caplog.text
            upstream = venue(port=upstream.port, start=datetime.now(UTC) + timedelta(minutes=3))
            upstream.start()
            wait_for(lambda: "Market time goes on at" in caplog.text)
            assert mirror.market_time() > silent
            first_ms = int(silent.timestamp() * 1000) // MINUTE * MINUTE
            asked = {"symbol": "BTCUSDT", "interval": "1m", "limit": 2}
            asked |= {"startTime": first_ms - MINUTE, "endTime": first_ms - 1}
            assert get(mirror, "klines", **asked) == get(upstream, "klines", **asked)
            assert caplog.text.count("stands still") == caplog.text.count("goes on") == 1
    finally:
        upstream.stop()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"action": "garbage"}, "no JSON in its answer to time"),
        ({"action": "status", "status": 200, "body": '{"serverTime":1}'}, "shows nothing new"),
        ({"action": "status", "status": 200, "body": "{}"}, "no serverTime in its answer"),
        (
            {"action": "status", "status": 200, "body": '{"serverTime":Infinity}'},
            "no serverTime in its answer",
        ),
    ],
)
def test_a_venue_that_answers_without_news_makes_time_stand_still(
    upstream: RunningExchange,
    mirror: RunningExchange,
    caplog: pytest.LogCaptureFixture,
    fault: dict[str, Any],
    words: str,
) -> None:
    with caplog.at_level(logging.WARNING):
        upstream.set_fault(endpoint="GET /api/v3/time", times=None, **fault)
        wait_for(lambda: "stands still" in caplog.text)
        assert words in caplog.text
        silent = mirror.market_time()
        time.sleep(0.2)
        assert mirror.market_time() == silent
        upstream.clear_faults()
        wait_for(lambda: "goes on" in caplog.text)
    assert mirror.market_time() > silent


def test_an_exchange_that_can_no_longer_follow_stops_and_says_why(
    upstream: RunningExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ExchangeConfig(
        prices=Prices.MIRROR, mirror_url=upstream.url, look_seconds=LOOK_SECONDS
    )

    def break_down(market_ms: int) -> None:
        raise RuntimeError(f"the books do not balance at {market_ms}")

    async def serve() -> None:
        async with mirror_of(config) as mirror:
            server = Server(config, mirror)
            monkeypatch.setattr(server.venue, "follow", break_down)
            with pytest.raises(RuntimeError, match="the books do not balance"):
                await server.run(stop=asyncio.Event(), on_listening=lambda _: None)

    asyncio.run(asyncio.wait_for(serve(), 10))


def test_a_restart_goes_on_at_the_time_of_the_venue(
    upstream: RunningExchange, tmp_path: Path
) -> None:
    with following(upstream, state_dir=tmp_path) as first:
        stopped = first.market_time()
    with following(upstream, state_dir=tmp_path) as second:
        assert stopped <= second.market_time() <= datetime.now(UTC)


def test_a_restart_after_two_days_has_the_klines_of_the_time_between(tmp_path: Path) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=2)
    with RunningExchange(prices=Prices.WALK, is_paused=True, start=long_ago, state_dir=tmp_path):
        pass
    with venue() as upstream, following(upstream, state_dir=tmp_path) as mirror:
        start_ms = mirror.run_inside(lambda venue: venue.tracks["BTCUSDT"].start_ms)
    assert start_ms <= long_ago.timestamp() * 1000 < start_ms + MINUTE


def test_a_state_from_the_future_is_refused(upstream: RunningExchange, tmp_path: Path) -> None:
    future = datetime(2050, 1, 1, tzinfo=UTC)
    with RunningExchange(prices=Prices.WALK, is_paused=True, start=future, state_dir=tmp_path):
        pass
    with pytest.raises(DemoExchangeError, match="choose another --state-dir"):
        following(upstream, state_dir=tmp_path).start()


def test_a_market_that_does_not_run_in_wall_time_is_refused() -> None:
    with (
        RunningExchange(prices=Prices.WALK, is_paused=True) as other,
        pytest.raises(DemoExchangeError, match=r"--mirror-url http.*no klines of BTCUSDT since"),
    ):
        following(other).start()


def test_a_market_that_runs_ahead_of_wall_time_is_refused() -> None:
    ahead = datetime.now(UTC) + timedelta(days=1)
    with (
        venue(start=ahead) as other,
        pytest.raises(DemoExchangeError, match="only a market that runs in wall time"),
    ):
        following(other).start()


def test_a_symbol_that_the_venue_does_not_list_is_named(upstream: RunningExchange) -> None:
    with pytest.raises(DemoExchangeError, match=r"--symbols BTCUSDT,XYZUSDT: .*-1121"):
        following(upstream, mirrored=("BTCUSDT", "XYZUSDT")).start()


def test_without_the_venue_it_does_not_start() -> None:
    absent = RunningExchange(prices=Prices.MIRROR, mirror_url="http://127.0.0.1:1")
    with pytest.raises(DemoExchangeError, match=r"--mirror-url .* cannot be reached"):
        absent.start()


@pytest.mark.parametrize("status", [429, 418])
def test_a_venue_that_asks_to_wait_gets_no_request_before_it_is_over(
    upstream: RunningExchange, status: int
) -> None:
    wall = [100.0]

    async def ask() -> None:
        async with Upstream(upstream.url, monotonic=lambda: wall[0]) as client:
            upstream.set_fault(
                endpoint="GET /api/v3/time", action="error", code=-1003, status=status, message="x"
            )
            with pytest.raises(UpstreamLimitError, match=f"HTTP {status}") as asked:
                await client.time_ms()
            upstream.set_fault(endpoint="*", action="error", code=-1, message="a request came")
            wall[0] += asked.value.seconds - 0.5
            with pytest.raises(UpstreamLimitError, match="asked to wait") as again:
                await client.klines("BTCUSDT", 0, until_ms=1)
            assert again.value.seconds == 0.5
            assert [fault["hits"] for fault in upstream.faults()][-1] == 0
            upstream.clear_faults()
            wall[0] += 0.5
            assert await client.time_ms() > 0

    asyncio.run(ask())


def test_a_retry_after_is_taken_from_its_header(upstream: RunningExchange) -> None:
    upstream.run_inside(lambda venue: venue.limits.charge("127.0.0.1", 6_000))

    async def ask() -> None:
        async with Upstream(upstream.url) as client:
            with pytest.raises(UpstreamLimitError) as asked:
                await client.time_ms()
            assert 0 < asked.value.seconds <= 60

    asyncio.run(ask())


def test_several_pages_of_klines_are_joined_without_a_gap(upstream: RunningExchange) -> None:
    until_ms = int(time.time() * 1000)
    since_ms = until_ms // MINUTE * MINUTE - 2_500 * MINUTE

    async def ask() -> list[int]:
        async with Upstream(upstream.url) as client:
            rows = await client.klines("BTCUSDT", since_ms, until_ms=until_ms)
        return [row.open_ms for row in rows]

    opened = asyncio.run(ask())
    assert opened == list(range(since_ms, opened[-1] + 1, MINUTE))
    assert len(opened) in (2_501, 2_502)


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ({"action": "garbage"}, "no JSON in its answer to klines"),
        ({"action": "html"}, "HTTP 502 for klines"),
        ({"action": "drop", "times": None}, "cannot be reached"),
        ({"action": "status", "status": 200, "body": "[[1]]"}, "klines of BTCUSDT cannot be used"),
        ({"action": "status", "status": 200, "body": "{}"}, "cannot be used: no list"),
        ({"action": "status", "status": 200, "body": f"[{OLD_KLINE}]"}, "are out of order"),
        ({"action": "status", "status": 200, "body": f"[{NO_KLINE}]"}, "BTCUSDT cannot be used"),
        ({"action": "status", "status": 200, "body": f"[{ENDLESS_KLINE}]"}, "cannot be used"),
        ({"action": "status", "status": 200, "body": f"[{COUNTLESS_KLINE}]"}, "cannot be used"),
        ({"action": "status", "status": 200, "body": f"[{NEGATIVE_KLINE}]"}, "cannot be used"),
        ({"action": "status", "status": 200, "body": "[" * 100_000}, "no JSON in its answer"),
    ],
)
def test_an_answer_that_is_no_kline_is_an_error_with_words(
    upstream: RunningExchange, action: dict[str, Any], words: str
) -> None:
    upstream.set_fault(endpoint="GET /api/v3/klines", **action)

    async def ask() -> None:
        async with Upstream(upstream.url) as client:
            with pytest.raises(UpstreamError, match=words):
                await client.klines("BTCUSDT", MINUTE, until_ms=MINUTE)

    asyncio.run(ask())


def _exchange_info(**changed: str) -> str:
    lot = {"filterType": "LOT_SIZE", "maxQty": "9000.00000000", "stepSize": "0.00100000"}
    price = {"filterType": "PRICE_FILTER", "maxPrice": "0.00000000", "tickSize": "0.01000000"}
    notional = {"filterType": "MIN_NOTIONAL", "minNotional": "10.00000000"}
    market_lot = {"filterType": "MARKET_LOT_SIZE", "maxQty": "0.00000000"}
    symbol = {
        "symbol": "BNBUSDT",
        "status": "BREAK",
        "baseAsset": "BNB",
        "quoteAsset": "USDT",
        "filters": [lot | changed, price, notional, market_lot],
    }
    return json.dumps({"symbols": [symbol]})


def _rules(upstream: RunningExchange, body: str) -> Symbol:
    upstream.set_fault(endpoint="GET /api/v3/exchangeInfo", action="status", status=200, body=body)

    async def ask() -> dict[str, Symbol]:
        async with Upstream(upstream.url) as client:
            return await client.symbols(["BNBUSDT"])

    return asyncio.run(ask())["BNBUSDT"]


def test_rules_are_read_without_padding_and_zero_sets_no_limit(upstream: RunningExchange) -> None:
    rules = _rules(upstream, _exchange_info())
    assert (str(rules.tick), str(rules.step)) == ("0.01", "0.001")
    assert rules.max_quantity == rules.max_market_quantity == 9_000
    assert (rules.max_price, rules.min_notional) == (Decimal(1_000_000), Decimal(10))
    assert rules.status == "BREAK"


@pytest.mark.parametrize("step", ["0.00000000", "-1", "NaN", "much", "0.000000001"])
def test_rules_that_make_no_sense_are_an_error(upstream: RunningExchange, step: str) -> None:
    with pytest.raises(UpstreamError, match="exchangeInfo cannot be used"):
        _rules(upstream, _exchange_info(stepSize=step))
