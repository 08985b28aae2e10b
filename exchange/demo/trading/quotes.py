"""What the market says at a market time: last and average prices, the book, the minute's volume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from exchange.demo.amounts import ZERO, floor_to, from_units
from exchange.demo.market.symbols import AVERAGE_MINUTES
from exchange.demo.market.track import Track
from exchange.demo.times import MINUTE_MS
from exchange.demo.trading.book import DEFAULT_SPREAD_BPS, Book, Tradable

DEFAULT_VOLUME_SHARE: Final = Decimal("0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How friendly the market is.

    spread_bps     distance of ask and bid in hundredths of a percent
    slippage_bps   distance of two levels of the book, at least a tick
    volume_share   part of a minute's volume that one resting order may get
    """

    spread_bps: Decimal = DEFAULT_SPREAD_BPS
    slippage_bps: Decimal = ZERO
    volume_share: Decimal = DEFAULT_VOLUME_SHARE


class Quotes:
    """The market of every symbol that has prices."""

    def __init__(self, tracks: Mapping[str, Track], terms: Terms) -> None:
        self.tracks = tracks
        self._terms = terms

    def last(self, name: str, at_ms: int) -> Decimal:
        """Return the last price."""
        return from_units(self.tracks[name].price(at_ms))

    def average(self, name: str, at_ms: int) -> Decimal:
        """Return the volume-weighted price of the last five minutes; PRICE and NOTIONAL use it."""
        track = self.tracks[name]
        first_ms = (at_ms - AVERAGE_MINUTES * MINUTE_MS) // MINUTE_MS * MINUTE_MS
        candle = track.candle(max(first_ms, track.start_ms), at_ms)
        if not candle.volume:
            return from_units(candle.close)
        return Decimal(candle.quote_volume) / Decimal(candle.volume)

    def book(self, symbol: Tradable, at_ms: int) -> Book:
        """Return what a taker meets."""
        track = self.tracks[symbol.name]
        return Book(
            symbol=symbol,
            last=from_units(track.price(at_ms)),
            volume=from_units(track.minute_volume(at_ms)),
            spread_bps=self._terms.spread_bps,
            slippage_bps=self._terms.slippage_bps,
        )

    def minute_share(self, symbol: Tradable, at_ms: int) -> Decimal:
        """Return how much one resting order may get in the minute that holds `at_ms`."""
        volume = from_units(self.tracks[symbol.name].minute_volume(at_ms))
        return floor_to(volume * self._terms.volume_share, symbol.step)
