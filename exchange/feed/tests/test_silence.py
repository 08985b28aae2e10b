"""When REST is asked although nobody lost a connection."""

from __future__ import annotations

from datetime import datetime

import pytest

from exchange.feed.silence import Sign, SilenceWatch
from exchange.feed.tests.klines import MINUTE, NOON, kline


def watch_that_knows(minute: int) -> SilenceWatch:
    watch = SilenceWatch(MINUTE, now=0.0)
    watch.knows(NOON + minute * MINUTE)
    return watch


def sign(
    watch: SilenceWatch, now: float, *, market_time: datetime | None = None, is_up: bool = True
) -> Sign | None:
    return watch.sign(now=now, market_time=market_time, is_up=is_up)


def test_a_series_that_speaks_is_left_alone() -> None:
    watch = watch_that_knows(0)
    for second in range(100):
        watch.heard(kline(1, is_closed=False), now=float(second))
        assert sign(watch, second + 0.9, market_time=NOON + 1.5 * MINUTE) is None


def test_ten_seconds_without_a_word_are_a_sign_and_an_answer_is_waited_for() -> None:
    watch = watch_that_knows(0)
    assert sign(watch, 9.9) is None
    assert sign(watch, 10.0) is Sign.QUIET

    watch.asked()
    assert sign(watch, 50.0) is None


def test_while_rest_has_no_news_the_next_look_comes_later_up_to_a_minute() -> None:
    watch, now = watch_that_knows(0), 0.0
    looks: list[float] = []
    while len(looks) < 5:
        now += 0.5
        if sign(watch, now):
            looks.append(now)
            watch.asked()
            watch.answered(is_news=False, now=now)

    assert looks == [10.0, 30.0, 70.0, 130.0, 190.0]
    watch.heard(kline(1), now=now)
    assert sign(watch, now + 10) is Sign.QUIET  # patience is short again after a close


def test_a_close_that_market_time_has_passed_is_asked_for_after_three_seconds() -> None:
    watch = watch_that_knows(0)
    past = NOON + 2 * MINUTE
    watch.heard(kline(1, is_closed=False), now=4.0)
    assert sign(watch, 5.0, market_time=past - MINUTE / 60) is None
    assert sign(watch, 6.0, market_time=past) is None
    assert sign(watch, 8.9, market_time=past) is None
    assert sign(watch, 9.0, market_time=past) is Sign.OVERDUE

    watch.heard(kline(1), now=9.1)
    assert sign(watch, 18.0, market_time=past) is None


def test_without_a_stream_a_close_is_asked_for_when_it_is_due_and_silence_counts_little() -> None:
    watch = watch_that_knows(0)
    assert sign(watch, 1.0, market_time=NOON + 2 * MINUTE, is_up=False) is Sign.OVERDUE
    watch.asked()
    watch.knows(NOON + MINUTE)
    watch.answered(is_news=True, now=1.1)
    assert sign(watch, 1.2, market_time=NOON + 3 * MINUTE, is_up=False) is Sign.OVERDUE
    assert sign(watch_that_knows(0), 59.0, market_time=NOON, is_up=False) is None
    assert sign(watch_that_knows(0), 60.0, market_time=NOON, is_up=False) is Sign.QUIET


def test_a_close_that_rest_does_not_have_either_is_asked_for_ever_more_rarely() -> None:
    watch, now = watch_that_knows(0), 0.0
    looks: list[float] = []
    while len(looks) < 5:
        now += 0.5
        watch.heard(kline(1, is_closed=False), now=now)
        if sign(watch, now, market_time=NOON + 5 * MINUTE):
            looks.append(now)
            watch.asked()
            watch.answered(is_news=False, now=now)

    assert looks == [3.5, 4.5, 6.5, 10.5, 18.5]


def test_a_stream_that_goes_on_without_the_close_is_checked_soon() -> None:
    watch = watch_that_knows(0)
    watch.heard(kline(1, is_closed=False), now=1.0)
    assert sign(watch, 1.6) is None
    watch.heard(kline(2, is_closed=False), now=2.0)
    watch.heard(kline(2, is_closed=False), now=2.4)
    assert sign(watch, 2.4) is None
    assert sign(watch, 2.5) is Sign.SKIPPED

    watch.heard(kline(1), now=2.6)  # it was only late
    assert sign(watch, 3.5) is None


def test_a_stream_that_stays_silent_although_rest_has_news_is_deaf_once() -> None:
    watch = watch_that_knows(0)
    assert sign(watch, 10.0) is Sign.QUIET
    watch.asked()
    watch.answered(is_news=True, now=10.2)
    assert not watch.is_deaf(13.1)
    assert watch.is_deaf(13.2)
    assert not watch.is_deaf(13.3)


@pytest.mark.parametrize("what", ["word", "new stream", "restart"])
def test_a_stream_that_speaks_again_is_not_deaf(what: str) -> None:
    watch = watch_that_knows(0)
    watch.asked()
    watch.answered(is_news=True, now=10.0)
    if what == "word":
        watch.heard(kline(0), now=12.0)
    elif what == "new stream":
        watch.opened(now=12.0)
    else:
        watch.restarted()
    assert not watch.is_deaf(20.0)


def test_news_that_was_asked_for_without_a_sign_says_nothing_about_the_stream() -> None:
    watch = watch_that_knows(0)
    watch.asked()
    watch.filled(now=5.0)
    assert not watch.is_deaf(100.0)
    assert sign(watch, 14.9) is None
    assert sign(watch, 15.0) is Sign.QUIET


def test_after_an_error_the_next_try_waits() -> None:
    watch = watch_that_knows(0)
    assert sign(watch, 10.0) is Sign.QUIET
    watch.asked()
    watch.failed(now=10.0, delay=4.0)
    assert sign(watch, 13.9) is None
    assert sign(watch, 14.0) is Sign.QUIET
