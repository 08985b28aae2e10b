"""Plain words for the venue's error codes: what a trader can do about it."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from exchange.domain.types import Market

_BOTH: Final = {
    -1002: "the key is not allowed to do this; check its permissions at the venue",
    -1003: "too many requests from this address; wait, or the venue bans it for longer",
    -1013: "the order breaks a rule of the symbol (size, price or value); choose another amount",
    -1015: "too many orders in a short time; wait a moment",
    -1016: "the venue no longer offers this service",
    -1021: "the clock of this machine and the venue's differ; check its time synchronisation",
    -1022: "the signature is wrong; the secret was probably not copied completely",
    -1100: "a value has a character that the venue does not accept",
    -1111: "more digits than the symbol allows",
    -1121: "the venue does not list this symbol; check its spelling",
    -2013: "the venue knows no such order",
    -2014: "the key has the wrong form; copy it again",
    -2015: (
        "the venue does not accept this key: it may be wrong or deleted, belong to another "
        "environment, not allow this address (IP restriction) or lack the permission to trade"
    ),
}
_SPOT: Final = {
    -2010: "the matching engine refused the order",
    -2011: "the order is not open: it has filled, was canceled or never existed",
    -2026: "the order was archived: it ended unfilled more than 90 days ago",
}
_FUTURES: Final = {
    -2018: "the balance is too small",
    -2019: "the margin is too small for this order",
    -2021: "the stop price has been passed already, so the order would trigger at once",
    -2022: "there is no position that this order could reduce",
    -4003: "the quantity is zero or negative",
    -4014: "the price is no multiple of the symbol's price increment",
    -4023: "the quantity is no multiple of the symbol's quantity increment",
    -4061: "the position side does not fit; somebody may have switched hedge mode",
    -4116: "an order with this client id exists",
    -4120: "conditional orders have an address of their own",
    -4164: "the value of the order is below the symbol's minimum; raise the size",
}
HINTS: Final = MappingProxyType(
    {
        Market.SPOT: MappingProxyType(_BOTH | _SPOT),
        Market.FUTURES: MappingProxyType(_BOTH | _FUTURES),
    }
)


def hint(market: Market, code: int) -> str | None:
    """Return what `code` means for a trader in `market`, or None when the venue's text says it."""
    return HINTS[market].get(code)
