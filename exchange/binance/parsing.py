"""Single fields of the venue's replies. Unknown fields are ignored, missing ones are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final, TypeVar

from exchange.domain.clock import from_milliseconds, to_milliseconds
from exchange.domain.errors import GatewayError

Word = TypeVar("Word", bound=StrEnum)

# Powers of ten. Beyond them arithmetic overflows, and digits without an exponent fill the memory.
MAX_MAGNITUDE: Final = 40


class MalformedReplyError(GatewayError):
    """A reply lacks a field or holds nonsense in it; the text names the field."""


def mapping(reply: Any, what: str) -> Mapping[str, Any]:
    """Return `reply` when it is a JSON object."""
    if not isinstance(reply, Mapping):
        raise MalformedReplyError(f"{what}: expected an object, got {type(reply).__name__}")
    return reply


def sequence(reply: Any, what: str) -> Sequence[Any]:
    """Return `reply` when it is a JSON list."""
    if not isinstance(reply, list):
        raise MalformedReplyError(f"{what}: expected a list, got {type(reply).__name__}")
    return reply


def text(row: Mapping[str, Any], name: str) -> str:
    """Return the field as text; ids come as numbers and are kept as text."""
    value = required(row, name)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise MalformedReplyError(f"{name} is not a text: {value!r:.60}")
    return str(value)


def decimal(row: Mapping[str, Any], name: str) -> Decimal:
    """Return the field as a finite Decimal; the venue sends numbers as strings."""
    value = required(row, name)
    if not isinstance(value, str):
        raise MalformedReplyError(f"{name} is not a number in a string: {value!r:.60}")
    return _finite(value, name)


def number(row: Mapping[str, Any], name: str) -> Decimal:
    """Return the field as a finite Decimal where the venue sends plain JSON numbers."""
    value = required(row, name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise MalformedReplyError(f"{name} is not a number: {value!r:.60}")
    return _finite(str(value), name)  # the shortest digits of a float are those that were sent


def integer(row: Mapping[str, Any], name: str) -> int:
    """Return the field when it is a whole number, not in a string."""
    value = required(row, name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedReplyError(f"{name} is not a whole number: {value!r:.60}")
    return value


def positive(row: Mapping[str, Any], name: str) -> Decimal:
    """Return the field as a finite Decimal above zero: a price."""
    price = decimal(row, name)
    if price <= 0:
        raise MalformedReplyError(f"{name} is not a price: {price:f}")
    return price


def amount(row: Mapping[str, Any], name: str) -> Decimal:
    """Return the field as a finite Decimal that is not negative."""
    number = decimal(row, name)
    if number < 0:
        raise MalformedReplyError(f"{name} is negative: {number:f}")
    return number


def moment(row: Mapping[str, Any], name: str) -> datetime:
    """Return the field, milliseconds since the epoch, as an aware UTC time."""
    value = required(row, name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedReplyError(f"{name} is not a time in milliseconds: {value!r:.60}")
    try:
        return from_milliseconds(value)
    except OverflowError:
        raise MalformedReplyError(f"{name} is not a time in milliseconds: {value}") from None


def required(row: Mapping[str, Any], name: str) -> Any:
    """Return the field, whatever it is."""
    try:
        return row[name]
    except KeyError:
        raise MalformedReplyError(f"the reply has no field {name}") from None


def number_text(row: Mapping[str, Any], name: str) -> str:
    """Return an id that must be a number, as text."""
    value = text(row, name)
    if not value.isdecimal():
        raise MalformedReplyError(f"{name} is not a number: {value!r:.60}")
    return value


def boolean(row: Mapping[str, Any], name: str) -> bool:
    """Return the field when it is true or false and nothing like it."""
    value = required(row, name)
    if not isinstance(value, bool):
        raise MalformedReplyError(f"{name} is neither true nor false: {value!r:.60}")
    return value


def word(row: Mapping[str, Any], name: str, words: type[Word]) -> Word:
    """Return the field as one of `words`; one that nobody has heard of is `words.OTHER`."""
    value = text(row, name)
    try:
        return words(value)
    except ValueError:
        return words["OTHER"]


def known_word(row: Mapping[str, Any], name: str, words: type[Word]) -> Word:
    """Return the field as one of `words`, where one that nobody has heard of is an error."""
    value = text(row, name)
    try:
        return words(value)
    except ValueError:
        known = ", ".join(words)
        raise MalformedReplyError(f"{name} is none of {known}: {value!r:.60}") from None


def rows(row: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return the field when it is a list of JSON objects."""
    return [mapping(entry, name) for entry in sequence(required(row, name), name)]


def server_time_ms(reply: Any) -> int:
    """Read `GET time`: the venue's wall clock, for signing."""
    return to_milliseconds(moment(mapping(reply, "time"), "serverTime"))


def _finite(value: str, name: str) -> Decimal:
    try:
        found = Decimal(value)
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or abs(found.adjusted()) > MAX_MAGNITUDE:
        raise MalformedReplyError(f"{name} is not a number: {value!r:.60}")
    return found
