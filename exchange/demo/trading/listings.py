"""The symbols as the venue's staff changed them: status, increments, and what was delisted."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, MutableMapping
from dataclasses import replace
from decimal import Decimal
from typing import Final

from exchange.demo.amounts import UNIT, text
from exchange.demo.errors import DemoExchangeError
from exchange.demo.market.symbols import STATUSES, TRADING, Symbol, assets_of
from exchange.demo.state import State

_DELISTED: Final = "DELISTED"
_RULES: Final = ("tick", "step", "min_notional")


class Listings:
    """Keeps `symbols`, which others read, in line with the changes that the state holds."""

    def __init__(self, state: State, symbols: MutableMapping[str, Symbol]) -> None:
        self._state = state
        self.symbols = symbols
        self._known = dict(symbols)
        for row in state.rows("SELECT * FROM symbol_rules"):
            if row["symbol"] in self._known:
                self._apply(row["symbol"], row["status"], _stored_rules(row))

    def assets(self, name: str) -> tuple[str, str]:
        """Return base and quote asset of a symbol, listed or not any more."""
        known = self._known.get(name)
        return (known.base, known.quote) if known else assets_of(name)

    def set_status(self, name: str, status: str) -> None:
        """Halt a symbol, restrict it or let it trade again."""
        if status not in STATUSES:
            raise DemoExchangeError(f"no status of a symbol: {status!r}")
        self._store(name, status, {})

    def set_rules(self, name: str, rules: dict[str, Decimal]) -> None:
        """Change increments or the least notional of a symbol."""
        changed = _with_rules(self._listed(name), rules)
        if min(rules.values()) <= 0:
            raise DemoExchangeError("tick, step and min_notional must be above 0")
        if (changed.tick * changed.step) % UNIT or changed.tick % UNIT or changed.step % UNIT:
            raise DemoExchangeError("tick times step must be a multiple of 0.00000001")
        self._store(name, None, rules)

    def delist(self, name: str) -> None:
        """Take a symbol off the exchange, until `relist`."""
        self._store(name, _DELISTED, {})

    def relist(self, name: str) -> None:
        """List a symbol that was taken off again, with the rules that it had; it trades at once."""
        if name not in self._known:
            raise DemoExchangeError(f"{name}: no such symbol")
        if name in self.symbols:
            return
        self.symbols[name] = self._known[name]
        for row in self._state.rows("SELECT * FROM symbol_rules WHERE symbol = ?", name):
            self._store(name, TRADING, _stored_rules(row))

    def _store(self, name: str, status: str | None, rules: dict[str, Decimal]) -> None:
        self._listed(name)
        columns = {key: text(value) for key, value in rules.items()}
        if status:
            columns["status"] = status
        self._state.execute("INSERT OR IGNORE INTO symbol_rules (symbol) VALUES (?)", name)
        for column, value in columns.items():
            sql = f"UPDATE symbol_rules SET {column} = ? WHERE symbol = ?"  # noqa: S608 - our names
            self._state.execute(sql, value, name)
        self._apply(name, status, rules)

    def _listed(self, name: str) -> Symbol:
        if name not in self.symbols:
            raise DemoExchangeError(f"{name}: no such symbol")
        return self.symbols[name]

    def _apply(self, name: str, status: str | None, rules: dict[str, Decimal]) -> None:
        if status == _DELISTED:
            self.symbols.pop(name, None)
            return
        changed = _with_rules(self.symbols[name], rules)
        self.symbols[name] = replace(changed, status=status) if status else changed


def _stored_rules(row: sqlite3.Row) -> dict[str, Decimal]:
    return {name: Decimal(row[name]) for name in _RULES if row[name] is not None}


def _with_rules(symbol: Symbol, rules: Mapping[str, Decimal]) -> Symbol:
    return replace(
        symbol,
        tick=rules.get("tick", symbol.tick),
        step=rules.get("step", symbol.step),
        min_notional=rules.get("min_notional", symbol.min_notional),
    )
