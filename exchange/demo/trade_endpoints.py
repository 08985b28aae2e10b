"""Signed endpoints of the spot API: account, orders and trades."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from exchange.demo.accounts import SPOT
from exchange.demo.amounts import text
from exchange.demo.endpoint import Call, Endpoint, weight_by_symbol
from exchange.demo.engine import MAKER_RATE, TAKER_RATE, MarketOrder
from exchange.demo.errors import (
    UNKNOWN_ORDER,
    VenueError,
    invalid_data,
    missing_either,
    not_built,
)
from exchange.demo.ledger import ZERO
from exchange.demo.limits import rate_limits
from exchange.demo.orders import Order
from exchange.demo.replies import order_ack, order_full, order_result, order_row, trade_row
from exchange.demo.symbols import SELF_TRADE_PREVENTION_MODES
from exchange.demo.times import DAY_MS
from exchange.demo.wire import CLIENT_ORDER_ID, Params

_SIDES: Final = ("BUY", "SELL")
_ORDER_TYPES: Final = (
    "MARKET",
    "LIMIT",
    "LIMIT_MAKER",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
)
_NOT_FOR_MARKET: Final = ("price", "timeInForce", "stopPrice", "trailingDelta", "icebergQty")
_RESPONSE_TYPES: Final = ("ACK", "RESULT", "FULL")
_MOST_ROWS: Final = 1000
_END_OF_TIME: Final = 2**62


def account(call: Call) -> dict[str, Any]:
    """Return the spot balances and what the key may do."""
    omit_zero = call.params.boolean("omitZeroBalances")
    call.params.finish()
    rates = {"maker": text(MAKER_RATE), "taker": text(TAKER_RATE)}
    orders = call.venue.engine.orders
    return {
        "makerCommission": int(MAKER_RATE * 10_000),
        "takerCommission": int(TAKER_RATE * 10_000),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": rates | {"buyer": text(ZERO), "seller": text(ZERO)},
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": orders.last_update_ms(call.uid)
        or call.venue.engine.ledger.created_ms(call.uid),
        "accountType": "SPOT",
        "balances": _balances(call, omit_zero=omit_zero),
        "permissions": ["SPOT"],
        "uid": call.uid,
    }


def new_order(call: Call) -> dict[str, Any]:
    """Fill a market order at once and return it as the client wants to see it."""
    asked = _read_market_order(call)
    reply_type = call.params.choice("newOrderRespType", _RESPONSE_TYPES, default="FULL")
    call.params.finish()
    venue = call.venue
    venue.limits.check_orders(call.uid)
    order, fills = venue.engine.place(call.uid, asked, at_ms=venue.clock.now_ms())
    if reply_type == "FULL":
        return order_full(order, fills)
    return order_ack(order) if reply_type == "ACK" else order_result(order)


def check_order(call: Call) -> dict[str, Any]:
    """Check a market order without sending it to the engine."""
    asked = _read_market_order(call)
    call.params.choice("newOrderRespType", _RESPONSE_TYPES, default="FULL")
    wants_rates = call.params.boolean("computeCommissionRates")
    call.params.finish()
    call.venue.engine.check(call.uid, asked, at_ms=call.venue.clock.now_ms())
    if not wants_rates:
        return {}
    return {
        "standardCommissionForOrder": _rates(MAKER_RATE, TAKER_RATE),
        "specialCommissionForOrder": _rates(ZERO, ZERO),
        "taxCommissionForOrder": _rates(ZERO, ZERO),
        "discount": _no_discount(),
    }


def query_order(call: Call) -> dict[str, Any]:
    """Return one order; of several with the same client id the newest."""
    symbol = call.symbol().name
    order_id = call.params.integer("orderId")
    client_id = call.params.text("origClientOrderId", CLIENT_ORDER_ID)
    call.params.finish()
    if order_id is None and client_id is None:
        raise missing_either("origClientOrderId", "orderId")
    order = _find_order(call, symbol, order_id, client_id)
    if order is None:
        raise VenueError(*UNKNOWN_ORDER)
    return order_row(order)


def open_orders(call: Call) -> list[dict[str, Any]]:
    """Return orders that may still be filled."""
    symbol = call.symbol_if_sent()
    call.params.finish()
    found = call.venue.engine.orders.open_orders(call.uid, symbol.name if symbol else None)
    return [order_row(order) for order in found]


def all_orders(call: Call) -> list[dict[str, Any]]:
    """Return orders of any status, oldest first."""
    symbol = call.symbol().name
    from_id = call.params.integer("orderId")
    span = _read_span(call.params)
    limit = call.params.limit(default=500, maximum=_MOST_ROWS)
    call.params.finish()
    orders = call.venue.engine.orders
    found = orders.orders_of(call.uid, symbol, from_id=from_id, span=span, limit=limit)
    return [order_row(order) for order in found]


def my_trades(call: Call) -> list[dict[str, Any]]:
    """Return the account's trades, oldest first."""
    symbol = call.symbol().name
    order_id, from_id = call.params.integer("orderId"), call.params.integer("fromId")
    span = _read_span(call.params)
    limit = call.params.limit(default=500, maximum=_MOST_ROWS)
    call.params.finish()
    orders = call.venue.engine.orders
    found = orders.fills_of(
        call.uid, symbol, order_id=order_id, from_id=from_id, span=span, limit=limit
    )
    return [trade_row(fill) for fill in found]


def commission(call: Call) -> dict[str, Any]:
    """Return the account's commission rates of one symbol."""
    symbol = call.symbol()
    call.params.finish()
    nothing = _rates(ZERO, ZERO) | {"buyer": text(ZERO), "seller": text(ZERO)}
    return {
        "symbol": symbol.name,
        "standardCommission": nothing | _rates(MAKER_RATE, TAKER_RATE),
        "specialCommission": nothing,
        "taxCommission": nothing,
        "discount": _no_discount(),
    }


