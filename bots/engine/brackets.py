"""The leverage tiers of a symbol, asked for once an hour: they change a few times a year."""

from __future__ import annotations

import time
from typing import Final
from weakref import WeakKeyDictionary

from exchange.domain.futures_gateway import FuturesGateway
from exchange.domain.margin import LeverageBrackets

KEPT_SECONDS: Final = 3600.0

# By gateway, because the tiers hold for one account; a gateway serves one thread, so no lock.
_kept: WeakKeyDictionary[FuturesGateway, dict[str, tuple[float, LeverageBrackets]]] = (
    WeakKeyDictionary()
)


def brackets_of(symbol: str, *, gateway: FuturesGateway) -> LeverageBrackets:
    """Return the tiers as they hold for the gateway's account, at most an hour old."""
    known = _kept.setdefault(gateway, {})
    now = time.monotonic()
    if symbol in known and now - known[symbol][0] < KEPT_SECONDS:
        return known[symbol][1]
    brackets = gateway.leverage_brackets(symbol)
    known[symbol] = (now, brackets)
    return brackets
