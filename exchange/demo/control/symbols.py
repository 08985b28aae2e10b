"""What the control door changes about symbols: status, increments, the least worth, the listing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from exchange.demo.amounts import text
from exchange.demo.control.fields import FieldError, Fields
from exchange.demo.control.futures_symbols import set_futures_symbol
from exchange.demo.errors import DemoExchangeError
from exchange.demo.market.steered_prices import FUTURES, SPOT
from exchange.demo.market.symbols import STATUSES, Symbol
from exchange.demo.venue import Venue

_RULES: Final = ("tick", "step", "min_notional")
_LARGEST: Final = Decimal(1_000_000)


def all_symbols(venue: Venue) -> list[dict[str, Any]]:
    """Return the listed symbols with what can be changed about them."""
    return [_row(one) for one in venue.symbols.values()]


def set_symbol(venue: Venue, item: Any) -> dict[str, Any]:
    """Change a symbol from now on; what is open is matched up to now before.

    `market` says whether the spot pair (without it) or the perpetual is meant.
    """
    fields = Fields(item, ("symbol", "status", *_RULES, "listed", "market"))
    if fields.word("market", (SPOT, FUTURES), default=SPOT) == FUTURES:
        return set_futures_symbol(venue, fields)
    return _set_spot_symbol(venue, fields)


def _set_spot_symbol(venue: Venue, fields: Fields) -> dict[str, Any]:
    name = fields.word("symbol", tuple(venue.tracks))
    rules = {one: fields.amount(one, most=_LARGEST) for one in _RULES if fields.has(one)}
    status = fields.word("status", STATUSES) if fields.has("status") else None
    is_listed = fields.flag("listed") if fields.has("listed") else name in venue.symbols
    if not is_listed and name not in venue.symbols:
        raise fields.wrong("symbol", 'is not listed; `"listed": true` brings it back')
    if name not in venue.symbols and (rules or status):
        raise fields.wrong("listed", "must come alone, before anything else is changed")
    venue.advance()
    if is_listed:
        venue.engine.relist(name)
    if rules:
        _set_rules(venue, name, rules)
    if status is not None:
        venue.engine.set_symbol_status(name, status)
    if not is_listed:
        venue.engine.delist(name)
        return {"symbol": name, "listed": False}
    return _row(venue.symbols[name])


def _set_rules(venue: Venue, name: str, rules: dict[str, Decimal]) -> None:
    try:
        venue.engine.set_symbol_rules(name, **rules)
    except DemoExchangeError as e:
        raise FieldError(str(e)) from e


def _row(symbol: Symbol) -> dict[str, Any]:
    return {
        "symbol": symbol.name,
        "status": symbol.status,
        "tick": text(symbol.tick),
        "step": text(symbol.step),
        "min_notional": text(symbol.min_notional),
        "listed": True,
    }
