"""The events of market streams, written with the figures of the REST API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from exchange.demo.amounts import units_text
from exchange.demo.fapi import funding_endpoints, market_endpoints
from exchange.demo.fapi.kline_endpoints import shown_price
from exchange.demo.http import market_endpoints as spot_endpoints
from exchange.demo.http.klines import kline_row
from exchange.demo.market.futures_symbols import FuturesSymbol
from exchange.demo.market.symbols import Symbol
from exchange.demo.market.track import Track
from exchange.demo.streams.names import Kind, StreamName
from exchange.demo.venue import Venue
from exchange.domain.types import Market

Event = dict[str, Any]
_CHANGE: Final = {
    "p": "priceChange",
    "P": "priceChangePercent",
    "w": "weightedAvgPrice",
}
_PREVIOUS_AND_BEST: Final = {"x": "prevClosePrice"}
_BEST: Final = {"b": "bidPrice", "B": "bidQty", "a": "askPrice", "A": "askQty"}
_DAY: Final = {
    "o": "openPrice",
    "h": "highPrice",
    "l": "lowPrice",
    "v": "volume",
    "q": "quoteVolume",
    "O": "openTime",
    "C": "closeTime",
    "F": "firstId",
    "L": "lastId",
    "n": "count",
}
_MINI: Final = ("c", "o", "h", "l", "v", "q")


class MarketFigures:
    """What the market of one venue says at a market time, as streams write it."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def is_listed(self, name: StreamName) -> bool:
        """Say whether the stream's symbol is listed now; arrays always are."""
        return name.symbol is None or name.symbol in self._symbols(name)

    def has_kline(self, name: StreamName, open_ms: int) -> bool:
        """Say whether the REST API shows the kline that opens at `open_ms`."""
        return open_ms >= self._track(name).start_ms

    def kline(self, name: StreamName, open_ms: int, now_ms: int) -> Event:
        """Return the event of a kline as it is at `now_ms`, closed if that lies behind it."""
        length = name.length_ms
        until_ms = min(open_ms + length - 1, now_ms)
        candle = self._track(name).candle(open_ms, until_ms)
        symbol = self._symbols(name)[name.symbol or ""]
        show = shown_price(symbol) if isinstance(symbol, FuturesSymbol) else units_text
        row = kline_row(candle, length, show=show)
        return {
            "e": "kline",
            "E": now_ms,
            "s": name.symbol,
            "k": {
                "t": row[0],
                "T": row[6],
                "s": name.symbol,
                "i": name.interval,
                "f": 1 if candle.trades else -1,
                "L": candle.trades or -1,
                "o": row[1],
                "c": row[4],
                "h": row[2],
                "l": row[3],
                "v": row[5],
                "n": row[8],
                "x": now_ms >= open_ms + length,
                "q": row[7],
                "V": row[9],
                "Q": row[10],
                "B": row[11],
            },
        }

    def event(self, name: StreamName, now_ms: int) -> Event | list[Event]:
        """Return the event of a stream other than klines at `now_ms`."""
        if name.symbol is not None:
            return self._one(name, name.symbol, now_ms)
        return [self._one(name, symbol, now_ms) for symbol in self._symbols(name)]

    def _one(self, name: StreamName, symbol: str, now_ms: int) -> Event:
        if name.kind is Kind.MARK_PRICE:
            return self._mark_price(symbol, now_ms)
        if name.kind is Kind.BOOK_TICKER:
            return self._book_ticker(name, symbol, now_ms)
        return self._ticker(name, symbol, now_ms)

    def _mark_price(self, symbol: str, now_ms: int) -> Event:
        row = funding_endpoints.premium(self._venue, symbol, now_ms)
        return {
            "e": "markPriceUpdate",
            "E": now_ms,
            "s": symbol,
            "p": row["markPrice"],
            "i": row["indexPrice"],
            "P": row["estimatedSettlePrice"],
            "r": row["lastFundingRate"],
            "T": row["nextFundingTime"],
        }

    def _book_ticker(self, name: StreamName, symbol: str, now_ms: int) -> Event:
        listed = self._symbols(name)[symbol]
        # Nobody counts the updates of this book: its time is a number that only grows, too.
        if isinstance(listed, Symbol):
            best = spot_endpoints.best_prices(self._venue, listed, now_ms)
            return {"u": now_ms, "s": symbol} | _pick(best, _BEST)
        row = market_endpoints.best_prices(self._venue, listed, now_ms)
        head = {"e": "bookTicker", "u": now_ms, "E": now_ms, "T": now_ms, "s": symbol}
        return head | _pick(row, _BEST)

    def _ticker(self, name: StreamName, symbol: str, now_ms: int) -> Event:
        listed = self._symbols(name)[symbol]
        if isinstance(listed, Symbol):
            row = spot_endpoints.day_statistics(self._venue, listed, now_ms, is_full=True)
        else:
            row = market_endpoints.day_statistics(self._venue, listed, now_ms)
        day = _pick(row, _DAY) | {"c": row["lastPrice"], "Q": row["lastQty"]}
        if name.kind is Kind.MINI_TICKER:
            short = {key: day[key] for key in _MINI}
            return {"e": "24hrMiniTicker", "E": now_ms, "s": symbol} | short
        spot_only = _PREVIOUS_AND_BEST | _BEST if isinstance(listed, Symbol) else {}
        head = {"e": "24hrTicker", "E": now_ms, "s": symbol}
        return head | _pick(row, _CHANGE | spot_only) | day

    def _track(self, name: StreamName) -> Track:
        is_spot = name.category.market is Market.SPOT
        tracks = self._venue.tracks if is_spot else self._venue.futures_market.tracks
        return tracks[name.symbol or ""]

    def _symbols(self, name: StreamName) -> Mapping[str, Symbol | FuturesSymbol]:
        is_spot = name.category.market is Market.SPOT
        return self._venue.symbols if is_spot else self._venue.futures_market.symbols


def _pick(row: Mapping[str, Any], names: Mapping[str, str]) -> Event:
    return {key: row[name] for key, name in names.items()}
