from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from exchange.binance import futures_market_replies as replies
from exchange.binance.parsing import MalformedReplyError
from exchange.binance.tests.futures_account_samples import AT, BRACKETS, FUNDING, PREMIUM, TICKER
from exchange.domain.clock import from_milliseconds
from exchange.domain.errors import UnknownSymbolError
from exchange.domain.futures import FundingRate, MarkPrice
from exchange.domain.margin import LeverageBracket
from exchange.domain.types import Ticker

BRACKET = BRACKETS[0]["brackets"][0]


def brackets_with(**changes: Any) -> list[dict[str, Any]]:
    return [BRACKETS[0] | {"brackets": [BRACKET | changes]}]


def test_a_ticker_has_the_time_of_the_market() -> None:
    assert replies.ticker(TICKER) == Ticker(
        symbol="BTCUSDT", price=Decimal("60000.10"), market_time=from_milliseconds(AT)
    )


def test_a_mark_price_comes_with_the_funding_that_is_next() -> None:
    assert replies.mark_price(PREMIUM) == MarkPrice(
        symbol="BTCUSDT",
        mark_price=Decimal("60001.2"),
        index_price=Decimal("60002.3"),
        funding_rate=Decimal("-0.0001"),
        next_funding_time=from_milliseconds(AT + 7_199_999),
        market_time=from_milliseconds(AT),
    )


@pytest.mark.parametrize("missing", [{"markPrice": ""}, {"markPrice": None}])
def test_old_funding_has_no_mark_price(missing: dict[str, Any]) -> None:
    first, second = replies.funding_rates([FUNDING | missing, FUNDING | {"rateType": "NORMAL"}])

    assert first == FundingRate(
        symbol="BTCUSDT", rate=Decimal("-0.0375"), market_time=from_milliseconds(AT)
    )
    assert second.mark_price == Decimal("34287.54619963")


@pytest.mark.parametrize("reply", [BRACKETS, BRACKETS[0], [{"symbol": "X"}, BRACKETS[0]]])
def test_brackets_are_read_to_the_last_digit(reply: Any) -> None:
    found = replies.leverage_brackets(reply, "BTCUSDT")

    assert found.symbol == "BTCUSDT"
    assert found.brackets == (
        LeverageBracket(
            floor=Decimal(0),
            cap=Decimal(50_000),
            max_leverage=125,
            maintenance_rate=Decimal("0.004"),
            maintenance_amount=Decimal(0),
        ),
        LeverageBracket(
            floor=Decimal(50_000),
            cap=Decimal(600_000),
            max_leverage=100,
            maintenance_rate=Decimal("0.0065"),
            maintenance_amount=Decimal(125),
        ),
    )


def test_brackets_in_any_order_are_put_in_theirs() -> None:
    turned = [BRACKETS[0] | {"brackets": BRACKETS[0]["brackets"][::-1]}]

    assert replies.leverage_brackets(turned, "BTCUSDT") == replies.leverage_brackets(
        BRACKETS, "BTCUSDT"
    )


def test_a_symbol_without_brackets_is_unknown() -> None:
    for reply in (BRACKETS, []):
        with pytest.raises(UnknownSymbolError, match="no leverage brackets of MOONUSDT"):
            replies.leverage_brackets(reply, "MOONUSDT")


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ([7], "leverageBracket: expected an object"),
        ([{}], "no field symbol"),
        ([{"symbol": "BTCUSDT"}], "no field brackets"),
        ([{"symbol": "BTCUSDT", "brackets": []}], "BTCUSDT has no brackets"),
        (brackets_with(initialLeverage="125"), "initialLeverage is not a whole number"),
        (brackets_with(initialLeverage=0), "max_leverage must be at least 1, not 0"),
        (brackets_with(notionalFloor=1), "brackets of BTCUSDT do not begin at zero"),
        (brackets_with(notionalCap=True), "notionalCap is not a number"),
        (brackets_with(maintMarginRatio=float("nan")), "maintMarginRatio is not a number"),
        (brackets_with(maintMarginRatio=1), "maintenance_rate must lie between 0 and 1"),
        (brackets_with(cum=None), "cum is not a number"),
    ],
)
def test_brackets_that_make_no_sense_are_named(reply: Any, problem: str) -> None:
    with pytest.raises(MalformedReplyError, match=problem):
        replies.leverage_brackets(reply, "BTCUSDT")


@pytest.mark.parametrize(
    ("read", "row", "changes", "problem"),
    [
        (replies.ticker, TICKER, {"price": "0"}, "price is not a price: 0"),
        (replies.ticker, TICKER, {"time": "now"}, "time is not a time"),
        (replies.mark_price, PREMIUM, {"markPrice": "-1"}, "markPrice is not a price"),
        (replies.mark_price, PREMIUM, {"lastFundingRate": 0.1}, "lastFundingRate is not a number"),
        (replies.mark_price, PREMIUM, {"nextFundingTime": None}, "nextFundingTime is not a time"),
        (replies.mark_price, [PREMIUM], None, "premiumIndex: expected an object"),
        (replies.funding_rates, FUNDING, None, "fundingRate: expected a list"),
        (replies.funding_rates, [{}], None, "no field symbol"),
    ],
)
def test_a_reply_that_makes_no_sense_names_its_field(
    read: Any, row: Any, changes: dict[str, Any] | None, problem: str
) -> None:
    with pytest.raises(MalformedReplyError, match=problem):
        read(row if changes is None else row | changes)
