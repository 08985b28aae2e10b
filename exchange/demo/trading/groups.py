"""What locks money together: one order of its own, or all the orders of a list.

The venue locks the quote value of a buy at its limit and the quantity of a sell. A stop that buys
at the market locks its quantity at the stop price. The two legs of an OCO lock once, the larger of
both. Pending orders of OTO and OTOCO lock from the start, as `faqs/opo.md` implies where it names
as a special of OPO that only the working order needs a balance; those of OPO and OPOCO lock what
the working order has received. A pending market order that buys locks nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from exchange.demo.amounts import ZERO, round_up
from exchange.demo.trading.orders import Order, OrderList


@dataclass(slots=True)
class Group:
    """Orders by id, oldest first; of a list those that are done too.

    locked   what is locked for them now, by asset
    """

    uid: int
    symbol: str
    base: str
    quote: str
    order_list: OrderList | None = None
    orders: dict[int, Order] = field(default_factory=dict)
    locked: dict[str, Decimal] = field(default_factory=dict)

    @property
    def open_orders(self) -> list[Order]:
        """Return the orders that may still be filled."""
        return [order for order in self.orders.values() if order.is_open]

    @property
    def working(self) -> Order | None:
        """Return the order of an OTO, OTOCO, OPO or OPOCO that comes first; None elsewhere."""
        if self.order_list is None or self.order_list.contingency == "OCO":
            return None
        return next(iter(self.orders.values()))

    @property
    def rivals(self) -> list[Order]:
        """Return the orders of which one ends the others: the pending ones, or both of an OCO."""
        if self.order_list is None:
            return []
        return list(self.orders.values())[1 if self.working else 0 :]

    def needed(self) -> dict[str, Decimal]:
        """Return what has to be locked, by asset."""
        total = {self.base: ZERO, self.quote: ZERO}
        if self.order_list is None:
            alone, rivals = list(self.orders.values()), []
        else:
            alone, rivals = [self.working] if self.working else [], self.rivals
            total[self.base] += self.order_list.held
        for order in alone:
            total[self._asset(order)] += needed_for(order)
        if rivals:
            total[self._asset(rivals[0])] += max(needed_for(order) for order in rivals)
        return total

    def _asset(self, order: Order) -> str:
        return self.quote if order.is_buy else self.base


def needed_for(order: Order) -> Decimal:
    """Return what one order locks, in quote (buy) or base (sell) currency."""
    if not order.is_open:
        return ZERO
    if order.is_buy:
        return round_up((order.price or order.stop_price) * order.remaining)
    return order.remaining