def order_counts(call: Call) -> list[dict[str, Any]]:
    """Return how many orders the account has placed in the running windows."""
    call.params.finish()
    limits = [row for row in rate_limits() if row["rateLimitType"] == "ORDERS"]
    counts = call.venue.limits.order_counts(call.uid)
    return [row | {"count": count} for row, count in zip(limits, counts, strict=True)]


def api_restrictions(call: Call) -> dict[str, Any]:
    """Return what the key is allowed to do: everything but withdraw."""
    call.params.finish()
    return {
        "ipRestrict": False,
        "createTime": call.venue.engine.ledger.created_ms(call.uid),
        "enableReading": True,
        "enableWithdrawals": False,
        "enableInternalTransfer": False,
        "enableMargin": False,
        "enableFutures": True,
        "permitsUniversalTransfer": True,
        "enableVanillaOptions": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
        "enableSpotAndMarginTrading": True,
        "enablePortfolioMarginTrading": False,
    }


def _balances(call: Call, *, omit_zero: bool) -> list[dict[str, str]]:
    return [
        {"asset": one.asset, "free": text(one.free), "locked": text(one.locked)}
        for one in call.venue.engine.ledger.holdings()
        if one.uid == call.uid and one.wallet == SPOT and (one.free or one.locked or not omit_zero)
    ]


def _read_market_order(call: Call) -> MarketOrder:
    params = call.params
    symbol = call.symbol()
    params.required_text("side")
    side = params.choice("side", _SIDES, default="", refusal=_invalid_side)
    params.required_text("type")
    kind = params.choice("type", _ORDER_TYPES, default="", refusal=_invalid_type)
    if kind != "MARKET":
        raise not_built(f"{kind} orders")
    quantity, quote_quantity = params.decimal("quantity"), params.decimal("quoteOrderQty")
    client_id = params.text("newClientOrderId", CLIENT_ORDER_ID)
    mode = params.choice(
        "selfTradePreventionMode", SELF_TRADE_PREVENTION_MODES, default="EXPIRE_MAKER"
    )
    _check_quantities(params, quantity, quote_quantity)
    return MarketOrder(
        symbol=symbol,
        side=side,
        quantity=quantity,
        quote_quantity=quote_quantity,
        client_order_id=client_id,
        prevention_mode=mode,
    )


def _check_quantities(params: Params, quantity: Decimal | None, quote: Decimal | None) -> None:
    for name in _NOT_FOR_MARKET:
        if params.has(name):
            raise VenueError(-1106, f"Parameter '{name}' sent when not required.")
    if quantity is None and quote is None:
        raise missing_either("quantity", "quoteOrderQty")
    if quantity is not None and quote is not None:
        raise VenueError(-1128, "Combination of optional parameters invalid.")


def _find_order(
    call: Call, symbol: str, order_id: int | None, client_id: str | None
) -> Order | None:
    orders = call.venue.engine.orders
    if order_id is None:
        return orders.by_client_id(call.uid, symbol, client_id or "")
    order = orders.by_id(call.uid, symbol, order_id)
    if order and client_id is not None and order.client_order_id != client_id:
        raise VenueError(-2039, "Client order ID does not match the order ID.")
    return order


def _read_span(params: Params) -> tuple[int, int]:
    start, end = params.integer("startTime"), params.integer("endTime")
    if start is not None and end is not None:
        if start > end:
            raise invalid_data("startTime")
        if end - start > DAY_MS:
            raise VenueError(-1127, "More than 24 hours between startTime and endTime.")
    return start or 0, _END_OF_TIME if end is None else end


def _rates(maker: Decimal, taker: Decimal) -> dict[str, str]:
    return {"maker": text(maker), "taker": text(taker)}


def _no_discount() -> dict[str, Any]:
    return {
        "enabledForAccount": False,
        "enabledForSymbol": False,
        "discountAsset": "BNB",
        "discount": text(ZERO),
    }


def _invalid_side(_name: str) -> VenueError:
    return VenueError(-1117, "Invalid side.")


def _invalid_type(_name: str) -> VenueError:
    return VenueError(-1116, "Invalid orderType.")


def _check_order_weight(params: Params) -> int:
    return 20 if params.has("computeCommissionRates") else 1


def _trades_weight(params: Params) -> int:
    return 5 if params.has("orderId") else 20


ENDPOINTS: Final = {
    ("GET", "/api/v3/account"): Endpoint(handle=account, weight=20, is_signed=True),
    ("GET", "/api/v3/account/commission"): Endpoint(handle=commission, weight=20, is_signed=True),
    ("POST", "/api/v3/order"): Endpoint(
        handle=new_order, weight=1, is_signed=True, places_order=True
    ),
    ("POST", "/api/v3/order/test"): Endpoint(
        handle=check_order, weight=_check_order_weight, is_signed=True
    ),
    ("GET", "/api/v3/order"): Endpoint(handle=query_order, weight=4, is_signed=True),
    ("GET", "/api/v3/openOrders"): Endpoint(
        handle=open_orders, weight=weight_by_symbol(6, 80), is_signed=True
    ),
    ("GET", "/api/v3/allOrders"): Endpoint(handle=all_orders, weight=20, is_signed=True),
    ("GET", "/api/v3/myTrades"): Endpoint(handle=my_trades, weight=_trades_weight, is_signed=True),
    ("GET", "/api/v3/rateLimit/order"): Endpoint(handle=order_counts, weight=40, is_signed=True),
    ("GET", "/sapi/v1/account/apiRestrictions"): Endpoint(
        handle=api_restrictions, weight=1, is_signed=True
    ),
}
