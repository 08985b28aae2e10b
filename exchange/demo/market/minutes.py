"""Where prices come from: a source supplies minutes, and the way the price takes inside each.

Inside a minute the price runs open, low, high, close when the minute closed no lower than it
opened, else open, high, low, close: in straight lines, reaching the second point after 20 s, the
third after 40 s and the close in the last millisecond.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final, NamedTuple

from exchange.demo.amounts import UNITS_PER_ONE
from exchange.demo.times import MINUTE_MS

OHLC_OFFSETS: Final = (0, 20_000, 40_000, MINUTE_MS - 1)
_QUOTE_PER_TRADE: Final = 1000 * UNITS_PER_ONE


class Amounts(NamedTuple):
    """What was traded: volume in base and quote currency in units of 1e-8, number of trades."""

    volume: int
    quote_volume: int
    trades: int


class Path(NamedTuple):
    """The way of the price through one minute: straight lines from point to point.

    offsets  ms since the minute began, rising, the first is 0
    prices   in units of 1e-8, not rounded to the tick; the last one holds from its moment on
    """

    offsets: Sequence[int]
    prices: Sequence[int]

    def price(self, offset_ms: int) -> int:
        """Return the price at a moment of the minute."""
        at = bisect_right(self.offsets, offset_ms) - 1
        if at == len(self.offsets) - 1:
            return self.prices[at]
        since, length = offset_ms - self.offsets[at], self.offsets[at + 1] - self.offsets[at]
        return self.prices[at] + (self.prices[at + 1] - self.prices[at]) * since // length


@dataclass(slots=True)
class Minutes:
    """1m klines of one symbol without a gap, one array per column, in units of 1e-8.

    market  where they come from: `spot`, `usdm`, `walk` or `mirror`
    """

    symbol: str
    market: str
    start_ms: int = 0
    opens: array[int] = field(default_factory=lambda: array("q"))
    highs: array[int] = field(default_factory=lambda: array("q"))
    lows: array[int] = field(default_factory=lambda: array("q"))
    closes: array[int] = field(default_factory=lambda: array("q"))
    volumes: array[int] = field(default_factory=lambda: array("q"))
    quotes: array[int] = field(default_factory=lambda: array("q"))  # quote volume
    trades: array[int] = field(default_factory=lambda: array("q"))  # number of trades

    @property
    def length_ms(self) -> int:
        """Return how much market time the minutes take."""
        return len(self.opens) * MINUTE_MS

    @property
    def end_ms(self) -> int:
        """Return the first millisecond after the last minute."""
        return self.start_ms + self.length_ms

    def index(self, at_ms: int) -> int:
        """Return the number of the minute that holds `at_ms`."""
        return (at_ms - self.start_ms) // MINUTE_MS

    def append(
        self, prices: tuple[int, int, int, int], volume: int, *, traded: Amounts | None = None
    ) -> None:
        """Add the next minute; `prices` are open, high, low and close.

        Without `traded` quote volume and number of trades are estimated from `volume`.
        """
        self.opens.append(prices[0])
        self.highs.append(prices[1])
        self.lows.append(prices[2])
        self.closes.append(prices[3])
        _, quote, trades = traded or estimated(prices, volume)
        self.volumes.append(volume)
        self.quotes.append(quote)
        self.trades.append(trades)

    def amounts(self, index: int) -> Amounts:
        """Return what one minute traded."""
        return Amounts(self.volumes[index], self.quotes[index], self.trades[index])

    def ohlc_path(self, index: int) -> Path:
        """Return the way through open, both extremes and close."""
        opened, closed = self.opens[index], self.closes[index]
        high, low = self.highs[index], self.lows[index]
        inner = (low, high) if closed >= opened else (high, low)
        return Path(OHLC_OFFSETS, (opened, *inner, closed))


class Source(ABC):
    """One symbol's prices at every market time from `start_ms` on.

    is_settled  no minute, once asked for, ever changes
    """

    __slots__ = ()

    start_ms: int
    is_settled: ClassVar[bool] = True

    @abstractmethod
    def block(self, at_ms: int) -> Minutes:
        """Return consecutive minutes of which one holds `at_ms`."""

    def path(self, open_ms: int) -> Path:
        """Return the way of the price through the minute that opens at `open_ms`."""
        block = self.block(open_ms)
        return block.ohlc_path(block.index(open_ms))

    def minute_volume(self, open_ms: int) -> int:
        """Return the volume of the whole minute that opens at `open_ms`."""
        block = self.block(open_ms)
        return block.volumes[block.index(open_ms)]

    def traded(self, open_ms: int, until_ms: int) -> Amounts:
        """Return what a minute traded from its opening to `until_ms`, included."""
        block, elapsed = self.block(open_ms), until_ms - open_ms + 1
        whole = block.amounts(block.index(open_ms))
        return Amounts(*(amount * elapsed // MINUTE_MS for amount in whole))


def estimated(prices: tuple[int, int, int, int], volume: int) -> Amounts:
    """Return amounts for a minute of which only prices and volume are known.

    Quote volume is volume times the mean of the four prices; one trade per 1,000 of it.
    """
    quote = sum(prices) * volume // (4 * UNITS_PER_ONE)
    return Amounts(volume, quote, quote // _QUOTE_PER_TRADE + 1 if volume else 0)
