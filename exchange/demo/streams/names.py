"""The market streams by name: what each tells, and how often.

Source: spot "WebSocket Streams", USD-M futures "Websocket Market Streams"; times are market time.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from exchange.demo.streams.targets import Category
from exchange.domain.intervals import INTERVALS, interval_milliseconds


class Kind(StrEnum):
    """What a stream tells."""

    KLINE = "kline"
    TICKER = "ticker"
    MINI_TICKER = "miniTicker"
    BOOK_TICKER = "bookTicker"
    MARK_PRICE = "markPrice"


class StreamName(NamedTuple):
    """A stream of one connection's category.

    text       as clients write it
    symbol     in capitals; None for an array of all symbols
    interval   of klines, else empty
    every_ms   market time between two events
    """

    category: Category
    text: str
    kind: Kind
    symbol: str | None
    interval: str
    every_ms: int

    @property
    def length_ms(self) -> int:
        """Return how long one kline is; only kline streams may ask."""
        return interval_milliseconds(self.interval)


_KLINE: Final = "kline_"
_SPOT_EVERY: Final = {
    "ticker": (Kind.TICKER, 1000),
    "miniTicker": (Kind.MINI_TICKER, 1000),
    "bookTicker": (Kind.BOOK_TICKER, 0),
}
_MARKET_EVERY: Final = {
    "ticker": (Kind.TICKER, 2000),
    "miniTicker": (Kind.MINI_TICKER, 2000),
    "markPrice": (Kind.MARK_PRICE, 3000),
    "markPrice@1s": (Kind.MARK_PRICE, 1000),
}
_OF_SYMBOL: Final = {
    Category.SPOT: _SPOT_EVERY,
    Category.FUTURES_MARKET: _MARKET_EVERY,
    Category.FUTURES_PUBLIC: {"bookTicker": (Kind.BOOK_TICKER, 0)},
}
_OF_ALL: Final = {
    Category.SPOT: {
        "!ticker@arr": (Kind.TICKER, 1000),
        "!miniTicker@arr": (Kind.MINI_TICKER, 1000),
    },
    Category.FUTURES_MARKET: {
        "!ticker@arr": (Kind.TICKER, 1000),
        "!miniTicker@arr": (Kind.MINI_TICKER, 1000),
        "!markPrice@arr": (Kind.MARK_PRICE, 3000),
        "!markPrice@arr@1s": (Kind.MARK_PRICE, 1000),
    },
}
_KLINE_EVERY: Final = {Category.SPOT: 2000, Category.FUTURES_MARKET: 250}


def parse_stream(text: str, category: Category) -> StreamName | None:
    """Return the stream of a name; None for one that this category never delivers."""
    if text in _OF_ALL.get(category, {}):
        kind, every_ms = _OF_ALL[category][text]
        return StreamName(category, text, kind, None, "", every_ms)
    symbol, _, what = text.partition("@")
    if not symbol or symbol != symbol.lower():
        return None
    interval = what.removeprefix(_KLINE)
    if what.startswith(_KLINE) and interval in INTERVALS and category in _KLINE_EVERY:
        every_ms = _KLINE_EVERY[category]
        return StreamName(category, text, Kind.KLINE, symbol.upper(), interval, every_ms)
    if what in _OF_SYMBOL.get(category, {}):
        kind, every_ms = _OF_SYMBOL[category][what]
        return StreamName(category, text, kind, symbol.upper(), "", every_ms)
    return None
