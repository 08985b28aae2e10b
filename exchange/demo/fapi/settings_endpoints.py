"""Signed endpoints about how an account trades: leverage, margin, position mode, tiers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from exchange.demo.errors import VenueError, invalid_data, missing
from exchange.demo.fapi.order_parameters import read_position_side
from exchange.demo.fapi.replies import plain
from exchange.demo.futures.refusals import invalid_leverage
from exchange.demo.futures.values import CROSSED, ISOLATED
from exchange.demo.http.endpoint import Call, futures_signed
from exchange.demo.market.brackets import Bracket, Brackets
from exchange.domain.futures import MAX_LEVERAGE

_DONE: Final = {"code": 200, "msg": "success"}
_ADD: Final = 1
_REDUCE: Final = 2
Row = dict[str, Any]


def set_leverage(call: Call) -> Row:
    """Set the leverage of a symbol, 1 to 125 (-4028)."""
    symbol, leverage = call.futures_symbol(), call.params.integer("leverage")
    call.params.finish()
    if leverage is None:
        raise missing("leverage")
    if not 1 <= leverage <= MAX_LEVERAGE:
        raise invalid_leverage(leverage)
    leverage, most = call.venue.futures.set_leverage(
        call.uid, symbol.name, leverage, at_ms=call.now_ms
    )
    return {"symbol": symbol.name, "leverage": leverage, "maxNotionalValue": plain(most)}


def set_margin_type(call: Call) -> Row:
    """Let a symbol be margined crossed or isolated (-4046, -4047, -4048)."""
    symbol = call.futures_symbol()
    margin_type = call.params.required_choice("marginType", (ISOLATED, CROSSED))
    call.params.finish()
    call.venue.futures.set_margin_type(call.uid, symbol.name, margin_type, at_ms=call.now_ms)
    return dict(_DONE)


def position_mode(call: Call) -> Row:
    """Say whether the account may be long and short in one symbol."""
    call.params.finish()
    return {"dualSidePosition": call.books.futures.is_hedge_mode(call.uid)}


def set_position_mode(call: Call) -> Row:
    """Switch the account to hedge mode and back (-4059, -4067, -4068)."""
    call.params.required_text("dualSidePosition")
    is_on = call.params.boolean("dualSidePosition")
    call.params.finish()
    call.venue.futures.set_hedge_mode(call.uid, is_on, at_ms=call.now_ms)
    return dict(_DONE)


def change_margin(call: Call) -> Row:
    """Add margin to an isolated position, or take some away."""
    params = call.params
    symbol, side = call.futures_symbol(), read_position_side(params)
    amount = params.required_decimal("amount")
    kind = params.integer("type")
    params.finish()
    if kind is None:
        raise missing("type")
    if kind not in (_ADD, _REDUCE):
        raise invalid_data("type")
    if not amount:
        raise VenueError(-4055, "Amount must be positive.")
    change = amount if kind == _ADD else -amount
    call.venue.futures.change_margin(call.uid, symbol.name, side, change, at_ms=call.now_ms)
    message = "Successfully modify position margin."
    return {"amount": _number(amount), "code": 200, "msg": message, "type": kind}


def multi_assets_mode(call: Call) -> Row:
    """Say that only the quote currency is margin."""
    call.params.finish()
    return {"multiAssetsMargin": False}


def symbol_config(call: Call) -> list[Row]:
    """Return leverage and margin type of one or all symbols."""
    symbol = call.futures_symbol_if_sent()
    call.params.finish()
    names = [symbol.name] if symbol else list(call.venue.futures_market.symbols)
    return [_config_row(call, name) for name in names]


def leverage_brackets(call: Call) -> list[Row]:
    """Return the tiers of one or all symbols; a list either way."""
    symbol = call.futures_symbol_if_sent()
    call.params.finish()
    names = [symbol.name] if symbol else list(call.venue.futures_market.symbols)
    brackets = call.venue.futures_market.brackets
    return [
        {"symbol": name, "brackets": [_bracket_row(row) for row in brackets[name].rows]}
        for name in names
    ]


def most_notional(brackets: Brackets, leverage: int) -> str:
    """Return how large a position may be at a leverage, as the venue writes it."""
    return plain(brackets.max_notional(leverage))


def _config_row(call: Call, name: str) -> Row:
    settings = call.books.futures.settings(call.uid, name)
    brackets = call.venue.futures_market.brackets[name]
    return {
        "symbol": name,
        "marginType": settings.margin_type,
        "isAutoAddMargin": False,
        "leverage": settings.leverage,
        "maxNotionalValue": most_notional(brackets, settings.leverage),
    }


def _bracket_row(row: Bracket) -> Row:
    return {
        "bracket": row.number,
        "initialLeverage": row.max_leverage,
        "notionalCap": int(row.cap),
        "notionalFloor": int(row.floor),
        "maintMarginRatio": _number(row.rate),
        "cum": _number(row.amount),
    }


# The venue writes these few amounts as JSON numbers.
def _number(amount: Decimal) -> float | int:
    return int(amount) if amount == int(amount) else float(amount)


ENDPOINTS: Final = {
    ("POST", "/fapi/v1/leverage"): futures_signed(set_leverage, 1),
    ("POST", "/fapi/v1/marginType"): futures_signed(set_margin_type, 1),
    ("GET", "/fapi/v1/positionSide/dual"): futures_signed(position_mode, 30),
    ("POST", "/fapi/v1/positionSide/dual"): futures_signed(set_position_mode, 1),
    ("POST", "/fapi/v1/positionMargin"): futures_signed(change_margin, 1),
    ("GET", "/fapi/v1/multiAssetsMargin"): futures_signed(multi_assets_mode, 30),
    ("GET", "/fapi/v1/symbolConfig"): futures_signed(symbol_config, 5),
    ("GET", "/fapi/v1/leverageBracket"): futures_signed(leverage_brackets, 1),
}
