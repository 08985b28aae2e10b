"""What the USD-M venue tells about orders and trades, as domain values.

Replies to placing and canceling carry neither executions nor what they were worth: avgPrice and
cumQuote are gone since 2026-06-30 (change log of the derivatives API). Queries still have them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exchange.binance.order_replies import order_side
from exchange.binance.parsing import (
    MalformedReplyError,
    amount,
    boolean,
    decimal,
    mapping,
    moment,
    number_text,
    required,
    sequence,
    text,
    word,
)
from exchange.domain.orders import OrderType, TimeInForce
from exchange.domain.reports import OrderReport, TradeReport, VenueOrderStatus
from exchange.domain.types import ZERO


def order(reply: Any) -> OrderReport:
    """Read `POST order` with the RESULT reply, `GET order` and `DELETE order`."""
    row = mapping(reply, "order")
    return OrderReport(
        symbol=text(row, "symbol"),
        venue_order_id=number_text(row, "orderId"),
        client_order_id=text(row, "clientOrderId"),
        side=order_side(row),
        type=word(row, "type", OrderType),
        time_in_force=word(row, "timeInForce", TimeInForce),
        status=word(row, "status", VenueOrderStatus),
        quantity=amount(row, "origQty"),
        price=amount(row, "price"),
        stop_price=amount(row, "stopPrice") if "stopPrice" in row else ZERO,
        filled_quantity=amount(row, "executedQty"),
        filled_quote_quantity=amount(row, "cumQuote") if "cumQuote" in row else None,
        reduces_only=boolean(row, "reduceOnly"),
        market_time=moment(row, "updateTime"),
    )


def orders(reply: Any) -> list[OrderReport]:
    """Read `GET openOrders`."""
    return [order(row) for row in sequence(reply, "openOrders")]


def trades(reply: Any) -> list[TradeReport]:
    """Read `GET userTrades`, oldest first."""
    reports = [_trade(mapping(row, "trade")) for row in sequence(reply, "userTrades")]
    return sorted(reports, key=lambda trade: (trade.market_time, int(trade.trade_id)))


def check_done(reply: Any) -> None:
    """Read what the venue answers when it canceled as asked; the code is a number or a text."""
    code = required(mapping(reply, "cancel"), "code")
    if isinstance(code, bool) or str(code) != "200":
        raise MalformedReplyError(f"code does not say that it is done: {code!r:.60}")


def _trade(row: Mapping[str, Any]) -> TradeReport:
    return TradeReport(
        trade_id=number_text(row, "id"),
        venue_order_id=number_text(row, "orderId"),
        side=order_side(row),
        price=amount(row, "price"),
        quantity=amount(row, "qty"),
        quote_quantity=amount(row, "quoteQty"),
        commission=decimal(row, "commission"),  # negative for a maker who is paid
        commission_asset=text(row, "commissionAsset"),
        realized_pnl=decimal(row, "realizedPnl"),
        is_maker=boolean(row, "maker"),
        market_time=moment(row, "time"),
    )
