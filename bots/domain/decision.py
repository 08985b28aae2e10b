"""What a tick decides and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from bots.domain.status import Status
from exchange.domain.types import Side


class Leg(StrEnum):
    """Which part of a round trip an order is. One letter: the client order id holds it."""

    ENTRY = "e"
    EXIT = "x"


class IntentReason(StrEnum):
    """Why an order is wanted; the exit reasons are those of the backtest export."""

    ENTRY_SIGNAL = "entry_signal"
    EXIT_SIGNAL = "exit_signal"
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    TRAILING_STOP = "trailing_stop"


class DenialCode(StrEnum):
    """Why an order that the strategy or an exit rule wanted was not sent. Refused by us."""

    QUANTITY_BELOW_FILTERS = "quantity_below_filters"
    INSUFFICIENT_BALANCE = "insufficient_balance"
    SYMBOL_NOT_TRADING = "symbol_not_trading"
    ENTRY_BLOCKED = "entry_blocked"  # by the installation, for example LIVE_TRADING_ENABLED=false
    TREND_FILTER = "trend_filter"
    COOLDOWN = "cooldown"
    MAX_DAILY_TRADES = "max_daily_trades"
    MAX_DAILY_LOSS = "max_daily_loss_perc"
    DAILY_TARGET = "daily_target_perc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A market order that the bot wants. `quantity` is in base currency and obeys the rules."""

    leg: Leg
    side: Side
    quantity: Decimal
    reason: IntentReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """A refusal with its numbers, in one sentence that a trader understands."""

    code: DenialCode
    detail: str


class SignalKind(StrEnum):
    """What the strategy says about the last closed kline (exits: any kline since the last tick)."""

    NONE = "none"
    ENTER_LONG = "enter_long"
    EXIT_LONG = "exit_long"
    NOT_READY = "not_ready"  # too few klines for the indicators


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A strategy's answer: `detail` is one sentence with its numbers, `indicators` their values."""

    kind: SignalKind
    detail: str
    kline_time: datetime | None = None
    indicators: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """Prices that end the open position, in quote; None where a rule is off or nothing is held."""

    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    trailing_stop: Decimal | None = None
    max_price_since_entry: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The outcome of one tick.

    `sentence` answers "why did it trade" or "why did it not" in one line.
    `status` is what the bot shows when the intents have gone through.
    `seen_until` is what the next snapshot gets as `last_seen_kline`: the newest kline, or the one
    before an exit signal, which has to stand until the position is really gone.
    """

    signal: Signal
    intents: tuple[Intent, ...]
    denials: tuple[Denial, ...]
    levels: Levels
    status: Status
    sentence: str
    seen_until: datetime | None = None
