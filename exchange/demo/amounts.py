"""Amounts: `Decimal` for money, whole units of 1e-8 for recorded prices and volumes."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_DOWN, Decimal
from typing import Final

DECIMALS: Final = 8
UNITS_PER_ONE: Final = 10**DECIMALS
UNIT: Final = Decimal(1).scaleb(-DECIMALS)
ZERO: Final = Decimal(0)


def from_units(units: int) -> Decimal:
    """Return the exact amount of `units` (1e-8 each)."""
    return Decimal(units).scaleb(-DECIMALS)


def to_units(amount: Decimal) -> int:
    """Return `amount` in units of 1e-8; ValueError when it is finer than that."""
    units = amount.scaleb(DECIMALS)
    if units != units.to_integral_value():
        raise ValueError(f"{amount:f} has more than {DECIMALS} decimals")
    return int(units)


def round_down(amount: Decimal) -> Decimal:
    """Cut `amount` after eight decimals, towards zero."""
    return amount.quantize(UNIT, rounding=ROUND_DOWN)


def round_up(amount: Decimal) -> Decimal:
    """Raise `amount` to the next multiple of 1e-8, if it is none."""
    return amount.quantize(UNIT, rounding=ROUND_CEILING)


def floor_to(amount: Decimal, step: Decimal) -> Decimal:
    """Cut `amount` down to a multiple of `step`."""
    return amount // step * step


def text(amount: Decimal) -> str:
    """Write `amount` as the venue does: plain, with eight decimals."""
    return f"{amount:.{DECIMALS}f}"


def units_text(units: int) -> str:
    """Write `units` of 1e-8 as the venue does."""
    return text(from_units(units))
