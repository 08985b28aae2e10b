"""What a client asks for, read and checked for form before it reaches the engine."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from exchange.demo.market.symbols import Symbol


class ListKind(StrEnum):
    """The kinds of order lists."""

    OCO = "OCO"
    OTO = "OTO"
    OTOCO = "OTOCO"
    OPO = "OPO"
    OPOCO = "OPOCO"

    @property
    def is_paid_by_working(self) -> bool:
        """Say whether what the working order receives becomes the quantity of the pending ones."""
        return self in (ListKind.OPO, ListKind.OPOCO)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """One order as it was asked for.

    quantity         in base currency; None with `quote_quantity`, and in pending legs of OPO lists
    quote_quantity   of a market order: what to spend or to receive, in quote currency
    price            the limit, None for orders that fill at the market
    stop_price       where a stop or take-profit order triggers
    """

    symbol: Symbol
    side: str
    type: str
    time_in_force: str = "GTC"
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    client_order_id: str | None = None
    prevention_mode: str = "EXPIRE_MAKER"
    strategy_id: int | None = None
    strategy_type: int | None = None

    @property
    def is_buy(self) -> bool:
        """Say whether base currency is bought."""
        return self.side == "BUY"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """An order list as it was asked for.

    legs   OCO: above, below. OTO and OPO: working, pending. OTOCO and OPOCO: working, above, below
    """

    kind: ListKind
    symbol: Symbol
    client_order_id: str | None
    legs: tuple[OrderRequest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelTarget:
    """Which order to cancel, by one id or both.

    cancel_client_id   how the cancel itself is called; None: a random one
    restrictions       ONLY_NEW, ONLY_PARTIALLY_FILLED or None
    """

    order_id: int | None = None
    client_order_id: str | None = None
    cancel_client_id: str | None = None
    restrictions: str | None = None
