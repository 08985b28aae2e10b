"""A venue's limits for one symbol, and what they do to a quantity."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Final

from exchange.domain.types import ZERO

# The default context rounds a quotient to 28 digits, possibly up, and then to more than was asked.
EXACT: Final = Context(prec=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingRules:
    """Limits of one symbol: prices and notionals in quote, quantities in base currency.

    A zero means "no constraint", field by field, as the venue means it
    (MARKET_LOT_SIZE on spot has minQty = stepSize = 0 beside a real maxQty).
    The quantity fields are those of a market order: the stricter of LOT_SIZE and MARKET_LOT_SIZE.
    """

    symbol: str
    base_asset: str
    quote_asset: str
    is_trading: bool
    price_increment: Decimal
    quantity_increment: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    min_notional: Decimal  # smallest price x quantity of a market order
    max_notional: Decimal  # largest price x quantity of a market order

    def floor_quantity(self, quantity: Decimal) -> Decimal:
        """Round down to the increment; rounding up could spend money we lack.

        The grid starts at zero as every LOT_SIZE of the venue does (its minQty lies on it).
        """
        if not self.quantity_increment:
            return quantity
        steps = EXACT.divide_int(quantity, self.quantity_increment)
        return EXACT.multiply(steps, self.quantity_increment)

    def market_order_violation(self, *, quantity: Decimal, price: Decimal) -> str | None:
        """Say in plain words why the venue would refuse a market order; None when it would not."""
        notional = quantity * price
        if quantity <= ZERO:
            return "quantity is zero after rounding to the increment"
        if self.floor_quantity(quantity) != quantity:
            return f"quantity {quantity:f} is no multiple of {self.quantity_increment:f}"
        if quantity < self.min_quantity:
            return f"quantity {quantity:f} is below the minimum {self.min_quantity:f}"
        if self.max_quantity and quantity > self.max_quantity:
            return f"quantity {quantity:f} is above the maximum {self.max_quantity:f}"
        if notional < self.min_notional:
            return f"value {notional:f} is below the minimum {self.min_notional:f}"
        if self.max_notional and notional > self.max_notional:
            return f"value {notional:f} is above the maximum {self.max_notional:f}"
        return None
