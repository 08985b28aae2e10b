"""A symbol's filters in `exchangeInfo` as trading rules (filters.md of the venue's spot API).

Old replies carry MIN_NOTIONAL, newer ones NOTIONAL; a symbol may have either, both or none.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from exchange.binance.parsing import MalformedReplyError, decimal, mapping, sequence, text
from exchange.domain.errors import UnknownSymbolError
from exchange.domain.rules import TradingRules
from exchange.domain.types import ZERO

TRADING: Final = "TRADING"

Filters = Mapping[str, Mapping[str, Any]]


def rules_of_symbol(reply: Any, symbol: str) -> TradingRules:
    """Read the rules of `symbol` out of an `exchangeInfo` reply, of one symbol or of many."""
    rows = sequence(mapping(reply, "exchangeInfo").get("symbols"), "symbols")
    for row in rows:
        if mapping(row, "symbols").get("symbol") == symbol:
            return trading_rules(row)
    raise UnknownSymbolError(f"the venue does not list {symbol}")


def trading_rules(row: Mapping[str, Any]) -> TradingRules:
    """Read one entry of `symbols`; a missing filter is no constraint, a malformed one an error."""
    filters = _filters(row)
    lot = filters.get("LOT_SIZE", {})
    market_lot = filters.get("MARKET_LOT_SIZE", {})
    return TradingRules(
        symbol=text(row, "symbol"),
        base_asset=text(row, "baseAsset"),
        quote_asset=text(row, "quoteAsset"),
        # CANCEL_ONLY, BREAK, HALT and whatever comes later: no new orders.
        is_trading=text(row, "status") == TRADING and row.get("isSpotTradingAllowed", True) is True,
        price_increment=_optional(filters.get("PRICE_FILTER", {}), "tickSize"),
        quantity_increment=_common_grid(
            _optional(lot, "stepSize"), _optional(market_lot, "stepSize")
        ),
        min_quantity=max(_optional(lot, "minQty"), _optional(market_lot, "minQty")),
        max_quantity=_smallest(_optional(lot, "maxQty"), _optional(market_lot, "maxQty")),
        min_notional=_min_notional(filters),
        max_notional=_max_notional(filters),
    )


def _filters(row: Mapping[str, Any]) -> Filters:
    entries = [mapping(entry, "filters") for entry in sequence(row.get("filters"), "filters")]
    return {text(entry, "filterType"): entry for entry in entries}


def _optional(entry: Mapping[str, Any], name: str) -> Decimal:
    if name not in entry:
        return ZERO
    value = decimal(entry, name)
    if value < ZERO:
        raise MalformedReplyError(f"{name} is negative: {value:f}")
    return value


def _common_grid(first: Decimal, second: Decimal) -> Decimal:
    """Return a grid whose points lie on both grids."""
    if not first or not second:
        return first or second
    return first * (Fraction(first) / Fraction(second)).denominator


def _smallest(*limits: Decimal) -> Decimal:
    return min((limit for limit in limits if limit), default=ZERO)


def _min_notional(filters: Filters) -> Decimal:
    notional, old = filters.get("NOTIONAL", {}), filters.get("MIN_NOTIONAL", {})
    limits = [ZERO]
    if notional.get("applyMinToMarket", True):
        limits.append(_optional(notional, "minNotional"))
    if old.get("applyToMarket", True):
        limits.append(_optional(old, "minNotional"))
    return max(limits)


def _max_notional(filters: Filters) -> Decimal:
    notional = filters.get("NOTIONAL", {})
    return _optional(notional, "maxNotional") if notional.get("applyMaxToMarket", False) else ZERO
