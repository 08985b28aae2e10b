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
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bots.domain.decision import Denial, DenialCode, Signal, SignalKind
from bots.domain.indicators import klines_needed
from bots.domain.series import consecutive_closes
from bots.domain.snapshot import Snapshot
from bots.domain.strategies.base import TREND, SignalArrays, Strategy
from bots.domain.wording import indicator_text, plain
from exchange.domain.intervals import interval_length
from exchange.domain.types import Kline


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the strategy says to this bot now.

    against_trend   the trend filter's refusal of an entry on the last kline
    seen_until      see `Decision.seen_until`
    """

    signal: Signal
    against_trend: Denial | None
    seen_until: datetime | None


def read_strategy(snapshot: Snapshot, strategy: Strategy, *, in_position: bool) -> Reading:
    """Run the kernel over the snapshot's klines and pick the signal that counts."""
    parameters = snapshot.parameters
    rows, closes = consecutive_closes(snapshot.klines, parameters.timeframe)
    arrays = strategy.signals(closes, parameters)
    if len(closes) < klines_needed(parameters) or not arrays.is_ready[-1]:
        return _not_ready(snapshot, count=len(closes))
    exit_index = _standing_exit(snapshot, arrays, rows) if in_position else None
    index = len(rows) - 1 if exit_index is None else exit_index
    kind = _kind(arrays, rows[index], in_position=in_position, is_exit=exit_index is not None)
    detail = strategy.explain(arrays, rows[index], parameters, in_position=in_position)
    refusal = _why_entry_is_over(snapshot) if kind is SignalKind.ENTER_LONG else None
    return Reading(
        signal=Signal(
            kind=SignalKind.NONE if refusal else kind,
            detail=refusal or detail,
            kline_time=snapshot.klines[index].open_time,
            indicators=_values(arrays, rows[index]),
        ),
        against_trend=_against_trend(snapshot, arrays),
        seen_until=_before(snapshot, exit_index),
    )


def _not_ready(snapshot: Snapshot, *, count: int) -> Reading:
    needed = klines_needed(snapshot.parameters)
    detail = f"not ready: {count} of {needed} closed klines"
    return Reading(
        signal=Signal(kind=SignalKind.NOT_READY, detail=detail),
        against_trend=None,
        seen_until=snapshot.last_seen_kline,
    )


def _kind(arrays: SignalArrays, row: int, *, in_position: bool, is_exit: bool) -> SignalKind:
    if is_exit:
        return SignalKind.EXIT_LONG
    is_entry = not in_position and bool(arrays.enter_long[row])
    return SignalKind.ENTER_LONG if is_entry else SignalKind.NONE


def _standing_exit(snapshot: Snapshot, arrays: SignalArrays, rows: list[int]) -> int | None:
    wanted = (index for index, row in enumerate(rows) if arrays.exit_long[row])
    return next((i for i in wanted if _can_end_position(snapshot, snapshot.klines[i])), None)


def _can_end_position(snapshot: Snapshot, kline: Kline) -> bool:
    opened_at = snapshot.position.opened_at
    if opened_at is not None and kline.close_time <= opened_at:
        return False
    if snapshot.last_seen_kline is None:
        return kline is snapshot.klines[-1]
    return kline.open_time > snapshot.last_seen_kline


def _why_entry_is_over(snapshot: Snapshot) -> str | None:
    kline = snapshot.klines[-1]
    closed = f"the kline that crossed closed at {kline.close_time:%H:%M:%S}"
    if snapshot.last_order_time is not None and snapshot.last_order_time >= kline.close_time:
        return f"did not buy again: {closed} and an order was tried since"
    if snapshot.market_time > kline.close_time + interval_length(snapshot.parameters.timeframe):
        return f"did not buy: {closed}, newer klines are missing"
    return None


def _against_trend(snapshot: Snapshot, arrays: SignalArrays) -> Denial | None:
    if arrays.trend_up[-1]:
        return None
    close = plain(snapshot.klines[-1].close)
    trend = indicator_text(float(arrays.indicators[TREND][-1]))
    detail = f"close {close} is not above EMA {snapshot.parameters.ema_period} {trend}"
    return Denial(code=DenialCode.TREND_FILTER, detail=detail)


def _values(arrays: SignalArrays, row: int) -> tuple[tuple[str, float], ...]:
    return tuple((name, float(values[row])) for name, values in arrays.indicators.items())


def _before(snapshot: Snapshot, exit_index: int | None) -> datetime:
    if exit_index is None:
        return snapshot.klines[-1].open_time
    return snapshot.klines[exit_index].open_time - interval_length(snapshot.parameters.timeframe)
