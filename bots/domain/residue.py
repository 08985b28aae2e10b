"""What is left of a spot position and is too little to be sold, although it is no dust."""

from __future__ import annotations

from decimal import Decimal

from bots.domain.positions import is_dust
from exchange.domain.rules import TradingRules
from exchange.domain.types import Market


def is_residue(quantity: Decimal, price: Decimal, rules: TradingRules) -> bool:
    """Say whether the venue would refuse to sell all of `quantity` at about `price` as too little.

    It needs no stop, and an entry may join it. False for dust, which counts as flat anyway, and on
    futures, where an order that closes may be of any value.
    """
    if rules.market is Market.FUTURES or is_dust(quantity, rules.quantity_increment):
        return False
    sellable = rules.floor_quantity(quantity)
    return sellable < rules.min_quantity or sellable * price < rules.min_notional
