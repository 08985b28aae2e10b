"""Requests as the parameters of the USD-M trading endpoints (pages "Trade" of its REST API).

One-way mode: `positionSide` is left out. A flag is sent when it is on and left out when it is off.
"""

from __future__ import annotations

from typing import Final

from exchange.binance.spot_parameters import Parameters, in_digits
from exchange.domain.algo_orders import AlgoOrderRequest
from exchange.domain.orders import LimitOrderRequest, MarketOrderRequest, OrderType, TimeInForce

# The other kind of reply, ACK, reports even a market order as NEW with nothing filled.
RESULT: Final = {"newOrderRespType": "RESULT"}
YES: Final = "true"


def single_order(request: MarketOrderRequest | LimitOrderRequest) -> Parameters:
    """Return the parameters of `POST order`; ValueError for what only spot can do."""
    specific = _market(request) if isinstance(request, MarketOrderRequest) else _limit(request)
    names = {"symbol": request.symbol, "side": request.side.value}
    flags = {"reduceOnly": YES} if request.reduces_only else {}
    return names | specific | flags | {"newClientOrderId": request.client_order_id} | RESULT


def algo_order(request: AlgoOrderRequest) -> Parameters:
    """Return the parameters of `POST algoOrder`.

    `stopPrice` and `activationPrice` are words of other endpoints: -1104 here.
    """
    return {
        "algoType": "CONDITIONAL",
        "symbol": request.symbol,
        "side": request.side.value,
        "type": request.type.value,
        "clientAlgoId": request.client_order_id,
        "workingType": request.working_price.value,
        **in_digits(
            {
                "quantity": request.quantity,
                "triggerPrice": request.trigger_price,
                "price": request.price,
                "activatePrice": request.activation_price,
                "callbackRate": request.callback_percent,
            }
        ),
        **_algo_flags(request),
    }


def _market(request: MarketOrderRequest) -> Parameters:
    if request.quote_quantity is not None:
        raise ValueError("quote_quantity belongs to spot: futures take a quantity of contracts")
    return {"type": OrderType.MARKET.value} | in_digits({"quantity": request.quantity})


def _limit(request: LimitOrderRequest) -> Parameters:
    lasting = TimeInForce.GTX if request.post_only else request.time_in_force
    sizes = in_digits({"quantity": request.quantity, "price": request.price})
    return {"type": OrderType.LIMIT.value, "timeInForce": lasting.value} | sizes


def _algo_flags(request: AlgoOrderRequest) -> Parameters:
    flags = {"priceProtect": YES} if request.price_protect else {}
    if request.type.is_limited:
        flags["timeInForce"] = request.time_in_force.value
    if request.closes_position:
        # Beside it the venue takes neither a quantity (-4137) nor reduceOnly (-4138).
        return flags | {"closePosition": YES}
    return flags | ({"reduceOnly": YES} if request.reduces_only else {})
