from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from exchange.binance import parsing
from exchange.binance.parsing import MalformedReplyError
from exchange.domain.clock import from_milliseconds, to_milliseconds
from exchange.domain.types import Balance, Side, VenueOrderStatus

AT = 1_795_000_000_001
PLACED = {
    "symbol": "BTCUSDT",
    "orderId": 28,
    "orderListId": -1,
    "clientOrderId": "b1",
    "transactTime": AT,
    "price": "0.00000000",
    "origQty": "0.00200000",
    "executedQty": "0.00200000",
    "origQuoteOrderQty": "0.00000000",
    "cummulativeQuoteQty": "120.00000000",
    "status": "FILLED",
    "timeInForce": "GTC",
    "type": "MARKET",
    "side": "BUY",
    "workingTime": AT,
    "selfTradePreventionMode": "EXPIRE_MAKER",
    "fills": [
        {
            "price": "60000.00000000",
            "qty": "0.00200000",
            "commission": "0.00000200",
            "commissionAsset": "BTC",
            "tradeId": 56,
        }
    ],
}
QUERIED = {
    "symbol": "BTCUSDT",
    "orderId": 28,
    "clientOrderId": "b1",
    "origQty": "0.00200000",
    "executedQty": "0.00100000",
    "cummulativeQuoteQty": "60.00000000",
    "status": "PARTIALLY_FILLED",
    "side": "SELL",
    "time": AT,
    "updateTime": AT + 5,
    "isWorking": True,
}
KLINE = [AT, "1.5", "2.5", "0.5", "2.0", "10.0", AT + 59_999, "20.0", 3, "1.0", "2.0", "0"]


def kline_at(minute: int) -> list[Any]:
    opened = 60_000 * minute
    return [opened, *KLINE[1:6], opened + 59_999, *KLINE[7:]]


def test_milliseconds_survive_the_way_to_a_datetime_and_back() -> None:
    moment = from_milliseconds(AT)

    assert moment == datetime(2026, 11, 18, 11, 6, 40, 1000, tzinfo=UTC)
    assert to_milliseconds(moment) == AT
    assert to_milliseconds(moment + timedelta(microseconds=999)) == AT


def test_a_full_reply_becomes_an_order_with_its_fills() -> None:
    order = parsing.placed_order(PLACED)

    assert order.venue_order_id == "28"
    assert order.side is Side.BUY
    assert order.status is VenueOrderStatus.FILLED
    assert order.filled_quote_quantity == Decimal(120)
    assert order.market_time == from_milliseconds(AT)
    (fill,) = order.trades
    assert fill.trade_id == "56"
    assert fill.quote_quantity == Decimal(120)
    assert (fill.commission, fill.commission_asset) == (Decimal("0.000002"), "BTC")
    assert fill.market_time == order.market_time


def test_a_queried_order_carries_no_trades_and_the_time_of_its_last_change() -> None:
    order = parsing.queried_order(QUERIED)

    assert order.trades == ()
    assert order.filled_quantity == Decimal("0.001")
    assert order.market_time == from_milliseconds(AT + 5)


def test_a_status_that_nobody_has_heard_of_is_other_and_not_final() -> None:
    order = parsing.queried_order(QUERIED | {"status": "PENDING_MOON"})

    assert order.status is VenueOrderStatus.OTHER
    assert not order.status.is_final


def test_unknown_fields_are_ignored() -> None:
    assert parsing.placed_order(PLACED | {"pegPriceType": "X"}) == parsing.placed_order(PLACED)


@pytest.mark.parametrize("field", ["orderId", "clientOrderId", "transactTime", "fills", "status"])
def test_a_missing_field_is_named(field: str) -> None:
    broken = {name: value for name, value in PLACED.items() if name != field}

    with pytest.raises(MalformedReplyError, match=f"no field {field}"):
        parsing.placed_order(broken)


