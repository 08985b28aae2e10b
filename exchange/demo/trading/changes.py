"""What has happened to an account: told, after it was committed, to whoever listens.

Values only. How the venue's streams word them is none of the engine's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from exchange.demo.trading.ledger import Holding
from exchange.demo.trading.orders import Fill, Order, OrderList


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEvent:
    """One thing that happened to an order.

    number             rises from event to event, also across restarts
    order              as it was right after it
    fill               the execution, if it was one
    cancel_client_id   how the request was called that canceled the order, if one did
    """

    number: int
    order: Order
    fill: Fill | None = None
    cancel_client_id: str | None = None

    @property
    def at_ms(self) -> int:
        """Return the market time of it."""
        return self.order.updated_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class ListEvent:
    """An order list began or was done.

    orders   all of them, also those that ended before
    at_ms    market time
    """

    order_list: OrderList
    orders: tuple[Order, ...]
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepChange:
    """What one committed step of the spot engine did to one account.

    events     in the order in which they happened, at least one
    holdings   what the account owns afterwards of every asset that the step moved
    """

    events: tuple[OrderEvent | ListEvent, ...]
    holdings: tuple[Holding, ...]

    @property
    def at_ms(self) -> int:
        """Return the market time of the last of it."""
        return max(event.at_ms for event in self.events)


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletChange:
    """Money came into the spot wallet or left it, without any trade.

    delta     below zero when it left
    holding   of this asset, afterwards
    at_ms     market time
    """

    delta: Decimal
    holding: Holding
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """The key of an account may do more or less than before.

    flags   by the names of `account/apiRestrictions`, as they are now
    at_ms   market time
    """

    flags: Mapping[str, bool]
    at_ms: int
