"""The minutes of another venue, as they were seen: past ones whole, the running one look by look.

Between two looks market time stands still, so nobody has been shown a price there yet: the path is
led straight from the last price over a new high or low, in the order in which a whole minute walks
them, to the price that was seen. What has once been shown never changes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from exchange.demo.market.minutes import Amounts, Minutes, Path, Source
from exchange.demo.times import MINUTE_MS

# So long what was observed inside a minute is kept; the engine has walked along it long before.
OBSERVED_MINUTES: Final = 360
_NOTHING: Final = Amounts(0, 0, 0)


class Row(NamedTuple):
    """A 1m kline of the mirrored venue; prices are open, high, low and close."""

    open_ms: int
    prices: tuple[int, int, int, int]
    traded: Amounts


@dataclass(slots=True)
class _Observed:
    """What was seen inside one minute: the path so far, and what had been traded at each look."""

    offsets: list[int]
    prices: list[int]
    looks: list[int] = field(default_factory=list)
    traded: list[Amounts] = field(default_factory=list)

    def lead(self, until: int, row: Row) -> None:
        since = self.offsets[-1]
        stops = self._extremes(row)
        if until - since <= len(stops):
            stops = []
        for number, price in enumerate(stops, start=1):
            self.offsets.append(since + (until - since) * number // (len(stops) + 1))
            self.prices.append(price)
        if until > since:
            self.offsets.append(until)
            self.prices.append(row.prices[3])
            self.looks.append(until)
            self.traded.append(row.traded)

    def _extremes(self, row: Row) -> list[int]:
        _, high, low, closed = row.prices
        lowest = [low] if low < min(closed, *self.prices) else []
        highest = [high] if high > max(closed, *self.prices) else []
        return lowest + highest if closed >= self.prices[-1] else highest + lowest


class MirroredSource(Source):
    """One symbol's prices at another venue, up to the newest market time that it has shown."""

    is_settled = False

    def __init__(self, symbol: str, history: Sequence[Row], *, newest_ms: int) -> None:
        self.start_ms = history[0].open_ms
        self._newest_ms = newest_ms
        self._minutes = Minutes(symbol, "mirror", self.start_ms)
        self._observed: dict[int, _Observed] = {}
        for row in history:
            self._put(row)
        self._reach(newest_ms)
        self._look(newest_ms // MINUTE_MS * MINUTE_MS, newest_ms)

    def block(self, at_ms: int) -> Minutes:
        """Return every minute that is known; `at_ms` must not lie after the newest look."""
        return self._minutes

    def path(self, open_ms: int) -> Path:
        """Return what was observed of a minute, else its way over open, high, low and close."""
        seen = self._observed.get(open_ms)
        return Path(seen.offsets, seen.prices) if seen else super().path(open_ms)

    def minute_volume(self, open_ms: int) -> int:
        """Return a minute's volume; while it runs no less than that of the minute before."""
        volumes, index = self._minutes.volumes, self._minutes.index(open_ms)
        is_running = self._newest_ms < open_ms + MINUTE_MS - 1
        return max(volumes[max(index - 1, 0) : index + 1]) if is_running else volumes[index]

    def traded(self, open_ms: int, until_ms: int) -> Amounts:
        """Return what a minute had traded at the last look up to `until_ms`."""
        seen = self._observed.get(open_ms)
        if seen is None or not seen.looks:
            return super().traded(open_ms, until_ms)
        at = bisect_right(seen.looks, until_ms - open_ms) - 1
        return seen.traded[at] if at >= 0 else _NOTHING

    def see(self, rows: Sequence[Row], market_ms: int) -> None:
        """Take the klines since the newest minute, as they are at `market_ms`.

        A symbol without new ones stands still at its last price, without volume.
        """
        if market_ms <= self._newest_ms:
            return
        running_ms = self._newest_ms // MINUTE_MS * MINUTE_MS
        for row in rows:
            if running_ms <= row.open_ms <= market_ms:
                self._put(row)
        self._reach(market_ms)
        for open_ms in {running_ms: None, market_ms // MINUTE_MS * MINUTE_MS: None}:
            self._look(open_ms, market_ms)
        self._newest_ms = market_ms
        self._forget()

    def _put(self, row: Row) -> None:
        self._reach(row.open_ms - 1)
        minutes, index = self._minutes, self._minutes.index(row.open_ms)
        if index == len(minutes.opens):
            minutes.append(row.prices, row.traded.volume, traded=row.traded)
            return
        columns = (minutes.opens, minutes.highs, minutes.lows, minutes.closes)
        amounts = (minutes.volumes, minutes.quotes, minutes.trades)
        for column, value in zip(columns + amounts, row.prices + row.traded, strict=True):
            column[index] = value

    def _reach(self, market_ms: int) -> None:
        while self._minutes.end_ms <= market_ms:
            last = self._minutes.closes[-1]
            self._minutes.append((last, last, last, last), 0)

    def _look(self, open_ms: int, market_ms: int) -> None:
        minutes, index = self._minutes, self._minutes.index(open_ms)
        prices = (
            minutes.opens[index],
            minutes.highs[index],
            minutes.lows[index],
            minutes.closes[index],
        )
        seen = self._observed.setdefault(open_ms, _Observed([0], [prices[0]]))
        until = min(market_ms - open_ms, MINUTE_MS - 1)
        seen.lead(until, Row(open_ms, prices, minutes.amounts(index)))

    def _forget(self) -> None:
        oldest_ms = self._newest_ms - OBSERVED_MINUTES * MINUTE_MS
        for open_ms in [one for one in self._observed if one < oldest_ms]:
            del self._observed[open_ms]
