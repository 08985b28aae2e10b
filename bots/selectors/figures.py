"""Percentages and units that pages share."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from exchange.domain.types import ZERO

HUNDRED: Final = Decimal(100)

# The longest match wins; the venue's rules would know, but a page asks no venue for a unit.
QUOTE_ASSETS: Final = (
    "USDT", "USDC", "FDUSD", "TUSD", "BUSD", "DAI", "EUR", "TRY", "BRL", "JPY", "BTC", "ETH", "BNB",
)  # fmt: skip


def quote_asset(symbol: str) -> str:
    """Return the currency in which a symbol's prices are, empty when it is not a common one."""
    return max((name for name in QUOTE_ASSETS if symbol.endswith(name)), key=len, default="")


def percent(part: Decimal, whole: Decimal) -> Decimal | None:
    """Return `part` in percent of `whole`, None when that is zero."""
    return part / whole * HUNDRED if whole else None


def clamp(value: Decimal | None) -> Decimal:
    """Keep a percentage between 0 and 100."""
    return min(max(value or ZERO, ZERO), HUNDRED)
