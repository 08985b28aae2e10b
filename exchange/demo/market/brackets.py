"""Leverage brackets: how much margin a notional needs, and how much leverage it allows."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from exchange.demo.amounts import ZERO
from exchange.demo.errors import DemoExchangeError
from exchange.demo.market.recording import BUNDLED_DIRECTORY

BRACKETS_FILE: Final = BUNDLED_DIRECTORY / "leverage-brackets.json"
_EVERYTHING_ELSE: Final = "*"
_COLUMNS: Final = (
    *("bracket", "initialLeverage", "notionalFloor", "notionalCap", "maintMarginRatio", "cum"),
)


class Bracket(NamedTuple):
    """One tier: a position with a notional above `floor`, up to `cap`, in quote currency.

    rate    maintenance margin as a part of the notional
    amount  what is taken off it, so that nothing jumps from one tier to the next
    """

    number: int
    floor: Decimal
    cap: Decimal
    max_leverage: int
    rate: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Brackets:
    """The tiers of one symbol, in order. ValueError when they do not fit each other."""

    rows: tuple[Bracket, ...]

    def __post_init__(self) -> None:
        _check_first(self.rows)
        for below, above in zip(self.rows, self.rows[1:], strict=False):
            _check_step(below, above)

    @property
    def max_leverage(self) -> int:
        """Return the highest leverage that any notional allows."""
        return self.rows[0].max_leverage

    def of(self, notional: Decimal) -> Bracket:
        """Return the tier of a notional, zero or more; beyond the last cap the last tier."""
        caps = [row.cap for row in self.rows[:-1]]
        return self.rows[bisect_left(caps, notional)]

    def maintenance(self, notional: Decimal) -> Decimal:
        """Return the maintenance margin of a notional, in quote currency."""
        row = self.of(notional)
        return notional * row.rate - row.amount

    def max_notional(self, leverage: int) -> Decimal:
        """Return the largest notional that may be held at a leverage; ValueError over the most."""
        fitting = [row.cap for row in self.rows if row.max_leverage >= leverage]
        if not fitting:
            raise ValueError(f"leverage {leverage} is over {self.max_leverage}")
        return fitting[-1]


def brackets_of(symbol: str, path: Path = BRACKETS_FILE) -> Brackets:
    """Return a symbol's tiers; DemoExchangeError names the file and row that cannot be used."""
    tables = _load(path)
    return tables.get(symbol) or tables[_EVERYTHING_ELSE]


@lru_cache(maxsize=4)
def _load(path: Path) -> Mapping[str, Brackets]:
    try:
        payload = json.loads(path.read_text(encoding="ascii"))
    except (OSError, ValueError) as e:
        raise DemoExchangeError(f"{path}: no readable JSON: {e}") from e
    tables = payload.get("brackets") if isinstance(payload, dict) else None
    if not isinstance(tables, dict) or _EVERYTHING_ELSE not in tables:
        raise DemoExchangeError(f'{path}: "brackets" must hold symbols and "{_EVERYTHING_ELSE}"')
    return {symbol: _table(path, symbol, rows) for symbol, rows in tables.items()}


def _table(path: Path, symbol: str, rows: Any) -> Brackets:
    if not isinstance(rows, list) or not rows:
        raise DemoExchangeError(f"{path}, {symbol}: no list of brackets")
    try:
        return Brackets(tuple(_bracket(number, row) for number, row in enumerate(rows, start=1)))
    except ValueError as e:
        raise DemoExchangeError(f"{path}, {symbol}: {e}") from e


def _bracket(number: int, row: Any) -> Bracket:
    if not isinstance(row, dict) or set(row) != set(_COLUMNS):
        raise ValueError(f"bracket {number} must have the fields {', '.join(_COLUMNS)}")
    values = {name: _number(number, name, row[name]) for name in _COLUMNS}
    if values["bracket"] != number:
        raise ValueError(f"bracket {number} is numbered {values['bracket']}")
    if values["initialLeverage"] % 1:
        raise ValueError(f"bracket {number}: initialLeverage is no whole number")
    return Bracket(
        number=number,
        floor=values["notionalFloor"],
        cap=values["notionalCap"],
        max_leverage=int(values["initialLeverage"]),
        rate=values["maintMarginRatio"],
        amount=values["cum"],
    )


def _number(number: int, name: str, value: Any) -> Decimal:
    try:
        amount = Decimal(value) if isinstance(value, str) else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"bracket {number}: {name} is no number in a string: {value!r}")
    return amount


def _check_first(rows: Sequence[Bracket]) -> None:
    if not rows or rows[0].floor or rows[0].amount != ZERO:
        raise ValueError("the first bracket must begin at 0, with an amount of 0")
    for row in rows:
        if not row.floor < row.cap:
            raise ValueError(f"bracket {row.number}: its cap does not lie above its floor")
        if not 0 < row.rate < 1 or row.max_leverage < 1:
            raise ValueError(f"bracket {row.number}: no rate between 0 and 1, or no leverage")


def _check_step(below: Bracket, above: Bracket) -> None:
    if above.floor != below.cap:
        raise ValueError(f"bracket {above.number} begins at {above.floor}, not at {below.cap}")
    if above.max_leverage >= below.max_leverage or above.rate <= below.rate:
        raise ValueError(f"bracket {above.number} asks for no more margin than the one below")
    amount = below.amount + above.floor * (above.rate - below.rate)
    if above.amount != amount:
        raise ValueError(f"bracket {above.number}: its amount must be {amount.normalize():f}")
