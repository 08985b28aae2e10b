"""Reading what a client asks for: one order, one leg of a list, one cancel.

Which parameters each type needs and which it may not carry is the table "Additional mandatory
parameters" of `POST /api/v3/order` in the spot API's `rest-api.md`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from exchange.demo.errors import (
    VenueError,
    bad_combination,
    missing_either,
    not_required,
    unsupported,
)
from exchange.demo.http.wire import CLIENT_ORDER_ID, Params
from exchange.demo.market.symbols import SELF_TRADE_PREVENTION_MODES, Symbol
from exchange.demo.trading.asked import CancelTarget, OrderRequest

SIDES: Final = ("BUY", "SELL")
TIMES_IN_FORCE: Final = ("GTC", "IOC", "FOK")
RESPONSE_TYPES: Final = ("ACK", "RESULT", "FULL")
CANCEL_RESTRICTIONS: Final = ("ONLY_NEW", "ONLY_PARTIALLY_FILLED")
LEAST_STRATEGY_TYPE: Final = 1_000_000
_STOP: Final = frozenset({"stopPrice", "trailingDelta"})
_LIMIT: Final = frozenset({"price", "timeInForce", "icebergQty"})
# What a type reads beside side and quantity; anything else of `_SOME_TYPES` is refused (-1106).
_FORMS: Final = {
    "MARKET": frozenset[str](),
    "LIMIT": _LIMIT,
    "LIMIT_MAKER": frozenset({"price", "icebergQty"}),
    "STOP_LOSS": _STOP,
    "STOP_LOSS_LIMIT": _LIMIT | _STOP,
    "TAKE_PROFIT": _STOP,
    "TAKE_PROFIT_LIMIT": _LIMIT | _STOP,
}
_SOME_TYPES: Final = ("price", "timeInForce", "stopPrice", "trailingDelta", "icebergQty")
_PEG_PRICES: Final = ("PRIMARY_PEG", "MARKET_PEG")
_PEG_OFFSETS: Final = ("PRICE_LEVEL",)


@dataclass(frozen=True, slots=True)
class Names:
    """How one leg's parameters are called: `stopPrice`, or `aboveStopPrice` for the leg `above`.

    odd   names that do not follow that rule
    """

    leg: str = ""
    odd: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, name: str) -> str:
        """Return the parameter's name of this leg."""
        if name in self.odd:
            return self.odd[name]
        return f"{self.leg}{name[0].upper()}{name[1:]}" if self.leg else name

    @property
    def client_order_id(self) -> str:
        """Return the name of the parameter that carries the order's own id."""
        return self("clientOrderId") if self.leg else "newClientOrderId"


PLAIN: Final = Names()


def read_order(params: Params, symbol: Symbol) -> OrderRequest:
    """Return the order that `POST order`, `order/test` or `order/cancelReplace` asks for."""
    side = read_side(params, "side")
    kind = read_type(params, "type")
    quantity, worth = _read_quantities(params, kind)
    return read_leg(
        params,
        PLAIN,
        symbol=symbol,
        side=side,
        kind=kind,
        quantity=quantity,
        quote_quantity=worth,
        prevention_mode=read_prevention_mode(params),
    )


def read_leg(
    params: Params,
    names: Names,
    *,
    symbol: Symbol,
    side: str,
    kind: str,
    quantity: Decimal | None,
    prevention_mode: str,
    quote_quantity: Decimal | None = None,
) -> OrderRequest:
    """Return one order by its leg's names; its type, side and quantity have been read before."""
    form = _FORMS[kind]
    for name in _SOME_TYPES:
        if name not in form and params.has(names(name)):
            raise not_required(names(name))
    _refuse_unsupported(params, names, form)
    strategy_id, strategy_type = _read_strategy(params, names)
    return OrderRequest(
        symbol=symbol,
        side=side,
        type=kind,
        time_in_force=_read_time_in_force(params, names, form),
        quantity=quantity,
        quote_quantity=quote_quantity,
        price=params.required_decimal(names("price")) if "price" in form else None,
        stop_price=params.required_decimal(names("stopPrice")) if "stopPrice" in form else None,
        client_order_id=params.text(names.client_order_id, CLIENT_ORDER_ID),
        prevention_mode=prevention_mode,
        strategy_id=strategy_id,
        strategy_type=strategy_type,
    )


def read_side(params: Params, name: str) -> str:
    """Return a side (-1117 when it is none)."""
    return params.required_choice(name, SIDES, refusal=_invalid_side)


