"""Crossing of two exponential moving averages, kept honest by the RSI.

Where the fast EMA is above the slow one and was not on the kline before, enter long and leave
short, if the RSI is below overbought. Where it is below and was not on the kline before, leave long
and enter short, if the RSI is above oversold. With `ema_period` set, entries long only while the
close is above that EMA, entries short only while it is below.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from bots.domain.direction import Direction
from bots.domain.indicators import BoolArray, FloatArray, ema, rsi
from bots.domain.snapshot import Parameters
from bots.domain.strategies.base import TREND, SignalArrays
from bots.domain.wording import did_not_enter, did_not_leave, indicator_text, plain

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
        trend_up = trend_down = np.ones(len(closes), dtype=np.bool_)
        is_ready = ~np.isnan(fast + slow + strength)
        if parameters.ema_period is not None:
            trend = ema(closes, parameters.ema_period)
            indicators[TREND] = trend
            trend_up, trend_down = closes > trend, closes < trend
            is_ready = is_ready & ~np.isnan(trend)
        up = _crosses_above(fast, slow) & (strength < float(parameters.rsi_overbought))
        down = _crosses_above(slow, fast) & (strength > float(parameters.rsi_oversold))
        return SignalArrays(
            enter_long=up,
            exit_long=down,
            enter_short=down,
            exit_short=up,
            trend_up=trend_up,
            trend_down=trend_down,
            is_ready=is_ready,
            indicators=MappingProxyType(indicators),
        )

    def explain(
        self,
        arrays: SignalArrays,
        index: int,
        parameters: Parameters,
        *,
        held: Direction | None,
    ) -> str:
        """Say what the averages and the RSI of kline `index` mean for the bot."""
        fast, slow = arrays.indicators[FAST], arrays.indicators[SLOW]
        strength = f"RSI {arrays.indicators[RSI][index]:.1f}"
        names = f"EMA {parameters.ema_fast}", f"EMA {parameters.ema_slow}"
        over, under = plain(parameters.rsi_overbought), plain(parameters.rsi_oversold)
        if arrays.enter_long[index]:
            return f"{names[0]} crossed above {names[1]}, {strength} < {over}"
        if arrays.exit_long[index]:
            return f"{names[0]} crossed below {names[1]}, {strength} > {under}"
        if _crosses_above(fast, slow)[index] and (did := _not_bought(parameters, held)):
            return f"{did}: {strength} ≥ {over}"
        if _crosses_above(slow, fast)[index] and (did := _not_sold(parameters, held)):
            return f"{did}: {strength} ≤ {under}"
        return _no_cross(fast[: index + 1], slow[: index + 1], names)


def _not_bought(parameters: Parameters, held: Direction | None) -> str | None:
    if held is Direction.SHORT:
        return did_not_leave(held)
    may_enter = held is None and parameters.directions.allows(Direction.LONG)
    return did_not_enter(Direction.LONG) if may_enter else None


def _not_sold(parameters: Parameters, held: Direction | None) -> str | None:
    if held is Direction.LONG:
        return did_not_leave(held)
    may_enter = held is None and parameters.directions.allows(Direction.SHORT)
    return did_not_enter(Direction.SHORT) if may_enter else None


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
