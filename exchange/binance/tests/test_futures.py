"""The futures gateway without its orders, at a venue that says what the tests tell it to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from exchange.binance.clock import wall_milliseconds
from exchange.binance.futures import BinanceFuturesGateway
from exchange.binance.futures_market import klines_weight
from exchange.binance.tests import futures_account_samples as samples
from exchange.binance.tests.asking import bought
from exchange.binance.tests.conftest import KEY, loopback_urls
from exchange.binance.tests.samples import KLINE, symbol_info
from exchange.binance.tests.scripted_server import Reply, ScriptedServer
from exchange.binance.tests.test_spot_orders import unstamped
from exchange.domain.budget import Priority, asking_for
from exchange.domain.clock import from_milliseconds, to_milliseconds
from exchange.domain.errors import (
    CredentialsError,
    OrderRejectedError,
    OutcomeUnknownError,
    RateLimitedError,
    TimestampError,
    UnknownSymbolError,
)
from exchange.domain.futures import IncomeType, MarginType
from exchange.domain.futures_gateway import FuturesGateway
from exchange.domain.types import Balance, Environment, Market

TIME = "/fapi/v1/time"
INFO = "/fapi/v1/exchangeInfo"
LEVERAGE = "/fapi/v1/leverage"
MARGIN_TYPE = "/fapi/v1/marginType"
DUAL = "/fapi/v1/positionSide/dual"
DONE = {"code": 200, "msg": "success"}
START = from_milliseconds(samples.AT)
TOO_LATE = {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}


def at_work(script: ScriptedServer) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})


def perpetual(symbol: str = "BTCUSDT", **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = symbol_info(symbol=symbol, contractType="PERPETUAL")["symbols"][0]
    return row | changes


def test_the_gateway_fulfils_the_protocol(futures: BinanceFuturesGateway) -> None:
    as_protocol: FuturesGateway = futures

    assert (as_protocol.environment, as_protocol.market) == (Environment.DEMO, Market.FUTURES)
    assert repr(futures).startswith("<BinanceFuturesGateway demo at 127.0.0.1:")


def test_the_futures_market_has_a_wall_clock_of_its_own(
    script: ScriptedServer, futures: BinanceFuturesGateway
) -> None:
    ahead = wall_milliseconds() + 3_600_000
    script.says(TIME, {"serverTime": ahead})
    script.says(TIME, {"serverTime": 5})
    script.says("/fapi/v1/symbolConfig", [samples.SYMBOL_CONFIG])

    futures.symbol_config("BTCUSDT")

    signed = int(script.asked("/fapi/v1/symbolConfig")[0].values["timestamp"])
    assert 0 <= signed - ahead < 1000
    assert 0 <= futures.signing_time_ms() - ahead < 1000
    assert futures.server_time_ms() == 5
    assert script.asked("/api/v3/time") == []


READS: list[tuple[str, Any, Callable[[BinanceFuturesGateway], object], dict[str, str]]] = [
    (
        "/fapi/v3/positionRisk",
        [samples.POSITION],
        lambda gateway: gateway.positions("BTCUSDT"),
        {"symbol": "BTCUSDT"},
    ),
    ("/fapi/v3/positionRisk", [], lambda gateway: gateway.positions(), {}),
    ("/fapi/v3/account", samples.ACCOUNT, lambda gateway: gateway.futures_account(), {}),
    ("/fapi/v1/accountConfig", samples.ACCOUNT_CONFIG, lambda one: one.key_permissions(), {}),
    ("/fapi/v1/accountConfig", samples.ACCOUNT_CONFIG, lambda one: one.is_hedge_mode(), {}),
    (
        "/fapi/v1/symbolConfig",
        [samples.SYMBOL_CONFIG],
        lambda gateway: gateway.symbol_config("BTCUSDT"),
        {"symbol": "BTCUSDT"},
    ),
    (
        "/fapi/v1/commissionRate",
        samples.COMMISSION,
        lambda gateway: gateway.commission_rates("BTCUSDT"),
        {"symbol": "BTCUSDT"},
    ),
    (
        "/fapi/v1/leverageBracket",
        samples.BRACKETS,
        lambda gateway: gateway.leverage_brackets("BTCUSDT"),
        {"symbol": "BTCUSDT"},
    ),
    (
        "/fapi/v1/income",
        [samples.INCOME],
        lambda gateway: gateway.income(start=START),
        {"startTime": str(samples.AT), "limit": "1000"},
    ),
    (
        "/fapi/v1/income",
        [samples.INCOME],
        lambda gateway: gateway.income(
            start=START,
            end=START + timedelta(seconds=1),
            symbol="BTCUSDT",
            type=IncomeType.FUNDING_FEE,
        ),
        {
            "startTime": str(samples.AT),
            "endTime": str(samples.AT + 1000),
            "symbol": "BTCUSDT",
            "incomeType": "FUNDING_FEE",
            "limit": "1000",
        },
    ),
]


@pytest.mark.parametrize(("path", "reply", "ask", "asked"), READS)
def test_what_concerns_the_account_is_asked_for_with_a_signature(
    script: ScriptedServer,
    futures: BinanceFuturesGateway,
    path: str,
    reply: Any,
    ask: Callable[[BinanceFuturesGateway], object],
    asked: dict[str, str],
) -> None:
    at_work(script)
    script.says(path, reply)

    ask(futures)

    (seen,) = script.asked(path)
    assert (seen.method, seen.key, unstamped(seen)) == ("GET", KEY, asked)
    assert "signature" in seen.values


@pytest.mark.parametrize(("path", "reply", "ask", "asked"), READS)
def test_without_a_key_nothing_of_an_account_is_asked(
    script: ScriptedServer,
    path: str,
    reply: Any,
    ask: Callable[[BinanceFuturesGateway], object],
    asked: dict[str, str],
) -> None:
    gateway = BinanceFuturesGateway(environment=Environment.DEMO, urls=loopback_urls(script.url))

    with pytest.raises(CredentialsError, match="needs an API key"):
        ask(gateway)

    assert script.seen == []
    gateway.close()


def test_an_account_is_its_wallet_and_its_leave_to_trade(
    script: ScriptedServer, futures: BinanceFuturesGateway
) -> None:
    at_work(script)
    script.says("/fapi/v3/account", samples.ACCOUNT)
    script.says("/fapi/v1/accountConfig", samples.ACCOUNT_CONFIG)

    account = futures.account()

    assert (account.uid, account.can_trade) == ("", True)
    assert account.balances == {"USDT": Balance(free=Decimal(900), locked=Decimal(100))}
    assert account.free("BNB") == 0


def test_market_data_need_no_key_and_are_asked_for_by_symbol(
    script: ScriptedServer, futures: BinanceFuturesGateway
) -> None:
    script.says("/fapi/v2/ticker/price", samples.TICKER)
    script.says("/fapi/v1/premiumIndex", samples.PREMIUM)
    gateway = BinanceFuturesGateway(environment=Environment.DEMO, urls=loopback_urls(script.url))

    assert gateway.ticker("BTCUSDT").price == Decimal("60000.10")
    assert gateway.mark_price("BTCUSDT").mark_price == Decimal("60001.2")

    assert [(seen.key, seen.values) for seen in script.seen] == [(None, {"symbol": "BTCUSDT"})] * 2
    gateway.close()


def test_klines_ask_for_what_was_wanted(
    script: ScriptedServer, futures: BinanceFuturesGateway
) -> None:
    script.says("/fapi/v1/klines", [KLINE])
    script.says("/fapi/v1/klines", [KLINE])

    (still_open,) = futures.klines("BTCUSDT", "5m", limit=200)
    (closed,) = futures.klines("BTCUSDT", "5m", limit=1, end_time=datetime(2027, 1, 1, tzinfo=UTC))

    assert (still_open.is_closed, closed.is_closed) == (False, True)
    assert [seen.values for seen in script.seen] == [
        {"symbol": "BTCUSDT", "interval": "5m", "limit": "200"},
        {"symbol": "BTCUSDT", "interval": "5m", "limit": "1", "endTime": "1798761600000"},
    ]


@pytest.mark.parametrize(
    ("interval", "limit", "problem"),
    [("7m", 1, "unknown timeframe"), ("5m", 0, "limit"), ("5m", 1001, "limit")],
)
def test_klines_that_cannot_be_are_not_asked_for(
    script: ScriptedServer, futures: BinanceFuturesGateway, interval: str, limit: int, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        futures.klines("BTCUSDT", interval, limit=limit)

    assert script.seen == []


@pytest.mark.parametrize(
    ("limit", "weight"), [(1, 1), (99, 1), (100, 2), (499, 2), (500, 5), (1000, 5)]
)
def test_many_klines_weigh_more(limit: int, weight: int) -> None:
    assert klines_weight(limit) == weight


def test_one_listing_serves_every_symbol(
    script: ScriptedServer, futures: BinanceFuturesGateway
) -> None:
    script.says(INFO, {"symbols": [perpetual(), perpetual("ETHUSDT", status="SETTLING")]})

    assert futures.rules("BTCUSDT").allows_entries
    assert not futures.rules("ETHUSDT").allows_entries
    with pytest.raises(UnknownSymbolError, match="the venue does not list MOONUSDT"):
        futures.rules("MOONUSDT")

    assert [(seen.path, seen.values) for seen in script.seen] == [(INFO, {})]


def test_two_gateways_of_one_venue_share_what_they_know(
    script: ScriptedServer, futures: BinanceFuturesGateway
) -> None:
    script.says(INFO, {"symbols": [perpetual()]})
    other = BinanceFuturesGateway(environment=Environment.DEMO, urls=loopback_urls(script.url))

    assert futures.rules("BTCUSDT") is other.rules("BTCUSDT")

    assert len(script.seen) == 1
    other.close()


@pytest.mark.parametrize(
    ("code", "times_asked"),
    [(-1111, 2), (-4014, 2), (-4023, 2), (-4141, 2), (-4164, 2), (-2019, 1), (-4016, 1)],
)
def test_rules_that_the_venue_contradicts_are_asked_for_anew(
    script: ScriptedServer, futures: BinanceFuturesGateway, code: int, times_asked: int
) -> None:
    for _ in range(2):
        script.says(INFO, {"symbols": [perpetual(), perpetual("ETHUSDT")]})
    at_work(script)
    script.says("/fapi/v1/order/test", {"code": code, "msg": "No."}, status=400)
    futures.rules("BTCUSDT")

    with pytest.raises(OrderRejectedError):
        futures.check_order(bought())
    futures.rules("ETHUSDT")
    assert len(script.asked(INFO)) == 1
    futures.rules("BTCUSDT")

    assert len(script.asked(INFO)) == times_asked


def test_the_limits_that_the_venue_tells_are_learned(
    script: ScriptedServer, futures: BinanceFuturesGateway
) -> None:
    limits = [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000},
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 3},
        {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 12},
    ]
    script.says(INFO, {"symbols": [perpetual()], "rateLimits": limits})

    futures.rules("BTCUSDT")

    with asking_for(Priority.EXIT, patience=0):
        futures.permit_orders(3)
        with pytest.raises(RateLimitedError, match="not asked"):
            futures.permit_orders()
    (seen,) = script.seen
    assert seen.path == INFO


def test_funding_is_read_page_after_page(
    script: ScriptedServer, futures: BinanceFuturesGateway
) -> None:
    stamps = [
        samples.FUNDING | {"fundingTime": samples.AT + 28_800_000 * number}
        for number in range(1001)
    ]
    script.says("/fapi/v1/fundingRate", stamps[:1000])
    script.says("/fapi/v1/fundingRate", stamps[999:])

    rates = futures.funding_rates("BTCUSDT", start=START, end=START + timedelta(days=500))

    assert [to_milliseconds(rate.market_time) for rate in rates] == [
        stamp["fundingTime"] for stamp in stamps
    ]
    end = str(samples.AT + 43_200_000_000)
    common = {"symbol": "BTCUSDT", "limit": "1000", "endTime": end}
    assert [seen.values for seen in script.seen] == [
        common | {"startTime": str(samples.AT)},
        common | {"startTime": str(stamps[999]["fundingTime"])},
    ]


def test_income_of_one_moment_is_not_lost_between_two_pages(
    script: ScriptedServer, futures: BinanceFuturesGateway
) -> None:
    rows = [
        samples.INCOME | {"tranId": number, "time": samples.AT + number // 4}
        for number in range(1006)
    ]
    at_work(script)
    script.says("/fapi/v1/income", rows[:1000])
    script.says("/fapi/v1/income", rows[996:])

    found = futures.income(start=START)

    assert [int(one.transaction_id) for one in found] == list(range(1006))
    starts = [seen.values["startTime"] for seen in script.asked("/fapi/v1/income")]
    assert starts == [str(samples.AT), str(samples.AT + 249)]


def test_income_of_no_kind_that_the_venue_knows_is_not_asked_for(
    script: ScriptedServer, futures: BinanceFuturesGateway
) -> None:
    with pytest.raises(ValueError, match="type must be one of the venue's words, not OTHER"):
        futures.income(start=START, type=IncomeType.OTHER)

    assert script.seen == []


def test_a_leverage_is_asked_for_once_and_the_answer_counts(
    script: ScriptedServer, futures: BinanceFuturesGateway
) -> None:
    at_work(script)
    script.says(LEVERAGE, samples.LEVERAGE)

    report = futures.set_leverage("BTCUSDT", 20)

    assert (report.leverage, report.max_notional) == (5, Decimal(1_000_000))
    (seen,) = script.asked(LEVERAGE)
    assert (seen.method, unstamped(seen)) == ("POST", {"symbol": "BTCUSDT", "leverage": "20"})


@pytest.mark.parametrize("leverage", [0, -1, 126])
def test_a_leverage_that_no_venue_has_is_not_asked_for(
    script: ScriptedServer, futures: BinanceFuturesGateway, leverage: int
) -> None:
    with pytest.raises(ValueError, match=f"leverage must be 1 to 125, not {leverage}"):
        futures.set_leverage("BTCUSDT", leverage)

    assert script.seen == []


SETTINGS: list[tuple[str, Callable[[BinanceFuturesGateway], object], dict[str, str], int]] = [
    (
        MARGIN_TYPE,
        lambda gateway: gateway.set_margin_type("BTCUSDT", MarginType.ISOLATED),
        {"symbol": "BTCUSDT", "marginType": "ISOLATED"},
        -4046,
    ),
    (DUAL, lambda gateway: gateway.set_hedge_mode(is_on=True), {"dualSidePosition": "true"}, -4059),
    (
        DUAL,
        lambda gateway: gateway.set_hedge_mode(is_on=False),
        {"dualSidePosition": "false"},
        -4059,
    ),
]


@pytest.mark.parametrize(("path", "ask", "asked", "same"), SETTINGS)
def test_a_setting_is_sent_once_and_one_that_is_so_already_is_a_success(
    script: ScriptedServer,
    futures: BinanceFuturesGateway,
    path: str,
    ask: Callable[[BinanceFuturesGateway], object],
    asked: dict[str, str],
    same: int,
) -> None:
    at_work(script)
    script.says(path, DONE)
    script.says(path, {"code": same, "msg": "No need to change."}, status=400)

    ask(futures)
    ask(futures)

    assert [(seen.method, unstamped(seen)) for seen in script.asked(path)] == [("POST", asked)] * 2


CHANGES = [
    (LEVERAGE, lambda gateway: gateway.set_leverage("BTCUSDT", 20)),
    *((path, ask) for path, ask, _, _ in SETTINGS[:2]),
]


@pytest.mark.parametrize(("path", "ask"), CHANGES)
def test_a_setting_without_an_answer_is_unknown_and_not_sent_again(
    script: ScriptedServer, futures: BinanceFuturesGateway, path: str, ask: Any
) -> None:
    at_work(script)
    for reply in (Reply(drops=True), Reply(status=502, body="<html>"), Reply(body="[]")):
        script.queue(path, reply)
        with pytest.raises(OutcomeUnknownError):
            ask(futures)

    assert len(script.asked(path)) == 3


@pytest.mark.parametrize(("path", "ask"), CHANGES)
@pytest.mark.parametrize("code", [-4028, -4047, -4048, -4067, -4068, -4161, -4168])
def test_a_refused_setting_has_the_venues_code(
    script: ScriptedServer, futures: BinanceFuturesGateway, path: str, ask: Any, code: int
) -> None:
    at_work(script)
    script.says(path, {"code": code, "msg": "No."}, status=400)

    with pytest.raises(OrderRejectedError) as caught:
        ask(futures)

    assert (caught.value.code, caught.value.venue_text) == (code, "No.")
    assert len(script.asked(path)) == 1


@pytest.mark.parametrize(("path", "ask"), CHANGES)
def test_a_setting_that_came_too_late_is_signed_anew_once(
    script: ScriptedServer, futures: BinanceFuturesGateway, path: str, ask: Any
) -> None:
    script.says(TIME, {"serverTime": 1_000_000})
    script.says(TIME, {"serverTime": 2_000_000})
    script.says(path, TOO_LATE, status=400)
    script.says(path, TOO_LATE, status=400)

    with pytest.raises(TimestampError):
        ask(futures)

    first, second = (int(seen.values["timestamp"]) for seen in script.asked(path))
    assert 1_000_000 <= first < 1_010_000
    assert 2_000_000 <= second < 2_010_000
