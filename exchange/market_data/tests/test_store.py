"""The kline cache on a real Valkey."""

from __future__ import annotations

import logging
import threading
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import redis
from django.conf import settings

from exchange.domain.streams import Series
from exchange.domain.types import Environment, Kline, Market
from exchange.market_data import Added, Filled, SeriesStore, Source, announcement, names
from exchange.market_data import store as module
from exchange.market_data.tests.conftest import (
    MINUTE,
    NOON,
    SECOND,
    SERIES,
    WALL,
    answer,
    event,
    kline,
)


def filled(store: SeriesStore, klines: list[Kline], *, seen_at: datetime = WALL) -> Filled:
    """Fill in an answer that was read ten seconds into its open kline."""
    moment = klines[-1].open_time + 10 * SECOND
    return store.fill(SERIES, klines, market_time=moment, seen_at=seen_at)


def opens(store: SeriesStore, count: int = 100) -> list[int]:
    """Return which closed klines are kept, in minutes after noon."""
    cached = store.read(SERIES, count)
    return [] if cached is None else [(one.open_time - NOON) // MINUTE for one in cached.closed]


def test_before_the_first_fill_there_is_nothing(store: SeriesStore) -> None:
    assert store.read(SERIES, 10) is None
    assert store.ages([SERIES]) == {}
    assert store.confirm(SERIES, seen_at=WALL) is False
    assert store.add(SERIES, event(kline(0)), seen_at=WALL) is Added.EMPTY
    assert store.read(SERIES, 10) is None


def test_what_was_filled_in_is_read_to_the_digit(store: SeriesStore) -> None:
    klines = answer(5)
    assert filled(store, klines) == Filled(new=4, corrected=0)

    cached = store.read(SERIES, 3)
    assert cached is not None
    assert list(cached.closed) == klines[1:4]
    assert cached.open == klines[4]
    assert [str(figure) for figure in (cached.closed[-1].low, cached.closed[-1].volume)] == [
        "0.00000100",
        "0E-8",
    ]
    assert cached.market_time == NOON + 4 * MINUTE + 10 * SECOND
    assert (cached.seen_at, cached.asked_at, cached.streamed_at) == (WALL, WALL, None)
    assert cached.source is Source.REQUEST
    assert not cached.is_whole


def test_the_stream_goes_on_where_the_answer_ended(store: SeriesStore) -> None:
    filled(store, answer(3))
    running = kline(2, close="102.5", is_closed=False)

    later = WALL + SECOND
    assert store.add(SERIES, event(running, after=30 * SECOND), seen_at=later) is Added.REFRESHED
    assert store.read(SERIES, 9).open == running  # type: ignore[union-attr]
    assert store.add(SERIES, event(kline(2)), seen_at=later + SECOND) is Added.STORED

    cached = store.read(SERIES, 9)
    assert cached is not None
    assert (list(cached.closed), cached.open) == ([kline(0), kline(1), kline(2)], None)
    assert (cached.seen_at, cached.streamed_at) == (later + SECOND, later + SECOND)
    assert (cached.source, cached.asked_at) == (Source.STREAM, WALL)
    assert cached.market_time == NOON + 3 * MINUTE


def test_a_closed_kline_is_announced_once_whoever_brings_it(
    store: SeriesStore, clean_redis: redis.Redis
) -> None:
    filled(store, answer(3))
    listener: Any = clean_redis
    with listener.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe(names.closed_channel())
        heard.get_message(timeout=1)
        barrier = threading.Barrier(6)

        def bring() -> None:
            barrier.wait()
            store.add(SERIES, event(kline(2)), seen_at=WALL)
            filled(store, answer(4))

        threads = [threading.Thread(target=bring) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        said = heard.get_message(timeout=1)
        assert said is not None
        closed = announcement(said["data"])
        assert (closed.series, closed.open_time) == (SERIES, NOON + 2 * MINUTE)
        assert closed.closed_at == NOON + 3 * MINUTE
        assert heard.get_message(timeout=0.1) is None


@pytest.mark.parametrize("said", [b"", b"{}", b"[]", b'{"environment": "mars"}', b"\xff"])
def test_what_is_no_announcement_is_refused(said: bytes) -> None:
    with pytest.raises(ValueError, match="no announcement"):
        announcement(said)


def test_duplicates_and_older_events_change_nothing(store: SeriesStore) -> None:
    filled(store, answer(3))
    shown = event(kline(2, close="102.5", is_closed=False), after=30 * SECOND)
    store.add(SERIES, shown, seen_at=WALL)
    before = store.read(SERIES, 9)

    for old in (
        shown,
        event(kline(2, close="99", is_closed=False), after=29 * SECOND),
        event(kline(1, close="66")),
        event(kline(1, close="66", is_closed=False)),
        event(kline(0)),
    ):
        assert store.add(SERIES, old, seen_at=WALL + SECOND) is Added.OLD
    assert store.read(SERIES, 9) == before


def test_what_does_not_follow_is_not_stored(store: SeriesStore) -> None:
    filled(store, answer(3))
    before = store.read(SERIES, 9)
    for ahead in (kline(3), kline(3, is_closed=False), kline(7), kline(7, is_closed=False)):
        assert store.add(SERIES, event(ahead), seen_at=WALL) is Added.GAP
    assert store.read(SERIES, 9) == before


def test_a_kline_that_the_venue_never_had_is_no_gap(store: SeriesStore) -> None:
    with_hole = [kline(0), kline(1), kline(5, is_closed=False)]
    filled(store, with_hole)
    assert store.add(SERIES, event(kline(3)), seen_at=WALL) is Added.OLD
    assert store.add(SERIES, event(kline(5)), seen_at=WALL) is Added.STORED
    assert opens(store) == [0, 1, 5]


def test_the_venue_wins_over_the_stream_and_differences_are_told(
    store: SeriesStore, caplog: pytest.LogCaptureFixture
) -> None:
    filled(store, answer(3))
    store.add(SERIES, event(kline(2, close="666")), seen_at=WALL)

    with caplog.at_level(logging.WARNING):
        assert filled(store, answer(3)) == Filled(new=0, corrected=0)
        assert caplog.records == []
        assert filled(store, answer(4)) == Filled(new=0, corrected=1)
    assert [record.getMessage() for record in caplog.records] == [
        f"{SERIES}: 1 closed klines were not as the venue has them and were replaced"
    ]
    assert store.read(SERIES, 1).closed == (kline(2),)  # type: ignore[union-attr]


def test_figures_that_are_only_written_otherwise_are_no_difference(store: SeriesStore) -> None:
    filled(store, [kline(0, close="1.50"), kline(1, is_closed=False)])
    assert filled(store, [kline(0, close="1.5"), kline(1, is_closed=False)]).corrected == 0
    assert str(store.read(SERIES, 1).closed[0].close) == "1.5"  # type: ignore[union-attr]


def test_an_answer_that_was_asked_for_earlier_takes_nothing_back(store: SeriesStore) -> None:
    filled(store, answer(3))
    store.add(SERIES, event(kline(2)), seen_at=WALL + 3 * SECOND)
    store.add(SERIES, event(kline(3)), seen_at=WALL + 63 * SECOND)
    store.add(SERIES, event(kline(4, is_closed=False)), seen_at=WALL + 64 * SECOND)

    assert filled(store, answer(4), seen_at=WALL + 62 * SECOND) == Filled(new=0, corrected=0)

    cached = store.read(SERIES, 9)
    assert cached is not None
    assert opens(store) == [0, 1, 2, 3]
    assert cached.open == kline(4, is_closed=False)
    assert cached.seen_at == WALL + 64 * SECOND


def test_an_answer_that_does_not_reach_what_is_there_replaces_it(store: SeriesStore) -> None:
    filled(store, answer(3))
    filled(store, answer(3, first=9))
    assert opens(store) == [9, 10]

    filled(store, answer(3))  # nor does one that lies before it, when it was seen at that time
    assert opens(store) == [0, 1]


def test_a_market_that_was_set_up_anew_is_read_anew(
    store: SeriesStore, caplog: pytest.LogCaptureFixture
) -> None:
    filled(store, answer(90))
    early = event(kline(3, is_closed=False))
    assert store.add(SERIES, early, seen_at=WALL + SECOND) is Added.RESTARTED
    assert len(opens(store)) == 89

    with caplog.at_level(logging.WARNING):
        result = filled(store, answer(4), seen_at=WALL + 2 * SECOND)
    assert result == Filled(new=3, corrected=0, was_restarted=True)
    assert opens(store) == [0, 1, 2]
    assert "the market was set up anew" in caplog.text
    assert store.add(SERIES, event(kline(3)), seen_at=WALL + 3 * SECOND) is Added.STORED


def test_a_kline_that_is_open_again_belongs_to_another_recording(store: SeriesStore) -> None:
    filled(store, answer(4))
    store.add(SERIES, event(kline(3)), seen_at=WALL)
    # Its last moment, as the ticker that was read before says: the answer is a moment late.
    lagging = answer(4)
    store.fill(SERIES, lagging, market_time=NOON + 4 * MINUTE, seen_at=WALL + SECOND)
    assert opens(store) == [0, 1, 2, 3]

    day = Series(Environment.DEMO, Market.SPOT, "BTCUSDT", "1d")
    length = timedelta(days=1)
    days = [
        Kline(
            open_time=NOON - timedelta(hours=12) + index * length,
            close_time=NOON + timedelta(hours=12) + index * length - timedelta(milliseconds=1),
            open=Decimal(1),
            high=Decimal(1),
            low=Decimal(1),
            close=Decimal(1),
            volume=Decimal(1),
            is_closed=index < 2,
        )
        for index in range(3)
    ]
    store.fill(day, days, market_time=NOON + 2 * length, seen_at=WALL)
    again = [days[0], Kline(**{**_fields(days[1]), "is_closed": False})]
    result = store.fill(day, again, market_time=NOON + length, seen_at=WALL + SECOND)
    assert result.was_restarted
    assert store.read(day, 9).closed == (days[0],)  # type: ignore[union-attr]


def _fields(one: Kline) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Kline.__slots__}


def test_klines_without_a_closed_one_change_nothing(store: SeriesStore) -> None:
    assert filled(store, [kline(0, is_closed=False)]) == Filled(new=0, corrected=0)
    assert filled(store, answer(1)) == Filled(new=0, corrected=0)
    assert store.read(SERIES, 1) is None


def test_older_klines_can_be_put_before_and_what_the_venue_has_no_more_of_is_known(
    store: SeriesStore,
) -> None:
    filled(store, answer(3, first=5))
    moment = NOON + 7 * MINUTE
    store.fill(SERIES, answer(8), market_time=moment, seen_at=WALL, is_whole=True)
    assert opens(store) == list(range(7))
    assert store.read(SERIES, 2).is_whole  # type: ignore[union-attr]


def test_as_many_are_kept_as_were_asked_for_and_no_more(
    store: SeriesStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_AT_LEAST", 5)
    monkeypatch.setattr(module, "KEPT", 8)
    moment = NOON + 3 * MINUTE
    store.fill(SERIES, answer(4), market_time=moment, seen_at=WALL, is_whole=True)
    for index in range(3, 9):
        assert store.add(SERIES, event(kline(index)), seen_at=WALL) is Added.STORED
    assert opens(store) == [4, 5, 6, 7, 8]
    assert not store.read(SERIES, 1).is_whole  # type: ignore[union-attr]

    filled(store, answer(8, first=2))
    assert opens(store) == [2, 3, 4, 5, 6, 7, 8]
    for index in range(9, 12):
        store.add(SERIES, event(kline(index)), seen_at=WALL)
    assert opens(store) == [5, 6, 7, 8, 9, 10, 11]

    filled(store, answer(13))
    assert opens(store) == [4, 5, 6, 7, 8, 9, 10, 11]


def test_the_venue_that_lacks_a_kline_is_counted(store: SeriesStore) -> None:
    late = answer(3)  # the third is said to be open, a minute after it must have closed
    for misses in (1, 2):
        store.fill(SERIES, late, market_time=NOON + 3 * MINUTE, seen_at=WALL)
        cached = store.read(SERIES, 1)
        assert cached is not None
        assert (cached.missing, cached.misses) == (NOON + 2 * MINUTE, misses)
    store.fill(SERIES, late, market_time=NOON + 4 * MINUTE, seen_at=WALL)
    assert store.read(SERIES, 1).misses == 1  # type: ignore[union-attr]
    filled(store, answer(5))
    cached = store.read(SERIES, 1)
    assert cached is not None
    assert (cached.missing, cached.misses) == (None, 0)


def test_ages_of_many_series_are_one_look(store: SeriesStore) -> None:
    other = Series(Environment.DEMO, Market.FUTURES, "BTCUSDT", "1m")
    nothing = Series(Environment.LIVE, Market.SPOT, "BTCUSDT", "1m")
    filled(store, answer(3))
    store.fill(other, answer(4), market_time=NOON, seen_at=WALL - MINUTE)
    store.add(SERIES, event(kline(2)), seen_at=WALL + SECOND)
    assert store.confirm(other, seen_at=WALL) is True

    ages = store.ages([SERIES, other, nothing])

    assert set(ages) == {SERIES, other}
    assert ages[SERIES].newest_closed == NOON + 2 * MINUTE
    assert (ages[SERIES].seen_at, ages[SERIES].source) == (WALL + SECOND, Source.STREAM)
    assert ages[SERIES].streamed_at == WALL + SECOND
    assert (ages[other].seen_at, ages[other].source) == (WALL, Source.REQUEST)
    assert ages[other].market_time == NOON + 3 * MINUTE  # an open kline proves as much
    assert ages[other].streamed_at is None
    assert store.ages([]) == {}


def test_a_series_that_was_dropped_or_half_forgotten_is_empty(
    store: SeriesStore, clean_redis: redis.Redis
) -> None:
    for forget in (
        lambda: store.drop(SERIES),
        lambda: clean_redis.delete(names.closed_klines(SERIES)),
        lambda: clean_redis.delete(names.newest(SERIES)),
        clean_redis.flushdb,
        clean_redis.script_flush,
    ):
        filled(store, answer(3))
        forget()
        if forget == clean_redis.script_flush:
            assert store.add(SERIES, event(kline(2)), seen_at=WALL) is Added.STORED
            continue
        assert store.read(SERIES, 9) is None
        assert store.add(SERIES, event(kline(2)), seen_at=WALL) is Added.EMPTY
        assert store.confirm(SERIES, seen_at=WALL) is False


def test_a_wall_clock_that_is_put_back_is_followed(store: SeriesStore) -> None:
    filled(store, answer(90), seen_at=WALL + 60 * MINUTE)
    ahead = store.ages([SERIES])[SERIES].seen_at
    store.confirm(SERIES, seen_at=WALL + 59 * MINUTE)
    assert store.ages([SERIES])[SERIES].seen_at == ahead  # two clocks that differ a little
    store.confirm(SERIES, seen_at=WALL)
    assert store.ages([SERIES])[SERIES].seen_at == WALL
    filled(store, answer(90), seen_at=WALL - 60 * MINUTE)
    cached = store.read(SERIES, 1)
    assert cached is not None
    assert (cached.seen_at, cached.asked_at) == (WALL - 60 * MINUTE, WALL - 60 * MINUTE)


def test_keys_end_two_days_after_the_last_write(
    store: SeriesStore, clean_redis: redis.Redis
) -> None:
    filled(store, answer(3))
    keys = [names.closed_klines(SERIES), names.newest(SERIES)]
    two_days = 2 * 24 * 3600 * 1000
    for write in (
        lambda: filled(store, answer(3)),
        lambda: store.add(SERIES, event(kline(2)), seen_at=WALL),
        lambda: store.confirm(SERIES, seen_at=WALL),
    ):
        for key in keys:
            clean_redis.pexpire(key, 1_000_000)
        write()
        assert all(two_days - 10_000 < int(clean_redis.pttl(key)) <= two_days for key in keys)


def test_a_count_that_is_not_positive_is_refused(store: SeriesStore) -> None:
    with pytest.raises(ValueError, match="count must be positive, was 0"):
        store.read(SERIES, 0)


def test_without_redis_every_call_says_so(clean_redis: redis.Redis) -> None:
    with redis.Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.5) as nowhere:
        away = SeriesStore(nowhere)
        with pytest.raises(redis.RedisError):
            away.read(SERIES, 1)
        with pytest.raises(redis.RedisError):
            away.add(SERIES, event(kline(2)), seen_at=WALL)
    assert settings.REDIS_URL.rpartition("/")[2] == str(
        clean_redis.connection_pool.connection_kwargs["db"]
    )


def test_a_short_history_is_not_believed_after_a_hole_nor_for_ever(store: SeriesStore) -> None:
    def fill(klines: list[Kline], *, is_whole: bool, seen_at: datetime = WALL) -> None:
        moment = klines[-1].open_time + 10 * SECOND
        store.fill(SERIES, klines, market_time=moment, seen_at=seen_at, is_whole=is_whole)

    def is_whole() -> bool:
        cached = store.read(SERIES, 1)
        assert cached is not None
        return cached.is_whole

    fill(answer(4), is_whole=True)
    assert is_whole()
    fill(answer(3, first=9), is_whole=False)  # what lies between is not known
    assert opens(store) == [9, 10]
    assert not is_whole()

    fill(answer(3, first=9), is_whole=True)
    assert is_whole()
    later = WALL + 10 * MINUTE
    assert store.confirm(SERIES, seen_at=later - SECOND)
    assert is_whole()
    assert store.confirm(SERIES, seen_at=later)
    assert not is_whole()  # that answer may have been cut off: it is asked for again


def test_an_answer_that_was_cut_off_does_not_hide_that_there_are_older_klines(
    store: SeriesStore,
) -> None:
    filled(store, answer(10))
    moment = NOON + 10 * MINUTE
    store.fill(SERIES, answer(3, first=8), market_time=moment, seen_at=WALL, is_whole=True)
    cached = store.read(SERIES, 100)
    assert cached is not None
    assert (len(cached.closed), cached.is_whole) == (10, False)
