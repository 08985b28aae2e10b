from __future__ import annotations

import pickle
import threading
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from exchange.binance.clock import wall_milliseconds
from exchange.binance.spot import BinanceSpotGateway
from exchange.binance.tests.asking import bought, permit
from exchange.binance.tests.conftest import KEY, SECRET, loopback_urls
from exchange.binance.tests.samples import AT, KLINE, PLACED, QUERIED
from exchange.binance.tests.scripted_server import Reply, ScriptedServer
from exchange.binance.urls import TESTNET_URLS
from exchange.domain.clock import from_milliseconds
from exchange.domain.errors import (
    CredentialsError,
    GatewayError,
    OrderRejectedError,
    OutcomeUnknownError,
    RateLimitedError,
    TimestampError,
    UnavailableError,
    UnknownSymbolError,
)
from exchange.domain.gateway import ExchangeGateway
from exchange.domain.reports import OrderReport
from exchange.domain.types import Environment

ORDER = "/api/v3/order"
TIME = "/api/v3/time"
ACCOUNT = "/api/v3/account"
ACCOUNT_REPLY = {"uid": 7, "canTrade": True, "balances": []}
TOO_LATE = {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}


def buy(gateway: BinanceSpotGateway, **changes: Any) -> OrderReport:
    return gateway.place_market_order(bought(**changes), permit=permit())


def test_the_gateway_fulfils_the_protocol(gateway: BinanceSpotGateway) -> None:
    as_protocol: ExchangeGateway = gateway

    assert as_protocol.environment is Environment.DEMO


