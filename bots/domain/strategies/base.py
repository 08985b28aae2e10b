"""What a strategy is: a kernel over whole arrays and words for what it saw.

The backtester reads the kernel's arrays from end to end, the live bot reads their last values.
Nothing else may decide about entries and exits, or the two would drift apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from bots.domain.direction import Direction
from bots.domain.indicators import BoolArray, FloatArray
from bots.domain.snapshot import Parameters

TREND: Final = "ema_trend"  # the trend filter's indicator, present when `ema_period` is set


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SignalArrays:
    """A kernel's answer, one value per kline in every array.

    enter_long    the kline asks to buy
    exit_long     the kline asks to sell what is held
    enter_short   the kline asks to sell short
    exit_short    the kline asks to buy back what was sold short
    trend_up      entries long are with the trend; all true when no trend filter is set
    trend_down    entries short are with the trend; all true when no trend filter is set
    is_ready      every indicator in use has a value
    indicators    by name, for charts, records and sentences
    """

    enter_long: BoolArray
    exit_long: BoolArray
    enter_short: BoolArray
    exit_short: BoolArray
    trend_up: BoolArray
    trend_down: BoolArray
    is_ready: BoolArray
    indicators: Mapping[str, FloatArray]

    def entries(self, direction: Direction) -> BoolArray:
        """Return the klines that ask to open a position in `direction`."""
        return self.enter_long if direction is Direction.LONG else self.enter_short

    def exits(self, direction: Direction) -> BoolArray:
        """Return the klines that ask to close a position in `direction`."""
        return self.exit_long if direction is Direction.LONG else self.exit_short

    def trend(self, direction: Direction) -> BoolArray:
        """Return the klines at which an entry in `direction` is with the trend."""
        return self.trend_up if direction is Direction.LONG else self.trend_down


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
        self,
        arrays: SignalArrays,
        index: int,
        parameters: Parameters,
        *,
        held: Direction | None,
    ) -> str:
        """Say in one short sentence with numbers what kline `index` shows and why.

        held   which way the bot's position goes; None when it is flat
        """
        ...
