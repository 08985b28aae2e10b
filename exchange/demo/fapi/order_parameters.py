"""Reading a new order of the futures market: what each type needs and what it may not carry.

Source: "New Order" and the error codes of the USD-M API. Stops and trailing stops moved to the algo
service in December 2025; the words that only they know are not read here any more (-1104).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from exchange.demo.errors import VenueError, missing, not_built, not_required
from exchange.demo.futures.asked import OrderRequest
from exchange.demo.futures.values import ALGO_TYPES
from exchange.demo.http.wire import Params
from exchange.demo.market.futures_symbols import FUTURES_TIMES_IN_FORCE, FuturesSymbol

SIDES: Final = ("BUY", "SELL")
POSITION_SIDES: Final = ("BOTH", "LONG", "SHORT")
WORKING_TYPES: Final = ("CONTRACT_PRICE", "MARK_PRICE")
PREVENTION_MODES: Final = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH")
RESPONSE_TYPES: Final = ("ACK", "RESULT")
CLIENT_ID: Final = r"^[.A-Z:/a-z0-9_-]{1,36}$"
# It must end this much later than now, and before the year 10000.
LEAST_GOOD_TILL_MS: Final = 600_000
LAST_GOOD_TILL_MS: Final = 253_402_300_799_000
_LONGEST_CLIENT_ID: Final = 36
_ONLY_CONDITIONAL: Final = ("workingType", "priceProtect")
_PRICE_MATCHES: Final = tuple(
    f"{kind}{depth}" for kind in ("OPPONENT", "QUEUE") for depth in ("", "_5", "_10", "_20")
)


def read_order(params: Params, symbol: FuturesSymbol, *, now_ms: int) -> OrderRequest:
    """Return the order that `POST order` or `order/test` asks for; `now_ms` is market time."""
    side, kind = read_side(params), _read_type(params)
    _refuse_conditional(params, kind)
    is_limit = kind == "LIMIT"
    refuse_price_match(params, is_limited=is_limit)
    time_in_force = _read_time_in_force(params, is_limit=is_limit)
    if not is_limit and params.has("price"):
        raise not_required("price")
    return OrderRequest(
        symbol=symbol,
        side=side,
        type=kind,
        quantity=params.required_decimal("quantity"),
        time_in_force=time_in_force,
        price=params.required_decimal("price") if is_limit else None,
        position_side=read_position_side(params),
        reduce_only=params.boolean("reduceOnly"),
        client_order_id=read_client_id(params, "newClientOrderId"),
        prevention_mode=read_prevention_mode(params),
        good_till_ms=read_good_till(params, time_in_force, now_ms=now_ms),
    )


def read_side(params: Params) -> str:
    """Return the side (-1117 when it is none)."""
    return params.required_choice("side", SIDES, refusal=_refusing(-1117, "Invalid side."))


def read_position_side(params: Params) -> str:
    """Return which position is meant (-4060 when it is none)."""
    refusal = _refusing(-4060, "Invalid position side.")
    return params.choice("positionSide", POSITION_SIDES, default="BOTH", refusal=refusal)


def read_prevention_mode(params: Params) -> str:
    """Return how the account wants to be kept from trading with itself (-5039)."""
    refusal = _refusing(-5039, "Invalid self trade prevention mode")
    name = "selfTradePreventionMode"
    return params.choice(name, PREVENTION_MODES, default="EXPIRE_MAKER", refusal=refusal)


def read_response_type(params: Params) -> str:
    """Return how much the client wants to read about a new order."""
    return params.choice("newOrderRespType", RESPONSE_TYPES, default="ACK")


def read_client_id(params: Params, name: str) -> str | None:
    """Return an id that the client chose, if sent: -4015 too long, -1100 odd characters."""
    value = params.text(name)
    if value is not None and len(value) > _LONGEST_CLIENT_ID:
        raise VenueError(-4015, "Client order id length should be less than 36 chars")
    return params.text(name, CLIENT_ID)


def read_good_till(params: Params, time_in_force: str, *, now_ms: int) -> int:
    """Return `goodTillDate` in whole seconds, as ms; 0 unless the order is good till a date.

    -1102 missing, -1106 not asked for, -5040 too soon or too late; all of it in market time.
    """
    if time_in_force != "GTD":
        if params.has("goodTillDate"):
            raise not_required("goodTillDate")
        return 0
    sent = params.integer("goodTillDate")
    if sent is None:
        raise missing("goodTillDate")
    if not now_ms + LEAST_GOOD_TILL_MS < sent < LAST_GOOD_TILL_MS:
        raise VenueError(
            -5040,
            "The goodTillDate timestamp must be greater than the current time plus 600 seconds"
            " and smaller than 253402300799000",
        )
    return sent // 1000 * 1000


def refuse_price_match(params: Params, *, is_limited: bool) -> None:
    """Refuse prices that the book would choose: -5037 unheard of, -5038 no limit order."""
    refusal = _refusing(-5037, "Invalid price match")
    wanted = params.choice("priceMatch", ("NONE", *_PRICE_MATCHES), default="NONE", refusal=refusal)
    if wanted == "NONE":
        return
    if not is_limited:
        message = "Price match only supports order type: LIMIT, STOP AND TAKE_PROFIT"
        raise VenueError(-5038, message)
    raise not_built("priceMatch")


def _read_type(params: Params) -> str:
    refusal = _refusing(-1116, "Invalid orderType.")
    kind = params.required_choice("type", ("MARKET", "LIMIT", *ALGO_TYPES), refusal=refusal)
    if kind in ALGO_TYPES:
        raise VenueError(
            -4120,
            "Order type not supported for this endpoint."
            " Please use the Algo Order API endpoints instead.",
        )
    return kind


def _refuse_conditional(params: Params, kind: str) -> None:
    for name in _ONLY_CONDITIONAL:
        if params.has(name):
            raise not_required(name)
    if params.boolean("closePosition"):
        raise wrong_closing_type(kind)


def wrong_closing_type(kind: str) -> VenueError:
    """Return the refusal of a type that cannot close a whole position (-4136)."""
    return VenueError(-4136, f"Target strategy invalid for orderType {kind},closePosition true")


def read_time_in_force(params: Params, *, default: str) -> str:
    """Return for how long an order waits (-1115 when it is no such word)."""
    refusal = _refusing(-1115, "Invalid timeInForce.")
    return params.choice("timeInForce", FUTURES_TIMES_IN_FORCE, default=default, refusal=refusal)


def _read_time_in_force(params: Params, *, is_limit: bool) -> str:
    if is_limit:
        params.required_text("timeInForce")
    elif params.has("timeInForce"):
        raise not_required("timeInForce")
    return read_time_in_force(params, default="GTC")


def _refusing(code: int, message: str) -> Callable[[str], VenueError]:
    return lambda _name: VenueError(code, message)