def test_an_order_goes_out_once_in_plain_decimals_with_its_committed_timestamp(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says(ORDER, PLACED)

    report = buy(gateway)

    assert report.venue_order_id == "28"
    (seen,) = script.seen  # no clock was asked before it
    assert seen.method == "POST"
    assert seen.key == KEY
    assert {name: seen.values[name] for name in sorted(seen.values) if name != "signature"} == {
        "newClientOrderId": "tb-1",
        "newOrderRespType": "FULL",
        "quantity": "0.00000001",
        "recvWindow": "4321",
        "side": "BUY",
        "symbol": "BTCUSDT",
        "timestamp": "1700000000123",
        "type": "MARKET",
    }


LOST = [
    Reply(drops=True),
    Reply(status=502, body="<html>Bad gateway</html>"),
    Reply(status=200, body="<html>Hello</html>"),
    Reply(status=200, body=""),
    Reply(status=200, body='{"symbol": "BTCUSDT"}'),
    Reply(status=200, body='{"code": -2013, "msg": "in a 200"}'),
    Reply(status=503, body='{"code": -1, "msg": "Unknown error, please check your request."}'),
    Reply(status=400, body='[{"code": -1}]'),
    Reply(status=500, body='"oops"'),
    Reply(status=504, body='{"code": -1007, "msg": "Timeout waiting for response."}'),
    Reply(status=400, body='{"code": -2010, "msg": "Duplicate order sent."}'),
    Reply(status=307, headers={"Location": "/api/v3/order"}),
]


@pytest.mark.parametrize("reply", LOST)
def test_an_order_whose_reply_is_lost_or_odd_is_unknown_and_not_sent_again(
    script: ScriptedServer, gateway: BinanceSpotGateway, reply: Reply
) -> None:
    script.queue(ORDER, reply)
    script.says(ORDER, PLACED)

    with pytest.raises(OutcomeUnknownError):
        buy(gateway)

    assert len(script.asked(ORDER)) == 1


def test_an_order_without_an_answer_in_time_is_unknown(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    release = threading.Event()
    script.queue(ORDER, Reply(delay=release))

    with pytest.raises(OutcomeUnknownError, match="no answer in time"):
        buy(gateway)

    release.set()
    assert len(script.asked(ORDER)) == 1


def test_an_order_on_a_pooled_connection_that_died_is_unknown(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    gateway.resync_clock()
    script.queue(ORDER, Reply(drops=True))

    with pytest.raises(OutcomeUnknownError):
        buy(gateway)


def test_an_order_with_a_late_timestamp_goes_back_to_the_caller_without_a_resync(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says(ORDER, TOO_LATE, status=400)

    with pytest.raises(TimestampError) as caught:
        buy(gateway)

    assert caught.value.code == -1021
    assert [seen.path for seen in script.seen] == [ORDER]


def test_a_venue_that_cannot_be_reached_provably_got_no_order() -> None:
    gateway = BinanceSpotGateway(
        environment=Environment.DEMO,
        urls=loopback_urls("http://127.0.0.1:1"),
        key=KEY,
        secret=SECRET,
    )

    with pytest.raises(UnavailableError):
        buy(gateway)


@pytest.mark.parametrize("client_order_id", ["", "a" * 37, "a b", "a&side=SELL", "ä", "a.b"])
def test_a_client_order_id_that_would_break_the_signature_is_not_sent(
    script: ScriptedServer, gateway: BinanceSpotGateway, client_order_id: str
) -> None:
    calls: list[Callable[[], object]] = [
        lambda: buy(gateway, client_order_id=client_order_id),
        lambda: gateway.order_by_client_id("BTCUSDT", client_order_id),
        lambda: gateway.cancel_order("BTCUSDT", client_order_id),
        lambda: gateway.list_by_client_id(client_order_id),
        lambda: gateway.cancel_list("BTCUSDT", client_order_id),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="client_order_id must be"):
            call()

    assert script.seen == []


def test_without_a_key_market_data_work_and_nothing_else_is_asked(script: ScriptedServer) -> None:
    gateway = BinanceSpotGateway(environment=Environment.DEMO, urls=loopback_urls(script.url))
    script.says(
        "/api/v3/ticker/24hr", {"symbol": "BTCUSDT", "lastPrice": "60000.10", "closeTime": AT}
    )

    assert gateway.ticker("BTCUSDT").price == Decimal("60000.10")
    for call in (gateway.account, lambda: buy(gateway)):
        with pytest.raises(CredentialsError):
            call()

    assert [(seen.path, seen.key) for seen in script.seen] == [("/api/v3/ticker/24hr", None)]
    gateway.close()


def test_klines_ask_for_what_was_wanted(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says("/api/v3/klines", [KLINE])
    script.says("/api/v3/klines", [KLINE])

    gateway.klines("BTCUSDT", "5m", limit=200)
    gateway.klines("BTCUSDT", "5m", limit=1, end_time=datetime(2024, 1, 1, tzinfo=UTC))

    assert [seen.values for seen in script.seen] == [
        {"symbol": "BTCUSDT", "interval": "5m", "limit": "200"},
        {"symbol": "BTCUSDT", "interval": "5m", "limit": "1", "endTime": "1704067200000"},
    ]


@pytest.mark.parametrize(
    ("interval", "limit", "problem"),
    [("7m", 1, "unknown timeframe"), ("5m", 0, "limit"), ("5m", 1001, "limit")],
)
def test_klines_that_cannot_be_are_not_asked_for(
    script: ScriptedServer, gateway: BinanceSpotGateway, interval: str, limit: int, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        gateway.klines("BTCUSDT", interval, limit=limit)

    assert script.seen == []


def test_rules_of_an_unlisted_symbol_are_unknown(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says("/api/v3/exchangeInfo", {"code": -1121, "msg": "Invalid symbol."}, status=400)

    with pytest.raises(UnknownSymbolError):
        gateway.rules("MOONUSDT")


def test_a_read_is_signed_with_the_venues_wall_clock(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    ahead = wall_milliseconds() + 3_600_000
    script.says(TIME, {"serverTime": ahead})
    script.says(ACCOUNT, ACCOUNT_REPLY)

    assert gateway.account().uid == "7"

    signed = int(script.asked(ACCOUNT)[0].values["timestamp"])
    assert 0 <= signed - ahead < 1000
    assert 0 <= gateway.signing_time_ms() - ahead < 1000


def test_a_read_with_a_late_timestamp_resyncs_and_is_repeated_once(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says(TIME, {"serverTime": 1_000_000})
    script.says(ACCOUNT, TOO_LATE, status=400)
    script.says(TIME, {"serverTime": 2_000_000})
    script.says(ACCOUNT, ACCOUNT_REPLY)

    gateway.account()

    assert [seen.path for seen in script.seen] == [TIME, ACCOUNT, TIME, ACCOUNT]
    first, second = (int(seen.values["timestamp"]) for seen in script.asked(ACCOUNT))
    assert 1_000_000 <= first < 1_010_000
    assert 2_000_000 <= second < 2_010_000


def test_a_read_that_stays_late_is_repeated_no_more(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    for _ in range(3):
        script.says(TIME, {"serverTime": 1_000_000})
        script.says(ACCOUNT, TOO_LATE, status=400)

    with pytest.raises(TimestampError):
        gateway.account()

    assert [seen.path for seen in script.seen] == [TIME, ACCOUNT, TIME, ACCOUNT]


def test_an_order_is_found_by_its_client_id(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says(TIME, {"serverTime": 1_000_000})
    script.says(ORDER, QUERIED)

    order = gateway.order_by_client_id("BTCUSDT", "b1")

    assert order is not None
    assert order.filled_quantity == Decimal("0.001")
    assert script.asked(ORDER)[0].values["origClientOrderId"] == "b1"


def test_only_the_venues_own_word_means_that_there_is_no_order(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says(TIME, {"serverTime": 1_000_000})
    script.says(ORDER, {"code": -2013, "msg": "Order does not exist."}, status=400)
    assert gateway.order_by_client_id("BTCUSDT", "b1") is None

    for reply, error in (
        (Reply(status=404, body="not found"), UnavailableError),
        (Reply(status=200, body="{}"), UnavailableError),
        (Reply(status=400, body='{"code": -2026, "msg": "Archived."}'), OrderRejectedError),
        (Reply(status=429, headers={"Retry-After": "9"}), RateLimitedError),
    ):
        script.queue(ORDER, reply)
        with pytest.raises(error):
            gateway.order_by_client_id("BTCUSDT", "b1")


def test_trades_are_asked_for_by_order(script: ScriptedServer, gateway: BinanceSpotGateway) -> None:
    trade = {
        "id": 56,
        "price": "60000.0",
        "qty": "0.002",
        "quoteQty": "120.0",
        "commission": "0.12",
        "commissionAsset": "USDT",
        "time": AT,
    }
    script.says(TIME, {"serverTime": 1_000_000})
    script.says("/api/v3/myTrades", [trade])

    (report,) = gateway.trades_of_order("BTCUSDT", "28")

    assert report.market_time == from_milliseconds(AT)
    assert script.asked("/api/v3/myTrades")[0].values["orderId"] == "28"


def test_an_order_with_more_trades_than_one_answer_holds_is_read_to_its_end(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    trade = {
        "price": "60000.0",
        "qty": "0.002",
        "quoteQty": "120.0",
        "commission": "0.12",
        "commissionAsset": "USDT",
        "time": AT,
    }
    script.says(TIME, {"serverTime": 1_000_000})
    script.says("/api/v3/myTrades", [trade | {"id": number} for number in range(1, 1001)])
    script.says("/api/v3/myTrades", [trade | {"id": 1001}])

    reports = gateway.trades_of_order("BTCUSDT", "28")

    assert [int(report.trade_id) for report in reports] == list(range(1, 1002))
    first, second = script.asked("/api/v3/myTrades")
    assert "fromId" not in first.values
    assert (second.values["orderId"], second.values["fromId"]) == ("28", "1001")


@pytest.mark.parametrize("reply", [*LOST, Reply(status=400, body='{"code":-1022,"msg":"bad %s"}')])
def test_no_error_carries_key_secret_or_signature(
    script: ScriptedServer, gateway: BinanceSpotGateway, reply: Reply
) -> None:
    echo = f"{KEY} signature=0123abc"
    if "%s" in reply.body:
        reply = Reply(status=400, body=reply.body % echo)
    script.says(TIME, {"serverTime": 1_000_000})
    script.queue(ACCOUNT, reply)

    with pytest.raises(GatewayError) as caught:
        gateway.account()

    error = caught.value
    signature = script.asked(ACCOUNT)[0].values["signature"]
    assert error.__cause__ is None
    assert error.__context__ is None
    written = (
        "".join(traceback.format_exception(error)) + repr(error) + str(pickle.dumps(error.args))
    )
    for secret in (KEY, SECRET, signature, "0123abc"):
        assert secret not in written


def test_an_unreachable_venue_is_named_without_the_signed_address() -> None:
    gateway = BinanceSpotGateway(
        environment=Environment.DEMO,
        urls=loopback_urls("http://127.0.0.1:1"),
        key=KEY,
        secret=SECRET,
    )

    with pytest.raises(UnavailableError) as caught:
        gateway.account()

    assert str(caught.value) == "127.0.0.1:1: the connection was refused or the name not found"
    assert "signature" not in "".join(traceback.format_exception(caught.value))


def test_the_repr_shows_neither_key_nor_secret(gateway: BinanceSpotGateway) -> None:
    assert repr(gateway).startswith("<BinanceSpotGateway demo at 127.0.0.1:")
    testnet = BinanceSpotGateway(environment=Environment.TESTNET, urls=TESTNET_URLS)
    assert repr(testnet) == "<BinanceSpotGateway testnet at testnet.binance.vision>"
