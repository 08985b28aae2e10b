"""What the passing of market time brings about, in one order over all symbols.

Events happen in order of time, at the same moment in order of their rank and then of their id. How
far one call goes makes no difference to what happens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

from exchange.demo.futures.desk import Desk

FUNDING: Final = 0
LIQUIDATION: Final = 1
TRIGGER: Final = 2
CHILD_DUE: Final = 3
RESTING_FILL: Final = 4
GOOD_TILL: Final = 5


class Event(NamedTuple):
    """Something that happens at a market time. `happen` commits it, in a step of the desk."""

    at_ms: int
    rank: int
    id: int
    happen: Callable[[], None]


class EventSource(Protocol):
    """Looks ahead for one kind of event. It must not name what has already happened."""

    def next(self, symbol: str, after_ms: int, until_ms: int) -> Event | None:
        """Return the first event of a symbol in (after_ms, until_ms]."""
        ...


def walk(desk: Desk, sources: Sequence[EventSource], until_ms: int) -> None:
    """Let everything happen that comes about up to a market time."""
    after_ms = until_ms if desk.matched_ms is None else desk.matched_ms
    if desk.is_busy and after_ms < until_ms:
        _walk_open(desk, sources, after_ms, until_ms)
    desk.matched_ms = max(after_ms, until_ms)


def _walk_open(desk: Desk, sources: Sequence[EventSource], after_ms: int, until_ms: int) -> None:
    waiting = {name: _next(sources, name, after_ms, until_ms) for name in desk.busy_symbols()}
    while found := [(_key(one, name), one) for name, one in waiting.items() if one]:
        (_, _, _, name), event = min(found, key=lambda pair: pair[0])
        event.happen()
        # Others may happen at the same moment.
        waiting[name] = _next(sources, name, event.at_ms - 1, until_ms)


def _key(event: Event, symbol: str) -> tuple[int, int, int, str]:
    return event.at_ms, event.rank, event.id, symbol


def _next(
    sources: Sequence[EventSource], symbol: str, after_ms: int, until_ms: int
) -> Event | None:
    found = [source.next(symbol, after_ms, until_ms) for source in sources]
    return min((one for one in found if one), key=lambda one: _key(one, symbol), default=None)
