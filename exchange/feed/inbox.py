"""What the streams have said and nobody has written down yet, in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Final

from exchange.domain.streams import KlineUpdate, Series
from exchange.domain.types import Environment, Market
from exchange.market_data import RESTARTED_AFTER

# Running klines are worth less than a closed one: they wait for company.
CALM_SECONDS: Final = 0.25
# Of one series, while nothing can be written. What is lost is a gap, which the store notices.
MOST_CLOSED: Final = 100

Place = tuple[Environment, Market]


@dataclass(frozen=True, slots=True)
class Word:
    """One thing that a stream said about a series; `seen_at` is wall time."""

    update: KlineUpdate
    seen_at: datetime

    @property
    def is_closed(self) -> bool:
        """Say whether the kline can no longer change."""
        return self.update.kline.is_closed


@dataclass(frozen=True, slots=True)
class Letter:
    """Something to publish on a channel."""

    channel: str
    text: str


@dataclass(slots=True)
class Batch:
    """What is to be written now. The words of a series stay in their order."""

    letters: list[Letter] = field(default_factory=list)
    words: list[tuple[Series, list[Word]]] = field(default_factory=list)
    times: dict[Place, tuple[datetime, datetime]] = field(default_factory=dict)  # market, seen at


class Inbox:
    """Closed klines are all kept; of running ones the newest of each series.

    Any thread may put, one takes. A series that is held keeps its words until it is released.

    clock   monotonic seconds
    """

    def __init__(
        self, *, calm_seconds: float = CALM_SECONDS, clock: Callable[[], float] = monotonic
    ) -> None:
        self._calm_seconds = calm_seconds
        self._clock = clock
        self._lines: dict[Series, deque[Word]] = {}
        self._urgent: dict[Series, None] = {}  # a closed kline waits, longest waiting first
        self._held: set[Series] = set()
        self._letters: deque[Letter] = deque()
        self._times: dict[Place, tuple[datetime, datetime]] = {}
        self._untold: set[Place] = set()
        self._calm_at = clock()
        self._changed = threading.Condition()

    def put(self, series: Series, word: Word) -> None:
        """Take what a stream said about a series."""
        with self._changed:
            self._note_time(series, word)
            line = self._lines.setdefault(series, deque())
            if not word.is_closed:
                _coalesce(line, word)
                return  # whoever takes looks soon enough
            _insert(line, word)
            if len(line) > MOST_CLOSED:
                line.popleft()
            self._urgent.setdefault(series)
            self._changed.notify()

    def post(self, letter: Letter) -> None:
        """Take something to publish."""
        with self._changed:
            self._letters.append(letter)
            self._changed.notify()

    def put_back(self, series: Series, words: Sequence[Word]) -> None:
        """Return words that were taken and could not be written, before all newer ones."""
        with self._changed:
            line = self._lines.setdefault(series, deque())
            older = deque(words)
            if line and older and not older[-1].is_closed:
                older.pop()  # a newer word of the running kline is here
            line.extendleft(reversed(older))
            while len(line) > MOST_CLOSED:
                line.popleft()
            if any(word.is_closed for word in line):
                self._urgent.setdefault(series)

    def hold(self, series: Series) -> None:
        """Let the words of a series wait."""
        with self._changed:
            self._held.add(series)

    def release(self, series: Series) -> None:
        """Let the words of a series go."""
        with self._changed:
            self._held.discard(series)
            self._changed.notify()

    def forget(self, series: Series) -> None:
        """Drop all that is known of a series."""
        with self._changed:
            self._lines.pop(series, None)
            self._urgent.pop(series, None)
            self._held.discard(series)

    def wake(self) -> None:
        """Let `take` return at once, with whatever there is."""
        with self._changed:
            self._calm_at = self._clock() - self._calm_seconds
            self._changed.notify()

    def take(self) -> Batch:
        """Return what is to be written, after at most `calm_seconds`; it may be nothing."""
        with self._changed:
            if not self._is_pressing():
                wait = self._calm_at + self._calm_seconds - self._clock()
                self._changed.wait_for(self._is_pressing_or_calm, timeout=max(wait, 0.0))
            return self._batch()

    def _batch(self) -> Batch:
        batch = Batch(letters=list(self._letters))
        self._letters.clear()
        is_calm = self._clock() - self._calm_at >= self._calm_seconds
        for series in (*self._urgent, *(self._lines if is_calm else ())):
            line = self._lines.get(series)
            if line and series not in self._held:
                batch.words.append((series, list(line)))
                line.clear()
                self._urgent.pop(series, None)
        if is_calm or batch.words:
            batch.times = {place: self._times[place] for place in self._untold}
            self._untold.clear()
        if is_calm:
            self._calm_at = self._clock()
        return batch

    def _is_pressing(self) -> bool:
        return bool(self._letters) or any(one not in self._held for one in self._urgent)

    def _is_pressing_or_calm(self) -> bool:
        return self._is_pressing() or self._clock() - self._calm_at >= self._calm_seconds

    def _note_time(self, series: Series, word: Word) -> None:
        place, told = (series.environment, series.market), word.update.event_time
        newest = self._times.get(place)
        if newest is None or told > newest[0] or newest[0] - told > RESTARTED_AFTER:
            self._times[place] = (told, word.seen_at)
            self._untold.add(place)


def _coalesce(line: deque[Word], word: Word) -> None:
    if not line or line[-1].is_closed:
        line.append(word)
    elif word.update.event_time >= line[-1].update.event_time:
        line[-1] = word


def _insert(line: deque[Word], word: Word) -> None:
    if not line or line[-1].is_closed:
        line.append(word)
        return
    running = line.pop()
    line.append(word)
    # A close that was overtaken by the next kline comes before it all the same.
    if running.update.kline.open_time > word.update.kline.open_time:
        line.append(running)
