"""Not looking twice along the same path: what one look found answers the next one.

After every event of a symbol its sources are asked again, each up to the end of the whole walk. A
look that nothing has touched since would only repeat itself: three times a day of market time, when
funding is paid, over all that is still ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from typing import NamedTuple

from exchange.demo.futures.events import Event

Look = Callable[[int, int], Event | None]


class _Seen(NamedTuple):
    about: Hashable
    after_ms: int
    until_ms: int
    found: Event | None


class Lookahead:
    """The newest look of each place, for as long as what it was about stays as it is.

    It holds within one walk and after it: prices of the past do not change, and nobody looks past
    the moment that the market has reached.
    """

    def __init__(self) -> None:
        self._seen: dict[Hashable, _Seen] = {}

    def first(
        self, place: Hashable, about: Hashable, after_ms: int, until_ms: int, look: Look
    ) -> Event | None:
        """Return the first event in (after_ms, until_ms], looking only where it must.

        about   everything but the prices that the answer depends on
        """
        seen = self._seen.get(place)
        if seen and seen.about == about and _answers(seen, after_ms, until_ms):
            return seen.found if seen.found and seen.found.at_ms <= until_ms else None
        found = look(after_ms, until_ms)
        self._seen[place] = _Seen(about, after_ms, until_ms, found)
        return found

    def keep(self, places: Collection[Hashable]) -> None:
        """Forget what was seen of all other places."""
        if len(self._seen) > len(places):
            self._seen = {place: self._seen[place] for place in places if place in self._seen}


def _answers(seen: _Seen, after_ms: int, until_ms: int) -> bool:
    is_inside = seen.after_ms <= after_ms and until_ms <= seen.until_ms
    return is_inside and (seen.found is None or seen.found.at_ms > after_ms)
