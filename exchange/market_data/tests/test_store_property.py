"""Any order of events and answers, against a plain model of what the cache may know."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import redis
from django.conf import settings
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as some

from exchange.market_data import Added, SeriesStore
from exchange.market_data.clock import RESTARTED_AFTER
from exchange.market_data.tests.conftest import MINUTE, NOON, SECOND, SERIES, WALL, event, kline

MISSING: Final = {7, 8}  # minutes in which the venue was down
LAST: Final = 80
RESTART: Final = RESTARTED_AFTER // MINUTE

indexes = some.one_of(some.integers(0, 14), some.integers(0, LAST))
lies = some.sampled_from(["", "", "", "66.6"])
opened = some.tuples(some.just("open"), indexes, lies, some.integers(0, 59))
closed = some.tuples(some.just("close"), indexes, lies)
# The venue's clock, how many klines, and how long ago (in steps) the request was sent.
answered = some.tuples(
    some.just("fill"), indexes, some.integers(2, 9), some.sampled_from([0, 0, 3])
)
forgotten = some.tuples(some.just("forget"))
steps = some.lists(
    some.one_of(opened, opened, closed, closed, closed, answered, answered, forgotten), max_size=40
)


@dataclass
class Model:
    """What is known, by minutes after noon: closing prices ("" is the venue's own)."""

    rows: dict[int, str] = field(default_factory=dict)
    running: int | None = None
    running_at: int = -1  # seconds after noon
    running_price: str = ""
    newest_event: int = 0  # seconds after noon
    seen: int = 0

    def add(self, index: int, price: str, second: int, now: int, *, is_closed: bool) -> Added:
        """Say what must become of an event of the stream."""
        if not self.rows:
            return Added.EMPTY
        newest = max(self.rows)
        if self.newest_event - second > RESTART * 60:
            return Added.RESTARTED
        if index <= newest or (self.running is not None and index < self.running):
            return Added.OLD
        if index not in (newest + 1, self.running):
            return Added.GAP
        if not is_closed and index == self.running:
            if second < self.running_at:
                return Added.OLD
            if second == self.running_at and price == self.running_price:
                return Added.OLD
        if is_closed:
            self.rows[index], self.running = price, None
        else:
            self.running, self.running_at, self.running_price = index, second, price
        self.newest_event, self.seen = max(self.newest_event, second), max(self.seen, now)
        return Added.STORED if is_closed else Added.REFRESHED

    def fill(self, known: list[int], now_index: int, asked: int) -> None:
        """Take over the venue's answer: `known` are closed, `now_index` is open."""
        if not known:
            return
        second = now_index * 60 + 10
        if self.rows:
            newest = max(self.rows)
            # An open kline of this answer is open for 50 seconds more: less than a ticker's lead.
            is_other = asked >= self.seen and now_index < newest
            if self.newest_event - second > RESTART * 60 or is_other:
                self.forget()
            elif known[-1] < min(self.rows) - 1:
                return
            elif known[0] > newest + 1:
                self.rows.clear()
        for index in [one for one in self.rows if known[0] <= one <= known[-1]]:
            del self.rows[index]
        self.rows |= dict.fromkeys(known, "")
        newest = max(self.rows)
        is_newer = self.running is None or (
            self.running < now_index or (self.running == now_index and self.running_at <= second)
        )
        if now_index > newest and is_newer:
            self.running, self.running_at, self.running_price = now_index, second, ""
        elif self.running is not None and self.running <= newest:
            self.running = None
        self.newest_event = max(self.newest_event, second)
        self.seen = max(self.seen, asked)

    def forget(self) -> None:
        """Know nothing, as after a flush."""
        self.rows, self.running = {}, None
        self.newest_event = self.seen = 0


@how(deadline=None, max_examples=300)
@given(steps)
def test_the_cache_knows_what_it_may_know_whatever_happens(taken: list[Any]) -> None:
    with redis.Redis.from_url(settings.REDIS_URL) as connection:
        store, model = SeriesStore(connection), Model()
        store.drop(SERIES)
        for number, (what, *rest) in enumerate(taken, start=10):
            _take(store, model, what, rest, number)
            _compare(store, model)
        store.drop(SERIES)


def _take(store: SeriesStore, model: Model, what: str, rest: list[Any], number: int) -> None:
    seen_at = WALL + number * SECOND
    before = dict(model.rows)
    match what:
        case "open":
            index, price, second = rest
            update = event(
                kline(index, close=price or None, is_closed=False), after=second * SECOND
            )
            outcome = model.add(index, price, index * 60 + second, number, is_closed=False)
            assert store.add(SERIES, update, seen_at=seen_at) is outcome
            assert model.rows == before
        case "close":
            index, price = rest
            outcome = model.add(index, price, index * 60 + 60, number, is_closed=True)
            update = event(kline(index, close=price or None))
            assert store.add(SERIES, update, seen_at=seen_at) is outcome
            # A stream changes no closed kline, takes none away and goes never back.
            assert before.items() <= model.rows.items()
            assert not before or max(model.rows) >= max(before)
        case "fill":
            now_index, count, ago = rest
            known = [one for one in range(now_index) if one not in MISSING][-count + 1 :]
            klines = [*map(kline, known), kline(now_index, is_closed=False)]
            model.fill(known, now_index, number - ago)
            store.fill(
                SERIES,
                klines,
                market_time=klines[-1].open_time + 10 * SECOND,
                seen_at=seen_at - timedelta(seconds=ago),
            )
        case _:
            model.forget()
            store.drop(SERIES)


def _compare(store: SeriesStore, model: Model) -> None:
    cached = store.read(SERIES, 5000)
    if cached is None:
        assert model.rows == {}
        return
    shown = {(one.open_time - NOON) // MINUTE: one for one in cached.closed}
    assert shown == {
        index: kline(index, close=price or None) for index, price in model.rows.items()
    }
    order = list(shown)
    assert order == sorted(order)
    # Where something is missing the venue has nothing.
    assert set(range(order[0], order[-1])) - set(order) <= MISSING
    if model.running is None:
        assert cached.open is None
    else:
        expected = kline(model.running, close=model.running_price or None, is_closed=False)
        assert cached.open == expected
        assert model.running > order[-1]
