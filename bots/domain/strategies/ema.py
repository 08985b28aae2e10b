"""Crossing of two exponential moving averages, kept honest by the RSI.

Enter long on the kline where the fast EMA is above the slow one and was not on the kline before,
if the RSI is below overbought. Leave where it is below and was not on the kline before, if the
RSI is above oversold. With `ema_period` set, entries long only while the close is above that EMA.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from bots.domain.indicators import BoolArray, FloatArray, ema, rsi
from bots.domain.snapshot import Parameters
from bots.domain.strategies.base import TREND, SignalArrays
from bots.domain.wording import indicator_text, plain

FAST: Final = "ema_fast"
SLOW: Final = "ema_slow"
RSI: Final = "rsi"


@dataclass(frozen=True, slots=True)
class EmaStrategy:
    """The strategy `ema`."""

    name: str = "ema"

    def signals(self, closes: FloatArray, parameters: Parameters) -> SignalArrays:
        """Return the crossings that the RSI allows; the trend filter stays a separate array."""
        fast = ema(closes, parameters.ema_fast)
        slow = ema(closes, parameters.ema_slow)
        strength = rsi(closes, parameters.rsi_period)
        indicators = {FAST: fast, SLOW: slow, RSI: strength}
        trend_up = np.ones(len(closes), dtype=np.bool_)
        is_ready = ~np.isnan(fast + slow + strength)
        if parameters.ema_period is not None:
            trend = ema(closes, parameters.ema_period)
            indicators[TREND] = trend
            trend_up, is_ready = closes > trend, is_ready & ~np.isnan(trend)
        return SignalArrays(
            enter_long=_crosses_above(fast, slow) & (strength < float(parameters.rsi_overbought)),
            exit_long=_crosses_above(slow, fast) & (strength > float(parameters.rsi_oversold)),
            trend_up=trend_up,
            is_ready=is_ready,
            indicators=MappingProxyType(indicators),
        )

    def explain(
        self, arrays: SignalArrays, index: int, parameters: Parameters, *, in_position: bool
    ) -> str:
        """Say what the averages and the RSI of kline `index` mean for the bot."""
        fast, slow = arrays.indicators[FAST], arrays.indicators[SLOW]
        strength = f"RSI {arrays.indicators[RSI][index]:.1f}"
        names = f"EMA {parameters.ema_fast}", f"EMA {parameters.ema_slow}"
        if arrays.enter_long[index]:
            limit = plain(parameters.rsi_overbought)
            return f"{names[0]} crossed above {names[1]}, {strength} < {limit}"
        if arrays.exit_long[index]:
            limit = plain(parameters.rsi_oversold)
            return f"{names[0]} crossed below {names[1]}, {strength} > {limit}"
        if not in_position and _crosses_above(fast, slow)[index]:
            return f"did not buy: {strength} ≥ {plain(parameters.rsi_overbought)}"
        if in_position and _crosses_above(slow, fast)[index]:
            return f"did not sell: {strength} ≤ {plain(parameters.rsi_oversold)}"
        return _no_cross(fast[: index + 1], slow[: index + 1], names)


def _crosses_above(upper: FloatArray, lower: FloatArray) -> BoolArray:
    is_above = upper > lower
    # A comparison with NaN is false: without this test the first value would look like a crossing.
    known = ~np.isnan(upper + lower)
    crossed = np.zeros(len(upper), dtype=np.bool_)
    crossed[1:] = is_above[1:] & ~is_above[:-1] & known[:-1]
    return crossed


def _no_cross(fast: FloatArray, slow: FloatArray, names: tuple[str, str]) -> str:
    order = np.sign(fast - slow)
    changes = np.flatnonzero(order != order[-1])
    count = len(order) - (int(changes[-1]) + 1 if len(changes) else 0)
    word = {1: "above", 0: "equal to", -1: "below"}[int(order[-1])]
    values = indicator_text(float(fast[-1])), indicator_text(float(slow[-1]))
    klines = "kline" if count == 1 else "klines"
    return f"no cross: {names[0]} {values[0]} {word} {names[1]} {values[1]} for {count} {klines}"
