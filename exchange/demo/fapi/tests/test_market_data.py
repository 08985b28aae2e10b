"""Public endpoints of the futures market: rules, klines, prices, mark prices and funding."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest

from exchange.demo.conftest import Caller, refusal
from exchange.demo.fapi.kline_endpoints import klines_weight
from exchange.demo.http.wire import Params, WireRequest
from exchange.demo.market.funding import FUNDING_INTERVAL_MS
from exchange.demo.testing import RunningExchange

BTC = "BTCUSDT"
MINUTE = 60_000
LATER = "2025-05-14T08:00:00Z"  # a stamp, in a later play of the short recording
LATER_MS = 1_747_209_600_000
FIRST_STAMP = 1_746_403_200_000  # 2025-05-05, where the recordings begin


def public(caller: Caller, path: str, **params: Any) -> Any:
    response = caller.public(f"/fapi/{path}", **params)
    assert response.status_code == 200, response.text
    return response.json()


def test_the_rules_of_all_symbols_come_whichever_is_asked_for(
    demo: RunningExchange, caller: Caller
) -> None:
    info = public(caller, "v1/exchangeInfo", symbol="ETHUSDT")
    assert [one["symbol"] for one in info["symbols"]] == ["BTCUSDT", "ETHUSDT"]
    assert info["rateLimits"] == [
        {
            "rateLimitType": "REQUEST_WEIGHT",
            "interval": "MINUTE",
            "intervalNum": 1,
            "limit": 2400,
        },
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300},
        {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
    ]
    assert [one["asset"] for one in info["assets"]] == ["USDT"]
    told = public(caller, "v1/time")["serverTime"]
    wall = demo.run_inside(lambda venue: venue.wall_ms())
    assert wall - 5_000 < info["serverTime"] <= told <= wall
    assert public(caller, "v1/ping") == {}


def test_klines_are_those_of_the_futures_market(demo: RunningExchange, caller: Caller) -> None:
    demo.set_price(BTC, "101000", of="spot")
    demo.set_price(BTC, "102000.1", of="futures")
    demo.set_price(BTC, "103000.12345678", of="mark")
    demo.set_clock(market_time="2025-05-12T03:30:30Z")
    last = public(caller, "v1/klines", symbol=BTC, interval="1m", limit=2)
    marks = public(caller, "v1/markPriceKlines", symbol=BTC, interval="1m", limit=2)
    spot = caller.public("/api/v3/klines", symbol=BTC, interval="1m", limit=2).json()
    assert [row[1:5] for row in last] == [["102000.10"] * 4] * 2
    assert [row[1:5] for row in marks] == [["103000.12345678"] * 4] * 2
    assert [row[1:5] for row in spot] == [["101000.00000000"] * 4] * 2
    assert last[1][0] - last[0][0] == MINUTE
    assert last[0][6] == last[0][0] + MINUTE - 1
    assert Decimal(last[0][5]) > 0
    assert [marks[0][place] for place in (5, 7, 8, 9, 10, 11)] == ["0", "0", 60, "0", "0", "0"]
    assert [marks[1][0], marks[1][8]] == [last[1][0], 30]


def test_as_many_klines_come_as_the_futures_market_gives(caller: Caller) -> None:
    assert len(public(caller, "v1/klines", symbol=BTC, interval="1m")) == 500
    assert len(public(caller, "v1/klines", symbol=BTC, interval="1m", limit=1500)) == 1500
    start = FIRST_STAMP + 5 * MINUTE + 1
    rows = public(caller, "v1/klines", symbol=BTC, interval="5m", startTime=start, limit=2)
    assert [row[0] for row in rows] == [FIRST_STAMP + 10 * MINUTE, FIRST_STAMP + 15 * MINUTE]
    over = caller.public("/fapi/v1/klines", symbol=BTC, interval="1m", limit=1501)
    assert refusal(over) == (400, -1130, "Data sent for parameter 'limit' is not valid.")


@pytest.mark.parametrize(
    ("limit", "weight"),
    [
        ("", 5),
        ("limit=1", 1),
        ("limit=99", 1),
        ("limit=100", 2),
        ("limit=499", 2),
        ("limit=500", 5),
        ("limit=1000", 5),
        ("limit=1001", 10),
        ("limit=1500", 10),
        ("limit=99999999999", 5),
        ("limit=x", 5),
        ("limit=", 5),
        ("limit=%C2%B2", 5),
    ],
)
def test_more_klines_weigh_more(limit: str, weight: int) -> None:
    request = WireRequest(method="GET", path="/", query=limit, body="", api_key=None, peer="")
    assert klines_weight(Params(request)) == weight


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_last_price_is_that_of_the_futures_market(
    demo: RunningExchange, caller: Caller, version: str
) -> None:
    demo.set_price(BTC, "101000", of="spot")
    demo.set_price(BTC, "102000.1", of="futures")
    now = demo.control("clock")["market_time_ms"]
    single = public(caller, f"{version}/ticker/price", symbol=BTC)
    assert single == {"symbol": BTC, "price": "102000.10", "time": now}
    rows = public(caller, f"{version}/ticker/price")
    assert [row["symbol"] for row in rows] == ["BTCUSDT", "ETHUSDT"]
    assert rows[0] == single


def test_the_best_prices_lie_around_the_last_one(demo: RunningExchange, caller: Caller) -> None:
    demo.set_price(BTC, "100000", of="futures")
    row = public(caller, "v1/ticker/bookTicker", symbol=BTC)
    assert (row["bidPrice"], row["askPrice"]) == ("99995.00", "100005.00")
    assert Decimal(row["bidQty"]) % Decimal("0.001") == 0
    assert row["time"] == demo.control("clock")["market_time_ms"]
    assert len(public(caller, "v1/ticker/bookTicker")) == 2


def test_the_last_day_is_summed_up(demo: RunningExchange, caller: Caller) -> None:
    demo.set_price(BTC, "110000", of="futures")
    row = public(caller, "v1/ticker/24hr", symbol=BTC)
    assert (row["lastPrice"], row["highPrice"]) == ("110000.00", "110000.00")
    change = Decimal(row["lastPrice"]) - Decimal(row["openPrice"])
    assert Decimal(row["priceChange"]) == change
    assert row["closeTime"] == demo.control("clock")["market_time_ms"]
    assert row["closeTime"] - row["openTime"] == 86_400_000
    assert len(public(caller, "v1/ticker/24hr")) == 2


def test_mark_index_and_the_next_funding_are_told(demo: RunningExchange, caller: Caller) -> None:
    demo.set_price(BTC, "101000", of="spot")
    demo.set_price(BTC, "102000.1", of="futures")
    demo.set_price(BTC, "103000.12345678", of="mark")
    row = public(caller, "v1/premiumIndex", symbol=BTC)
    assert (row["markPrice"], row["indexPrice"]) == ("103000.12345678", "101000.00000000")
    assert row["time"] == demo.control("clock")["market_time_ms"]
    assert 0 < row["nextFundingTime"] - row["time"] <= FUNDING_INTERVAL_MS
    assert row["nextFundingTime"] % FUNDING_INTERVAL_MS == 0
    rates = demo.run_inside(lambda venue: venue.futures_market.funding[BTC])
    assert Decimal(row["lastFundingRate"]) == rates.rate(row["nextFundingTime"])
    assert [one["symbol"] for one in public(caller, "v1/premiumIndex")] == ["BTCUSDT", "ETHUSDT"]


def test_the_funding_of_a_span_is_recorded_stamp_by_stamp(
    demo: RunningExchange, caller: Caller
) -> None:
    now = demo.set_clock(market_time=LATER)["market_time_ms"]
    rows = public(caller, "v1/fundingRate", symbol=BTC, startTime=FIRST_STAMP)
    stamps = [row["fundingTime"] for row in rows]
    assert stamps == list(range(FIRST_STAMP, now + 1, FUNDING_INTERVAL_MS))
    rates = demo.run_inside(lambda venue: venue.futures_market.funding[BTC])
    assert [Decimal(row["fundingRate"]) for row in rows] == [rates.rate(one) for one in stamps]
    assert len({row["fundingRate"] for row in rows}) > 3
    assert {row["rateType"] for row in rows} == {"Regular"}


def test_funding_comes_from_the_start_of_a_span_else_the_newest(
    demo: RunningExchange, caller: Caller
) -> None:
    demo.set_clock(market_time=LATER)
    everything = public(caller, "v1/fundingRate", symbol=BTC)
    stamps = [row["fundingTime"] for row in everything]
    assert stamps == sorted(stamps)
    first = public(caller, "v1/fundingRate", symbol=BTC, startTime=stamps[2], limit=3)
    assert first == everything[2:5]
    assert public(caller, "v1/fundingRate", symbol=BTC, limit=3) == everything[-3:]
    ended = public(caller, "v1/fundingRate", symbol=BTC, endTime=stamps[6] - 1, limit=2)
    assert ended == everything[4:6]
    assert public(caller, "v1/fundingRate", symbol=BTC, startTime=stamps[-1] + 1) == []
    both = public(caller, "v1/fundingRate", limit=2)
    assert [row["symbol"] for row in both] == ["BTCUSDT", "ETHUSDT"]
    assert {row["fundingTime"] for row in both} == {stamps[-1]}
    assert public(caller, "v1/fundingInfo") == []


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("v1/klines", {"interval": "1m"}, -1102),
        ("v1/klines", {"symbol": BTC}, -1102),
        ("v1/klines", {"symbol": BTC, "interval": "7m"}, -1120),
        ("v1/klines", {"symbol": "NOPE", "interval": "1m"}, -1121),
        ("v1/klines", {"symbol": BTC, "interval": "1m", "limit": "0"}, -1130),
        ("v1/klines", {"symbol": BTC, "interval": "1m", "limit": "x"}, -1100),
        ("v1/klines", {"symbol": BTC, "interval": "1m", "limit": "1501"}, -1130),
        ("v1/klines", {"symbol": BTC, "interval": "1m", "timeZone": "0"}, -1104),
        ("v1/markPriceKlines", {"symbol": "NOPE", "interval": "1m"}, -1121),
        ("v2/ticker/price", {"symbol": "NOPE"}, -1121),
        ("v2/ticker/price", {"symbols": '["BTCUSDT"]'}, -1104),
        ("v1/ticker/bookTicker", {"symbol": "nope"}, -1121),
        ("v1/ticker/bookTicker", {"symbol": "btc/usdt"}, -1100),
        ("v1/ticker/24hr", {"symbol": BTC, "type": "MINI"}, -1104),
        ("v1/premiumIndex", {"symbol": "NOPE"}, -1121),
        ("v1/fundingRate", {"symbol": BTC, "limit": "1001"}, -1130),
        ("v1/fundingRate", {"symbol": BTC, "startTime": "-1"}, -1100),
    ],
)
def test_a_public_request_that_makes_no_sense_is_refused(
    caller: Caller, path: str, params: dict[str, str], code: int
) -> None:
    assert refusal(caller.public(f"/fapi/{path}", **params))[:2] == (400, code)


@pytest.mark.parametrize("path", ["premiumIndex", "ticker/price", "klines"])
def test_public_endpoints_take_a_symbol_in_small_letters(caller: Caller, path: str) -> None:
    more = {"interval": "1m"} if path == "klines" else {}
    large, small = (
        public(caller, f"v1/{path}", symbol=name, **more) for name in ("BTCUSDT", "btcusdt")
    )
    assert small == large
    signed = caller.signed("GET", "/fapi/v1/symbolConfig", symbol="btcusdt")
    assert refusal(signed)[:2] == (400, -1100)


def test_statistics_of_all_symbols_are_of_those_that_trade(
    demo: RunningExchange, caller: Caller
) -> None:
    demo.control("symbols", {"symbol": "ETHUSDT", "market": "futures", "status": "SETTLING"})
    assert [row["symbol"] for row in public(caller, "v1/ticker/24hr")] == ["BTCUSDT"]
    assert public(caller, "v1/ticker/24hr", symbol="ETHUSDT")["symbol"] == "ETHUSDT"
    assert len(public(caller, "v1/premiumIndex")) == 2


def test_moments_are_milliseconds_and_nothing_finer(caller: Caller) -> None:
    late = public(caller, "v1/klines", symbol=BTC, interval="1m", startTime=1_746_500_000_000_000)
    assert late == []
    stamp = int(time.time() * 1_000_000)
    refused = refusal(caller.signed("GET", "/fapi/v3/balance", timestamp=stamp))
    assert refused[:2] == (400, -1021)


def test_no_rate_is_told_before_its_stamp(demo: RunningExchange, caller: Caller) -> None:
    now_ms = int(demo.control("clock")["market_time_ms"])
    ahead = now_ms + 10 * FUNDING_INTERVAL_MS
    rows = public(caller, "v1/fundingRate", symbol=BTC, startTime=0, endTime=ahead)
    assert rows
    assert max(row["fundingTime"] for row in rows) <= now_ms
    assert public(caller, "v1/fundingRate", symbol=BTC, startTime=now_ms + 1, endTime=ahead) == []


def test_a_rate_stands_beside_the_mark_price_of_its_stamp(
    demo: RunningExchange, caller: Caller
) -> None:
    demo.set_price(BTC, "91234.5", of="mark")
    demo.set_clock(market_time=LATER)
    (row,) = public(caller, "v1/fundingRate", symbol=BTC, limit=1)
    assert (row["fundingTime"], row["markPrice"]) == (LATER_MS, "91234.50000000")
