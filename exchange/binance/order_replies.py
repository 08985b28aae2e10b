"""What the venue tells about orders and trades, as domain values.

Replies to an order, to a query and to a cancel name the same things in slightly different fields
(rest-api.md, "Conditional fields in Order Responses").
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from exchange.binance.parsing import (
    MalformedReplyError,
    amount,
    boolean,
    decimal,
    mapping,
    moment,
    number_text,
    required,
    rows,
    sequence,
    text,
    word,
)
from exchange.domain.orders import OrderType, TimeInForce
from exchange.domain.reports import ExpiryReason, OrderReport, TradeReport, VenueOrderStatus
from exchange.domain.types import ZERO, Side


def placed_order(reply: Any) -> OrderReport:
    """Read the FULL reply of `POST order`; its fills carry no time, so they take the order's."""
    row = mapping(reply, "order")
    market_time = moment(row, "transactTime")
    fills = tuple(_fill(fill, market_time) for fill in rows(row, "fills"))
    return _order(row, market_time=market_time, trades=fills)


def queried_order(reply: Any) -> OrderReport:
    """Read `GET order`, which carries no fills."""
    row = mapping(reply, "order")
    return _order(row, market_time=moment(row, "updateTime"))


def queried_orders(reply: Any) -> list[OrderReport]:
    """Read `GET openOrders`."""
    return [queried_order(row) for row in sequence(reply, "openOrders")]


def reported_order(row: Mapping[str, Any]) -> OrderReport:
    """Read one of a list's `orderReports`, or an order that was canceled; fills are optional."""
    if "fills" in row:
        return placed_order(row)
    return _order(row, market_time=moment(row, "transactTime"))


def canceled_order(reply: Any, *, client_order_id: str) -> OrderReport:
    """Read `DELETE order`; for a leg of a list the venue reports the list with all its orders."""
    row = mapping(reply, "canceled order")
    if "orderReports" not in row:
        return reported_order(row)
    orders = [reported_order(order) for order in rows(row, "orderReports")]
    for order in orders:
        if order.client_order_id == client_order_id:
            return order
    raise MalformedReplyError("orderReports: the canceled order is not among them")


def trades(reply: Any) -> list[TradeReport]:
    """Read `GET myTrades`, oldest first."""
    entries = [mapping(row, "trade") for row in sequence(reply, "myTrades")]
    reports = [_trade(row) for row in entries]
    return sorted(reports, key=lambda trade: (trade.market_time, int(trade.trade_id)))


def order_side(row: Mapping[str, Any]) -> Side:
    """Return the side that an order, or an execution of it, is on."""
    value = text(row, "side")
    try:
        return Side(value)
    except ValueError:
        raise MalformedReplyError(f"side is neither BUY nor SELL: {value!r:.60}") from None


def _order(
    row: Mapping[str, Any], *, market_time: datetime, trades: tuple[TradeReport, ...] = ()
) -> OrderReport:
    # After a cancel `clientOrderId` names the cancel.
    own_id = "origClientOrderId" if "origClientOrderId" in row else "clientOrderId"
    return OrderReport(
        symbol=text(row, "symbol"),
        venue_order_id=text(row, "orderId"),
        client_order_id=text(row, own_id),
        order_list_id=_list_id(row),
        side=order_side(row),
        type=word(row, "type", OrderType),
        time_in_force=word(row, "timeInForce", TimeInForce),
        status=word(row, "status", VenueOrderStatus),
        quantity=_quantity(row),
        price=decimal(row, "price"),
        stop_price=decimal(row, "stopPrice") if "stopPrice" in row else ZERO,
        is_working=_is_working(row),
        expiry_reason=_expiry_reason(row),
        filled_quantity=amount(row, "executedQty"),
        # The venue's spelling. Negative for orders so old that the venue no longer has it.
        filled_quote_quantity=decimal(row, "cummulativeQuoteQty"),
        market_time=market_time,
        trades=trades,
    )


def _quantity(row: Mapping[str, Any]) -> Decimal:
    # The exits of an entry list have none until the entry is filled (faqs/opo.md), and never get
    # one when it is canceled before.
    is_unfixed = "origQty" not in row and _list_id(row) and not decimal(row, "executedQty")
    return ZERO if is_unfixed else decimal(row, "origQty")


def _list_id(row: Mapping[str, Any]) -> str | None:
    if "orderListId" not in row:
        return None
    value = text(row, "orderListId")
    return None if value == "-1" else value


def _is_working(row: Mapping[str, Any]) -> bool | None:
    if "isWorking" in row:
        return boolean(row, "isWorking")
    if "workingTime" in row:
        return bool(required(row, "workingTime") != -1)
    return None


def _expiry_reason(row: Mapping[str, Any]) -> ExpiryReason | None:
    if row.get("expiryReason") in (None, "NONE"):
        return None
    return word(row, "expiryReason", ExpiryReason)


def _fill(row: Mapping[str, Any], market_time: datetime) -> TradeReport:
    price, quantity = amount(row, "price"), amount(row, "qty")
    return TradeReport(
        trade_id=number_text(row, "tradeId"),
        price=price,
        quantity=quantity,
        quote_quantity=price * quantity,
        commission=decimal(row, "commission"),
        commission_asset=text(row, "commissionAsset"),
        market_time=market_time,
    )


def _trade(row: Mapping[str, Any]) -> TradeReport:
    return TradeReport(
        trade_id=number_text(row, "id"),
        price=amount(row, "price"),
        quantity=amount(row, "qty"),
        quote_quantity=amount(row, "quoteQty"),
        commission=decimal(row, "commission"),
        commission_asset=text(row, "commissionAsset"),
        market_time=moment(row, "time"),
    )
