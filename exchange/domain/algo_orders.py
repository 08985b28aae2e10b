"""Conditional orders of USD-M futures: kept by the venue's algo service until they trigger.

An order that triggers brings forth another one, its child, with an id of its own; the algo order
keeps its name and its child's venue id. The venue checks no margin before the trigger.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from exchange.domain.orders import (
    TimeInForce,
    check_client_order_id,
    check_positive,
    check_signing,
    check_time_in_force,
)
from exchange.domain.types import ZERO, Side

# change log of the USD-M API, 2026-10-23 (maximum) and the documentation of POST algoOrder.
MIN_CALLBACK_PERCENT: Final = Decimal("0.1")
MAX_CALLBACK_PERCENT: Final = Decimal(20)


class AlgoOrderType(StrEnum):
    """The venue's words; those with a limit price end up as limit orders."""

    STOP_MARKET = "STOP_MARKET"
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"
    STOP = "STOP"
    TAKE_PROFIT = "TAKE_PROFIT"
    TRAILING_STOP_MARKET = "TRAILING_STOP_MARKET"
    OTHER = "OTHER"  # never to be sent

    @property
    def is_limited(self) -> bool:
        """Say whether the child is a limit order."""
        return self in (AlgoOrderType.STOP, AlgoOrderType.TAKE_PROFIT)


class WorkingPrice(StrEnum):
    """Which price triggers."""

    MARK = "MARK_PRICE"
    LAST = "CONTRACT_PRICE"


class AlgoStatus(StrEnum):
    """Where an algo order stands. FINISHED says that its child is done, filled or not."""

    NEW = "NEW"
    TRIGGERING = "TRIGGERING"  # its price was met, its child is not there yet
    TRIGGERED = "TRIGGERED"  # its child is in the book
    FINISHED = "FINISHED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"  # its child was refused, for margin perhaps
    EXPIRED = "EXPIRED"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgoOrderRequest:
    """A conditional order, by default one that can only shrink a position.

    quantity           None with `closes_position`, which closes whatever is there at the trigger
    trigger_price      None for a trailing stop
    price              of the limit order that STOP and TAKE_PROFIT end up as, else None
    activation_price   from which on a trailing stop trails; None: from now on
    callback_percent   of a trailing stop: distance from the best price, 1 is 1 %
    """

    symbol: str
    side: Side
    type: AlgoOrderType
    client_order_id: str
    signed_at_ms: int
    recv_window_ms: int
    quantity: Decimal | None = None
    closes_position: bool = False
    reduces_only: bool = True
    trigger_price: Decimal | None = None
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    activation_price: Decimal | None = None
    callback_percent: Decimal | None = None
    working_price: WorkingPrice = WorkingPrice.MARK
    price_protect: bool = False

    def __post_init__(self) -> None:
        if self.type is AlgoOrderType.OTHER:
            raise ValueError("type must be one of the venue's words")
        if (self.quantity is None) != self.closes_position:
            raise ValueError("quantity or closes_position: exactly one of them is needed")
        check_positive(
            quantity=self.quantity,
            trigger_price=self.trigger_price,
            price=self.price,
            activation_price=self.activation_price,
            callback_percent=self.callback_percent,
        )
        self._check_prices()
        check_time_in_force(self.time_in_force)
        check_client_order_id("client_order_id", self.client_order_id)
        check_signing(self.signed_at_ms, self.recv_window_ms)

    def _check_prices(self) -> None:
        is_trailing = self.type is AlgoOrderType.TRAILING_STOP_MARKET
        if (self.trigger_price is None) != is_trailing:
            raise ValueError("trigger_price is needed, but for a trailing stop, which has none")
        if (self.callback_percent is not None) != is_trailing:
            raise ValueError("callback_percent belongs to a trailing stop and to nothing else")
        if self.activation_price is not None and not is_trailing:
            raise ValueError("activation_price belongs to a trailing stop")
        if (self.price is not None) != self.type.is_limited:
            raise ValueError("price is needed for STOP and TAKE_PROFIT and for nothing else")
        if self.closes_position and (is_trailing or self.type.is_limited):
            raise ValueError("closes_position goes with STOP_MARKET and TAKE_PROFIT_MARKET only")
        if is_trailing and not (
            MIN_CALLBACK_PERCENT <= (self.callback_percent or ZERO) <= MAX_CALLBACK_PERCENT
        ):
            raise ValueError("callback_percent must lie between 0.1 and 20")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgoOrderReport:
    """An algo order as the venue reports it.

    quantity          zero when it closes the whole position
    trigger_price     zero for a trailing stop that has not triggered
    child_order_id    the venue's id of the order that it became; None before
    filled_quantity   of the child, as this reply tells; zero where it does not. What the child did
                      is told by the child alone (`order_by_venue_id`, `trades_of_order`)
    trigger_time      market time, None before
    """

    symbol: str
    algo_id: str
    client_order_id: str
    side: Side
    type: AlgoOrderType
    status: AlgoStatus
    quantity: Decimal
    closes_position: bool
    reduces_only: bool
    trigger_price: Decimal
    price: Decimal
    market_time: datetime
    activation_price: Decimal = ZERO
    callback_percent: Decimal = ZERO
    child_order_id: str | None = None
    filled_quantity: Decimal = ZERO
    trigger_time: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Say whether it may still act: it waits, or its child is on the way or in the book."""
        return self.status in (AlgoStatus.NEW, AlgoStatus.TRIGGERING, AlgoStatus.TRIGGERED)

    @property
    def protects(self) -> bool:
        """Say whether it waits for its price; one that hangs in TRIGGERING protects nothing."""
        return self.status is AlgoStatus.NEW
