"""Maintenance margin and liquidation price of USD-M positions in isolated mode.

Source: "Leverage and margin of USDⓈ-M futures" and "How to calculate the liquidation price" of the
venue's support pages. Of a notional inside a bracket, maintenance margin is notional x rate -
amount, where `amount` makes the margin continuous from one bracket to the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LeverageBracket:
    """One tier: notionals above `floor` and up to `cap`, in quote currency."""

    floor: Decimal
    cap: Decimal
    max_leverage: int
    maintenance_rate: Decimal
    maintenance_amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LeverageBrackets:
    """The tiers of one symbol, by rising notional."""

    symbol: str
    brackets: tuple[LeverageBracket, ...]
