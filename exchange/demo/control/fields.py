"""Strict reading of the JSON that people send to the control door."""

from __future__ import annotations

import re
from collections.abc import Collection
from decimal import Decimal
from typing import Any, Final

from exchange.demo.amounts import DECIMALS, UNIT

_REQUIRED: Any = object()
_DECIMAL: Final = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")


class FieldError(Exception):
    """A field of a control request is missing, unknown or wrong; the text names it."""


class Fields:
    """The fields of one JSON object. Every method raises FieldError naming the field."""

    def __init__(self, item: Any, known: Collection[str]) -> None:
        if not isinstance(item, dict):
            raise FieldError(f"a JSON object is expected, not {type(item).__name__}")
        if unknown := sorted(set(item) - set(known)):
            raise FieldError(f"{unknown[0]}: unknown field; known are {', '.join(known)}")
        self._item: dict[str, Any] = item

    def has(self, name: str) -> bool:
        """Say whether the field was sent."""
        return name in self._item

    def is_null(self, name: str) -> bool:
        """Say whether the field was sent as null."""
        return name in self._item and self._item[name] is None

    def wrong(self, name: str, why: str) -> FieldError:
        """Return the error that says why a field is wrong."""
        return FieldError(f"{name}: {why}")

    def text(self, name: str, *, default: str = _REQUIRED) -> str:
        """Return a string."""
        value = self._value(name, default)
        if not isinstance(value, str):
            raise self.wrong(name, "must be a string")
        if not value.isascii() and value != value.encode(errors="replace").decode():
            raise self.wrong(name, "must be text that can be written as UTF-8")
        return value

    def word(self, name: str, allowed: Collection[str], *, default: str = _REQUIRED) -> str:
        """Return one of the allowed words."""
        value = self.text(name, default=default)
        if value not in allowed:
            raise self.wrong(name, f"must be one of {', '.join(allowed)}")
        return value

    def flag(self, name: str) -> bool:
        """Return true or false."""
        value = self._value(name, _REQUIRED)
        if not isinstance(value, bool):
            raise self.wrong(name, "must be true or false")
        return value

    def number(
        self, name: str, *, default: float | None = None, least: float, most: float
    ) -> float:
        """Return a finite number within its bounds; without a default it must be sent."""
        value = self._value(name, _REQUIRED if default is None else default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(name, "must be a number")
        if not least <= value <= most:
            raise self.wrong(name, f"must lie between {least:g} and {most:g}")
        return float(value)

    def whole(self, name: str, *, default: int = _REQUIRED, least: int, most: int = 10**9) -> int:
        """Return a whole number within its bounds."""
        value = self._value(name, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.wrong(name, "must be a whole number")
        if not least <= value <= most:
            raise self.wrong(name, f"must lie between {least} and {most}")
        return value

    def decimal(self, name: str) -> Decimal:
        """Return a plain number, sent as a string."""
        value = self.text(name)
        if _DECIMAL.fullmatch(value) is None:
            raise self.wrong(name, "must be a decimal number in a string")
        return Decimal(value)

    def amount(self, name: str, *, most: Decimal) -> Decimal:
        """Return an amount above zero, sent as a string, of at most eight decimals."""
        value = self.decimal(name)
        if not 0 < value <= most:
            raise self.wrong(name, f"must lie above 0 and not above {most:f}")
        if value % UNIT:
            raise self.wrong(name, f"must have at most {DECIMALS} decimals")
        return value

    def _value(self, name: str, default: Any) -> Any:
        value = self._item.get(name, default)
        if value is _REQUIRED:
            raise self.wrong(name, "is missing")
        return value
