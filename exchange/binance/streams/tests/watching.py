"""A market stream and all that it told, in order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from exchange.binance.streams.market import MarketStream
from exchange.binance.streams.tests.venue import QUICK, Venue
from exchange.domain.streams import KlineStream, KlineUpdate
from exchange.domain.types import Market

BTC = KlineStream("BTCUSDT", "1m")
ETH = KlineStream("ETHUSDT", "5m")


class Watched:
    """Remembers klines, subscriptions and losses."""

    def __init__(self, venue: Venue, *, market: Market = Market.SPOT, **settings: Any) -> None:
        self.klines: list[KlineUpdate] = []
        self.subscribed: list[frozenset[KlineStream]] = []
        self.downs: list[str] = []
        self.bug: Exception | None = None
        self.stream = MarketStream(
            urls=venue.urls,
            market=market,
            on_kline=self._hear,
            on_subscribed=self.subscribed.append,
            on_down=self.downs.append,
            settings=replace(QUICK, **settings),
        )

    def _hear(self, update: KlineUpdate) -> None:
        if self.bug:
            raise self.bug
        self.klines.append(update)


def kline_event(stream: KlineStream = BTC, **changes: Any) -> dict[str, Any]:
    """Return a kline event as spot documents it."""
    row = {
        "t": 1672515780000,
        "T": 1672515839999,
        "s": stream.symbol,
        "i": stream.interval,
        "f": 100,
        "L": 200,
        "o": "0.00100000",
        "c": "0.00200000",
        "h": "0.00250000",
        "l": "0.00150000",
        "v": "1000.00000000",
        "n": 100,
        "x": False,
        "q": "1.0000",
        "V": "500",
        "Q": "0.500",
        "B": "123456",
    }
    return {"e": "kline", "E": 1672515782136, "s": stream.symbol, "k": row | changes}
