"""What market streams say, and when: one task that follows market time for all sockets.

Every kline that closes is told once, in the order of time, the moment it has closed; running ones,
tickers and marks follow the venue's pace in market time, but never faster than a person could use.
Without a listener nothing runs.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from exchange.demo.clock import FollowingClock
from exchange.demo.streams.market_payloads import MarketFigures
from exchange.demo.streams.names import Kind, StreamName
from exchange.demo.venue import Venue

# Told the name of a stream and its event.
Listener = Callable[[str, Any], None]

# After a jump of market time this many closed klines of a stream are told, the newest ones.
MOST_CLOSES: Final = 1000
# Wall time between two events that are no closed kline.
_LEAST_SECONDS: Final = 0.25
_BOOK_SECONDS: Final = 0.1
# How late a change of the clock may be noticed when nobody tells of it, and fills of orders that
# somebody watches.
_LOOK_SECONDS: Final = 0.05
_SHORTEST_SECONDS: Final = 0.001
# So many events go out before the sockets get their turn.
_BATCH: Final = 100


@dataclass(slots=True, kw_only=True)
class _Feed:
    """One stream that somebody listens to.

    next_open_ms   the kline that closes next
    newcomers      those of the listeners who have not heard the state yet
    sent_ms        market time of the last event that was no closed kline
    sent_at        wall seconds of the same
    """

    name: StreamName
    next_open_ms: int
    listeners: dict[Listener, None] = field(default_factory=dict)
    newcomers: dict[Listener, None] = field(default_factory=dict)
    sent_ms: float = -math.inf
    sent_at: float = -math.inf
    book: tuple[Any, ...] | None = None

    @property
    def least_seconds(self) -> float:
        return _BOOK_SECONDS if self.name.kind is Kind.BOOK_TICKER else _LEAST_SECONDS

    @property
    def close_ms(self) -> float:
        """The market time at which the running kline has closed."""
        if self.name.kind is not Kind.KLINE:
            return math.inf
        return self.next_open_ms + self.name.length_ms

    def is_news(self, event: Any) -> bool:
        """Say whether all have to be told; the book is told when it has changed."""
        if self.name.kind is not Kind.BOOK_TICKER or not isinstance(event, dict):
            return True
        before, self.book = self.book, tuple(event[key] for key in "bBaA")
        return before != self.book

    def tell(self, event: Any, listeners: Iterable[Listener]) -> None:
        """Tell some listeners of an event."""
        for listener in list(listeners):
            listener(self.name.text, event)


class Publisher:
    """Tells every listener what its streams say.

    is_watched   whether somebody waits for what happens to accounts
    """

    def __init__(self, venue: Venue, *, is_watched: Callable[[], bool] = lambda: False) -> None:
        self._venue = venue
        self._figures = MarketFigures(venue)
        self._is_watched = is_watched
        self._feeds: dict[StreamName, _Feed] = {}
        self._awake = asyncio.Event()
        self._is_changed = False

    def subscribe(self, name: StreamName, listener: Listener) -> None:
        """Tell a listener what a stream says from now on."""
        feed = self._feeds.get(name)
        if feed is None:
            feed = _Feed(name=name, next_open_ms=self._running_open_ms(name))
            self._feeds[name] = feed
        feed.listeners[listener] = None
        feed.newcomers[listener] = None
        self.wake()

    def unsubscribe(self, name: StreamName, listener: Listener) -> None:
        """Tell a listener no more of a stream."""
        if (feed := self._feeds.get(name)) is None:
            return
        feed.listeners.pop(listener, None)
        feed.newcomers.pop(listener, None)
        if not feed.listeners:
            del self._feeds[name]

    def wake(self, *, is_changed: bool = False) -> None:
        """Look now.

        is_changed   figures may differ although market time stands still
        """
        self._is_changed |= is_changed
        self._awake.set()

    async def run(self) -> None:
        """Publish until canceled."""
        while True:
            if not self._feeds and not self._is_watched():
                await self._awake.wait()
            self._awake.clear()
            await self._step()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await self._awake.wait()

    async def _step(self) -> None:
        now_ms = self._venue.advance()
        for number, (feed, open_ms) in enumerate(self._due_closes(now_ms), start=1):
            if self._feeds.get(feed.name) is feed:
                self._close(feed, open_ms)
            if number % _BATCH == 0:
                await asyncio.sleep(0)
        is_changed, self._is_changed = self._is_changed, False
        for number, feed in enumerate(list(self._feeds.values()), start=1):
            self._tell_running(feed, is_changed=is_changed)
            if number % _BATCH == 0:
                await asyncio.sleep(0)

    def _due_closes(self, now_ms: int) -> list[tuple[_Feed, int]]:
        closes = [
            (open_ms + feed.name.length_ms, feed.name.length_ms, number, open_ms, feed)
            for number, feed in enumerate(self._feeds.values())
            for open_ms in self._closed_opens(feed, now_ms)
        ]
        return [(feed, open_ms) for *_, open_ms, feed in sorted(closes, key=lambda one: one[:3])]

    def _closed_opens(self, feed: _Feed, now_ms: int) -> Iterator[int]:
        if now_ms < feed.close_ms:
            return
        length = feed.name.length_ms
        running_ms = now_ms // length * length
        first_ms = max(feed.next_open_ms, running_ms - MOST_CLOSES * length)
        yield from range(first_ms, running_ms, length)

    def _close(self, feed: _Feed, open_ms: int) -> None:
        feed.next_open_ms = open_ms + feed.name.length_ms
        if self._figures.is_listed(feed.name) and self._figures.has_kline(feed.name, open_ms):
            event = self._figures.kline(feed.name, open_ms, self._venue.clock.now_ms())
            feed.tell(event, feed.listeners)

    def _tell_running(self, feed: _Feed, *, is_changed: bool) -> None:
        now_ms, now = self._venue.clock.now_ms(), asyncio.get_running_loop().time()
        is_due = is_changed or (
            now_ms > feed.sent_ms
            and now_ms - feed.sent_ms >= feed.name.every_ms
            and now - feed.sent_at >= feed.least_seconds
        )
        # A kline that has closed meanwhile is told as closed, in the next step.
        if now_ms >= feed.close_ms or not (is_due or feed.newcomers):
            return
        if is_due:
            feed.sent_ms, feed.sent_at = now_ms, now
        listeners, feed.newcomers = feed.newcomers, {}
        event = self._running(feed, now_ms)
        if event is not None:
            is_for_all = is_due and feed.is_news(event)
            feed.tell(event, feed.listeners if is_for_all else listeners)

    def _running(self, feed: _Feed, now_ms: int) -> Any:
        name = feed.name
        if not self._figures.is_listed(name):
            return None
        if name.kind is Kind.KLINE:
            if not self._figures.has_kline(name, feed.next_open_ms):
                return None
            return self._figures.kline(name, feed.next_open_ms, now_ms)
        return self._figures.event(name, now_ms)

    def _pause(self) -> float:
        """Return wall seconds until the next event is due."""
        clock = self._venue.clock
        # A mirror moves by looks, and whoever moves it tells of it.
        stands_still = isinstance(clock, FollowingClock) or not clock.is_running
        if stands_still or not self._feeds:
            return _LOOK_SECONDS
        now_ms, now = clock.now_ms(), asyncio.get_running_loop().time()
        wait = min(self._wait(feed, now_ms, now) for feed in self._feeds.values())
        return min(max(wait, _SHORTEST_SECONDS), _LOOK_SECONDS)

    def _wait(self, feed: _Feed, now_ms: int, now: float) -> float:
        per_second = self._venue.clock.speed * 1000
        # Within one and the same millisecond nothing is told twice.
        in_market = (feed.sent_ms + max(feed.name.every_ms, 1) - now_ms) / per_second
        in_wall = feed.sent_at + feed.least_seconds - now
        return min((feed.close_ms - now_ms) / per_second, max(in_market, in_wall))

    def _running_open_ms(self, name: StreamName) -> int:
        if name.kind is not Kind.KLINE:
            return 0
        length = name.length_ms
        return self._venue.clock.now_ms() // length * length
