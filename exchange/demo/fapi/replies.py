"""Orders, algo orders and trades of the futures market as the venue's JSON shows them.

Amounts are texts: prices with the decimals of `pricePrecision`, quantities with those of
`quantityPrecision`, also when they are nothing; averages and what was traded have at least five.
So clients have recorded them; the examples of the USD-M API have fewer. Since June 2026 replies
that place or cancel an order carry no average price.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from exchange.demo.amounts import DECIMALS, ZERO, text
from exchange.demo.futures.values import AlgoOrder, Fill, Order
from exchange.demo.market.futures_symbols import FuturesSymbol

Symbols = Mapping[str, FuturesSymbol]
# Of averages and of what was traded, at least.
_AVERAGE_DECIMALS: Final = 5
_NO_AVERAGE: Final = "0.00000"


def new_order(order: Order, symbols: Symbols, response_type: str) -> dict[str, Any]:
    """Return the reply to a new order; one that is only acknowledged looks as if just arrived."""
    if response_type == "ACK":
        arrived = replace(order, status="NEW", executed=ZERO, executed_quote=ZERO)
        return order_reply(replace(arrived, updated_ms=order.at_ms), symbols)
    return order_reply(order, symbols)


def order_reply(order: Order, symbols: Symbols) -> dict[str, Any]:
    """Return the reply to a new or canceled order: without average price and worth."""
    done = _quantity(order.executed, symbols.get(order.symbol))
    return _order(order, symbols) | {"cumQty": done}


def order_row(order: Order, symbols: Symbols) -> dict[str, Any]:
    """Return an order as the queries about single and open orders show it."""
    return _order(order, symbols) | {
        "avgPrice": average_price(order),
        "cumQuote": with_decimals(order.executed_quote, _AVERAGE_DECIMALS),
        "time": order.at_ms,
    }


def history_row(order: Order, symbols: Symbols) -> dict[str, Any]:
    """Return an order as allOrders shows it, which COIN-M shares since 2026."""
    done = _quantity(order.executed, symbols.get(order.symbol))
    return order_row(order, symbols) | {"pair": order.symbol, "cumBase": done}


def checked_order(order: Order, symbols: Symbols) -> dict[str, Any]:
    """Return the reply to an order that was only checked: it still shows an average price."""
    reply = order_reply(order, symbols)
    return reply | {"avgPrice": _NO_AVERAGE, "cumQuote": _NO_AVERAGE}


def trade_row(fill: Fill, symbols: Symbols) -> dict[str, Any]:
    """Return a fill as userTrades shows it; here alone stand commission and realized result."""
    symbol = symbols.get(fill.symbol)
    quantity = _quantity(fill.quantity, symbol)
    return {
        "symbol": fill.symbol,
        "pair": fill.symbol,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "side": fill.side,
        "price": _price(fill.price, symbol),
        "qty": quantity,
        "quoteQty": plain(fill.quote_quantity),
        "baseQty": quantity,
        "commission": text(fill.commission),
        "commissionAsset": fill.commission_asset,
        "marginAsset": fill.commission_asset,
        "realizedPnl": text(fill.realized_pnl),
        "buyer": fill.side == "BUY",
        "maker": fill.is_maker,
        "positionSide": fill.position_side,
        "time": fill.at_ms,
    }


def new_algo(algo: AlgoOrder, symbols: Symbols) -> dict[str, Any]:
    """Return the reply to a new conditional order; only here a trailing stop shows its distance."""
    is_trailing = bool(algo.callback_rate)
    symbol = symbols.get(algo.symbol)
    return _algo(algo, symbols) | {
        "activatePrice": _price(algo.activate_price, symbol) if is_trailing else "",
        "callbackRate": plain(algo.callback_rate) if is_trailing else "",
    }


def algo_row(algo: AlgoOrder, child: Order | None, symbols: Symbols) -> dict[str, Any]:
    """Return a conditional order as GET algoOrder shows it.

    child   what it became, None before
    `actualQty` is what the child has executed and, as in the venue's example, before there is one
    the quantity that was asked for: it proves nothing without an `actualOrderId`.
    """
    quantity = algo.quantity if child is None else child.executed
    return _queried(algo, child, symbols) | {
        "actualType": _child_type(algo),
        "actualQty": _quantity(quantity, symbols.get(algo.symbol)),
    }


def listed_algo_row(algo: AlgoOrder, child: Order | None, symbols: Symbols) -> dict[str, Any]:
    """Return a conditional order as the lists show it: without what its child has executed."""
    nothing = _price(ZERO, symbols.get(algo.symbol))
    of_brackets = ("tpTriggerPrice", "tpPrice", "slTriggerPrice", "slPrice")
    return _queried(algo, child, symbols) | dict.fromkeys(of_brackets, nothing)


def canceled_algo(algo: AlgoOrder) -> dict[str, Any]:
    """Return the reply to the cancel of a conditional order: its code is a text."""
    return {
        "algoId": algo.algo_id,
        "clientAlgoId": algo.client_algo_id,
        "code": "200",
        "msg": "success",
    }


def all_canceled() -> dict[str, Any]:
    """Return the reply to a cancel of everything: its code is a number."""
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def average_price(order: Order) -> str:
    """Return the average price of an order's fills, with eight decimals at most."""
    if not order.executed:
        return _NO_AVERAGE
    unit = Decimal(1).scaleb(-DECIMALS)
    average = (order.executed_quote / order.executed).quantize(unit, rounding=ROUND_HALF_EVEN)
    return with_decimals(average, _AVERAGE_DECIMALS)