@pytest.mark.parametrize(
    ("field", "nonsense"),
    [
        ("executedQty", "many"),
        ("executedQty", "NaN"),
        ("executedQty", "Infinity"),
        ("executedQty", 0.002),
        ("transactTime", "yesterday"),
        ("transactTime", True),
        ("transactTime", 10**30),
        ("side", "HOLD"),
        ("clientOrderId", ""),
        ("orderId", None),
        ("fills", {"price": "1"}),
        ("fills", ["x"]),
    ],
)
def test_nonsense_in_a_field_is_refused_by_its_name(field: str, nonsense: Any) -> None:
    with pytest.raises(MalformedReplyError, match=field):
        parsing.placed_order(PLACED | {field: nonsense})


@pytest.mark.parametrize("reply", [[], "ok", None, 7])
def test_a_reply_of_another_shape_is_refused(reply: Any) -> None:
    with pytest.raises(MalformedReplyError, match="expected an object"):
        parsing.placed_order(reply)


def test_trades_come_oldest_first_whatever_the_venue_sends() -> None:
    row = {
        "price": "1.0",
        "qty": "2.0",
        "quoteQty": "2.0",
        "commission": "0.1",
        "commissionAsset": "USDT",
    }
    replies = [
        row | {"id": 10, "time": AT},
        row | {"id": 9, "time": AT},
        row | {"id": 11, "time": 1},
    ]

    assert [trade.trade_id for trade in parsing.trades(replies)] == ["11", "9", "10"]


def test_the_last_kline_is_open_and_the_others_are_closed() -> None:
    klines = parsing.klines([kline_at(0), kline_at(1), kline_at(2)], end_time=None)

    assert [kline.is_closed for kline in klines] == [True, True, False]
    assert klines[0].close_time == from_milliseconds(59_999)
    assert (klines[0].high, klines[0].low, klines[0].volume) == (
        Decimal("2.5"),
        Decimal("0.5"),
        Decimal("10.0"),
    )


def test_with_an_end_time_what_had_closed_by_then_is_closed() -> None:
    rows = [kline_at(0), kline_at(1)]

    before_its_last_millisecond = parsing.klines(rows, end_time=from_milliseconds(119_998))
    with_its_last_millisecond = parsing.klines(rows, end_time=from_milliseconds(119_999))

    assert [kline.is_closed for kline in before_its_last_millisecond] == [True, False]
    assert [kline.is_closed for kline in with_its_last_millisecond] == [True, True]


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ({}, "klines: expected a list"),
        ([{}], "kline: expected a list"),
        ([KLINE[:5]], "a kline has 5 fields"),
        ([[AT, "1", "x", "1", "1", "1", AT]], "high is not a number"),
    ],
)
def test_a_broken_kline_is_named(reply: Any, problem: str) -> None:
    with pytest.raises(MalformedReplyError, match=problem):
        parsing.klines(reply, end_time=None)


def test_a_ticker_carries_price_and_market_time_of_one_reply() -> None:
    reply = {"symbol": "BTCUSDT", "lastPrice": "60000.10", "closeTime": AT, "openTime": 1}

    ticker = parsing.ticker(reply)

    assert (ticker.price, ticker.market_time) == (Decimal("60000.10"), from_milliseconds(AT))


@pytest.mark.parametrize("price", ["0.00000000", "-1"])
def test_a_price_of_nothing_is_no_price(price: str) -> None:
    with pytest.raises(MalformedReplyError, match="lastPrice"):
        parsing.ticker({"symbol": "BTCUSDT", "lastPrice": price, "closeTime": AT})


def test_an_account_has_uid_permission_and_balances() -> None:
    account = parsing.account(
        {
            "uid": 354937868,
            "canTrade": True,
            "balances": [{"asset": "BTC", "free": "1.5", "locked": "0.5"}],
        }
    )

    assert (account.uid, account.can_trade) == ("354937868", True)
    assert account.balances["BTC"] == Balance(free=Decimal("1.5"), locked=Decimal("0.5"))
    assert account.free("ETH") == 0


def test_a_permission_that_is_neither_yes_nor_no_is_refused() -> None:
    with pytest.raises(MalformedReplyError, match="canTrade"):
        parsing.account({"uid": 1, "canTrade": "true", "balances": []})
