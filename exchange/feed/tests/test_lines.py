"""When a series asks REST, and what it does with words that do not fit."""

from __future__ import annotations

from exchange.feed.filling import Found
from exchange.feed.lines import Line
from exchange.feed.settings import DEFAULT_SETTINGS
from exchange.feed.tests.klines import BTC, MINUTE, NOON, word


def begins(line: Line, now: float) -> bool:
    return line.begin_filling(now=now, market_time=None, is_up=True)


def test_a_line_is_asked_for_once_at_a_time() -> None:
    line = Line(BTC, now=0.0, settings=DEFAULT_SETTINGS)
    assert not begins(line, 0.0)
    line.fill_at(1.0)
    assert begins(line, 1.0)
    line.fill_at(1.0)
    assert not begins(line, 1.5)
    line.filled(Found(newest_closed=NOON, is_news=True), now=2.0)
    assert begins(line, 2.0)


def test_errors_are_followed_by_ever_longer_waits() -> None:
    line, now, waits = Line(BTC, now=0.0, settings=DEFAULT_SETTINGS), 0.0, []
    line.fill_at(now)
    assert begins(line, now)
    for _ in range(8):
        line.filling_failed(now=now)
        began = now
        while not line.begin_filling(now=now, market_time=None, is_up=True):
            now += 0.5
        waits.append(now - began)
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_words_wait_for_news_of_rest_and_are_forgotten_after_three_tries() -> None:
    line, one = Line(BTC, now=0.0, settings=DEFAULT_SETTINGS), word(5)
    for number in range(3):
        now = 10.0 * number
        assert line.does_not_fit(one, now=now)
        assert begins(line, now)
        assert line.filled(Found(newest_closed=NOON + number * MINUTE, is_news=True), now=now)
    assert not line.does_not_fit(one, now=40.0)
    assert not line.is_held


def test_while_rest_is_behind_the_stream_its_words_stay_held() -> None:
    line = Line(BTC, now=0.0, settings=DEFAULT_SETTINGS)
    assert line.does_not_fit(word(2), now=0.0)
    assert begins(line, 0.0)
    assert not line.filled(Found(newest_closed=NOON), now=0.1)
    assert line.is_held
    assert not begins(line, 0.5)
    assert begins(line, 0.6)
