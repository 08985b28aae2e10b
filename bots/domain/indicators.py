"""Indicators over whole arrays of closing prices: thin, typed doors to TA-Lib.

Floats live here and nowhere else in the trading code. TA-Lib seeds an EMA with the simple average
of its first `period` closes and smooths with 2 / (period + 1); its RSI is Wilder's.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import talib
from numpy.typing import NDArray

from bots.domain.snapshot import Parameters

FloatArray: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]

MIN_PERIOD: Final = 2
WARMUP_FACTOR: Final = 10  # below it an EMA still remembers where its window happened to start
MIN_KLINES: Final = 100
MAX_PERIOD: Final = 400  # ten times as many klines are five requests to the venue
MAX_KLINES: Final = 5000


def ema(closes: FloatArray, period: int) -> FloatArray:
    """Return the exponential moving average, NaN for the first `period` - 1 values."""
    return talib.EMA(_checked(closes, period), timeperiod=period)


def rsi(closes: FloatArray, period: int) -> FloatArray:
    """Return Wilder's relative strength index (0 to 100), NaN for the first `period` values.

    A flat market gives 0, as TA-Lib has it.
    """
    return talib.RSI(_checked(closes, period), timeperiod=period)


def klines_needed(parameters: Parameters, *, unseen: int = 0) -> int:
    """Return how many closed klines a decision must read, at most `MAX_KLINES`.

    unseen   klines since the last tick; each of them wants the full warm-up before it

    Ten times the longest period brings EMA and RSI within 1e-9 of their full-history value.
    Ask the venue for one more: its newest kline is unfinished and must not be read.
    """
    return min(max(WARMUP_FACTOR * longest_period(parameters), MIN_KLINES) + unseen, MAX_KLINES)


def longest_period(parameters: Parameters) -> int:
    """Return the longest indicator period in use; ValueError when it exceeds `MAX_PERIOD`."""
    periods = (parameters.ema_fast, parameters.ema_slow, parameters.rsi_period)
    longest = max(*periods, parameters.ema_period or 0)
    if longest > MAX_PERIOD:
        raise ValueError(
            f"a period of {longest} klines needs {WARMUP_FACTOR * longest} klines to warm up; "
            f"the longest possible is {MAX_PERIOD}"
        )
    return longest


def _checked(closes: FloatArray, period: int) -> FloatArray:
    if period < MIN_PERIOD:
        raise ValueError(f"period must be {MIN_PERIOD} or more, was {period}")
    values = np.ascontiguousarray(closes, dtype=np.float64)
    if not np.isfinite(values).all():
        first = int(np.flatnonzero(~np.isfinite(values))[0])
        # TA-Lib would carry a single NaN into every later value without a word.
        raise ValueError(f"closing price {first} is {values[first]}, not a number")
    return values
