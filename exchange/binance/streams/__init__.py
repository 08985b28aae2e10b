"""The venue's WebSocket streams, as hints that arrive by themselves."""

from exchange.binance.streams.futures_account import FuturesAccountStream, ListenKeys
from exchange.binance.streams.market import MarketStream
from exchange.binance.streams.settings import StreamSettings
from exchange.binance.streams.spot_account import SpotAccountStream

__all__ = [
    "FuturesAccountStream",
    "ListenKeys",
    "MarketStream",
    "SpotAccountStream",
    "StreamSettings",
]