def read_type(params: Params, name: str, allowed: Collection[str] = ()) -> str:
    """Return an order type (-1116 when it is none, -1014 when it is not allowed here)."""
    kind = params.required_choice(name, tuple(_FORMS), refusal=_invalid_type)
    if allowed and kind not in allowed:
        raise VenueError(-1014, "Unsupported order combination.")
    return kind


def read_prevention_mode(params: Params) -> str:
    """Return how the account wants to be kept from trading with itself."""
    return params.choice(
        "selfTradePreventionMode", SELF_TRADE_PREVENTION_MODES, default="EXPIRE_MAKER"
    )


def read_response_type(params: Params, default: str) -> str:
    """Return how much the client wants to read about a new order."""
    return params.choice("newOrderRespType", RESPONSE_TYPES, default=default)


def default_response_type(kind: str) -> str:
    """Return what a client reads about a new order when it does not choose."""
    return "FULL" if kind in ("MARKET", "LIMIT") else "ACK"


def read_cancel(
    params: Params, *, order_id: str, client_order_id: str, cancel_client_id: str
) -> CancelTarget:
    """Return which order to cancel, and under which condition; parameters go by these names."""
    target = CancelTarget(
        order_id=params.integer(order_id),
        client_order_id=params.text(client_order_id, CLIENT_ORDER_ID),
        cancel_client_id=params.text(cancel_client_id, CLIENT_ORDER_ID),
        restrictions=params.choice(
            "cancelRestrictions", CANCEL_RESTRICTIONS, default="", refusal=_invalid_restrictions
        )
        or None,
    )
    if target.order_id is None and target.client_order_id is None:
        raise missing_either(client_order_id, order_id)
    return target


def _read_quantities(params: Params, kind: str) -> tuple[Decimal | None, Decimal | None]:
    if kind != "MARKET":
        if params.has("quoteOrderQty"):
            raise not_required("quoteOrderQty")
        return params.required_decimal("quantity"), None
    quantity, worth = params.decimal("quantity"), params.decimal("quoteOrderQty")
    if quantity is None and worth is None:
        raise missing_either("quantity", "quoteOrderQty")
    if quantity is not None and worth is not None:
        raise bad_combination()
    return quantity, worth


def _read_time_in_force(params: Params, names: Names, form: frozenset[str]) -> str:
    if "timeInForce" not in form:
        return "GTC"
    name = names("timeInForce")
    return params.required_choice(name, TIMES_IN_FORCE, refusal=_invalid_time_in_force)


def _read_strategy(params: Params, names: Names) -> tuple[int | None, int | None]:
    number, kind = params.integer(names("strategyId")), params.integer(names("strategyType"))
    if kind is not None and kind < LEAST_STRATEGY_TYPE:
        raise VenueError(-1134, f"strategyType was less than {LEAST_STRATEGY_TYPE}.")
    return number, kind


def _refuse_unsupported(params: Params, names: Names, form: frozenset[str]) -> None:
    _refuse_pegs(params, names, form)
    if params.decimal(names("icebergQty")) is not None:
        raise unsupported("Iceberg orders")
    trailing = params.integer(names("trailingDelta"))
    if trailing is not None:
        raise unsupported("Trailing stop orders")
    if "stopPrice" in form and not params.has(names("stopPrice")):
        raise missing_either(names("stopPrice"), names("trailingDelta"))


def _refuse_pegs(params: Params, names: Names, form: frozenset[str]) -> None:
    name = names("pegPriceType")
    if not params.has(name):
        return
    params.choice(name, _PEG_PRICES, default="", refusal=_invalid_peg_price)
    offset = names("pegOffsetType")
    params.choice(offset, _PEG_OFFSETS, default="", refusal=_invalid_peg_offset)
    params.integer(names("pegOffsetValue"))
    if "price" not in form:
        raise VenueError(-1013, "This order type may not use pegged price.")
    raise unsupported("Pegged orders")


def _invalid_side(_name: str) -> VenueError:
    return VenueError(-1117, "Invalid side.")


def _invalid_type(_name: str) -> VenueError:
    return VenueError(-1116, "Invalid orderType.")


def _invalid_time_in_force(_name: str) -> VenueError:
    return VenueError(-1115, "Invalid timeInForce.")


def _invalid_restrictions(_name: str) -> VenueError:
    return VenueError(-1145, "Invalid cancelRestrictions")


def _invalid_peg_price(_name: str) -> VenueError:
    return VenueError(-1210, "Invalid pegPriceType.")


def _invalid_peg_offset(_name: str) -> VenueError:
    return VenueError(-1211, "Invalid pegOffsetType.")
