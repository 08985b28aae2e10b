"""The `filters` of one symbol in `exchangeInfo`, field by field.

A filter that is missing is no constraint, unknown filters and fields are ignored, and a field that
is there but makes no sense is an error that names filter and field.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from exchange.binance.parsing import MalformedReplyError, decimal, mapping, sequence, text
from exchange.domain.filters import Grid, PriceBand, SizeLimits
from exchange.domain.types import ZERO, Market

LOT_SIZE: Final = "LOT_SIZE"
MARKET_LOT_SIZE: Final = "MARKET_LOT_SIZE"


class FilterFields:
    """Reads fields of a symbol's filters. Every error is MalformedReplyError with their names."""

    def __init__(self, filters: Any) -> None:
        entries = [mapping(entry, "filters") for entry in sequence(filters, "filters")]
        self._entries = {text(entry, "filterType"): entry for entry in entries}

    def amount(self, kind: str, name: str) -> Decimal:
        """Return a number that is not negative; zero when filter or field is missing."""
        entry = self._entry(kind)
        if name not in entry:
            return ZERO
        try:
            value = decimal(entry, name)
        except MalformedReplyError as error:
            raise MalformedReplyError(f"{kind}: {error}") from None
        if value < ZERO:
            raise MalformedReplyError(f"{kind}: {name} is negative: {value:f}")
        return value

    def count(self, kind: str, *names: str) -> int | None:
        """Return the whole number in the first field that is there; None without one."""
        entry = self._entry(kind)
        for name in names:
            if name in entry:
                return _whole_number(kind, name, entry[name])
        return None

    def flag(self, kind: str, name: str, *, default: bool) -> bool:
        """Return true or false; `default` when filter or field is missing."""
        value = self._entry(kind).get(name, default)
        if not isinstance(value, bool):
            raise MalformedReplyError(f"{kind}: {name} is neither true nor false: {value!r:.60}")
        return value

    def has(self, kind: str) -> bool:
        """Say whether the symbol has this filter."""
        return kind in self._entries

    def _entry(self, kind: str) -> Mapping[str, Any]:
        return self._entries.get(kind, {})


def limit_size(fields: FilterFields, market: Market, *, precision: Decimal) -> SizeLimits:
    """Read what binds an order with a price of its own; `applyToMarket` flags play no part."""
    return SizeLimits(
        **_lot(fields, LOT_SIZE, market, precision=precision),
        min_notional=max(
            fields.amount("NOTIONAL", "minNotional"),
            fields.amount("MIN_NOTIONAL", "minNotional"),
            fields.amount("MIN_NOTIONAL", "notional"),  # futures
        ),
        max_notional=fields.amount("NOTIONAL", "maxNotional"),
    )


def market_size(fields: FilterFields, market: Market, limit: SizeLimits) -> SizeLimits:
    """Read what binds a market order: the stricter of both lots, and the notionals that say so."""
    lot = SizeLimits(**_lot(fields, MARKET_LOT_SIZE, market, precision=ZERO))
    grid = limit.grid.common(lot.grid)
    if grid is None:
        raise MalformedReplyError(
            f"{MARKET_LOT_SIZE}: stepSize {lot.quantity_increment:f} and {LOT_SIZE}: stepSize "
            f"{limit.quantity_increment:f} have no quantity in common"
        )
    return SizeLimits(
        min_quantity=max(limit.min_quantity, lot.min_quantity),
        max_quantity=_smallest(limit.max_quantity, lot.max_quantity),
        quantity_increment=grid.increment,
        quantity_origin=grid.origin,
        min_notional=_market_min_notional(fields),
        max_notional=_market_max_notional(fields),
    )


def price_grid(fields: FilterFields, market: Market, *, precision: Decimal) -> Grid:
    """Read the prices that PRICE_FILTER allows; without a tick, what the asset's decimals allow."""
    increment = fields.amount("PRICE_FILTER", "tickSize")
    return Grid(
        increment=increment or precision,
        origin=_origin(fields.amount("PRICE_FILTER", "minPrice"), increment, market),
    )


def price_bands(
    fields: FilterFields, market: Market
) -> tuple[PriceBand | None, PriceBand | None, int | None]:
    """Read the bands for buying and for selling, and the minutes of the reference price."""
    kind, sided = "PERCENT_PRICE", "PERCENT_PRICE_BY_SIDE"
    if fields.has(sided):
        bid = _band(fields, sided, down="bidMultiplierDown", up="bidMultiplierUp")
        ask = _band(fields, sided, down="askMultiplierDown", up="askMultiplierUp")
        return bid, ask, fields.count(sided, "avgPriceMins")
    if not fields.has(kind):
        return None, None, None
    fields.count(kind, "multiplierDecimal")  # how many decimals the multipliers are written with
    band = _band(fields, kind, down="multiplierDown", up="multiplierUp")
    if market is Market.FUTURES:
        # There a buy is only kept from paying too much, a sale only from bringing too little.
        return PriceBand(up=band.up), PriceBand(down=band.down), None
    return band, band, fields.count(kind, "avgPriceMins")


def _band(fields: FilterFields, kind: str, *, down: str, up: str) -> PriceBand:
    return PriceBand(down=fields.amount(kind, down), up=fields.amount(kind, up))


def _lot(
    fields: FilterFields, kind: str, market: Market, *, precision: Decimal
) -> dict[str, Decimal]:
    minimum, increment = fields.amount(kind, "minQty"), fields.amount(kind, "stepSize")
    return {
        "min_quantity": minimum,
        "max_quantity": fields.amount(kind, "maxQty"),
        "quantity_increment": increment or precision,
        "quantity_origin": _origin(minimum, increment, market),
    }


def _origin(minimum: Decimal, increment: Decimal, market: Market) -> Decimal:
    # (x - min) % step on futures, x % step on spot. Where min is a multiple of step, as the venue
    # keeps it, both are the same and zero says it best.
    if market is Market.SPOT or not increment or not minimum % increment:
        return ZERO
    return minimum


def _market_min_notional(fields: FilterFields) -> Decimal:
    limits = [fields.amount("MIN_NOTIONAL", "notional")]  # futures
    if fields.flag("NOTIONAL", "applyMinToMarket", default=True):
        limits.append(fields.amount("NOTIONAL", "minNotional"))
    if fields.flag("MIN_NOTIONAL", "applyToMarket", default=True):
        limits.append(fields.amount("MIN_NOTIONAL", "minNotional"))
    return max(limits)


def _market_max_notional(fields: FilterFields) -> Decimal:
    if not fields.flag("NOTIONAL", "applyMaxToMarket", default=False):
        return ZERO
    return fields.amount("NOTIONAL", "maxNotional")


def _smallest(*limits: Decimal) -> Decimal:
    return min((limit for limit in limits if limit), default=ZERO)


def _whole_number(kind: str, name: str, value: Any) -> int:
    digits = str(value)
    if isinstance(value, bool) or not (digits.isascii() and digits.isdigit()):
        raise MalformedReplyError(f"{kind}: {name} is no whole number: {value!r:.60}")
    return int(digits)
