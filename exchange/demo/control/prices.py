"""What the control door says and sets about prices: of the spot pair, its perpetual, its mark."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from exchange.demo.amounts import UNIT, to_units, units_text
from exchange.demo.control.fields import Fields
from exchange.demo.market.futures_symbols import FuturesSymbol
from exchange.demo.market.steered_prices import FUTURES, MARK, STEERABLE
from exchange.demo.market.symbols import Symbol
from exchange.demo.market.track import Track
from exchange.demo.times import iso
from exchange.demo.venue import Venue

_LONGEST_HOLD_SECONDS: Final = 10.0**8


def all_prices(venue: Venue) -> dict[str, dict[str, Any]]:
    """Return the prices of every listed pair now, and those of its perpetual if it has one."""
    now_ms = venue.advance()
    return {
        name: _shown(track, now_ms) | _shown_futures(venue, name, now_ms)
        for name, track in venue.tracks.items()
        if name in venue.symbols
    }


def set_price(venue: Venue, item: Any) -> dict[str, Any]:
    """Hold or release prices of a symbol, from now on."""
    fields = Fields(item, ("symbol", "price", "seconds", "of"))
    of = None
    if fields.has("of") and not fields.is_null("of"):
        of = fields.word("of", STEERABLE)
    rules = _rules(venue, fields, of)
    if fields.is_null("price"):
        venue.release_price(rules.name, of=of)
        return {"symbol": rules.name, "price": None, "from": None, "until": None, "of": of}
    for_ms = None
    if fields.has("seconds") and not fields.is_null("seconds"):
        seconds = fields.number("seconds", least=0.001, most=_LONGEST_HOLD_SECONDS)
        for_ms = int(seconds * 1000)
    tick = UNIT if of == MARK else rules.tick
    price = _price_units(fields, tick, rules.max_price)
    held = venue.hold_price(rules.name, price, for_ms=for_ms, of=of)
    return {
        "symbol": rules.name,
        "price": units_text(held.price),
        "from": iso(held.from_ms),
        "until": None if held.until_ms is None else iso(held.until_ms),
        "of": of,
    }


def _rules(venue: Venue, fields: Fields, of: str | None) -> Symbol | FuturesSymbol:
    perpetuals = venue.futures_market.symbols
    if of in (FUTURES, MARK):
        return perpetuals[fields.word("symbol", tuple(perpetuals))]
    return venue.symbols[fields.word("symbol", tuple(venue.symbols))]


def _price_units(fields: Fields, tick: Decimal, most: Decimal) -> int:
    price = fields.decimal("price")
    if not tick <= price <= most:
        raise fields.wrong("price", f"must lie between {tick:f} and {most:f}")
    if price % tick:
        raise fields.wrong("price", f"must be a multiple of {tick:f}")
    return to_units(price)


def _shown(track: Track, now_ms: int) -> dict[str, Any]:
    return {
        "price": units_text(track.price(now_ms)),
        "is_steered": track.steering.at(now_ms) is not None,
    }


def _shown_futures(venue: Venue, name: str, now_ms: int) -> dict[str, Any]:
    market = venue.futures_market
    if name not in market.symbols:
        return {}
    tracks = {FUTURES: market.tracks[name], MARK: market.marks[name]}
    return {of: _shown(track, now_ms) for of, track in tracks.items()}
