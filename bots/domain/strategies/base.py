"""What a strategy is: a kernel over whole arrays and words for what it saw.

The backtester reads the kernel's arrays from end to end, the live bot reads their last values.
Nothing else may decide about entries and exits, or the two would drift apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from bots.domain.indicators import BoolArray, FloatArray
from bots.domain.snapshot import Parameters

TREND: Final = "ema_trend"  # the trend filter's indicator, present when `ema_period` is set


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SignalArrays:
    """A kernel's answer, one value per kline in every array.

    enter_long    the kline asks to buy
    exit_long     the kline asks to sell what is held
    trend_up      entries long are with the trend; all true when no trend filter is set
    is_ready      every indicator in use has a value
    indicators    by name, for charts, records and sentences
    """

    enter_long: BoolArray
    exit_long: BoolArray
    trend_up: BoolArray
    is_ready: BoolArray
    indicators: Mapping[str, FloatArray]


class Strategy(Protocol):
    """One way to read closing prices. Stateless: the arrays are all there is."""

    @property
    def name(self) -> str:
        """Return the name that a bot's settings hold."""
        ...

    def signals(self, closes: FloatArray, parameters: Parameters) -> SignalArrays:
        """Return the signals of every kline; `closes` are of consecutive closed klines."""
        ...

    def explain(
        self, arrays: SignalArrays, index: int, parameters: Parameters, *, in_position: bool
    ) -> str:
        """Say in one short sentence with numbers what kline `index` shows and why."""
        ...
