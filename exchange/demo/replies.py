"""The JSON of orders and trades, field by field as the spot API sends it."""

from __future__ import annotations

from typing import Any

from exchange.demo.amounts import text
from exchange.demo.ledger import ZERO
from exchange.demo.orders import Fill, Order


def order_ack(order: Order) -> dict[str, Any]:
    """Return the shortest reply to a new order."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        "transactTime": order.at_ms,
    }


def order_result(order: Order) -> dict[str, Any]:
    """Return the reply to a new order without its fills."""
    return order_ack(order) | {
        "price": text(ZERO),
        "origQty": text(order.quantity),
        "executedQty": text(order.executed),
        "origQuoteOrderQty": text(order.quote_order_quantity),
        "cummulativeQuoteQty": text(order.executed_quote),
        "status": order.status,
        "timeInForce": "GTC",
        "type": order.type,
        "side": order.side,
        "workingTime": order.at_ms,
        "selfTradePreventionMode": order.prevention_mode,
    }


def order_full(order: Order, fills: list[Fill]) -> dict[str, Any]:
    """Return the reply to a new order with its fills."""
    rows = [
        {
            "price": text(fill.price),
            "qty": text(fill.quantity),
            "commission": text(fill.commission),
            "commissionAsset": fill.commission_asset,
            "tradeId": fill.trade_id,
        }
        for fill in fills
    ]
    return order_result(order) | {"fills": rows}


def order_row(order: Order) -> dict[str, Any]:
    """Return an order as the queries show it; fills are never part of it."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        "price": text(ZERO),
        "origQty": text(order.quantity),
        "executedQty": text(order.executed),
        "cummulativeQuoteQty": text(order.executed_quote),
        "status": order.status,
        "timeInForce": "GTC",
        "type": order.type,
        "side": order.side,
        "stopPrice": text(ZERO),
        "icebergQty": text(ZERO),
        "time": order.at_ms,
        "updateTime": order.updated_ms,
        "isWorking": True,
        "workingTime": order.at_ms,
        "origQuoteOrderQty": text(order.quote_order_quantity),
        "selfTradePreventionMode": order.prevention_mode,
    }


def trade_row(fill: Fill) -> dict[str, Any]:
    """Return a fill as myTrades shows it."""
    return {
        "symbol": fill.symbol,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "orderListId": -1,
        "price": text(fill.price),
        "qty": text(fill.quantity),
        "quoteQty": text(fill.quote_quantity),
        "commission": text(fill.commission),
        "commissionAsset": fill.commission_asset,
        "time": fill.at_ms,
        "isBuyer": fill.is_buyer,
        "isMaker": False,
        "isBestMatch": True,
    }
