"""What the control door changes about perpetuals; spot pairs have a module of their own."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from exchange.demo.amounts import text
from exchange.demo.control.fields import FieldError, Fields
from exchange.demo.errors import DemoExchangeError
from exchange.demo.market.futures_symbols import FUTURES_STATUSES
from exchange.demo.venue import Venue

_RULES: Final = ("tick", "step", "min_notional")
_LARGEST: Final = Decimal(1_000_000)


def set_futures_symbol(venue: Venue, fields: Fields) -> dict[str, Any]:
    """Change a perpetual from now on; what is open is matched up to now before.

    One that is taken off the exchange must have no open orders and no positions.
    """
    name = fields.word("symbol", venue.futures_rules.names)
    symbols = venue.futures_market.symbols
    rules = {one: fields.amount(one, most=_LARGEST) for one in _RULES if fields.has(one)}
    status = fields.word("status", FUTURES_STATUSES) if fields.has("status") else None
    is_listed = fields.flag("listed") if fields.has("listed") else name in symbols
    if not is_listed and name not in symbols:
        raise fields.wrong("symbol", 'is not listed; `"listed": true` brings it back')
    if name not in symbols and (rules or status):
        raise fields.wrong("listed", "must come alone, before anything else is changed")
    venue.advance()
    if not is_listed:
        if rules or status:
            raise fields.wrong("listed", "false must come alone")
        return _delist(venue, name, fields)
    _change(venue, name, rules, status)
    return _row(venue, name)


def _change(venue: Venue, name: str, rules: dict[str, Decimal], status: str | None) -> None:
    venue.futures_rules.relist(name)
    try:
        if rules:
            venue.futures_rules.set_rules(name, rules)
        if status is not None:
            venue.futures_rules.set_status(name, status)
    except DemoExchangeError as e:
        raise FieldError(str(e)) from e


def _delist(venue: Venue, name: str, fields: Fields) -> dict[str, Any]:
    books = venue.futures.books
    busy = {one.symbol for one in books.all_positions()}
    busy.update(one.symbol for one in books.all_open_orders())
    busy.update(one.symbol for one in books.all_open_algos())
    if name in busy:
        raise fields.wrong("listed", f"{name} has open orders or positions")
    venue.futures_rules.delist(name)
    return {"symbol": name, "market": "futures", "listed": False}


def _row(venue: Venue, name: str) -> dict[str, Any]:
    symbol = venue.futures_market.symbols[name]
    return {
        "symbol": name,
        "market": "futures",
        "status": symbol.status,
        "tick": text(symbol.tick),
        "step": text(symbol.step),
        "min_notional": text(symbol.min_notional),
        "listed": True,
    }
