from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from exchange.binance import market_replies
from exchange.binance.parsing import MalformedReplyError
from exchange.binance.tests.samples import AT, KLINE, kline_at
from exchange.domain.clock import from_milliseconds


def test_the_last_kline_is_open_and_the_others_are_closed() -> None:
    klines = market_replies.klines([kline_at(0), kline_at(1), kline_at(2)], end_time=None)

    assert [kline.is_closed for kline in klines] == [True, True, False]
    assert klines[0].close_time == from_milliseconds(59_999)
    assert (klines[0].high, klines[0].low, klines[0].volume) == (
        Decimal("2.5"),
        Decimal("0.5"),
        Decimal("10.0"),
    )


def test_with_an_end_time_what_had_closed_by_then_is_closed() -> None:
    rows = [kline_at(0), kline_at(1)]

    before_its_last_millisecond = market_replies.klines(rows, end_time=from_milliseconds(119_998))
    with_its_last_millisecond = market_replies.klines(rows, end_time=from_milliseconds(119_999))

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
        market_replies.klines(reply, end_time=None)


def test_a_ticker_carries_price_and_market_time_of_one_reply() -> None:
    reply = {"symbol": "BTCUSDT", "lastPrice": "60000.10", "closeTime": AT, "openTime": 1}

    ticker = market_replies.ticker(reply)

    assert (ticker.price, ticker.market_time) == (Decimal("60000.10"), from_milliseconds(AT))


@pytest.mark.parametrize("price", ["0.00000000", "-1"])
def test_a_price_of_nothing_is_no_price(price: str) -> None:
    with pytest.raises(MalformedReplyError, match="lastPrice"):
        market_replies.ticker({"symbol": "BTCUSDT", "lastPrice": price, "closeTime": AT})
