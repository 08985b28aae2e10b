"""What is known of a position and of the orders that guard it, frozen, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from bots.domain.decision import Intent, Leg, Route
from bots.domain.direction import Direction
from exchange.domain.rules import TradingRules
from exchange.domain.types import ZERO, Market


class Standing(StrEnum):
    """Where an order stands that has not ended."""

    WAITS = "waits"  # for its price, at the venue
    ACTS = "acts"  # its price was met and it is being filled
    HANGS = "hangs"  # its price was met long ago, and nothing came of it
    UNKNOWN = "unknown"  # only the venue's evidence will tell


@dataclass(frozen=True, slots=True, kw_only=True)
class RestingOrder:
    """A stop or target of ours that has not ended.

    quantity   base currency that it may still close
    level      quote; the price it waits for
    list_id    of the order list it belongs to; empty when to none
    """

    order_id: int
    leg: Leg
    route: Route
    quantity: Decimal
    level: Decimal
    list_id: str = ""
    standing: Standing = Standing.WAITS


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryInFlight:
    """An order list whose entry is not done: its exits rest when it is filled, and not before.

    order_ids     of all its orders
    age_seconds   since it was sent, wall time
    is_certain    whether the venue has shown it
    """

    order_ids: tuple[int, ...]
    age_seconds: Decimal
    is_certain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StopsView:
    """All that `plan_stops` sees. Prices in quote, quantities in base currency.

    quantity          held, after fees
    price             last price of the market
    mark_price        futures: what stops wait for; None on spot
    stop_loss, trailing_stop, take_profit   the levels that hold now; None where a rule is off
    refused_target    level of a target that the venue has refused lately; it is not tried again now
    exit_in_doubt     an exit was sent, and its end is not known
    is_halted         a halt of everything: nothing that rests is moved
    basis_changed     average entry or settings are others than those that the resting orders were
                      placed for: then alone a stop may be loosened
    failures          refusals of a stop in a row
    naked_seconds     how long the position has been without its stop, wall time
    closes_unprotected   the bot's policy: close at the market what cannot be protected
    """

    rules: TradingRules
    direction: Direction
    quantity: Decimal
    price: Decimal
    mark_price: Decimal | None = None
    stop_loss: Decimal | None = None
    trailing_stop: Decimal | None = None
    take_profit: Decimal | None = None
    resting: tuple[RestingOrder, ...] = ()
    entry: EntryInFlight | None = None
    refused_target: Decimal | None = None
    exit_in_doubt: bool = False
    is_halted: bool = False
    basis_changed: bool = False
    failures: int = 0
    naked_seconds: Decimal = ZERO
    closes_unprotected: bool = True

    @property
    def is_futures(self) -> bool:
        """Say whether it is a futures position."""
        return self.rules.market is Market.FUTURES

    @property
    def trigger_reference(self) -> Decimal:
        """Return the price that a stop is compared with."""
        return self.price if self.mark_price is None else self.mark_price

    def waiting(self, leg: Leg) -> tuple[RestingOrder, ...]:
        """Return the orders of `leg` that wait at the venue."""
        of_leg = (each for each in self.resting if each.leg is leg)
        return tuple(each for each in of_leg if each.standing is Standing.WAITS)

    def tighter(self, *levels: Decimal) -> Decimal:
        """Return the stop that leaves earlier."""
        return max(levels) if self.direction is Direction.LONG else min(levels)

    def is_reached(self, level: Decimal, *, by: Decimal, is_stop: bool) -> bool:
        """Say whether the price `by` is at or beyond a stop, or a target."""
        falls = is_stop is (self.direction is Direction.LONG)
        return by <= level if falls else by >= level


class StopStep(StrEnum):
    """What to do about one difference between what rests and what should."""

    PLACE = "place"  # `intents`, by one request
    CANCEL = "cancel"  # `cancels`
    REPLACE = "replace"  # a single spot stop, canceled and placed by one request
    MOVE = "move"  # cancel, then place: the position is naked in between (spot)
    PLACE_THEN_CANCEL = "place_then_cancel"  # two for a moment (futures)
    CLOSE = "close"  # cancel what holds the coins, then leave at the market


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAction:
    """One step with its reason in words.

    cancels   ids of orders to be canceled
    intents   of one request
    """

    step: StopStep
    why: str
    cancels: tuple[int, ...] = ()
    intents: tuple[Intent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StopsPlan:
    """What to do now, in this order.

    obstacle       why the stop that is wanted cannot be placed or trusted now; empty when it can
    notes          what else a trader should know: rules that the bot watches by itself
    needs_person   the limits of trying are reached, and the policy is to keep the position
    """

    actions: tuple[StopAction, ...] = ()
    obstacle: str = ""
    notes: tuple[str, ...] = ()
    needs_person: bool = False
