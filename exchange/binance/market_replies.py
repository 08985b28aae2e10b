"""What the venue tells everybody, as domain values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from exchange.binance.parsing import (
    MalformedReplyError,
    decimal,
    mapping,
    moment,
    positive,
    sequence,
    text,
)
from exchange.domain.types import Kline, Ticker

KLINE_FIELDS: Final = ("openTime", "open", "high", "low", "close", "volume", "closeTime")


def ticker(reply: Any) -> Ticker:
    """Read `GET ticker/24hr` of one symbol: price and market time in one reply."""
    row = mapping(reply, "ticker")
    return Ticker(
        symbol=text(row, "symbol"),
        price=positive(row, "lastPrice"),
        market_time=moment(row, "closeTime"),
    )


def klines(reply: Any, *, end_time: datetime | None) -> list[Kline]:
    """Read `GET klines`, oldest first.

    Without `end_time` the last row is the open one; the venue has no field that says so.
    With one, which counts as passed, the rows whose last millisecond is not after it are closed.
    """
    rows = [_kline_row(row) for row in sequence(reply, "klines")]
    last = len(rows) - 1
    return [
        _kline(row, is_closed=_closed_by(row, end_time) if end_time else index < last)
        for index, row in enumerate(rows)
    ]


def _kline_row(row: Any) -> Mapping[str, Any]:
    values = sequence(row, "kline")
    if len(values) < len(KLINE_FIELDS):
        raise MalformedReplyError(f"a kline has {len(values)} fields, not {len(KLINE_FIELDS)}")
    return dict(zip(KLINE_FIELDS, values, strict=False))


def _closed_by(row: Mapping[str, Any], end_time: datetime) -> bool:
    return moment(row, "closeTime") <= end_time


def _kline(row: Mapping[str, Any], *, is_closed: bool) -> Kline:
    return Kline(
        open_time=moment(row, "openTime"),
        close_time=moment(row, "closeTime"),
        open=decimal(row, "open"),
        high=decimal(row, "high"),
        low=decimal(row, "low"),
        close=decimal(row, "close"),
        volume=decimal(row, "volume"),
        is_closed=is_closed,
    )
