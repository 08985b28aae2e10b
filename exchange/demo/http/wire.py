"""Requests as they arrive: raw bytes for the signature, strictly read parameters for the rest."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from urllib.parse import unquote_plus

from exchange.demo.amounts import DECIMALS
from exchange.demo.errors import VenueError, illegal_characters, invalid_data, missing

_DECIMAL: Final = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
_INTEGER: Final = r"^[0-9]{1,20}$"
_SYMBOL: Final = r"^[A-Z0-9-_.]{1,20}$"
_SYMBOL_IN_ANY_CASE: Final = r"^[A-Za-z0-9-_.]{1,20}$"
_SYMBOLS: Final = r'^\["[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}")*\]$'
_WORD: Final = r"[A-Z0-9_]{1,30}"
CLIENT_ORDER_ID: Final = r"^[a-zA-Z0-9-_]{1,36}$"
_LARGEST_INTEGER: Final = 2**63 - 1
# Microseconds have at least this many digits for the next few centuries.
_FIRST_MICROSECOND_MOMENT: Final = 10**15
_SPOT: Final = ("/api/", "/ws-api/")


@dataclass(frozen=True, slots=True, kw_only=True)
class WireRequest:
    """One HTTP request. `query` and `body` are exactly the bytes that were sent, still encoded."""

    method: str
    path: str
    query: str
    body: str
    api_key: str | None
    peer: str


class Params:
    """The parameters of one request. Reading one marks it; `finish` refuses what nobody read."""

    def __init__(self, request: WireRequest) -> None:
        # As documented by the venue, the query wins where query and body name the same parameter.
        self._values = _pairs(request.body) | _pairs(request.query)
        self._read: set[str] = set()
        self._is_spot = request.path.startswith(_SPOT)

    def has(self, name: str) -> bool:
        """Say whether a parameter was sent, without reading it."""
        return name in self._values

    def count_of(self, name: str) -> int:
        """Return how many items a list seems to have, without reading it; 0 when not sent."""
        return self._values[name].count(",") + 1 if name in self._values else 0

    def peek(self, name: str) -> str:
        """Return a parameter as it was sent, without reading it; empty when it was not."""
        return self._values.get(name, "")

    def text(self, name: str, pattern: str | None = None) -> str | None:
        """Return an optional parameter; -1105 when empty, -1100 when the pattern fails."""
        value = self._values.get(name)
        if value is None:
            return None
        self._read.add(name)
        if not value:
            raise VenueError(-1105, f"Parameter '{name}' was empty.")
        if pattern and re.fullmatch(pattern, value) is None:
            raise illegal_characters(name, pattern)
        return value

    def required_text(self, name: str, pattern: str | None = None) -> str:
        """Return a mandatory parameter; -1102 when it was not sent."""
        value = self.text(name, pattern)
        if value is None:
            raise missing(name)
        return value

    def symbol(self, *, in_any_case: bool = False) -> str | None:
        """Return `symbol` if sent, checked for its form only."""
        value = self.text("symbol", _SYMBOL_IN_ANY_CASE if in_any_case else _SYMBOL)
        return None if value is None else value.upper()

    def integer(self, name: str) -> int | None:
        """Return a whole number if sent."""
        value = self.text(name, _INTEGER)
        if value is not None and int(value) > _LARGEST_INTEGER:
            raise invalid_data(name)
        return None if value is None else int(value)

    def moment(self, name: str) -> int | None:
        """Return a point in time in ms if sent."""
        value = self.integer(name)
        return None if value is None else self.milliseconds(value)

    def milliseconds(self, moment: int) -> int:
        """Return a point in time in ms; the spot API alone understands microseconds, too."""
        is_fine = self._is_spot and moment >= _FIRST_MICROSECOND_MOMENT
        return moment // 1000 if is_fine else moment

    def decimal(self, name: str) -> Decimal | None:
        """Return a plain decimal number if sent; -1111 beyond eight decimals.

        `1e-05` is refused (-1100) as at the venue.
        """
        value = self.text(name, _DECIMAL)
        if value is None:
            return None
        if len(value.partition(".")[2].rstrip("0")) > DECIMALS:
            raise VenueError(-1111, f"Parameter '{name}' has too much precision.")
        return Decimal(value)

    def required_decimal(self, name: str) -> Decimal:
        """Return a mandatory decimal number; -1102 when it was not sent."""
        value = self.decimal(name)
        if value is None:
            raise missing(name)
        return value

    def boolean(self, name: str, *, default: bool = False) -> bool:
        """Return a flag; only `true` and `false` are understood."""
        return self.choice(name, ("true", "false"), default=str(default).lower()) == "true"

    def choice(
        self,
        name: str,
        allowed: Collection[str],
        *,
        default: str,
        refusal: Callable[[str], VenueError] = invalid_data,
    ) -> str:
        """Return one of the allowed words."""
        value = self.text(name)
        if value is not None and value not in allowed:
            raise refusal(name)
        return value or default

    def required_choice(
        self,
        name: str,
        allowed: Collection[str],
        *,
        refusal: Callable[[str], VenueError] = invalid_data,
    ) -> str:
        """Return one of the allowed words; -1102 when none was sent."""
        self.required_text(name)
        return self.choice(name, allowed, default="", refusal=refusal)

    def limit(self, *, default: int, maximum: int) -> int:
        """Return `limit`; a larger one than the maximum counts as the maximum, as at the venue."""
        limit = self.integer("limit")
        if limit == 0:
            raise invalid_data("limit")
        return min(limit or default, maximum)

    def symbols(self) -> list[str] | None:
        """Return `symbols`, a JSON list of different names, if sent."""
        value = self.text("symbols")
        if value is None:
            return None
        names = _words(value)
        if names is None:
            raise illegal_characters("symbols", _SYMBOLS)
        if len(set(names)) < len(names):
            raise VenueError(-1151, "Symbol is present multiple times in the list.")
        return names

    def words(self, name: str) -> list[str] | None:
        """Return one word or a JSON list of words, if sent; -1130 when it is neither."""
        value = self.text(name)
        if value is None:
            return None
        words = _words(value) if value.startswith("[") else [value]
        if words is None or any(re.fullmatch(_WORD, word) is None for word in words):
            raise invalid_data(name)
        return words

    def finish(self) -> None:
        """Refuse the request when it carries a parameter that was not read (-1104)."""
        if len(self._read) < len(self._values):
            raise VenueError(
                -1104,
                f"Not all sent parameters were read; read '{len(self._read)}' parameter(s)"
                f" but was sent '{len(self._values)}'.",
            )


def _words(value: str) -> list[str] | None:
    try:
        words = json.loads(value)
    except (ValueError, RecursionError):
        return None
    if not isinstance(words, list) or not words or not all(isinstance(one, str) for one in words):
        return None
    return words


def _pairs(encoded: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for part in filter(None, encoded.split("&")):
        name, _, value = part.partition("=")
        if unquote_plus(name) in values:
            raise VenueError(-1101, "Duplicate values for a parameter detected.")
        values[unquote_plus(name)] = unquote_plus(value)
    return values
