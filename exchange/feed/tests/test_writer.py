"""The writer on a real store: outages of Redis, and words that have to wait."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis

from exchange.domain.streams import Series
from exchange.feed.inbox import Inbox, Letter
from exchange.feed.tests.klines import BTC, ETH, MINUTE, NOON, SEEN, kline, word
from exchange.feed.tests.running import eventually, hearing_closes
from exchange.feed.writer import Writer, Written
from exchange.market_data import Added, SeriesStore, market_time

AWAY = redis.ConnectionError("away")


class Switch:
    """A connection to the real Redis that a test can take away."""

    def __init__(self, connection: Any) -> None:
        self.is_away = False
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        if self.is_away:
            raise AWAY
        return getattr(self._connection, name)


@pytest.fixture
def switch(clean_redis: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Switch:
    """Return the connection that store, clock and publishing share."""
    monkeypatch.setattr("exchange.feed.writer._OUTAGE_PAUSE", 0.01)
    return Switch(clean_redis)


def filled(store: SeriesStore, series: Series, *, newest: int) -> None:
    """Let REST have told the klines from noon to `newest`, in minutes."""
    closed = [kline(minute) for minute in range(newest + 1)]
    now = NOON + (newest + 1) * MINUTE
    store.fill(series, [*closed, kline(newest + 1, is_closed=False)], market_time=now, seen_at=SEEN)


def closes(series: Series) -> list[int]:
    cached = SeriesStore().read(series, 1000)
    return [(one.open_time - NOON) // MINUTE for one in cached.closed] if cached else []


@contextmanager
def writing(
    inbox: Inbox, switch: Switch, *, on_written: Any = lambda _: None, on_back: Any = lambda: None
) -> Iterator[Writer]:
    writer = Writer(inbox, SeriesStore(switch), switch, on_written=on_written, on_back=on_back)
    thread = threading.Thread(target=writer.run, daemon=True)
    thread.start()
    try:
        yield writer
    finally:
        writer.stop()
        thread.join(5)
    assert not thread.is_alive()


def test_what_closes_while_redis_is_away_is_written_and_announced_once_when_it_is_back(
    switch: Switch, caplog: pytest.LogCaptureFixture
) -> None:
    inbox, back = Inbox(calm_seconds=0.01), []
    for series in (BTC, ETH):
        filled(SeriesStore(), series, newest=0)
    caplog.set_level(logging.INFO)
    with hearing_closes() as heard, writing(inbox, switch, on_back=lambda: back.append(1)):
        switch.is_away = True
        for minute in (1, 2, 3):
            for series in (BTC, ETH):
                inbox.put(series, word(minute, is_closed=False, series=series))
                inbox.put(series, word(minute, series=series))
            eventually(lambda: _told(caplog, "does not answer") == 1)
        assert closes(BTC) == [0]
        inbox.put(BTC, word(4, is_closed=False))
        switch.is_away = False
        eventually(lambda: closes(BTC) == closes(ETH) == [0, 1, 2, 3])
        eventually(lambda: SeriesStore().read(BTC, 1).open == kline(4, is_closed=False))  # type: ignore[union-attr]
        for series in (BTC, ETH):
            told = [(one.open_time - NOON) // MINUTE for one in heard.closed(series)]
            assert told == [1, 2, 3]
        eventually(lambda: _told(caplog, "Redis answers again") == 1)
        assert market_time(BTC.environment, BTC.market) == NOON + 4 * MINUTE + MINUTE / 2
    assert _told(caplog, "does not answer") == 1
    assert back == []  # no letter was lost


def _told(caplog: pytest.LogCaptureFixture, words: str) -> int:
    return sum(words in record.getMessage() for record in caplog.records)


def test_letters_that_are_lost_in_an_outage_are_made_up_for_once(
    switch: Switch, caplog: pytest.LogCaptureFixture
) -> None:
    inbox, back = Inbox(calm_seconds=0.01), []
    caplog.set_level(logging.INFO)
    with writing(inbox, switch, on_back=lambda: back.append(1)):
        switch.is_away = True
        inbox.post(Letter("somewhere", "lost"))
        eventually(lambda: _told(caplog, "does not answer") == 1)
        assert back == []
        switch.is_away = False
        eventually(lambda: back)
    assert back == [1]


def test_an_outage_in_the_middle_of_a_series_writes_nothing_twice_and_loses_nothing(
    switch: Switch,
) -> None:
    inbox = Inbox(calm_seconds=0.01)
    filled(SeriesStore(), BTC, newest=0)
    added: list[Added] = []

    def note(written: Written) -> None:
        added.append(written.added)
        switch.is_away = len(added) == 2

    words = [word(minute) for minute in (1, 2, 3, 4)]
    for one in words:
        inbox.put(BTC, one)
    with hearing_closes() as heard, writing(inbox, switch, on_written=note):
        eventually(lambda: len(added) == 2)
        assert closes(BTC) == [0, 1, 2]
        switch.is_away = False
        eventually(lambda: closes(BTC) == [0, 1, 2, 3, 4])
        assert [(one.open_time - NOON) // MINUTE for one in heard.closed(BTC)] == [1, 2, 3, 4]
    assert added == [Added.STORED] * 4


@pytest.mark.parametrize("how", ["release", "forget"])
def test_whoever_answers_at_once_to_a_word_that_does_not_fit_finds_its_series_held(
    switch: Switch, how: str
) -> None:
    # The loop may answer before the writer's thread goes on.
    inbox, troubles = Inbox(calm_seconds=0.01), []
    filled(SeriesStore(), BTC, newest=0)

    def answer(written: Written) -> None:
        if written.needs_filling:
            troubles.append(written.added)
            filled(SeriesStore(), BTC, newest=4)
            getattr(inbox, how)(BTC)

    inbox.put(BTC, word(3))
    with writing(inbox, switch, on_written=answer):
        eventually(lambda: troubles == [Added.GAP])
        inbox.put(BTC, word(5))
        eventually(lambda: closes(BTC) == [0, 1, 2, 3, 4, 5], within=3)
    assert troubles == [Added.GAP]
