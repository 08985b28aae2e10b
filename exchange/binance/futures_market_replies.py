"""What the venue tells everybody about USD-M futures, as domain values."""

from __future__ import annotations

from typing import Any

from exchange.binance.parsing import (
    MalformedReplyError,
    decimal,
    integer,
    mapping,
    moment,
    number,
    positive,
    rows,
    sequence,
    text,
)
from exchange.domain.errors import UnknownSymbolError
from exchange.domain.futures import FundingRate, MarkPrice
from exchange.domain.margin import LeverageBracket, LeverageBrackets
from exchange.domain.types import Ticker


def ticker(reply: Any) -> Ticker:
    """Read `GET v2/ticker/price` of one symbol: `time` is of the market, not of the server."""
    row = mapping(reply, "ticker")
    return Ticker(
        symbol=text(row, "symbol"), price=positive(row, "price"), market_time=moment(row, "time")
    )


def mark_price(reply: Any) -> MarkPrice:
    """Read `GET premiumIndex` of one symbol."""
    row = mapping(reply, "premiumIndex")
    return MarkPrice(
        symbol=text(row, "symbol"),
        mark_price=positive(row, "markPrice"),
        index_price=positive(row, "indexPrice"),
        funding_rate=decimal(row, "lastFundingRate"),
        next_funding_time=moment(row, "nextFundingTime"),
        market_time=moment(row, "time"),
    )


def funding_rates(reply: Any) -> list[FundingRate]:
    """Read `GET fundingRate`; old rows have no mark price."""
    return [
        FundingRate(
            symbol=text(row, "symbol"),
            rate=decimal(row, "fundingRate"),
            market_time=moment(row, "fundingTime"),
            mark_price=positive(row, "markPrice") if row.get("markPrice") else None,
        )
        for row in (mapping(entry, "fundingRate") for entry in sequence(reply, "fundingRate"))
    ]


def leverage_brackets(reply: Any, symbol: str) -> LeverageBrackets:
    """Read `GET leverageBracket`: a list, or without a list the one symbol that was asked for.

    UnknownSymbolError when `symbol` is not among them.
    """
    listed = reply if isinstance(reply, list) else [reply]
    for entry in (mapping(entry, "leverageBracket") for entry in listed):
        if text(entry, "symbol") == symbol:
            return _brackets(symbol, rows(entry, "brackets"))
    raise UnknownSymbolError(f"the venue lists no leverage brackets of {symbol}")


def _brackets(symbol: str, listed: list[Any]) -> LeverageBrackets:
    try:
        brackets = sorted(map(_bracket, listed), key=lambda bracket: bracket.floor)
        return LeverageBrackets(symbol=symbol, brackets=tuple(brackets))
    except ValueError as error:
        raise MalformedReplyError(f"leverageBracket: {error}") from None


def _bracket(row: Any) -> LeverageBracket:
    return LeverageBracket(
        floor=number(row, "notionalFloor"),
        cap=number(row, "notionalCap"),
        max_leverage=integer(row, "initialLeverage"),
        maintenance_rate=number(row, "maintMarginRatio"),
        maintenance_amount=number(row, "cum"),
    )
