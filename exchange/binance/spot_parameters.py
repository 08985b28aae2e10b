"""Requests as the parameters of spot's trading endpoints (rest-api.md, "Trading endpoints").

Everything is text: the library writes what it is given with str(), which makes 1E-8 of a small
Decimal and True of a bool. Every reply is asked for in full.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from exchange.domain.order_lists import EntryListRequest, OcoRequest, StopLeg, TargetLeg
from exchange.domain.orders import (
    CancelReplaceRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    OrderType,
    SingleOrderRequest,
    StopOrderRequest,
    TimeInForce,
)
from exchange.domain.types import Side

Parameters = dict[str, str]

FULL: Final = {"newOrderRespType": "FULL"}


def plain(amount: Decimal) -> str:
    """Return `amount` in digits, never with an exponent."""
    return format(amount, "f")


def single_order(request: SingleOrderRequest) -> Parameters:
    """Return the parameters of `POST order`; ValueError for what only futures can do."""
    if isinstance(request, MarketOrderRequest | LimitOrderRequest) and request.reduces_only:
        raise ValueError("reduces_only belongs to futures: a spot order reduces no position")
    if isinstance(request, MarketOrderRequest):
        specific = _market(request)
    elif isinstance(request, LimitOrderRequest):
        specific = _limit(request)
    else:
        specific = _stop(request)
    names = {"symbol": request.symbol, "side": request.side.value}
    return names | specific | {"newClientOrderId": request.client_order_id} | FULL


def cancel_replace(request: CancelReplaceRequest) -> Parameters:
    """Return the parameters of `POST order/cancelReplace`."""
    return single_order(request.order) | {
        "cancelReplaceMode": request.mode.value,
        "cancelOrigClientOrderId": request.canceled_client_order_id,
    }


def oco(request: OcoRequest) -> Parameters:
    """Return the parameters of `POST orderList/oco`: the target lies above for a sale."""
    is_sale = request.side is Side.SELL
    return (
        {
            "symbol": request.symbol,
            "side": request.side.value,
            "quantity": plain(request.quantity),
            "listClientOrderId": request.client_order_id,
        }
        | _leg("above" if is_sale else "below", request.target)
        | _leg("below" if is_sale else "above", request.stop)
        | FULL
    )


def entry_list(request: EntryListRequest) -> Parameters:
    """Return the parameters of `POST orderList/opo` (one exit) or `orderList/opoco` (both).

    The exits carry no quantity: the venue takes what the entry has bought.
    """
    listed = {"symbol": request.symbol, "listClientOrderId": request.client_order_id}
    exits: Parameters = {"pendingSide": Side.SELL.value}
    if request.stop and request.target:
        exits |= _leg("pendingAbove", request.target) | _leg("pendingBelow", request.stop)
    else:
        for leg in (request.stop, request.target):
            exits |= _leg("pending", leg) if leg else {}
    return listed | _entry(request) | exits | FULL


def _market(request: MarketOrderRequest) -> Parameters:
    sizes = {"quantity": request.quantity, "quoteOrderQty": request.quote_quantity}
    return {"type": OrderType.MARKET.value} | in_digits(sizes)


def _limit(request: LimitOrderRequest) -> Parameters:
    amounts = in_digits({"quantity": request.quantity, "price": request.price})
    if request.post_only:
        return {"type": OrderType.LIMIT_MAKER.value} | amounts
    return {
        "type": OrderType.LIMIT.value,
        "timeInForce": request.time_in_force.value,
    } | amounts


def _stop(request: StopOrderRequest) -> Parameters:
    amounts = {
        "quantity": request.quantity,
        "stopPrice": request.stop_price,
        "price": request.price,
    }
    if request.price is None:
        return {"type": request.kind.value} | in_digits(amounts)
    return {
        "type": f"{request.kind.value}_LIMIT",
        "timeInForce": request.time_in_force.value,
    } | in_digits(amounts)


def _entry(request: EntryListRequest) -> Parameters:
    kind = OrderType.LIMIT_MAKER if request.post_only else OrderType.LIMIT
    lasting = {} if request.post_only else {"workingTimeInForce": request.time_in_force.value}
    return {
        "workingType": kind.value,
        "workingSide": Side.BUY.value,
        "workingClientOrderId": request.entry_client_order_id,
        **in_digits({"workingQuantity": request.quantity, "workingPrice": request.price}),
    } | lasting


def _leg(prefix: str, leg: StopLeg | TargetLeg) -> Parameters:
    has_limit = leg.type in (OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT)
    return {
        f"{prefix}Type": leg.type.value,
        f"{prefix}ClientOrderId": leg.client_order_id,
        **in_digits({f"{prefix}Price": leg.price, f"{prefix}StopPrice": leg.stop_price}),
    } | ({f"{prefix}TimeInForce": TimeInForce.GTC.value} if has_limit else {})


def in_digits(named: dict[str, Decimal | None]) -> Parameters:
    """Return the amounts that there are, in digits."""
    return {name: plain(amount) for name, amount in named.items() if amount is not None}
