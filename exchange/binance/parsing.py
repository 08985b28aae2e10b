"""The venue's replies as domain values. Unknown fields are ignored, missing ones are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, Final

from exchange.domain.clock import from_milliseconds, to_milliseconds
from exchange.domain.errors import GatewayError
from exchange.domain.types import (
    AccountInfo,
    Balance,
    Kline,
    OrderReport,
    Side,
    Ticker,
    TradeReport,
    VenueOrderStatus,
)

KLINE_FIELDS: Final = ("openTime", "open", "high", "low", "close", "volume", "closeTime")


class MalformedReplyError(GatewayError):
    """A reply lacks a field or holds nonsense in it; the text names the field."""


def mapping(reply: Any, what: str) -> Mapping[str, Any]:
    """Return `reply` when it is a JSON object."""
    if not isinstance(reply, Mapping):
        raise MalformedReplyError(f"{what}: expected an object, got {type(reply).__name__}")
    return reply


def sequence(reply: Any, what: str) -> Sequence[Any]:
    """Return `reply` when it is a JSON list."""
    if not isinstance(reply, list):
        raise MalformedReplyError(f"{what}: expected a list, got {type(reply).__name__}")
    return reply


def text(row: Mapping[str, Any], name: str) -> str:
    """Return the field as text; ids come as numbers and are kept as text."""
    value = _required(row, name)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise MalformedReplyError(f"{name} is not a text: {value!r:.60}")
    return str(value)


def decimal(row: Mapping[str, Any], name: str) -> Decimal:
    """Return the field as a finite Decimal; the venue sends numbers as strings."""
    value = _required(row, name)
    if not isinstance(value, str):
        raise MalformedReplyError(f"{name} is not a number in a string: {value!r:.60}")
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise MalformedReplyError(f"{name} is not a number: {value!r:.60}")
    return number


def moment(row: Mapping[str, Any], name: str) -> datetime:
    """Return the field, milliseconds since the epoch, as an aware UTC time."""
    value = _required(row, name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedReplyError(f"{name} is not a time in milliseconds: {value!r:.60}")
    try:
        return from_milliseconds(value)
    except OverflowError:
        raise MalformedReplyError(f"{name} is not a time in milliseconds: {value}") from None


def _required(row: Mapping[str, Any], name: str) -> Any:
    try:
        return row[name]
    except KeyError:
        raise MalformedReplyError(f"the reply has no field {name}") from None


def server_time_ms(reply: Any) -> int:
    """Read `GET time`: the venue's wall clock, for signing."""
    return to_milliseconds(moment(mapping(reply, "time"), "serverTime"))


def ticker(reply: Any) -> Ticker:
    """Read `GET ticker/24hr` of one symbol: price and market time in one reply."""
    row = mapping(reply, "ticker")
    price = decimal(row, "lastPrice")
    if price <= 0:
        raise MalformedReplyError(f"lastPrice is not a price: {price:f}")
    return Ticker(symbol=text(row, "symbol"), price=price, market_time=moment(row, "closeTime"))


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


def account(reply: Any) -> AccountInfo:
    """Read `GET account`."""
    row = mapping(reply, "account")
    balances = {
        text(entry, "asset"): Balance(free=decimal(entry, "free"), locked=decimal(entry, "locked"))
        for entry in _rows(row, "balances")
    }
    can_trade = _required(row, "canTrade")
    if not isinstance(can_trade, bool):
        raise MalformedReplyError(f"canTrade is neither true nor false: {can_trade!r:.60}")
    return AccountInfo(
        uid=text(row, "uid"), can_trade=can_trade, balances=MappingProxyType(balances)
    )


def placed_order(reply: Any) -> OrderReport:
    """Read the FULL reply of `POST order`; its fills carry no time, so they take the order's."""
    row = mapping(reply, "order")
    market_time = moment(row, "transactTime")
    fills = tuple(_fill(fill, market_time) for fill in _rows(row, "fills"))
    return _order(row, market_time=market_time, trades=fills)


def queried_order(reply: Any) -> OrderReport:
    """Read `GET order`, which carries no fills."""
    row = mapping(reply, "order")
    return _order(row, market_time=moment(row, "updateTime"), trades=())


def trades(reply: Any) -> list[TradeReport]:
    """Read `GET myTrades`, oldest first."""
    rows = [mapping(row, "trade") for row in sequence(reply, "myTrades")]
    reports = [_trade(row) for row in rows]
    return sorted(reports, key=lambda trade: (trade.market_time, int(trade.trade_id)))


def _order(
    row: Mapping[str, Any], *, market_time: datetime, trades: tuple[TradeReport, ...]
) -> OrderReport:
    return OrderReport(
        symbol=text(row, "symbol"),
        venue_order_id=text(row, "orderId"),
        client_order_id=text(row, "clientOrderId"),
        side=_side(row),
        status=_status(row),
        quantity=decimal(row, "origQty"),
        filled_quantity=decimal(row, "executedQty"),
        filled_quote_quantity=decimal(row, "cummulativeQuoteQty"),  # the venue's spelling
        market_time=market_time,
        trades=trades,
    )


def _fill(row: Mapping[str, Any], market_time: datetime) -> TradeReport:
    price, quantity = decimal(row, "price"), decimal(row, "qty")
    return TradeReport(
        trade_id=_number_text(row, "tradeId"),
        price=price,
        quantity=quantity,
        quote_quantity=price * quantity,
        commission=decimal(row, "commission"),
        commission_asset=text(row, "commissionAsset"),
        market_time=market_time,
    )


def _trade(row: Mapping[str, Any]) -> TradeReport:
    return TradeReport(
        trade_id=_number_text(row, "id"),
        price=decimal(row, "price"),
        quantity=decimal(row, "qty"),
        quote_quantity=decimal(row, "quoteQty"),
        commission=decimal(row, "commission"),
        commission_asset=text(row, "commissionAsset"),
        market_time=moment(row, "time"),
    )


def _number_text(row: Mapping[str, Any], name: str) -> str:
    value = text(row, name)
    if not value.isdecimal():
        raise MalformedReplyError(f"{name} is not a number: {value!r:.60}")
    return value


def _side(row: Mapping[str, Any]) -> Side:
    value = text(row, "side")
    try:
        return Side(value)
    except ValueError:
        raise MalformedReplyError(f"side is neither BUY nor SELL: {value!r:.60}") from None


def _status(row: Mapping[str, Any]) -> VenueOrderStatus:
    try:
        return VenueOrderStatus(text(row, "status"))
    except ValueError:
        return VenueOrderStatus.OTHER


def _rows(row: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    return [mapping(entry, name) for entry in sequence(_required(row, name), name)]
