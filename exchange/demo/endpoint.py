"""What an endpoint is: a function of a call, its weight, and whether it must be signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from exchange.demo.auth import Account
from exchange.demo.errors import INVALID_SYMBOL, VenueError, missing
from exchange.demo.symbols import Symbol
from exchange.demo.venue import Venue
from exchange.demo.wire import Params


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request on its way through an endpoint."""

    venue: Venue
    params: Params
    peer: str
    account: Account | None = None

    @property
    def uid(self) -> int:
        """Return whose account it is; only signed endpoints may ask."""
        if self.account is None:
            raise LookupError("an unsigned request has no account")
        return self.account.uid

    def symbol_if_sent(self) -> Symbol | None:
        """Return the symbol that was asked for, if any (-1121 when it is not listed)."""
        name = self.params.symbol()
        return None if name is None else self.listed(name)

    def symbol(self) -> Symbol:
        """Return the symbol that was asked for (-1102 when none was)."""
        symbol = self.symbol_if_sent()
        if symbol is None:
            raise missing("symbol")
        return symbol

    def chosen_symbols(self) -> tuple[list[Symbol], bool]:
        """Return what `symbol` or `symbols` name, else all; and whether it was `symbol`."""
        if self.params.has("symbol") and self.params.has("symbols"):
            raise VenueError(-1128, "Combination of optional parameters invalid.")
        single = self.symbol_if_sent()
        if single:
            return [single], True
        names = self.params.symbols()
        if names is None:
            return list(self.venue.symbols.values()), False
        return [self.listed(name) for name in names], False

    def listed(self, name: str) -> Symbol:
        """Return a symbol by name; -1121 when the exchange does not list it."""
        if name not in self.venue.symbols:
            raise VenueError(*INVALID_SYMBOL)
        return self.venue.symbols[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One method of one path.

    weight        of the request; a function when it depends on the parameters
    places_order  the weight is refunded when the order is accepted, and the order is counted
    """

    handle: Callable[[Call], Any]
    weight: int | Callable[[Params], int]
    is_signed: bool = False
    places_order: bool = False

    def weight_of(self, params: Params) -> int:
        """Return what this request costs."""
        return self.weight if isinstance(self.weight, int) else self.weight(params)


def weight_by_symbol(one: int, many: int) -> Callable[[Params], int]:
    """Return the weight of endpoints that cost less when they are asked about one symbol."""
    return lambda params: one if params.has("symbol") else many
