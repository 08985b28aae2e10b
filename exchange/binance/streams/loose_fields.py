"""Fields of events that are hints: what is missing or nonsense is None, never an error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from exchange.binance import parsing
from exchange.binance.parsing import MalformedReplyError

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def text(row: Mapping[str, Any], name: str) -> str | None:
    """Return the field when it is a text that says something."""
    value = row.get(name)
    return value if isinstance(value, str) and value else None


def amount(row: Mapping[str, Any], name: str) -> Decimal | None:
    """Return the field as a finite Decimal that is not negative."""
    try:
        return parsing.amount(row, name)
    except MalformedReplyError:
        return None


def moment(row: Mapping[str, Any], name: str) -> datetime | None:
    """Return the field, milliseconds since the epoch, as an aware UTC time."""
    try:
        return parsing.moment(row, name)
    except MalformedReplyError:
        return None


def inner(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the object in the field, an empty one where there is none."""
    value = row.get(name)
    return value if isinstance(value, dict) else NOTHING


def only_symbol(rows: Any) -> str | None:
    """Return the symbol that all of `rows` are about; None when there is none or another."""
    if not isinstance(rows, Iterable) or isinstance(rows, str):
        return None
    symbols = {text(row, "s") if isinstance(row, dict) else None for row in rows}
    return symbols.pop() if len(symbols) == 1 else None
