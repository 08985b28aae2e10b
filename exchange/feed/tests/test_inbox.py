"""Order, coalescing and holding in the inbox."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from exchange.domain.streams import Series
from exchange.domain.types import Environment, Market
from exchange.feed.inbox import MOST_CLOSED, Batch, Inbox, Letter, Word
from exchange.feed.tests.klines import BTC, ETH, NOON, SEEN, word

PLACE = (Environment.DEMO, Market.SPOT)


class Seconds:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def calm_inbox() -> tuple[Inbox, Seconds]:
    seconds = Seconds()
    return Inbox(calm_seconds=0.01, clock=seconds), seconds


def taken(inbox: Inbox, seconds: Seconds) -> Batch:
    seconds.now += 1.0
    return inbox.take()


def test_closed_klines_come_out_in_order_and_all_of_them() -> None:
    inbox, seconds = calm_inbox()
    words = [word(minute) for minute in range(5)]
    for one in words:
        inbox.put(BTC, one)

    assert taken(inbox, seconds).words == [(BTC, words)]
    assert taken(inbox, seconds).words == []


def test_of_running_klines_only_the_newest_comes_out() -> None:
    inbox, seconds = calm_inbox()
    for second in (5, 20, 10):
        inbox.put(BTC, word(0, is_closed=False, second=second))

    assert taken(inbox, seconds).words == [(BTC, [word(0, is_closed=False, second=20)])]


def test_a_close_takes_the_place_of_what_ran_before_it() -> None:
    inbox, seconds = calm_inbox()
    inbox.put(BTC, word(0, is_closed=False))
    inbox.put(BTC, word(0))
    inbox.put(BTC, word(1, is_closed=False))

    assert taken(inbox, seconds).words == [(BTC, [word(0), word(1, is_closed=False)])]


def test_a_close_that_was_overtaken_by_the_next_kline_comes_first() -> None:
    inbox, seconds = calm_inbox()
    inbox.put(BTC, word(1, is_closed=False, second=1))
    inbox.put(BTC, word(0))

    assert taken(inbox, seconds).words == [(BTC, [word(0), word(1, is_closed=False, second=1)])]


def test_running_klines_wait_for_company_and_a_close_does_not() -> None:
    inbox = Inbox(calm_seconds=30.0)
    inbox.put(ETH, word(0, is_closed=False, series=ETH))
    inbox.put(BTC, word(0))

    began = time.monotonic()
    assert inbox.take().words == [(BTC, [word(0)])]
    assert time.monotonic() - began < 5


def test_a_series_that_is_held_keeps_its_words_and_others_do_not_wait() -> None:
    inbox, seconds = calm_inbox()
    inbox.put(BTC, word(0))
    inbox.put(ETH, word(0, series=ETH))
    inbox.hold(BTC)
    assert taken(inbox, seconds).words == [(ETH, [word(0, series=ETH)])]

    inbox.put(BTC, word(1))
    assert taken(inbox, seconds).words == []
    inbox.release(BTC)
    assert taken(inbox, seconds).words == [(BTC, [word(0), word(1)])]


def test_what_could_not_be_written_comes_again_before_what_is_newer() -> None:
    inbox, seconds = calm_inbox()
    inbox.put(BTC, word(0))
    inbox.put(BTC, word(1, is_closed=False))
    ((_, words),) = taken(inbox, seconds).words
    inbox.put(BTC, word(1))

    inbox.put_back(BTC, words)

    assert taken(inbox, seconds).words == [(BTC, [word(0), word(1)])]


def test_what_waits_is_bounded_and_the_newest_stays() -> None:
    inbox, seconds = calm_inbox()
    for minute in range(MOST_CLOSED + 3):
        inbox.put(BTC, word(minute))

    ((_, words),) = taken(inbox, seconds).words
    assert words == [word(minute) for minute in range(3, MOST_CLOSED + 3)]


def test_a_series_that_is_forgotten_says_nothing_more() -> None:
    inbox, seconds = calm_inbox()
    inbox.put(BTC, word(0))
    inbox.hold(BTC)
    inbox.forget(BTC)
    assert taken(inbox, seconds).words == []

    inbox.put(BTC, word(7))
    assert taken(inbox, seconds).words == [(BTC, [word(7)])]


def test_letters_go_at_once_and_in_order() -> None:
    inbox = Inbox(calm_seconds=30.0)
    letters = [Letter("accounts", str(number)) for number in range(3)]
    for letter in letters:
        inbox.post(letter)

    assert inbox.take().letters == letters


def test_the_newest_market_time_is_told_once_and_only_a_restart_moves_it_back() -> None:
    inbox, seconds = calm_inbox()
    inbox.put(BTC, word(5))
    inbox.put(ETH, word(3, series=ETH))
    assert taken(inbox, seconds).times == {PLACE: (word(5).update.event_time, SEEN)}
    assert taken(inbox, seconds).times == {}

    inbox.put(BTC, word(-60))
    restarted = NOON + timedelta(minutes=-59)
    assert taken(inbox, seconds).times == {PLACE: (restarted, SEEN)}


def test_a_waiting_taker_is_woken_by_a_close() -> None:
    inbox = Inbox(calm_seconds=30.0)
    found: list[Batch] = []
    taker = threading.Thread(target=lambda: found.append(inbox.take()))
    taker.start()
    inbox.put(BTC, word(0))
    taker.join(5)

    assert [batch.words for batch in found] == [[(BTC, [word(0)])]]


WORDS = st.builds(
    lambda series, minute, is_closed, second: (
        series,
        word(minute, is_closed=is_closed, second=None if is_closed else second, series=series),
    ),
    st.sampled_from([BTC, ETH]),
    st.integers(0, 6),
    st.booleans(),
    st.integers(0, 59),
)


@given(st.lists(st.one_of(WORDS, st.sampled_from(["take", "fail", "hold", "release"]))))
def test_whatever_happens_no_close_is_lost_and_none_overtakes_another(
    steps: list[tuple[Series, Word] | str],
) -> None:
    inbox, seconds = calm_inbox()
    put: dict[Series, list[Word]] = {BTC: [], ETH: []}
    came: dict[Series, list[Word]] = {BTC: [], ETH: []}

    def take() -> None:
        for series, words in taken(inbox, seconds).words:
            came[series] += [one for one in words if one.is_closed]

    for step in [*steps, "release", "take"]:
        if isinstance(step, tuple):
            inbox.put(*step)
            put[step[0]] += [step[1]] if step[1].is_closed else []
        elif step == "take":
            take()
        elif step == "fail":
            for series, words in taken(inbox, seconds).words:
                inbox.put_back(series, words)
        elif step == "hold":
            inbox.hold(BTC)
        else:
            inbox.release(BTC)

    assert came == put
