"""A symbol's status at the venue, and what may be sent in it (enums.md, contract status)."""

from __future__ import annotations

from typing import Final

TRADING: Final = "TRADING"
# Ours, not the venue's: it no longer lists the symbol, and the rules are the last that it told.
NOT_LISTED: Final = "NOT_LISTED"
# Not begun yet, or over: there is nothing that could be canceled.
_NOTHING_OPEN: Final = frozenset({"PENDING_TRADING", "PRE_TRADING", "DELIVERED", "CLOSE"})
# Open orders can still be canceled, also in HALT and BREAK.
_NO_NEW_ORDERS: Final = frozenset(
    {
        *("HALT", "BREAK", "CANCEL_ONLY", "END_OF_DAY", "POST_TRADING", "AUCTION_MATCH"),
        *("TRADING_HALT", "PRE_DELIVERING", "DELIVERING", "PRE_SETTLE", "SETTLING"),
    }
)


def takes_exits(status: str) -> bool:
    """Say whether it makes sense to send an order that closes a position.

    A status that is not known to refuse every order gets the benefit of the doubt: the venue
    will tell, and an exit must not fail on a guess of ours.
    """
    return status not in _NOTHING_OPEN | _NO_NEW_ORDERS


def takes_cancels(status: str) -> bool:
    """Say whether there can be open orders to cancel."""
    return status not in _NOTHING_OPEN | {NOT_LISTED}
