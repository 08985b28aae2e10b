"""Reading a conditional order: what each type needs and what it may not carry.

Source: "New Algo Order" and the error codes of the USD-M API. The service has words of its own:
`triggerPrice` and `activatePrice`, where orders once had `stopPrice` and `activationPrice`; those
are not read here (-1104), nor is `newClientOrderId`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from exchange.demo.errors import VenueError, not_required
from exchange.demo.fapi.order_parameters import (
    WORKING_TYPES,
    read_client_id,
    read_good_till,
    read_position_side,
    read_prevention_mode,
    read_response_type,
    read_side,
    read_time_in_force,
    refuse_price_match,
    wrong_closing_type,
)
from exchange.demo.futures.asked import AlgoRequest
from exchange.demo.futures.values import ALGO_TYPES
from exchange.demo.http.wire import Params
from exchange.demo.market.futures_symbols import FuturesSymbol

ALGO_KIND: Final = "CONDITIONAL"
LEAST_CALLBACK_RATE: Final = Decimal("0.1")
# Since October 2026; before, it was 10.
MOST_CALLBACK_RATE: Final = Decimal(20)
CLOSING_TYPES: Final = ("STOP_MARKET", "TAKE_PROFIT_MARKET")
_LIMITED: Final = frozenset({"triggerPrice", "price"})
_AT_MARKET: Final = frozenset({"triggerPrice"})
# What a type reads of `_SOME_TYPES`; the others it may not carry (-1106).
_FORMS: Final = {
    "STOP": _LIMITED,
    "TAKE_PROFIT": _LIMITED,
    "STOP_MARKET": _AT_MARKET,
    "TAKE_PROFIT_MARKET": _AT_MARKET,
    "TRAILING_STOP_MARKET": frozenset({"activatePrice", "callbackRate"}),
}
_SOME_TYPES: Final = ("triggerPrice", "price", "activatePrice", "callbackRate")


def read_algo(params: Params, symbol: FuturesSymbol, *, now_ms: int) -> AlgoRequest:
    """Return the order that `POST algoOrder` asks for; `now_ms` is market time."""
    params.required_choice("algoType", (ALGO_KIND,))
    side, kind = read_side(params), _read_type(params)
    form = _FORMS[kind]
    for name in _SOME_TYPES:
        if name not in form and params.has(name):
            raise not_required(name)
    refuse_price_match(params, is_limited="price" in form)
    is_closing = _read_closing(params, kind)
    read_response_type(params)  # both words get the same reply
    time_in_force = _read_time_in_force(params, form)
    return AlgoRequest(
        symbol=symbol,
        side=side,
        type=kind,
        quantity=None if is_closing else params.required_decimal("quantity"),
        position_side=read_position_side(params),
        time_in_force=time_in_force,
        price=params.required_decimal("price") if "price" in form else None,
        trigger_price=params.required_decimal("triggerPrice") if "triggerPrice" in form else None,
        activate_price=params.decimal("activatePrice"),
        callback_rate=_read_callback_rate(params) if "callbackRate" in form else None,
        working_type=_read_working_type(params),
        price_protect=_read_price_protect(params),
        reduce_only=params.boolean("reduceOnly"),
        close_position=is_closing,
        client_algo_id=read_client_id(params, "clientAlgoId"),
        prevention_mode=read_prevention_mode(params),
        good_till_ms=read_good_till(params, time_in_force, now_ms=now_ms),
    )


def _read_type(params: Params) -> str:
    return params.required_choice("type", ALGO_TYPES, refusal=_invalid_type)


def _read_closing(params: Params, kind: str) -> bool:
    if not params.boolean("closePosition"):
        return False
    if kind not in CLOSING_TYPES:
        raise wrong_closing_type(kind)
    if params.decimal("quantity"):
        raise VenueError(-4137, "Quantity must be zero with closePosition equals true")
    if params.has("reduceOnly"):
        if params.boolean("reduceOnly"):
            raise not_required("reduceonly")
        raise VenueError(-4138, "Reduce only must be true with closePosition equals true")
    return True


def _read_time_in_force(params: Params, form: frozenset[str]) -> str:
    wanted = read_time_in_force(params, default="GTC")
    if "price" not in form and wanted != "GTC":
        raise not_required("timeInForce")
    return wanted


def _read_callback_rate(params: Params) -> Decimal:
    rate = params.required_decimal("callbackRate")
    if not LEAST_CALLBACK_RATE <= rate <= MOST_CALLBACK_RATE:
        raise VenueError(-2007, "Invalid callBack rate.")
    return rate


def _read_working_type(params: Params) -> str:
    return params.choice(
        "workingType", WORKING_TYPES, default="CONTRACT_PRICE", refusal=_invalid_working_type
    )


def _read_price_protect(params: Params) -> bool:
    # The documentation spells it both ways.
    wanted = params.choice("priceProtect", ("true", "false", "TRUE", "FALSE"), default="false")
    return wanted.lower() == "true"


def _invalid_type(_name: str) -> VenueError:
    return VenueError(-1116, "Invalid orderType.")


def _invalid_working_type(_name: str) -> VenueError:
    return VenueError(-4031, "Invalid parameter working type")
