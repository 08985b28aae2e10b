"""Public endpoints of the futures API: time, rules and prices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from exchange.demo.amounts import DECIMALS, from_units, text, units_text
from exchange.demo.fapi.kline_endpoints import shown_price
from exchange.demo.futures.desk import MARGIN_ASSET
from exchange.demo.http.endpoint import Call, Endpoint, weight_by_symbol
from exchange.demo.http.klines import last_minutes, volume_price
from exchange.demo.http.market_endpoints import ping, server_time
from exchange.demo.limits import rate_limits
from exchange.demo.market.futures_symbols import FuturesSymbol
from exchange.demo.times import DAY_MS, MINUTE_MS
from exchange.demo.venue import Venue

_AUTO_EXCHANGE: Final = "-10000"
Row = dict[str, Any]


def exchange_info(call: Call) -> Row:
    """Return limits and the rules of all symbols; a `symbol` is ignored, as at the venue."""
    call.params.text("symbol")
    call.params.finish()
    symbols = call.venue.futures_market.symbols.values()
    return {
        "timezone": "UTC",
        "serverTime": call.venue.wall_ms(),
        "futuresType": "U_MARGINED",
        "rateLimits": rate_limits(call.venue.futures_limits.rules),
        "exchangeFilters": [],
        "assets": [
            {"asset": MARGIN_ASSET, "marginAvailable": True, "autoAssetExchange": _AUTO_EXCHANGE}
        ],
        "symbols": [symbol.exchange_info() for symbol in symbols],
    }


def ticker_price(call: Call) -> Row | list[Row]:
    """Return the last price of one or all symbols."""
    return _of_symbols(call, _price_row)


def book_ticker(call: Call) -> Row | list[Row]:
    """Return best bid and ask of one or all symbols."""
    return _of_symbols(call, _book_row)


def ticker_24hr(call: Call) -> Row | list[Row]:
    """Return the statistics of the last 24 hours of market time; closeTime is market time.

    Without `symbol` those of symbols that trade.
    """
    return _of_symbols(call, _day_row, only_trading=True)


def best_prices(venue: Venue, symbol: FuturesSymbol, now_ms: int) -> Row:
    """Return best bid and ask of a symbol with what lies there."""
    book = venue.futures.book(symbol.name, now_ms)
    quantity = f"{book.level_quantity:.{symbol.quantity_precision}f}"
    return {
        "symbol": symbol.name,
        "bidPrice": f"{book.bid:.{symbol.price_precision}f}",
        "bidQty": quantity,
        "askPrice": f"{book.ask:.{symbol.price_precision}f}",
        "askQty": quantity,
        "time": now_ms,
    }


def day_statistics(venue: Venue, symbol: FuturesSymbol, now_ms: int) -> Row:
    """Return the statistics of a symbol's last 24 hours of market time."""
    track, show = venue.futures_market.tracks[symbol.name], shown_price(symbol)
    day = last_minutes(track, now_ms, DAY_MS // MINUTE_MS)
    change = from_units(day.close - day.open)
    return {
        "symbol": symbol.name,
        "priceChange": text(change),
        "priceChangePercent": f"{change / from_units(day.open) * 100:.3f}",
        "weightedAvgPrice": f"{volume_price(day):.{DECIMALS}f}",
        "lastPrice": show(day.close),
        "lastQty": best_prices(venue, symbol, now_ms)["bidQty"],
        "openPrice": show(day.open),
        "highPrice": show(day.high),
        "lowPrice": show(day.low),
        "volume": units_text(day.volume),
        "quoteVolume": units_text(day.quote_volume),
        "openTime": max(now_ms - DAY_MS, track.start_ms),
        "closeTime": now_ms,
        "firstId": 1 if day.trades else -1,
        "lastId": day.trades or -1,
        "count": day.trades,
    }


def _of_symbols(
    call: Call, show: Callable[[Call, FuturesSymbol], Row], *, only_trading: bool = False
) -> Row | list[Row]:
    symbol = call.futures_symbol_if_sent()
    call.params.finish()
    if symbol:
        return show(call, symbol)
    symbols = call.venue.futures_market.symbols.values()
    return [show(call, one) for one in symbols if one.is_trading or not only_trading]


def _price_row(call: Call, symbol: FuturesSymbol) -> Row:
    units = call.venue.futures_market.tracks[symbol.name].price(call.now_ms)
    return {"symbol": symbol.name, "price": shown_price(symbol)(units), "time": call.now_ms}


def _book_row(call: Call, symbol: FuturesSymbol) -> Row:
    return best_prices(call.venue, symbol, call.now_ms)


def _day_row(call: Call, symbol: FuturesSymbol) -> Row:
    return day_statistics(call.venue, symbol, call.now_ms)


_TICKER_PRICE: Final = Endpoint(handle=ticker_price, weight=weight_by_symbol(1, 2))
ENDPOINTS: Final = {
    ("GET", "/fapi/v1/ping"): Endpoint(handle=ping, weight=1),
    ("GET", "/fapi/v1/time"): Endpoint(handle=server_time, weight=1),
    ("GET", "/fapi/v1/exchangeInfo"): Endpoint(handle=exchange_info, weight=1),
    ("GET", "/fapi/v1/ticker/price"): _TICKER_PRICE,
    ("GET", "/fapi/v2/ticker/price"): _TICKER_PRICE,
    ("GET", "/fapi/v1/ticker/bookTicker"): Endpoint(
        handle=book_ticker, weight=weight_by_symbol(2, 5)
    ),
    ("GET", "/fapi/v1/ticker/24hr"): Endpoint(handle=ticker_24hr, weight=weight_by_symbol(1, 40)),
}
