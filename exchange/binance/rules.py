"""A symbol of `exchangeInfo`, spot or USD-M, as trading rules (filters.md of the venue's spot API).

Old replies carry MIN_NOTIONAL, newer ones NOTIONAL; a symbol may have either, both or none. On
futures the increments are tickSize and stepSize too, never pricePrecision or quantityPrecision.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from exchange.binance.parsing import MalformedReplyError, decimal, mapping, rows, sequence, text
from exchange.binance.rules_filters import (
    FilterFields,
    limit_size,
    market_size,
    price_bands,
    price_grid,
)
from exchange.domain.errors import UnknownSymbolError
from exchange.domain.rules import TradingRules
from exchange.domain.symbol_status import TRADING
from exchange.domain.types import ZERO, Market

PERPETUAL: Final = "PERPETUAL"


def rows_by_symbol(reply: Any) -> dict[str, Mapping[str, Any]]:
    """Return the entries of an `exchangeInfo` reply by symbol, unread but for their names."""
    return {text(row, "symbol"): row for row in rows(mapping(reply, "exchangeInfo"), "symbols")}


def rules_of_symbol(reply: Any, symbol: str) -> TradingRules:
    """Read the rules of `symbol` out of an `exchangeInfo` reply, of one symbol or of many."""
    listed = sequence(mapping(reply, "exchangeInfo").get("symbols"), "symbols")
    for row in listed:
        if mapping(row, "symbols").get("symbol") == symbol:
            return trading_rules(row)
    raise UnknownSymbolError(f"the venue does not list {symbol}")


def trading_rules(row: Mapping[str, Any]) -> TradingRules:
    """Read one entry of `symbols`; a missing filter is no constraint, a malformed one an error."""
    market = Market.FUTURES if "contractType" in row else Market.SPOT
    fields = FilterFields(row.get("filters"))
    limit = limit_size(fields, market, precision=_unit(row, "baseAssetPrecision"))
    size = market_size(fields, market, limit)
    quote_unit = _unit(row, "quoteAssetPrecision", "quotePrecision")
    prices = price_grid(fields, market, precision=quote_unit)
    buy_band, sell_band, average_minutes = price_bands(fields, market)
    status = text(row, "status")
    return TradingRules(
        symbol=text(row, "symbol"),
        base_asset=text(row, "baseAsset"),
        quote_asset=text(row, "quoteAsset"),
        market=market,
        status=status,
        # CANCEL_ONLY, BREAK, HALT and whatever comes later: no new position.
        is_trading=status == TRADING and _is_for_bots(row, market),
        order_types=_order_types(row),
        allows_oco=_flag(row, "ocoAllowed"),
        allows_oto=_flag(row, "otoAllowed"),
        allows_opo=_flag(row, "opoAllowed"),
        allows_quote_quantity=_flag(row, "quoteOrderQtyMarketAllowed"),
        price_increment=prices.increment,
        price_origin=prices.origin,
        min_price=fields.amount("PRICE_FILTER", "minPrice"),
        max_price=fields.amount("PRICE_FILTER", "maxPrice"),
        quantity_increment=size.quantity_increment,
        quantity_origin=size.quantity_origin,
        min_quantity=size.min_quantity,
        max_quantity=size.max_quantity,
        min_notional=size.min_notional,
        max_notional=size.max_notional,
        limit_size=limit,
        quote_increment=quote_unit,
        buy_band=buy_band,
        sell_band=sell_band,
        average_price_minutes=average_minutes,
        max_orders=fields.count("MAX_NUM_ORDERS", "maxNumOrders", "limit"),
        max_stop_orders=fields.count("MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders", "limit"),
        max_order_lists=fields.count("MAX_NUM_ORDER_LISTS", "maxNumOrderLists"),
        max_position=fields.amount("MAX_POSITION", "maxPosition"),
        contract_type=_contract_type(row),
        market_take_bound=_share(row, "marketTakeBound"),
        trigger_protect=_share(row, "triggerProtect"),
    )


def _is_for_bots(row: Mapping[str, Any], market: Market) -> bool:
    # Contracts with a delivery date, and perpetual ones of other kinds (of shares), are not.
    if market is Market.FUTURES:
        return _contract_type(row) == PERPETUAL
    return _flag(row, "isSpotTradingAllowed", default=True)


def _contract_type(row: Mapping[str, Any]) -> str:
    kind = row.get("contractType", "")
    if not isinstance(kind, str):
        raise MalformedReplyError(f"contractType is not a text: {kind!r:.60}")
    return kind


def _flag(row: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    value = row.get(name, default)
    if not isinstance(value, bool):
        raise MalformedReplyError(f"{name} is neither true nor false: {value!r:.60}")
    return value


def _order_types(row: Mapping[str, Any]) -> tuple[str, ...]:
    types = sequence(row.get("orderTypes", []), "orderTypes")
    if not all(isinstance(each, str) for each in types):
        raise MalformedReplyError(f"orderTypes are not all texts: {types!r:.60}")
    return tuple(types)


def _unit(row: Mapping[str, Any], *names: str) -> Decimal:
    """Return the smallest amount of an asset, from its number of decimals; zero when not told."""
    for name in names:
        if name in row:
            decimals = row[name]
            if isinstance(decimals, bool) or not isinstance(decimals, int) or decimals < 0:
                raise MalformedReplyError(f"{name} is no number of decimals: {decimals!r:.60}")
            return Decimal(1).scaleb(-decimals)
    return ZERO


def _share(row: Mapping[str, Any], name: str) -> Decimal:
    return decimal(row, name) if name in row else ZERO
