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


def test_a_stream_that_is_cut_again_and_again_does_not_ask_rest_each_time() -> None:
    line, asked = Line(BTC, now=0.0, settings=DEFAULT_SETTINGS), []
    for tenth in range(1000):  # a new connection every five seconds for 50, then peace
        now = tenth / 10
        if tenth % 50 == 0 and now <= 50:
            line.subscribed(now=now)
        if line.begin_filling(now=now, market_time=None, is_up=True):
            asked.append(now)
            line.filled(Found(newest_closed=NOON), now=now)
        line.watch.heard(word(1, is_closed=False).update.kline, now=now)
    assert asked == [0.0, 30.0, 60.0]


def test_a_gap_after_a_new_stream_is_filled_at_once() -> None:
    line = Line(BTC, now=0.0, settings=DEFAULT_SETTINGS)
    for now in (0.0, 5.0):
        line.subscribed(now=now)
        assert begins(line, now) is (now == 0.0)
        line.filled(Found(newest_closed=NOON), now=now)
    assert line.does_not_fit(word(5), now=5.1)
    assert begins(line, 5.1)


def test_words_that_come_while_rest_is_being_asked_cost_no_second_request() -> None:
    line = Line(BTC, now=0.0, settings=DEFAULT_SETTINGS)
    line.subscribed(now=0.0)
    assert begins(line, 0.0)
    assert line.does_not_fit(word(1), now=0.1)
    assert line.filled(Found(newest_closed=NOON, is_news=True), now=0.2)
    assert not begins(line, 0.3)
    assert line.does_not_fit(word(3), now=0.4)  # it still does not fit
    assert begins(line, 0.4)