def plain(amount: Decimal) -> str:
    """Write an amount without needless zeros."""
    return with_decimals(amount, 0)


def with_decimals(amount: Decimal, decimals: int) -> str:
    """Write an amount with this many decimals, or more where it has more: none is lost."""
    own = -int(amount.normalize().as_tuple().exponent)
    return f"{amount:.{max(decimals, own, 0)}f}"


def _price(amount: Decimal, symbol: FuturesSymbol | None) -> str:
    return with_decimals(amount, symbol.price_precision if symbol else 0)


def _quantity(amount: Decimal, symbol: FuturesSymbol | None) -> str:
    return with_decimals(amount, symbol.quantity_precision if symbol else 0)


def _order(order: Order, symbols: Symbols) -> dict[str, Any]:
    symbol = symbols.get(order.symbol)
    return {
        "orderId": order.order_id,
        "symbol": order.symbol,
        "status": order.status,
        "clientOrderId": order.client_order_id,
        "price": _price(order.price, symbol),
        "origQty": _quantity(order.quantity, symbol),
        "executedQty": _quantity(order.executed, symbol),
        "timeInForce": order.time_in_force,
        "type": order.type,
        "reduceOnly": order.reduce_only,
        "closePosition": order.close_position,
        "side": order.side,
        "positionSide": order.position_side,
        "stopPrice": _price(order.stop_price, symbol),
        "workingType": order.working_type,
        "priceProtect": order.price_protect,
        "origType": order.original_type,
        "priceMatch": "NONE",
        "selfTradePreventionMode": order.prevention_mode,
        "goodTillDate": order.good_till_ms,
        "updateTime": order.updated_ms,
    }


def _algo(algo: AlgoOrder, symbols: Symbols) -> dict[str, Any]:
    symbol = symbols.get(algo.symbol)
    return {
        "algoId": algo.algo_id,
        "clientAlgoId": algo.client_algo_id,
        "algoType": "CONDITIONAL",
        "orderType": algo.type,
        "symbol": algo.symbol,
        "side": algo.side,
        "positionSide": algo.position_side,
        "timeInForce": algo.time_in_force,
        "quantity": _quantity(algo.quantity, symbol),
        "algoStatus": algo.status,
        "triggerPrice": _price(algo.trigger_price, symbol),
        "price": _price(algo.price, symbol),
        "icebergQuantity": None,
        "selfTradePreventionMode": algo.prevention_mode,
        "workingType": algo.working_type,
        "priceMatch": "NONE",
        "closePosition": algo.close_position,
        "priceProtect": algo.price_protect,
        "reduceOnly": algo.reduce_only,
        "createTime": algo.at_ms,
        "updateTime": algo.updated_ms,
        "triggerTime": algo.triggered_ms,
        "goodTillDate": algo.good_till_ms,
    }


def _queried(algo: AlgoOrder, child: Order | None, symbols: Symbols) -> dict[str, Any]:
    return _algo(algo, symbols) | {
        "actualOrderId": str(algo.child_id) if algo.child_id else "",
        "actualPrice": _NO_AVERAGE if child is None else average_price(child),
        "tpOrderType": "",
    }


def _child_type(algo: AlgoOrder) -> str:
    return "LIMIT" if algo.price else "MARKET"
