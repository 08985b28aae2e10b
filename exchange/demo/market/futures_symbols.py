"""The perpetual contracts of the exchange: exchangeInfo entries and filters that need no market."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesSymbol:
    """One USD-M perpetual and its limits: prices and notionals in quote, quantities in base."""

    name: str
    base: str
    quote: str
    tick: Decimal
    step: Decimal
