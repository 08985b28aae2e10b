"""What a symbol's rules say to a conditional order of USD-M futures before it is sent.

Whether it would trigger at once (-2021) is not looked at: that goes by the price of the moment.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from exchange.domain.algo_orders import AlgoOrderRequest
from exchange.domain.filters import Filter, Violation
from exchange.domain.rules import TradingRules

# Of an account, over all symbols (change log of the derivatives API, 2025-12-29); -4045 above it.
MAX_OPEN_ALGO_ORDERS: Final = 200


def algo_order_violation(
    rules: TradingRules, request: AlgoOrderRequest, *, price: Decimal
) -> Violation | None:
    """Say why the venue would refuse `request`, at the latest when it triggers; None if not.

    price   about what the market's is; a trailing stop tells its value by nothing else
    """
    return (
        rules.type_violation(request.type.value)
        or (
            _activation_violation(rules, request)
            if request.trigger_price is None
            else rules.price_violation("trigger price", request.trigger_price)
        )
        or _child_violation(rules, request, price=price)
    )


def algo_room_violation(*, open_now: int, adding: int = 1) -> Violation | None:
    """Say why the account has no room for more conditional orders, of all symbols together."""
    if open_now + adding <= MAX_OPEN_ALGO_ORDERS:
        return None
    words = f"{open_now} open and {adding} more are above the maximum of {MAX_OPEN_ALGO_ORDERS}"
    return Violation(code=Filter.MAX_NUM_ALGO_ORDERS, words=f"{words} conditional orders")


def _activation_violation(rules: TradingRules, request: AlgoOrderRequest) -> Violation | None:
    if request.activation_price is None:
        return None
    return rules.price_violation("activation price", request.activation_price)


def _child_violation(
    rules: TradingRules, request: AlgoOrderRequest, *, price: Decimal
) -> Violation | None:
    if request.quantity is None:
        return None  # it closes what is there at the trigger, of whatever size
    if request.price is None or request.trigger_price is None:
        return rules.market_order_violation(
            quantity=request.quantity,
            price=request.trigger_price or price,
            reduces_only=request.reduces_only,
        )
    return rules.stop_order_violation(
        order_type=request.type.value,
        side=request.side,
        quantity=request.quantity,
        stop_price=request.trigger_price,
        limit_price=request.price,
        reduces_only=request.reduces_only,
    )
