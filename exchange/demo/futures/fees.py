"""What a fill costs: a share of its notional, in the margin asset."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from exchange.demo.amounts import round_up

# Of an account of the lowest tier, without a discount.
MAKER_RATE: Final = Decimal("0.0002")
TAKER_RATE: Final = Decimal("0.0005")


def commission(notional: Decimal, *, is_maker: bool) -> Decimal:
    """Return what is charged for an execution, rounded up to 1e-8."""
    return round_up(notional * (MAKER_RATE if is_maker else TAKER_RATE))
