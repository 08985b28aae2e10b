"""How a bot's decisions are listed."""

from __future__ import annotations

from bots.models import Tick
from bots.selectors.history import decisions_in


def _tick(sentence: str, *, has_orders: bool = False, error: str = "") -> Tick:
    return Tick(sentence=sentence, has_orders=has_orders, error=error)


def test_neighbours_that_say_the_same_are_one_row_with_a_count() -> None:
    ticks = [_tick("Holds."), _tick("Holds."), _tick("No cross."), _tick("Holds.")]
    rows = decisions_in(ticks)
    assert [(row.tick.sentence, row.repeats) for row in rows] == [
        ("Holds.", 2),
        ("No cross.", 1),
        ("Holds.", 1),
    ]
    assert rows[0].tick is ticks[0]  # the newest of its run


def test_ticks_that_were_folded_when_they_were_written_count_as_often_as_they_happened() -> None:
    (row,) = decisions_in([Tick(sentence="Holds.", repeats=40), _tick("Holds.")])
    assert row.repeats == 41


def test_a_tick_with_an_order_is_never_folded_into_one_without() -> None:
    rows = decisions_in([_tick("Buys."), _tick("Buys.", has_orders=True)])
    assert [row.tick.has_orders for row in rows] == [False, True]


def test_a_failure_is_told_apart_from_a_decision() -> None:
    assert len(decisions_in([_tick("x"), _tick("x", error="no answer")])) == 2


def test_the_list_has_an_end() -> None:
    assert len(decisions_in([_tick(str(number)) for number in range(50)], limit=20)) == 20
