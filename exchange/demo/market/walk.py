"""A seeded random walk: a pure function of seed, symbol and market minute.

The logarithm of the price is a sum of octaves of value noise: octave k has a random value, uniform
around zero, every 2**k minutes and runs straight between them; its size grows with the square root
of 2**k. Over minutes to weeks that moves like a random walk of about 0.07 % a minute; over longer
times it is bounded, between 0.35 and 2.85 times the price it was given, which is that of
`ANCHOR_MS`.

All of it is whole numbers and the bits of BLAKE2b, so that every machine and every Python gets the
same digits. Logarithms are cut, towards minus infinity, to 1e-9 and prices to 1e-8.
"""

from __future__ import annotations

import math
from array import array
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from exchange.demo.amounts import UNITS_PER_ONE, to_units
from exchange.demo.clock import DEFAULT_START
from exchange.demo.market.minutes import Minutes, Source, estimated
from exchange.demo.times import DAY_MS, MINUTE_MS, to_milliseconds

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[Any, np.dtype[np.int64]]

WALK_START_MS: Final = to_milliseconds(datetime(2024, 1, 1, tzinfo=UTC))
ANCHOR_MS: Final = to_milliseconds(DEFAULT_START)
CHEAPEST: Final = Decimal("0.0001")
DEAREST: Final = Decimal(300_000)
_OCTAVES: Final = 17  # the longest swings take 65,536 minutes, 45 days
_LOG_ONE: Final = 10**9
_FIRST_AMPLITUDE: Final = 600_000  # of the logarithm, in 1e-9
_TAYLOR_TERMS: Final = 14
_MILLION: Final = 10**6
_WIDEST_WICK: Final = 1_000  # millionths of the price
_MEAN_TURNOVER: Final = 500_000  # in quote currency a minute, roughly
_DAY_MINUTES: Final = DAY_MS // MINUTE_MS
_DAYS_KEPT: Final = 64
_WORDS: Final = 16  # 32-bit numbers in one digest


class Walk(Source):
    """One symbol's random prices.

    price     the price at `ANCHOR_MS`, from `CHEAPEST` to `DEAREST`
    start_ms  where its history begins, a whole minute; its prices do not depend on that
    """

    def __init__(
        self, symbol: str, price: Decimal, *, seed: int, start_ms: int = WALK_START_MS
    ) -> None:
        self.start_ms = start_ms
        self._symbol = symbol
        self._price = to_units(price)
        self._key = f"{seed}/{symbol}"
        self._day = lru_cache(maxsize=_DAYS_KEPT)(self._make_day)
        self._anchor = 0
        self._anchor = int(self._logarithms(ANCHOR_MS // MINUTE_MS, 1)[0])

    def block(self, at_ms: int) -> Minutes:
        """Return the UTC day that holds `at_ms`."""
        return self._day(at_ms // DAY_MS)

    def _make_day(self, day: int) -> Minutes:
        first = day * _DAY_MINUTES
        bounds = self._prices(self._logarithms(first, _DAY_MINUTES + 1))
        opens, closes = bounds[:-1], bounds[1:]
        upper, lower, lively = (self._words(name, first) >> 16 for name in ("up", "down", "volume"))
        highs, lows = opens.clip(min=closes), opens.clip(max=closes)
        highs = highs + highs * (upper * upper * _WIDEST_WICK >> 32) // _MILLION
        lows = lows - lows * (lower * lower * _WIDEST_WICK >> 32) // _MILLION
        moved = abs(closes - opens) * _MILLION // opens
        weights = 100 + (lively * lively * 2_000 >> 32) + 2 * moved
        columns = [_column(one) for one in (opens, highs, lows, closes)]
        mean_volume = _MEAN_TURNOVER * UNITS_PER_ONE**2 // self._price
        volumes = [max(mean_volume * weight // 2_000, 1) for weight in weights.tolist()]
        traded = [
            estimated(prices, volume)
            for prices, volume in zip(zip(*columns, strict=True), volumes, strict=True)
        ]
        amounts = (array("q", column) for column in zip(*traded, strict=True))
        return Minutes(self._symbol, "walk", day * DAY_MS, *columns, *amounts)

    def _logarithms(self, first: int, count: int) -> Numbers:
        import numpy as np  # noqa: PLC0415 - slow to load, and only a walk needs it

        total = np.full(count, -self._anchor, dtype=np.int64)
        for octave in range(_OCTAVES):
            period = 1 << octave
            moments = np.arange(first, first + count, dtype=np.int64) + self._phase(octave)
            cells, since = moments >> octave, moments & (period - 1)
            values = self._noise(octave, int(cells[0]), int(cells[-1]) + 1)
            left, right = values[cells - cells[0]], values[cells - cells[0] + 1]
            total += (left * (period - since) + right * since) >> octave
        return total

    def _noise(self, octave: int, first: int, last: int) -> Numbers:
        amplitude = math.isqrt(_FIRST_AMPLITUDE**2 << octave)
        words = self._words(f"octave {octave}", first, last - first + 1) >> 8
        return (2 * words - (2**24 - 1)) * amplitude >> 24

    def _phase(self, octave: int) -> int:
        return int(self._words(f"phase {octave}", 0, 1)[0]) % (1 << octave)

    def _words(self, name: str, first: int, count: int = _DAY_MINUTES) -> Numbers:
        import numpy as np  # noqa: PLC0415 - as above

        skipped = first % _WORDS
        blocks = range(first // _WORDS, (first + count - 1) // _WORDS + 1)
        bits = b"".join(blake2b(f"{self._key}/{name}/{one}".encode()).digest() for one in blocks)
        return np.frombuffer(bits, dtype="<u4")[skipped : skipped + count].astype(np.int64)

    def _prices(self, logarithms: Numbers) -> Numbers:
        factors = logarithms * 0 + _LOG_ONE
        for term in range(_TAYLOR_TERMS, 0, -1):
            factors = _LOG_ONE + logarithms * factors // (term * _LOG_ONE)
        # In two parts: the whole product does not fit 64 bits.
        whole, rest = divmod(self._price, _LOG_ONE)
        prices = whole * factors + rest * factors // _LOG_ONE
        return prices.clip(min=1)


def _column(numbers: Numbers) -> array[int]:
    column = array("q")
    column.frombytes(numbers.tobytes())
    return column
