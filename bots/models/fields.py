"""Column types for money, shared so that no two tables round differently."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models

# 18 digits before the point hold any quantity of any listed coin; 18 after it hold any product
# of an 8-digit price and an 8-digit quantity without rounding.
_DIGITS = 36
_PLACES = 18


def amount(verbose_name: str = "", **options: Any) -> models.DecimalField[Any, Any]:
    """Return a column for a price, a quantity or an amount of money, never a float."""
    return models.DecimalField(
        verbose_name or None, max_digits=_DIGITS, decimal_places=_PLACES, **options
    )


def percentage(verbose_name: str = "", **options: Any) -> models.DecimalField[Any, Any]:
    """Return a column for a percentage: 2 means 2 %."""
    return models.DecimalField(verbose_name or None, max_digits=9, decimal_places=4, **options)


def plain(value: Decimal | None) -> str | None:
    """Return the shortest plain notation: 0.00100 becomes 0.001, never 1E-3."""
    if value is None:
        return None
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
