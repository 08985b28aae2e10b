"""The perpetuals as the venue's staff changed them: status, increments, and what was delisted."""

from __future__ import annotations

import json
from collections.abc import Callable, MutableMapping
from dataclasses import replace
from decimal import Decimal
from typing import Final

from exchange.demo.amounts import UNIT
from exchange.demo.errors import DemoExchangeError
from exchange.demo.market.futures_symbols import FUTURES_STATUSES, FuturesSymbol
from exchange.demo.market.symbols import TRADING
from exchange.demo.state import State

_DELISTED: Final = "DELISTED"
_RULES: Final = ("tick", "step", "min_notional")


class FuturesRules:
    """Keeps `symbols`, which others read, in line with the changes that the state holds.

    remember  called before each change: whoever goes on after a crash must not let happen again,
              under the new rules, what the old ones did not allow
    """

    def __init__(
        self,
        state: State,
        symbols: MutableMapping[str, FuturesSymbol],
        *,
        remember: Callable[[], None] = lambda: None,
    ) -> None:
        self._state = state
        self._remember = remember
        self._symbols = symbols
        self._known = dict(symbols)
        for name in self._known:
            self._apply(name, self._stored(name))

    @property
    def names(self) -> tuple[str, ...]:
        """Return every perpetual that has prices, listed or not."""
        return tuple(self._known)

    def set_status(self, name: str, status: str) -> None:
        """Halt a perpetual, settle it or let it trade again."""
        if status not in FUTURES_STATUSES:
            raise DemoExchangeError(f"no status of a perpetual: {status!r}")
        self._change(name, {"status": status})

    def set_rules(self, name: str, rules: dict[str, Decimal]) -> None:
        """Change increments or the least notional of a perpetual."""
        listed = self._symbols[name]
        tick, step = rules.get("tick", listed.tick), rules.get("step", listed.step)
        if min(rules.values()) <= 0:
            raise DemoExchangeError("tick, step and min_notional must be above 0")
        if (tick * step) % UNIT or tick % UNIT or step % UNIT:
            raise DemoExchangeError("tick times step must be a multiple of 0.00000001")
        self._change(name, {rule: f"{value:f}" for rule, value in rules.items()})

    def delist(self, name: str) -> None:
        """Take a perpetual off the exchange, until `relist`; nothing of it may be open."""
        self._change(name, {"status": _DELISTED})

    def relist(self, name: str) -> None:
        """List a perpetual that was taken off again, with the rules it had; it trades at once."""
        if name not in self._symbols:
            self._symbols[name] = self._known[name]
            self._change(name, {"status": TRADING})

    def _change(self, name: str, fields: dict[str, str]) -> None:
        stored = self._stored(name) | fields
        with self._state.transaction():
            self._remember()
            self._state.set_meta(_place(name), json.dumps(stored))
        self._apply(name, stored)

    def _stored(self, name: str) -> dict[str, str]:
        stored: dict[str, str] = json.loads(self._state.meta(_place(name)) or "{}")
        return stored

    def _apply(self, name: str, stored: dict[str, str]) -> None:
        if stored.get("status") == _DELISTED:
            self._symbols.pop(name, None)
            return
        known = self._known[name]
        rules = {rule: Decimal(stored[rule]) for rule in _RULES if rule in stored}
        status = stored.get("status", known.status)
        self._symbols[name] = replace(known.with_rules(**rules), status=status)


def _place(name: str) -> str:
    return f"futures_symbol {name}"
