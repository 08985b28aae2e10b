"""The life of an order: every legal move in one table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from exchange.domain.reports import VenueOrderStatus


class OrderStatus(StrEnum):
    """Where an order is."""

    INTENDED = "intended"  # committed, not sent
    SENT = "sent"
    UNKNOWN = "unknown"  # sent, outcome not known; only the venue's evidence ends it
    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"  # refused by the venue
    EXPIRED = "expired"  # ended by time: at the venue, or because it never arrived
    DENIED = "denied"  # refused by us; never sent


class ClosedReason(StrEnum):
    """Why an order ended without the venue's word for it."""

    NEVER_SENT = "never sent"  # found intended by a later tick
    RATE_LIMITED = "rate limited"  # no permit of the governor; never sent
    NEVER_PLACED = "never placed"  # sent, and the venue can no longer accept it
    NOT_DELIVERED = "not delivered"  # the venue provably did nothing
    HALTED = "halted"  # a halt came first; never sent
    MALFORMED = "malformed"  # no request can be made of it; never sent
    SUPERSEDED = "superseded"  # what it was wanted for has changed; never sent
    GIVEN_UP = "given up"  # a person dismissed what nobody can tell


_AT_VENUE: Final = frozenset(
    {
        OrderStatus.OPEN,
        OrderStatus.PARTIALLY_FILLED,
        OrderStatus.FILLED,
        OrderStatus.CANCELED,
        OrderStatus.REJECTED,
        OrderStatus.EXPIRED,
    }
)

# From -> to. A status that is no key is final. The database refuses every other move as well
# (migration 0007), so a change here needs a migration.
MOVES: Final[Mapping[OrderStatus, frozenset[OrderStatus]]] = MappingProxyType(
    {
        OrderStatus.INTENDED: frozenset({OrderStatus.SENT, OrderStatus.DENIED}),
        OrderStatus.SENT: _AT_VENUE | {OrderStatus.UNKNOWN},
        OrderStatus.UNKNOWN: _AT_VENUE,
        # What waits for its price may still be refused when it is met.
        OrderStatus.OPEN: _AT_VENUE - {OrderStatus.OPEN},
        # Several partial fills follow each other.
        OrderStatus.PARTIALLY_FILLED: _AT_VENUE - {OrderStatus.OPEN, OrderStatus.REJECTED},
    }
)
UNSETTLED: Final = tuple(MOVES)


def sources_of(target: OrderStatus) -> tuple[OrderStatus, ...]:
    """Return every status from which an order may move to `target`."""
    return tuple(source for source, targets in MOVES.items() if target in targets)


_FROM_VENUE: Final = MappingProxyType(
    {
        VenueOrderStatus.PENDING_NEW: OrderStatus.OPEN,
        VenueOrderStatus.NEW: OrderStatus.OPEN,
        VenueOrderStatus.PARTIALLY_FILLED: OrderStatus.PARTIALLY_FILLED,
        VenueOrderStatus.FILLED: OrderStatus.FILLED,
        VenueOrderStatus.CANCELED: OrderStatus.CANCELED,
        VenueOrderStatus.PENDING_CANCEL: OrderStatus.OPEN,
        VenueOrderStatus.REJECTED: OrderStatus.REJECTED,
        VenueOrderStatus.EXPIRED: OrderStatus.EXPIRED,
        VenueOrderStatus.EXPIRED_IN_MATCH: OrderStatus.EXPIRED,
        # A word we do not know is no reason to forget the order: keep watching it.
        VenueOrderStatus.OTHER: OrderStatus.OPEN,
    }
)


def status_of_venue(status: VenueOrderStatus) -> OrderStatus:
    """Translate the venue's word for an order's status into ours."""
    return _FROM_VENUE[status]
