"""Public endpoints of the futures API: mark prices and funding."""

from __future__ import annotations

from typing import Any, Final

from exchange.demo.amounts import text, units_text
from exchange.demo.fapi.parameters import read_limit
from exchange.demo.http.endpoint import Call, Counted, Endpoint, weight_by_symbol
from exchange.demo.market.funding import DEFAULT_RATE
from exchange.demo.venue import Venue

_USUAL_RATES: Final = 100
_NEWEST_RATES: Final = 200
_MOST_RATES: Final = 1000
Row = dict[str, Any]


def premium_index(call: Call) -> Row | list[Row]:
    """Return mark price and index of one or all symbols, and the funding that comes next."""
    symbol = call.futures_symbol_if_sent()
    call.params.finish()
    if symbol:
        return premium(call.venue, symbol.name, call.now_ms)
    names = call.venue.futures_market.symbols
    return [premium(call.venue, name, call.now_ms) for name in names]


def funding_rates(call: Call) -> list[Row]:
    """Return the rates of past stamps, oldest first: the first of a span, else the newest."""
    params = call.params
    symbol = call.futures_symbol_if_sent()
    start, end = params.moment("startTime"), params.moment("endTime")
    is_newest = start is None and end is None
    usual = _NEWEST_RATES if is_newest else _USUAL_RATES
    limit = read_limit(params, default=usual, maximum=_MOST_RATES)
    params.finish()
    names = [symbol.name] if symbol else list(call.venue.futures_market.symbols)
    last_ms = call.now_ms if end is None else min(end, call.now_ms)
    stamps = sorted(
        (stamp, name) for name in names for stamp in _stamps(call, name, start or 0, last_ms)
    )
    chosen = stamps[-limit:] if start is None else stamps[:limit]
    return [_rate_row(call, name, stamp) for stamp, name in chosen]


def funding_info(call: Call) -> list[Row]:
    """Return symbols whose funding differs from the usual: none does here."""
    call.params.finish()
    return []


def premium(venue: Venue, name: str, now_ms: int) -> Row:
    """Return mark price and index of a symbol, and the funding that comes next."""
    market = venue.futures_market
    funding = market.funding[name]
    next_ms = funding.next_stamp(now_ms)
    # The index is the spot price, where the exchange lists the pair.
    spot = venue.tracks.get(name, market.tracks[name])
    index = units_text(spot.price(now_ms))
    return {
        "symbol": name,
        "markPrice": units_text(market.marks[name].price(now_ms)),
        "indexPrice": index,
        "estimatedSettlePrice": index,
        "lastFundingRate": text(funding.rate(next_ms)),
        "interestRate": text(DEFAULT_RATE),
        "nextFundingTime": next_ms,
        "time": now_ms,
    }


def _stamps(call: Call, name: str, start_ms: int, last_ms: int) -> range:
    market = call.venue.futures_market
    first_ms = max(start_ms, market.tracks[name].start_ms)
    return market.funding[name].stamps(first_ms, last_ms)


def _rate_row(call: Call, name: str, stamp_ms: int) -> Row:
    market = call.venue.futures_market
    return {
        "symbol": name,
        "fundingRate": text(market.funding[name].rate(stamp_ms)),
        "fundingTime": stamp_ms,
        "markPrice": units_text(market.marks[name].price(stamp_ms)),
        "rateType": "Regular",
    }


ENDPOINTS: Final = {
    ("GET", "/fapi/v1/premiumIndex"): Endpoint(
        handle=premium_index, weight=weight_by_symbol(1, 10)
    ),
    ("GET", "/fapi/v1/fundingRate"): Endpoint(
        handle=funding_rates, weight=1, counted=Counted.FUNDING
    ),
    ("GET", "/fapi/v1/fundingInfo"): Endpoint(
        handle=funding_info, weight=1, counted=Counted.FUNDING
    ),
}
