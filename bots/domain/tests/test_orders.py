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


def test_what_has_been_filled_in_part_cannot_become_rejected_any_more() -> None:
    assert OrderStatus.PARTIALLY_FILLED not in sources_of(OrderStatus.REJECTED)


def test_what_waits_for_its_price_may_be_refused_when_it_is_met() -> None:
    assert OrderStatus.OPEN in sources_of(OrderStatus.REJECTED)


def test_every_status_is_reached_from_the_first_one() -> None:
    reached, news = set(), {OrderStatus.INTENDED}
    while news:
        reached |= news
        news = {to for status in news for to in MOVES.get(status, ())} - reached
    assert reached == set(OrderStatus)


def test_no_path_comes_back_to_where_it_was() -> None:
    def after(status: OrderStatus) -> set[OrderStatus]:
        steps = set(MOVES.get(status, ())) - {status}
        return steps.union(*(after(step) for step in steps))

    assert not [status for status in OrderStatus if status in after(status)]


@pytest.mark.parametrize("venue_status", list(VenueOrderStatus))
def test_every_word_of_the_venue_has_a_meaning_that_a_sent_order_may_take(
    venue_status: VenueOrderStatus,
) -> None:
    assert status_of_venue(venue_status) in MOVES[OrderStatus.SENT]


def test_a_word_we_have_never_heard_keeps_the_order_watched() -> None:
    assert status_of_venue(VenueOrderStatus.OTHER) in UNSETTLED
