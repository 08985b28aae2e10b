"""The table of legal moves."""

from __future__ import annotations

import pytest

from bots.domain.orders import MOVES, UNSETTLED, OrderStatus, sources_of, status_of_venue
from exchange.domain.reports import VenueOrderStatus

FINAL = {
    OrderStatus.FILLED,
    OrderStatus.CANCELED,
    OrderStatus.REJECTED,
    OrderStatus.EXPIRED,
    OrderStatus.DENIED,
}


def test_every_status_either_moves_on_or_is_final() -> None:
    assert set(MOVES) | FINAL == set(OrderStatus)
    assert set(MOVES) & FINAL == set()
    assert set(UNSETTLED) == set(MOVES)


def test_only_an_intended_order_can_be_sent() -> None:
    assert sources_of(OrderStatus.SENT) == (OrderStatus.INTENDED,)


def test_only_an_order_that_was_never_sent_can_be_denied() -> None:
    assert sources_of(OrderStatus.DENIED) == (OrderStatus.INTENDED,)


def test_unknown_is_entered_from_sent_alone_and_never_left_for_intended_or_sent() -> None:
    assert sources_of(OrderStatus.UNKNOWN) == (OrderStatus.SENT,)
    assert MOVES[OrderStatus.UNKNOWN].isdisjoint(
        {OrderStatus.INTENDED, OrderStatus.SENT, OrderStatus.DENIED}
    )


def test_an_order_at_the_venue_cannot_become_rejected_any_more() -> None:
    assert OrderStatus.OPEN not in sources_of(OrderStatus.REJECTED)
    assert OrderStatus.PARTIALLY_FILLED not in sources_of(OrderStatus.REJECTED)


@pytest.mark.parametrize("venue_status", list(VenueOrderStatus))
def test_every_word_of_the_venue_has_a_meaning_that_a_sent_order_may_take(
    venue_status: VenueOrderStatus,
) -> None:
    assert status_of_venue(venue_status) in MOVES[OrderStatus.SENT]


def test_a_word_we_have_never_heard_keeps_the_order_watched() -> None:
    assert status_of_venue(VenueOrderStatus.OTHER) in UNSETTLED
