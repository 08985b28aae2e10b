"""Frozen values of what a venue reports about orders, order lists and their executions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum, auto

from exchange.domain.orders import OrderType, TimeInForce
from exchange.domain.types import ZERO, Side


class VenueOrderStatus(StrEnum):
    """An order's status in the venue's words (`enums.md`); unheard-of words map to OTHER."""

    PENDING_NEW = "PENDING_NEW"  # waits for the working order of its list to be filled
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    PENDING_CANCEL = "PENDING_CANCEL"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"
    OTHER = "OTHER"

    @property
    def is_final(self) -> bool:
        """Say whether the venue will never change this order again."""
        return self in (
            self.FILLED,
            self.CANCELED,
            self.REJECTED,
            self.EXPIRED,
            self.EXPIRED_IN_MATCH,
        )


class ExpiryReason(StrEnum):
    """Why the venue let an order expire (`enums.md`); unheard-of words map to OTHER."""

    REJECTED = "REJECTED"
    EXCHANGE_CANCELED = "EXCHANGE_CANCELED"
    OCO_TRIGGER = "OCO_TRIGGER"
    OTO_PHASE_ONE_EXPIRED = "OTO_PHASE_ONE_EXPIRED"
    UNFILLED_IOC_QUANTITY_EXPIRED = "UNFILLED_IOC_QUANTITY_EXPIRED"
    UNFILLED_FOK_ORDER_EXPIRED = "UNFILLED_FOK_ORDER_EXPIRED"
    INSUFFICIENT_LIQUIDITY = "INSUFFICIENT_LIQUIDITY"
    EXECUTION_RULE_PRICE_RANGE_EXCEEDED = "EXECUTION_RULE_PRICE_RANGE_EXCEEDED"
    OTHER = "OTHER"


class Contingency(StrEnum):
    """How the orders of a list hang together; lists of an entry and its exits all read OTO."""

    OCO = "OCO"
    OTO = "OTO"
    OTHER = "OTHER"


class ListStatus(StrEnum):
    """What happened to a list last (`listStatusType`)."""

    RESPONSE = "RESPONSE"
    EXEC_STARTED = "EXEC_STARTED"
    UPDATED = "UPDATED"
    ALL_DONE = "ALL_DONE"
    OTHER = "OTHER"


class ListOrderStatus(StrEnum):
    """Where the orders of a list stand (`listOrderStatus`)."""

    EXECUTING = "EXECUTING"
    ALL_DONE = "ALL_DONE"
    REJECT = "REJECT"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeReport:
    """One execution as the venue reports it; `trade_id` is unique per market and symbol.

    What only futures tell is None on spot:

    venue_order_id   the order it belongs to
    side             of that order
    is_maker         whether the order had rested in the book
    realized_pnl     result of the part of a position that it closed, without the commission
    """

    trade_id: str
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: str
    market_time: datetime
    venue_order_id: str | None = None
    side: Side | None = None
    is_maker: bool | None = None
    realized_pnl: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReport:
    """An order as the venue reports it.

    quantity                zero while the venue has not fixed it (the exit of an entry that is not
                            filled)
    filled_quote_quantity   None: this reply does not tell (orders of futures when they are placed
                            or canceled); the executions do
    price                   the limit, zero when the order has none
    stop_price              the trigger, zero when the order has none
    is_working              whether it has reached the book; a stop that waits for its trigger has
                            not. None: this reply does not say
    order_list_id           the list it belongs to, None when to none
    reduces_only            futures: it can only shrink a position
    trades                  what this reply happened to carry; it may be empty although
                            `filled_quantity` is not, in which case `trades_of_order` has them
    """

    symbol: str
    venue_order_id: str
    client_order_id: str
    side: Side
    status: VenueOrderStatus
    quantity: Decimal
    filled_quantity: Decimal
    filled_quote_quantity: Decimal | None
    market_time: datetime
    type: OrderType = OrderType.OTHER
    time_in_force: TimeInForce = TimeInForce.OTHER
    price: Decimal = ZERO
    stop_price: Decimal = ZERO
    is_working: bool | None = None
    order_list_id: str | None = None
    expiry_reason: ExpiryReason | None = None
    reduces_only: bool = False
    trades: tuple[TradeReport, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListLeg:
    """The names of one order of a list."""

    venue_order_id: str
    client_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderListReport:
    """An order list as the venue reports it.

    client_order_id  the list's own; None where the venue leaves it out (lists that ended at once)
    orders           what this reply carried; empty when it named the legs only
    """

    symbol: str
    list_id: str
    client_order_id: str | None
    contingency: Contingency
    status: ListStatus
    order_status: ListOrderStatus
    legs: tuple[ListLeg, ...]
    market_time: datetime
    orders: tuple[OrderReport, ...] = ()

    @property
    def is_done(self) -> bool:
        """Say whether no order of the list is open any more."""
        return self.order_status in (ListOrderStatus.ALL_DONE, ListOrderStatus.REJECT)

    def order(self, client_order_id: str) -> OrderReport | None:
        """Return the report of one leg, when this reply carried it."""
        found = (order for order in self.orders if order.client_order_id == client_order_id)
        return next(found, None)


class PartOutcome(StrEnum):
    """What came of one half of a cancel-replace."""

    DONE = auto()
    REFUSED = auto()
    NOT_ATTEMPTED = auto()
    UNKNOWN = auto()  # only the venue's evidence resolves it: ask for the order


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why the venue refused one half: its code, its words, and what a trader can do about it."""

    code: int
    text: str
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelReplaceReport:
    """What came of canceling one order and placing another in its stead.

    canceled, placed                the orders' reports where the venue gave them
    cancel_refusal, order_refusal   why not, for a half that was refused or is unknown
    """

    cancel: PartOutcome
    order: PartOutcome
    canceled: OrderReport | None = None
    placed: OrderReport | None = None
    cancel_refusal: Refusal | None = None
    order_refusal: Refusal | None = None

    @property
    def is_complete(self) -> bool:
        """Say whether the old order is gone and the new one in its place."""
        return self.cancel is PartOutcome.DONE and self.order is PartOutcome.DONE
