"""Order lists exactly as they will be signed: two exits of which one fills, entries with exits.

See `exchange.domain.orders` for ids and signing time. The venue checks the prices against its
last price; here they are checked against each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from exchange.domain.orders import (
    OrderType,
    TimeInForce,
    check_client_order_id,
    check_positive,
    check_signing,
    check_time_in_force,
)
from exchange.domain.types import ZERO, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class StopLeg:
    """The stop-loss of a list: at the market without a `price`, else limited by it."""

    client_order_id: str
    stop_price: Decimal
    price: Decimal | None = None

    def __post_init__(self) -> None:
        check_client_order_id("stop.client_order_id", self.client_order_id)
        check_positive(stop_price=self.stop_price, price=self.price)

    @property
    def type(self) -> OrderType:
        """Return the venue's word for this leg."""
        return OrderType.STOP_LOSS if self.price is None else OrderType.STOP_LOSS_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetLeg:
    """The take-profit of a list.

    With a `price` alone it rests in the book as a maker, with a `stop_price` alone it waits and
    goes to the market, with both it waits and is limited.
    """

    client_order_id: str
    price: Decimal | None = None
    stop_price: Decimal | None = None

    def __post_init__(self) -> None:
        check_client_order_id("target.client_order_id", self.client_order_id)
        check_positive(price=self.price, stop_price=self.stop_price)
        if self.price is None and self.stop_price is None:
            raise ValueError("price or stop_price: the target needs at least one of them")

    @property
    def type(self) -> OrderType:
        """Return the venue's word for this leg."""
        if self.stop_price is None:
            return OrderType.LIMIT_MAKER
        return OrderType.TAKE_PROFIT if self.price is None else OrderType.TAKE_PROFIT_LIMIT

    @property
    def level(self) -> Decimal:
        """Return the price that has to be reached."""
        return self.stop_price or self.price or ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class OcoRequest:
    """A stop-loss and a take-profit over the same quantity; what fills first ends the other."""

    order_count: ClassVar[int] = 2  # that it adds to the account's count

    symbol: str
    side: Side
    quantity: Decimal
    client_order_id: str  # the list's
    stop: StopLeg
    target: TargetLeg
    signed_at_ms: int
    recv_window_ms: int

    def __post_init__(self) -> None:
        check_positive(quantity=self.quantity)
        check_list_ids(self.client_order_id, self.stop, self.target)
        low, high = self.stop.stop_price, self.target.level
        if not (low < high if self.side is Side.SELL else high < low):
            where = "below" if self.side is Side.SELL else "above"
            raise ValueError(f"stop_price {low:f} must be {where} the target {high:f}")
        check_signing(self.signed_at_ms, self.recv_window_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryListRequest:
    """A limit buy whose exits the venue places when it is filled, over what it has bought.

    With one exit it is an OPO, with both an OPOCO (opo.md); the venue offers them for buys only.
    """

    symbol: str
    quantity: Decimal
    price: Decimal
    client_order_id: str  # the list's
    entry_client_order_id: str
    signed_at_ms: int
    recv_window_ms: int
    stop: StopLeg | None = None
    target: TargetLeg | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False

    def __post_init__(self) -> None:
        if self.stop is None and self.target is None:
            raise ValueError("stop or target: an entry list needs at least one exit")
        check_positive(quantity=self.quantity, price=self.price)
        check_time_in_force(self.time_in_force)
        if self.post_only and self.time_in_force is not TimeInForce.GTC:
            raise ValueError("time_in_force must be GTC for a post_only order")
        check_client_order_id("entry_client_order_id", self.entry_client_order_id)
        exits = tuple(leg for leg in (self.stop, self.target) if leg)
        check_list_ids(self.client_order_id, *exits, entry=self.entry_client_order_id)
        self._check_prices()
        check_signing(self.signed_at_ms, self.recv_window_ms)

    def _check_prices(self) -> None:
        if self.stop and self.stop.stop_price >= self.price:
            raise ValueError(
                f"stop_price {self.stop.stop_price:f} must be below the entry {self.price:f}"
            )
        if self.target and self.target.level <= self.price:
            raise ValueError(f"target {self.target.level:f} must be above the entry {self.price:f}")

    @property
    def order_count(self) -> int:
        """Return how many orders it adds to the account's count."""
        return 1 + sum(1 for leg in (self.stop, self.target) if leg)


def check_list_ids(
    client_order_id: str, *legs: StopLeg | TargetLeg, entry: str | None = None
) -> None:
    """Refuse a list whose id or whose orders' ids are not all different; ValueError names it."""
    check_client_order_id("client_order_id", client_order_id)
    ids = [client_order_id, *(leg.client_order_id for leg in legs), *([entry] if entry else [])]
    if len(set(ids)) != len(ids):
        raise ValueError("client_order_id of the list and of its orders must all be different")
