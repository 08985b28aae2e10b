"""Public endpoints of the spot API: time, rules, klines and prices."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from exchange.demo.amounts import DECIMALS, from_units, text, units_text
from exchange.demo.errors import VenueError, bad_combination, invalid_data
from exchange.demo.http.endpoint import Call, Endpoint, day_weight, weight_by_symbol
from exchange.demo.http.klines import kline_row, last_minutes, read_klines, volume_price
from exchange.demo.limits import rate_limits
from exchange.demo.market.symbols import Symbol
from exchange.demo.times import DAY_MS, MINUTE_MS
from exchange.demo.venue import Venue

_AVERAGE_MINUTES: Final = 5
_MOST_KLINES: Final = 1000
_USUAL_KLINES: Final = 500
_TICKER_TYPES: Final = ("FULL", "MINI")
_PERMISSION: Final = "SPOT"


def ping(call: Call) -> dict[str, Any]:
    """Answer with nothing."""
    call.params.finish()
    return {}


def server_time(call: Call) -> dict[str, Any]:
    """Return the wall's time: what timestamps of signed requests are measured against."""
    call.params.finish()
    return {"serverTime": call.venue.wall_ms()}


def exchange_info(call: Call) -> dict[str, Any]:
    """Return limits and the rules of one, some or all symbols."""
    symbols = _listed_symbols(call)
    show_sets = call.params.boolean("showPermissionSets", default=True)
    call.params.finish()
    rows = [symbol.exchange_info() for symbol in symbols]
    return {
        "timezone": "UTC",
        "serverTime": call.venue.wall_ms(),
        "rateLimits": rate_limits(),
        "exchangeFilters": [],
        "symbols": rows if show_sets else [row | {"permissionSets": []} for row in rows],
    }


def klines(call: Call) -> list[list[Any]]:
    """Return klines by open time, oldest first; the last one may still be open."""
    track, params = call.venue.tracks[call.symbol().name], call.params
    limit = partial(params.limit, default=_USUAL_KLINES, maximum=_MOST_KLINES)
    asked = read_klines(params, limit=limit)
    if params.text("timeZone") not in (None, "0"):
        raise invalid_data("timeZone")
    params.finish()
    return [kline_row(candle, asked.length_ms) for candle in asked.candles(track, call.now_ms)]


def ticker_price(call: Call) -> dict[str, Any] | list[dict[str, Any]]:
    """Return the last price of one, some or all symbols."""
    symbols, is_single = call.symbols_of_status()
    call.params.finish()
    now_ms = call.now_ms
    rows = [
        {"symbol": one.name, "price": units_text(call.venue.tracks[one.name].price(now_ms))}
        for one in symbols
    ]
    return rows[0] if is_single else rows


def book_ticker(call: Call) -> dict[str, Any] | list[dict[str, Any]]:
    """Return best bid and ask of one, some or all symbols."""
    symbols, is_single = call.symbols_of_status()
    call.params.finish()
    now_ms = call.now_ms
    rows = [{"symbol": one.name} | best_prices(call.venue, one, now_ms) for one in symbols]
    return rows[0] if is_single else rows


def ticker_24hr(call: Call) -> dict[str, Any] | list[dict[str, Any]]:
    """Return the statistics of the last 24 hours of market time; closeTime is market time."""
    symbols, is_single = call.symbols_of_status()
    kind = call.params.choice("type", _TICKER_TYPES, default="FULL", refusal=_invalid_ticker)
    call.params.finish()
    now_ms = call.now_ms
    rows = [day_statistics(call.venue, one, now_ms, is_full=kind == "FULL") for one in symbols]
    return rows[0] if is_single else rows


def average_price(call: Call) -> dict[str, Any]:
    """Return the volume-weighted price of the last five minutes of market time."""
    symbol = call.symbol()
    call.params.finish()
    now_ms = call.now_ms
    window = last_minutes(call.venue.tracks[symbol.name], now_ms, _AVERAGE_MINUTES)
    price = text(volume_price(window))
    return {"mins": _AVERAGE_MINUTES, "price": price, "closeTime": now_ms}


def best_prices(venue: Venue, symbol: Symbol, now_ms: int) -> dict[str, str]:
    """Return best bid and ask of a symbol with what lies there."""
    book = venue.engine.book(symbol, now_ms)
    quantity = text(book.level_quantity)
    return {
        "bidPrice": text(book.bid),
        "bidQty": quantity,
        "askPrice": text(book.ask),
        "askQty": quantity,
    }


def day_statistics(venue: Venue, symbol: Symbol, now_ms: int, *, is_full: bool) -> dict[str, Any]:
    """Return the statistics of a symbol's last 24 hours of market time."""
    day = last_minutes(venue.tracks[symbol.name], now_ms, DAY_MS // MINUTE_MS)
    short = {
        "symbol": symbol.name,
        "openPrice": units_text(day.open),
        "highPrice": units_text(day.high),
        "lowPrice": units_text(day.low),
        "lastPrice": units_text(day.close),
        "volume": units_text(day.volume),
        "quoteVolume": units_text(day.quote_volume),
        "openTime": max(now_ms - DAY_MS, venue.tracks[symbol.name].start_ms),
        "closeTime": now_ms,
        "firstId": 1 if day.trades else -1,
        "lastId": day.trades or -1,
        "count": day.trades,
    }
    if not is_full:
        return short
    change = from_units(day.close - day.open)
    best = best_prices(venue, symbol, now_ms)
    return (
        short
        | best
        | {
            "priceChange": text(change),
            "priceChangePercent": f"{change / from_units(day.open) * 100:.3f}",
            "weightedAvgPrice": f"{volume_price(day):.{DECIMALS}f}",
            "prevClosePrice": units_text(day.open),
            "lastQty": best["bidQty"],
        }
    )


def _listed_symbols(call: Call) -> list[Symbol]:
    names = call.params.words("permissions")
    status = call.symbol_status()
    symbols, _ = call.chosen_symbols()
    is_chosen = call.params.has("symbol") or call.params.has("symbols")
    if is_chosen and (names is not None or status is not None):
        raise bad_combination()
    if names is not None and _PERMISSION not in names:
        return []
    return [one for one in symbols if status in (None, one.status)]


def _invalid_ticker(_name: str) -> VenueError:
    return VenueError(-1139, "Invalid ticker type.")


ENDPOINTS: Final = {
    ("GET", "/api/v3/ping"): Endpoint(handle=ping, weight=1),
    ("GET", "/api/v3/time"): Endpoint(handle=server_time, weight=1),
    ("GET", "/api/v3/exchangeInfo"): Endpoint(handle=exchange_info, weight=20),
    ("GET", "/api/v3/klines"): Endpoint(handle=klines, weight=2),
    ("GET", "/api/v3/ticker/price"): Endpoint(handle=ticker_price, weight=weight_by_symbol(2, 4)),
    ("GET", "/api/v3/ticker/bookTicker"): Endpoint(
        handle=book_ticker, weight=weight_by_symbol(2, 4)
    ),
    ("GET", "/api/v3/ticker/24hr"): Endpoint(handle=ticker_24hr, weight=day_weight),
    ("GET", "/api/v3/avgPrice"): Endpoint(handle=average_price, weight=2),
}
