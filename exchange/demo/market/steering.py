"""Prices that a person has set: from a market time on, for a while or until released."""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple


class SteeredPrice(NamedTuple):
    """A price in units of 1e-8 that holds from `from_ms` up to, not including, `until_ms`."""

    from_ms: int
    until_ms: int | None
    price: int

    def covers(self, at_ms: int) -> bool:
        """Say whether the price holds at that market time."""
        return self.from_ms <= at_ms and (self.until_ms is None or at_ms < self.until_ms)

    def holds_around(self, at_ms: int) -> bool:
        """Say whether the price holds before, at and after that market time."""
        return self.covers(at_ms - 1) and self.covers(at_ms + 1)

    @property
    def edges(self) -> tuple[int, ...]:
        """Return the market times on both sides of each jump that the steered price makes."""
        start = (self.from_ms - 1, self.from_ms)
        return start if self.until_ms is None else (*start, self.until_ms - 1, self.until_ms)


class Steering:
    """The steered prices of one symbol, disjoint and in order of time.

    Old ones are kept: the klines of the past must not change when a price is released.
    """

    def __init__(self, steered: list[SteeredPrice] | None = None) -> None:
        self.all = list(steered or [])

    def hold(self, price: int, *, from_ms: int, until_ms: int | None) -> SteeredPrice:
        """Let `price` hold from `from_ms`, which must not lie before the last call."""
        self.release(from_ms)
        self.all.append(SteeredPrice(from_ms, until_ms, price))
        return self.all[-1]

    def release(self, at_ms: int) -> None:
        """Give the price back to the recording at `at_ms`."""
        if self.all and self.all[-1].covers(at_ms):
            last = self.all.pop()
            if last.from_ms < at_ms:
                self.all.append(last._replace(until_ms=at_ms))

    def at(self, at_ms: int) -> int | None:
        """Return the steered price at that market time, or None where the recording rules."""
        index = bisect_right(self.all, at_ms, key=_from_ms) - 1
        return self.all[index].price if index >= 0 and self.all[index].covers(at_ms) else None

    def touching(self, start_ms: int, end_ms: int) -> list[SteeredPrice]:
        """Return what holds anywhere between two market times, both included."""
        # Disjoint and in order: of those that began before, only the last can reach in here.
        first = max(bisect_right(self.all, start_ms, key=_from_ms) - 1, 0)
        last = bisect_right(self.all, end_ms, key=_from_ms)
        return [
            steered
            for steered in self.all[first:last]
            if steered.until_ms is None or steered.until_ms > start_ms
        ]


def _from_ms(steered: SteeredPrice) -> int:
    return steered.from_ms
