"""Reading what a client asks for: the order lists OCO, OTO, OTOCO, OPO and OPOCO.

Source: "Order lists" of the spot API's `rest-api.md`; codes -1158 to -1199, -1222, -1223 of
`errors.md`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, TypedDict

from exchange.demo.errors import VenueError
from exchange.demo.http.order_parameters import (
    Names,
    read_leg,
    read_prevention_mode,
    read_side,
    read_type,
)
from exchange.demo.http.wire import CLIENT_ORDER_ID, Params
from exchange.demo.market.symbols import Symbol
from exchange.demo.trading.asked import ListKind, ListRequest, OrderRequest

_WORKING_TYPES: Final = ("LIMIT", "LIMIT_MAKER")
_LIMIT_MAKER: Final = "LIMIT_MAKER"
_FAMILIES: Final = {
    "LIMIT_MAKER": _LIMIT_MAKER,
    "STOP_LOSS": "STOP",
    "STOP_LOSS_LIMIT": "STOP",
    "TAKE_PROFIT": "PROFIT",
    "TAKE_PROFIT_LIMIT": "PROFIT",
}
_MISPLACED: Final[dict[tuple[str, str, str | None], tuple[int, str]]] = {
    ("BUY", "above", _LIMIT_MAKER): (-1165, "A limit order in a buy OCO must be below."),
    ("SELL", "below", _LIMIT_MAKER): (-1166, "A limit order in a sell OCO must be above."),
    ("BUY", "below", "STOP"): (-1196, "A stop loss order in a buy OCO must be above."),
    ("SELL", "above", "STOP"): (-1197, "A stop loss order in a sell OCO must be below."),
    ("BUY", "above", "PROFIT"): (-1198, "A take profit order in a buy OCO must be below."),
    ("SELL", "below", "PROFIT"): (-1199, "A take profit order in a sell OCO must be above."),
}


# `POST order/oco` of old names its parameters in its own way.
_OLD_LIMIT: Final = Names("limit", {"price": "price"})
_OLD_STOP: Final = Names(
    "stop",
    {
        "price": "stopLimitPrice",
        "timeInForce": "stopLimitTimeInForce",
        "stopPrice": "stopPrice",
        "trailingDelta": "trailingDelta",
    },
)


def read_list(params: Params, symbol: Symbol, kind: ListKind) -> ListRequest:
    """Return the list that a request asks for; its response type is left to the caller."""
    mode = read_prevention_mode(params)
    legs = _LEGS[kind](params, symbol, mode)
    return _list(params, symbol, kind, legs)


def read_old_oco(params: Params, symbol: Symbol) -> ListRequest:
    """Return the OCO of the deprecated `POST order/oco`: a limit and a stop, no above and below."""
    mode = read_prevention_mode(params)
    side, quantity = read_side(params, "side"), params.required_decimal("quantity")
    shared: _Shared = {
        "symbol": symbol,
        "side": side,
        "quantity": quantity,
        "prevention_mode": mode,
    }
    stop_kind = "STOP_LOSS_LIMIT" if params.has("stopLimitPrice") else "STOP_LOSS"
    limit = read_leg(params, _OLD_LIMIT, kind=_LIMIT_MAKER, **shared)
    stop = read_leg(params, _OLD_STOP, kind=stop_kind, **shared)
    legs = (limit, stop) if side == "SELL" else (stop, limit)
    return _list(params, symbol, ListKind.OCO, legs)


class _Shared(TypedDict):
    symbol: Symbol
    side: str
    quantity: Decimal | None
    prevention_mode: str


def _list(
    params: Params, symbol: Symbol, kind: ListKind, legs: tuple[OrderRequest, ...]
) -> ListRequest:
    client_order_id = params.text("listClientOrderId", CLIENT_ORDER_ID)
    return ListRequest(kind=kind, symbol=symbol, client_order_id=client_order_id, legs=legs)


def _oco(params: Params, symbol: Symbol, mode: str) -> tuple[OrderRequest, ...]:
    side, quantity = read_side(params, "side"), params.required_decimal("quantity")
    return _pair(
        params,
        ("above", "below"),
        {"symbol": symbol, "side": side, "quantity": quantity, "prevention_mode": mode},
    )


def _oto(params: Params, symbol: Symbol, mode: str) -> tuple[OrderRequest, ...]:
    working = _working(params, symbol, mode)
    quantity = params.required_decimal("pendingQuantity")
    return working, _pending(params, symbol, mode, quantity)


def _opo(params: Params, symbol: Symbol, mode: str) -> tuple[OrderRequest, ...]:
    working = _working(params, symbol, mode)
    pending = _pending(params, symbol, mode, None)
    _check_paid_by_the_other(working, pending)
    return working, pending


def _otoco(params: Params, symbol: Symbol, mode: str) -> tuple[OrderRequest, ...]:
    working = _working(params, symbol, mode)
    quantity = params.required_decimal("pendingQuantity")
    return working, *_pending_pair(params, symbol, mode, quantity)


def _opoco(params: Params, symbol: Symbol, mode: str) -> tuple[OrderRequest, ...]:
    working = _working(params, symbol, mode)
    pair = _pending_pair(params, symbol, mode, None)
    _check_paid_by_the_other(working, pair[0])
    return working, *pair


_LEGS: Final = {
    ListKind.OCO: _oco,
    ListKind.OTO: _oto,
    ListKind.OPO: _opo,
    ListKind.OTOCO: _otoco,
    ListKind.OPOCO: _opoco,
}


def _working(params: Params, symbol: Symbol, mode: str) -> OrderRequest:
    return read_leg(
        params,
        Names("working"),
        symbol=symbol,
        kind=read_type(params, "workingType", _WORKING_TYPES),
        side=read_side(params, "workingSide"),
        quantity=params.required_decimal("workingQuantity"),
        prevention_mode=mode,
    )


def _pending(params: Params, symbol: Symbol, mode: str, quantity: Decimal | None) -> OrderRequest:
    return read_leg(
        params,
        Names("pending"),
        symbol=symbol,
        kind=read_type(params, "pendingType"),
        side=read_side(params, "pendingSide"),
        quantity=quantity,
        prevention_mode=mode,
    )


def _pending_pair(
    params: Params, symbol: Symbol, mode: str, quantity: Decimal | None
) -> tuple[OrderRequest, ...]:
    side = read_side(params, "pendingSide")
    return _pair(
        params,
        ("pendingAbove", "pendingBelow"),
        {"symbol": symbol, "side": side, "quantity": quantity, "prevention_mode": mode},
    )


def _pair(params: Params, legs: tuple[str, str], shared: _Shared) -> tuple[OrderRequest, ...]:
    kinds = [read_type(params, Names(leg)("type")) for leg in legs]
    _check_places(shared["side"], *kinds)
    return tuple(
        read_leg(params, Names(leg), kind=kind, **shared)
        for leg, kind in zip(legs, kinds, strict=True)
    )


def _check_places(side: str, above: str, below: str) -> None:
    families = {"above": _FAMILIES.get(above), "below": _FAMILIES.get(below)}
    if None in families.values():
        raise VenueError(-1158, "Order type not supported in OCO.")
    if above == below == _LIMIT_MAKER:
        raise VenueError(-1168, "At least one OCO order must be contingent.")
    for place, family in families.items():
        if refusal := _MISPLACED.get((side, place, family)):
            raise VenueError(*refusal)


def _check_paid_by_the_other(working: OrderRequest, pending: OrderRequest) -> None:
    if working.side != "BUY":
        raise VenueError(-1222, "Working order in an OPO list must be a bid.")
    if pending.side != "SELL":
        raise VenueError(-1223, "Pending orders in an OPO list must be asks.")
