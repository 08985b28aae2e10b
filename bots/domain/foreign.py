"""Who did what on a symbol: names that are not ours, and differences that trades explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from exchange.domain.reports import TradeReport
from exchange.domain.types import ZERO, Side

# The venue's own orders: liquidation, auto-deleveraging, settlement, delivery
# (documentation of the USD-M streams, ORDER_TRADE_UPDATE).
FORCED_PREFIXES: Final = (
    "autoclose-",
    "adl_autoclose",
    "settlement_autoclose-",
    "delivery_autoclose-",
)


def is_forced(client_order_id: str) -> bool:
    """Say whether it names an order by which the venue itself closed a position."""
    return client_order_id.startswith(FORCED_PREFIXES)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignOrder:
    """An order of the venue's history that is not in our books, with its executions."""

    venue_order_id: str
    client_order_id: str
    side: Side
    trades: tuple[TradeReport, ...]

    @property
    def quantity(self) -> Decimal:
        """Return what was executed, base currency."""
        return sum((trade.quantity for trade in self.trades), ZERO)

    @property
    def signed_quantity(self) -> Decimal:
        """Return what it changed a position by."""
        return self.quantity if self.side is Side.BUY else -self.quantity


def explains(orders: Sequence[ForeignOrder], *, held: Decimal, difference: Decimal) -> bool:
    """Say whether `orders` prove why the venue's position is `difference` away from the books.

    held         signed, what the books say, before the orders
    difference   signed, the venue's position less the books

    They do when together they are exactly the difference and each of them only made the
    position smaller: nothing that enlarged or turned it can be taken for the bot's.
    """
    if not orders or not held:
        return False
    changes = [order.signed_quantity for order in orders]
    only_shrink = all(change * held < 0 for change in changes)
    total = sum(changes, ZERO)
    return only_shrink and total == difference and abs(total) <= abs(held)
