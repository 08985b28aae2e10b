"""What a tick decides and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from bots.domain.direction import Direction
from bots.domain.halting import Purpose
from bots.domain.status import Status
from exchange.domain.types import ZERO, Side


class Leg(StrEnum):
    """Which part of a round trip an order is. One letter: the client order id holds it."""

    ENTRY = "e"
    EXIT = "x"
    STOP = "s"  # rests at the venue: stop-loss or trailing stop
    TARGET = "t"  # rests at the venue: take-profit


RESTING_LEGS: Final = (Leg.STOP, Leg.TARGET)


class Route(StrEnum):
    """How an order is placed at the venue, and so how it is asked for and canceled."""

    ORDER = "order"  # alone in the book
    LIST = "list"  # together with others in one order list (spot)
    ALGO = "algo"  # kept by the algo service until it triggers (futures)


class IntentReason(StrEnum):
    """Why an order is wanted; the exit reasons are those of the backtest export."""

    ENTRY_SIGNAL = "entry_signal"
    EXIT_SIGNAL = "exit_signal"
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    TRAILING_STOP = "trailing_stop"
    DAILY_LIMIT = "daily_limit"  # the bot closes when a daily limit is reached
    CLOSE_REQUEST = "close_request"  # a person asked
    UNPROTECTED = "unprotected"  # no stop could be placed, and the policy is to close
    PROTECTION = "protection"  # a stop or target where none rests
    PROTECTION_MOVED = "protection_moved"  # in the stead of one that rests
    LIQUIDATION = "liquidation"  # by the venue
    ADOPTED = "adopted"  # a person gave the bot what somebody else had done

    @property
    def purpose(self) -> Purpose:
        """Return what a halt asks of an order that is wanted for this reason."""
        return _PURPOSES.get(self, Purpose.EXIT)


_PURPOSES: Final[Mapping[IntentReason, Purpose]] = MappingProxyType(
    {
        IntentReason.ENTRY_SIGNAL: Purpose.ENTRY,
        IntentReason.ADOPTED: Purpose.ENTRY,
        IntentReason.CLOSE_REQUEST: Purpose.CLOSE,
        IntentReason.UNPROTECTED: Purpose.CLOSE,
        IntentReason.PROTECTION: Purpose.PROTECT,
        IntentReason.PROTECTION_MOVED: Purpose.MOVE,
    }
)


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
    HALTED = "halted"
    FOREIGN = "foreign"  # an order or a position that is not the bot's sits on its symbol
    INCIDENT = "incident"  # something that a person must close first
    SYMBOL_TAKEN = "symbol_taken"  # futures: another bot of the account trades the symbol
    ORDERS_OPEN = "orders_open"  # an order of an earlier position is not settled yet
    CLOSE_REQUESTED = "close_requested"
    TRANSFER_PENDING = "transfer_pending"
    STOP_BEYOND_LIQUIDATION = "stop_beyond_liquidation"
    MAX_EXPOSURE = "max_exposure"  # of the account
    MAX_OPEN_POSITIONS = "max_open_positions"  # of the account
    STOP_LOSS_GUARD = "stop_loss_guard"
    MAX_DRAWDOWN = "max_drawdown"
    EXCHANGE_ERRORS = "exchange_errors"
    STALE_DATA = "stale_data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """An order that the bot wants. Quantity (base currency) and prices (quote) obey the rules.

    type            the venue's word, of `OrderType` or, with the route ALGO, of `AlgoOrderType`
    price           the limit; None at the market
    trigger_price   what a stop or target waits for; None for what does not wait
    time_in_force   the venue's word; empty where the type needs none
    direction       of the position that it opens or closes
    reduces_only    futures: it can only shrink a position
    reserve         quote currency that it takes from the free balance while it is in flight
    """

    leg: Leg
    side: Side
    quantity: Decimal
    reason: IntentReason
    type: str = "MARKET"
    route: Route = Route.ORDER
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    time_in_force: str = ""
    direction: Direction = Direction.LONG
    reduces_only: bool = False
    reserve: Decimal = ZERO


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
    ENTER_SHORT = "enter_short"
    EXIT_SHORT = "exit_short"
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
    min_price_since_entry: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One rule that was asked, with its numbers. `code` is of `DenialCode`, or a rule's own name.

    Rules are asked in a fixed order; those after the first that refuses are asked too, so that a
    trader sees everything that stands in the way.
    """

    code: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The outcome of one tick.

    `intents` are placed by one request: one order, or an order list whose entry comes first.
    `checks` are all rules that spoke about an entry or an exit, in the order they were asked.

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
    checks: tuple[Check, ...] = ()

    @property
    def wants_entry(self) -> bool:
        """Say whether it opens a position."""
        return any(intent.leg is Leg.ENTRY for intent in self.intents)
