"""Reading the last values of a strategy's arrays for a live bot.

When a signal counts
- An exit counts on every kline that is newer than `last_seen_kline` and closed after the position
  was opened; after a start (`last_seen_kline` is None) on the last closed kline only. It stands
  until the position is gone: `seen_until` stays before it, so an exit that was denied, rejected
  or only partly filled is wanted again by the next tick.
- An entry counts on the last closed kline only, and only until the kline after it has closed: a
  late bot does not chase an old price.
- An entry is spent once an order of this bot was tried at or after the close of its kline: filled,
  or sent in vain, or refused by the venue. So ticks that see the same kline again may still enter
  when the first of them was refused before it became an order (no balance, cooldown), but after a
  stop-loss on that kline nothing is bought back on its signal.
- A reversal is no such order: what closed a position of the other direction leaves the entry of
  the same kline to the next tick.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from bots.domain.decision import Denial, DenialCode, Signal, SignalKind
from bots.domain.direction import Direction
from bots.domain.indicators import klines_needed
from bots.domain.series import consecutive_closes
from bots.domain.snapshot import Snapshot
from bots.domain.strategies.base import TREND, SignalArrays, Strategy
from bots.domain.wording import did_not_enter, indicator_text, plain
from exchange.domain.intervals import interval_length
from exchange.domain.types import Kline

_ENTER: Final = MappingProxyType(
    {Direction.LONG: SignalKind.ENTER_LONG, Direction.SHORT: SignalKind.ENTER_SHORT}
)
_EXIT: Final = MappingProxyType(
    {Direction.LONG: SignalKind.EXIT_LONG, Direction.SHORT: SignalKind.EXIT_SHORT}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the strategy says to this bot now.

    entry           the direction that the signal asks to enter in; None when it does not
    against_trend   the trend filter's refusal of an entry on the last kline, of the direction that
                    is asked for, else of the one that the bot may take (long before short)
    trend           what the trend filter has to say when it refuses nothing
    seen_until      see `Decision.seen_until`
    """

    signal: Signal
    entry: Direction | None
    against_trend: Denial | None
    trend: str
    seen_until: datetime | None

    @property
    def is_exit(self) -> bool:
        """Say whether the signal asks to leave the position."""
        return self.signal.kind in _EXIT.values()


def read_strategy(snapshot: Snapshot, strategy: Strategy, *, held: Direction | None) -> Reading:
    """Run the kernel over the snapshot's klines and pick the signal that counts.

    held   which way the bot's position goes; None when it is flat
    """
    parameters = snapshot.parameters
    rows, closes = consecutive_closes(snapshot.klines, parameters.timeframe)
    arrays = strategy.signals(closes, parameters)
    if len(closes) < klines_needed(parameters) or not arrays.is_ready[-1]:
        return _not_ready(snapshot, count=len(closes))
    exit_index = _standing_exit(snapshot, arrays, rows, held) if held else None
    index = len(rows) - 1 if exit_index is None else exit_index
    entry = None if held else _wanted(snapshot, arrays, rows[index])
    refusal = _why_entry_is_over(snapshot, entry) if entry else None
    detail = refusal or strategy.explain(arrays, rows[index], parameters, held=held)
    if entry is None and held is None:
        detail += _why_not_taken(snapshot, arrays, rows[index])
    if refusal:
        entry = None
    against, trend = _trend(snapshot, arrays, entry)
    return Reading(
        signal=Signal(
            kind=_kind(entry, held if exit_index is not None else None),
            detail=detail,
            kline_time=snapshot.klines[index].open_time,
            indicators=_values(arrays, rows[index]),
        ),
        entry=entry,
        against_trend=against,
        trend=trend,
        seen_until=_before(snapshot, exit_index),
    )


def nothing_asked(snapshot: Snapshot) -> Reading:
    """Return what stands for a strategy that is not asked, because a person has decided."""
    return _silent(snapshot, "the strategy was not asked")


def _not_ready(snapshot: Snapshot, *, count: int) -> Reading:
    needed = klines_needed(snapshot.parameters)
    return _silent(snapshot, f"not ready: {count} of {needed} closed klines")


