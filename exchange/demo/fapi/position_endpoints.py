"""Signed endpoints about the positions of an account."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from exchange.demo.amounts import UNIT, ZERO, from_units, text
from exchange.demo.fapi.replies import with_decimals
from exchange.demo.fapi.settings_endpoints import most_notional
from exchange.demo.fapi.standing import account_standing, position_places
from exchange.demo.futures.desk import MARGIN_ASSET
from exchange.demo.futures.figures import AccountFigures, PositionFigures, break_even
from exchange.demo.futures.values import ISOLATED, Position
from exchange.demo.http.endpoint import Call, futures_signed

_NO_PRICE: Final = "0.0"
_NOTHING: Final = "0"
Row = dict[str, Any]


def position_risk(call: Call) -> list[Row]:
    """Return positions of symbols that have one, or an open order."""
    symbol = call.futures_symbol_if_sent()
    call.params.finish()
    figures = account_standing(call)
    open_places = {(one.position.symbol, one.position.side) for one in figures.positions}
    open_places |= set(figures.open_order_margins)
    return [
        _risk_row(call, figures, name, side)
        for name, side in sorted(open_places)
        if symbol is None or symbol.name == name
    ]


def position_risk_of_old(call: Call) -> list[Row]:
    """Return positions of one or all symbols, with leverage and margin type; texts throughout."""
    symbol = call.futures_symbol_if_sent()
    call.params.finish()
    figures = account_standing(call)
    names = [symbol.name] if symbol else list(call.venue.futures_market.symbols)
    return [
        _old_risk_row(call, figures, name, side) for name in names for side in position_places(call)
    ]


def figures_at(figures: AccountFigures, symbol: str, side: str) -> PositionFigures | None:
    """Return the figures of one position, None when there is none."""
    places = {(one.position.symbol, one.position.side): one for one in figures.positions}
    return places.get((symbol, side))


def amount_text(call: Call, position: Position) -> str:
    """Write a position's amount with the decimals of its symbol."""
    symbol = call.venue.futures_market.symbols.get(position.symbol)
    return with_decimals(position.amount, symbol.quantity_precision if symbol else 0)


def money_text(amount: Decimal) -> str:
    """Write an amount with eight decimals, nothing as 0."""
    return text(amount) if amount else _NOTHING


def price_text(price: Decimal | None) -> str:
    """Write a computed price, rounded to eight decimals."""
    if not price:
        return _NO_PRICE
    return with_decimals(price.quantize(UNIT, rounding=ROUND_HALF_EVEN), 1)


def isolated_margin(found: PositionFigures | None) -> Decimal:
    """Return what is set aside for a position, with its unrealized result."""
    return found.position.isolated_wallet + found.unrealized if found else ZERO


def _shared_row(call: Call, found: PositionFigures | None, name: str, side: str) -> Row:
    position = call.books.futures.position(call.uid, name, side)
    liquidation = found.liquidation_price if found else None
    return {
        "symbol": name,
        "positionSide": side,
        "positionAmt": amount_text(call, position),
        "entryPrice": price_text(position.entry_price),
        "breakEvenPrice": price_text(break_even(position)),
        "unRealizedProfit": text(found.unrealized if found else ZERO),
        "liquidationPrice": price_text(liquidation) if liquidation else _NOTHING,
        "notional": money_text(found.notional if found else ZERO),
        "isolatedWallet": money_text(position.isolated_wallet),
        "updateTime": position.updated_ms,
    }


def _risk_row(call: Call, figures: AccountFigures, name: str, side: str) -> Row:
    found = figures_at(figures, name, side)
    waiting = figures.open_order_margins.get((name, side), ZERO)
    initial = found.initial if found else ZERO
    mark = call.venue.futures_market.marks[name].price(call.now_ms)
    return _shared_row(call, found, name, side) | {
        "markPrice": text(from_units(mark)),
        "isolatedMargin": money_text(isolated_margin(found)),
        "marginAsset": MARGIN_ASSET,
        "initialMargin": money_text(initial + waiting),
        "maintMargin": money_text(found.maintenance if found else ZERO),
        "positionInitialMargin": money_text(initial),
        "openOrderInitialMargin": money_text(waiting),
        "adl": 0,
        "bidNotional": _NOTHING,
        "askNotional": _NOTHING,
    }


def _old_risk_row(call: Call, figures: AccountFigures, name: str, side: str) -> Row:
    found = figures_at(figures, name, side)
    settings = call.books.futures.settings(call.uid, name)
    brackets = call.venue.futures_market.brackets[name]
    return _shared_row(call, found, name, side) | {
        # Without a position the venue shows none here.
        "markPrice": text(found.mark if found else ZERO),
        "leverage": str(settings.leverage),
        "maxNotionalValue": most_notional(brackets, settings.leverage),
        "marginType": "isolated" if settings.margin_type == ISOLATED else "cross",
        "isolatedMargin": text(isolated_margin(found)),
        "isAutoAddMargin": "false",
    }


ENDPOINTS: Final = {
    ("GET", "/fapi/v3/positionRisk"): futures_signed(position_risk, 5),
    ("GET", "/fapi/v2/positionRisk"): futures_signed(position_risk_of_old, 5),
}
