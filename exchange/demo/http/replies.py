"""The JSON of orders, order lists and trades, field by field as the spot API sends it.

Which fields appear when: "Conditional fields in Order Responses" of `rest-api.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from exchange.demo.amounts import text
from exchange.demo.trading.ledger import ZERO
from exchange.demo.trading.orders import Fill, Order, OrderList

_NO_FILLS: Final[tuple[Fill, ...]] = ()


def new_order(order: Order, fills: Sequence[Fill], response_type: str) -> dict[str, Any]:
    """Return the reply to a new order: ACK, RESULT or FULL."""
    if response_type == "ACK":
        return order_ack(order)
    if response_type == "FULL":
        return order_result(order) | {"fills": [_fill_row(fill) for fill in fills]}
    return order_result(order)


def order_ack(order: Order) -> dict[str, Any]:
    """Return the shortest reply to a new order."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": order.client_order_id,
        "transactTime": order.updated_ms,
    }


def order_result(order: Order) -> dict[str, Any]:
    """Return the reply to a new order without its fills."""
    return (
        order_ack(order)
        | _amounts(order)
        | _when_stopped(order)
        | {"workingTime": order.working_ms, "selfTradePreventionMode": order.prevention_mode}
        | _labels(order)
    )


def canceled_order(order: Order, cancel_client_id: str) -> dict[str, Any]:
    """Return the reply to the cancel of an order; `clientOrderId` is the cancel's."""
    return (
        {"symbol": order.symbol, "origClientOrderId": order.client_order_id}
        | order_ack(order)
        | {"clientOrderId": cancel_client_id}
        | _amounts(order)
        | _when_stopped(order)
        | {"selfTradePreventionMode": order.prevention_mode}
        | _labels(order)
    )


def order_row(order: Order) -> dict[str, Any]:
    """Return an order as the queries show it; fills are never part of it."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": order.client_order_id,
        "price": text(order.price),
        "origQty": text(order.quantity),
        "executedQty": text(order.executed),
        "cummulativeQuoteQty": text(order.executed_quote),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
        "stopPrice": text(order.stop_price),
        "icebergQty": text(ZERO),
        "time": order.at_ms,
        "updateTime": order.updated_ms,
        "isWorking": order.is_working,
        "workingTime": order.working_ms,
        "origQuoteOrderQty": text(order.quote_order_quantity),
        "selfTradePreventionMode": order.prevention_mode,
    } | _labels(order)


def trade_row(fill: Fill) -> dict[str, Any]:
    """Return a fill as myTrades shows it."""
    return {
        "symbol": fill.symbol,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "orderListId": fill.list_id,
        "price": text(fill.price),
        "qty": text(fill.quantity),
        "quoteQty": text(fill.quote_quantity),
        "commission": text(fill.commission),
        "commissionAsset": fill.commission_asset,
        "time": fill.at_ms,
        "isBuyer": fill.is_buyer,
        "isMaker": fill.is_maker,
        "isBestMatch": True,
    }


def list_row(order_list: OrderList, orders: Sequence[Order]) -> dict[str, Any]:
    """Return an order list as the queries show it: its legs by their ids alone."""
    return {
        "orderListId": order_list.list_id,
        "contingencyType": order_list.contingency,
        "listStatusType": order_list.status_type,
        "listOrderStatus": order_list.order_status,
        "listClientOrderId": order_list.client_order_id,
        "transactionTime": order_list.at_ms,
        "symbol": order_list.symbol,
        "orders": [
            {
                "symbol": order.symbol,
                "orderId": order.order_id,
                "clientOrderId": order.client_order_id,
            }
            for order in orders
        ],
    }


def new_list(
    order_list: OrderList,
    orders: Sequence[Order],
    fills: Mapping[int, Sequence[Fill]],
    response_type: str,
) -> dict[str, Any]:
    """Return the reply to a new order list."""
    reports = [
        new_order(order, fills.get(order.order_id, _NO_FILLS), response_type) for order in orders
    ]
    return list_row(order_list, orders) | {"orderReports": reports}


def canceled_list(
    order_list: OrderList, orders: Sequence[Order], cancel_client_id: str
) -> dict[str, Any]:
    """Return the reply to the cancel of an order list, or of one of its orders."""
    reports = [canceled_order(order, cancel_client_id) for order in orders]
    return list_row(order_list, orders) | {"orderReports": reports}


def _amounts(order: Order) -> dict[str, Any]:
    # The pending order of an OPO has no quantity before its working order is filled.
    sized = {"origQty": text(order.quantity)} if order.quantity else {}
    return {
        "price": text(order.price),
        **sized,
        "executedQty": text(order.executed),
        "origQuoteOrderQty": text(order.quote_order_quantity),
        "cummulativeQuoteQty": text(order.executed_quote),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
    }


def _when_stopped(order: Order) -> dict[str, Any]:
    return {"stopPrice": text(order.stop_price)} if order.stop_price else {}


def _labels(order: Order) -> dict[str, Any]:
    labels = {
        "strategyId": order.strategy_id,
        "strategyType": order.strategy_type,
        "expiryReason": order.expiry_reason,
    }
    return {name: value for name, value in labels.items() if value is not None}


def _fill_row(fill: Fill) -> dict[str, Any]:
    return {
        "price": text(fill.price),
        "qty": text(fill.quantity),
        "commission": text(fill.commission),
        "commissionAsset": fill.commission_asset,
        "tradeId": fill.trade_id,
    }