def _silent(snapshot: Snapshot, detail: str) -> Reading:
    return Reading(
        signal=Signal(kind=SignalKind.NOT_READY, detail=detail),
        entry=None,
        against_trend=None,
        trend="no trend is known yet",
        seen_until=snapshot.last_seen_kline,
    )


def _kind(entry: Direction | None, leaving: Direction | None) -> SignalKind:
    if leaving is not None:
        return _EXIT[leaving]
    return SignalKind.NONE if entry is None else _ENTER[entry]


def _wanted(snapshot: Snapshot, arrays: SignalArrays, row: int) -> Direction | None:
    allowed = snapshot.parameters.directions
    asked = (each for each in Direction if allowed.allows(each) and arrays.entries(each)[row])
    return next(asked, None)


def _why_not_taken(snapshot: Snapshot, arrays: SignalArrays, row: int) -> str:
    for direction in Direction:
        is_allowed = snapshot.parameters.directions.allows(direction)
        if arrays.entries(direction)[row] and not is_allowed:
            return f"; the bot opens no {direction} positions"
    return ""


def _standing_exit(
    snapshot: Snapshot, arrays: SignalArrays, rows: list[int], held: Direction
) -> int | None:
    exits = arrays.exits(held)
    wanted = (index for index, row in enumerate(rows) if exits[row])
    return next((i for i in wanted if _can_end_position(snapshot, snapshot.klines[i])), None)


def _can_end_position(snapshot: Snapshot, kline: Kline) -> bool:
    opened_at = snapshot.position.opened_at
    if opened_at is not None and kline.close_time <= opened_at:
        return False
    if snapshot.last_seen_kline is None:
        return kline is snapshot.klines[-1]
    return kline.open_time > snapshot.last_seen_kline


def _why_entry_is_over(snapshot: Snapshot, entry: Direction) -> str | None:
    kline = snapshot.klines[-1]
    closed = f"the kline that crossed closed at {kline.close_time:%H:%M:%S}"
    did_not = did_not_enter(entry)
    if _was_tried_since(snapshot, entry, kline.close_time):
        return f"{did_not} again: {closed} and an order was tried since"
    if snapshot.market_time > kline.close_time + interval_length(snapshot.parameters.timeframe):
        return f"{did_not}: {closed}, newer klines are missing"
    return None


def _was_tried_since(snapshot: Snapshot, entry: Direction, moment: datetime) -> bool:
    if _is_since(snapshot.last_entry_time, moment):
        return True
    turned = snapshot.last_close_direction
    if turned not in (None, entry) and _is_since(snapshot.last_close_time, moment):
        return False
    return _is_since(snapshot.last_order_time, moment)


def _is_since(time: datetime | None, moment: datetime) -> bool:
    return time is not None and time >= moment


def _trend(
    snapshot: Snapshot, arrays: SignalArrays, entry: Direction | None
) -> tuple[Denial | None, str]:
    period = snapshot.parameters.ema_period
    if period is None:
        return None, "no trend filter is set"
    close = plain(snapshot.klines[-1].close)
    trend = indicator_text(float(arrays.indicators[TREND][-1]))
    direction = entry or _first_allowed(snapshot)
    side = "above" if direction is Direction.LONG else "below"
    if arrays.trend(direction)[-1]:
        return None, f"close {close} is {side} EMA {period} {trend}"
    detail = f"close {close} is not {side} EMA {period} {trend}"
    return Denial(code=DenialCode.TREND_FILTER, detail=detail), ""


def _first_allowed(snapshot: Snapshot) -> Direction:
    return next(each for each in Direction if snapshot.parameters.directions.allows(each))


def _values(arrays: SignalArrays, row: int) -> tuple[tuple[str, float], ...]:
    return tuple((name, float(values[row])) for name, values in arrays.indicators.items())


def _before(snapshot: Snapshot, exit_index: int | None) -> datetime:
    if exit_index is None:
        return snapshot.klines[-1].open_time
    return snapshot.klines[exit_index].open_time - interval_length(snapshot.parameters.timeframe)
