"""A look is repeated only where it must be, and never answers with what has happened."""

from __future__ import annotations

from exchange.demo.futures.events import TRIGGER, Event
from exchange.demo.futures.lookahead import Lookahead


class Path:
    """Events at some moments; remembers every look."""

    def __init__(self, *moments: int) -> None:
        self.moments = moments
        self.looks: list[tuple[int, int]] = []

    def look(self, after_ms: int, until_ms: int) -> Event | None:
        self.looks.append((after_ms, until_ms))
        found = [at_ms for at_ms in self.moments if after_ms < at_ms <= until_ms]
        return Event(min(found), TRIGGER, 1, lambda: None) if found else None

    def ask(
        self, ahead: Lookahead, after_ms: int, until_ms: int, about: object = "a", place: str = "p"
    ) -> int | None:
        found = ahead.first(place, about, after_ms, until_ms, self.look)
        return found.at_ms if found else None


def test_nothing_ahead_is_looked_for_once() -> None:
    ahead, path = Lookahead(), Path()
    assert [path.ask(ahead, after_ms, 100) for after_ms in (0, 10, 99)] == [None] * 3
    assert path.looks == [(0, 100)]


def test_what_was_found_answers_until_it_has_happened() -> None:
    ahead, path = Lookahead(), Path(50, 80)
    assert [path.ask(ahead, after_ms, 100) for after_ms in (0, 30, 49)] == [50] * 3
    assert path.looks == [(0, 100)]
    assert path.ask(ahead, 50, 100) == 80
    assert path.looks == [(0, 100), (50, 100)]


def test_what_was_found_beyond_the_end_is_not_told() -> None:
    ahead, path = Lookahead(), Path(50)
    assert path.ask(ahead, 0, 100) == 50
    assert path.ask(ahead, 10, 40) is None
    assert path.looks == [(0, 100)]


def test_farther_or_earlier_than_before_is_looked_again() -> None:
    ahead, path = Lookahead(), Path(150, 5)
    assert path.ask(ahead, 10, 100) is None
    assert path.ask(ahead, 10, 200) == 150
    assert path.ask(ahead, 0, 200) == 5
    assert path.looks == [(10, 100), (10, 200), (0, 200)]


def test_a_change_of_what_it_is_about_makes_it_look_again() -> None:
    ahead, path = Lookahead(), Path(50)
    assert path.ask(ahead, 0, 100, about="a") == path.ask(ahead, 0, 100, about="b") == 50
    assert path.looks == [(0, 100)] * 2


def test_places_are_apart_and_can_be_forgotten() -> None:
    ahead, path = Lookahead(), Path()
    for place in ("p", "q", "q"):
        path.ask(ahead, 0, 100, place=place)
    assert path.looks == [(0, 100)] * 2
    ahead.keep({"q"})
    for place in ("p", "q"):
        path.ask(ahead, 0, 100, place=place)
    assert path.looks == [(0, 100)] * 3
