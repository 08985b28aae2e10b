"""When cached klines are believed, without a venue and without Redis."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import pytest

from exchange.market_data.kept import Cached, Source, must_have_closed
from exchange.market_data.proof import (
    Wish,
    is_ahead,
    is_deep_enough,
    is_proven,
    is_worth_waiting_for,
    request_size,
    served,
)
from exchange.market_data.tests.conftest import MINUTE, NOON, SECOND, SERIES, WALL, kline

# Klines 0 to 9 are closed; 9 closed at ten past twelve.
CACHED: Final = Cached(
    closed=tuple(kline(index) for index in range(10)),
    open=kline(10, is_closed=False),
    market_time=NOON + 10 * MINUTE,
    seen_at=WALL,
    source=Source.REQUEST,
)
CLOSE: Final = NOON + 10 * MINUTE


def wish(market_time: datetime | None, *, count: int = 11, price: str | None = None) -> Wish:
    """Return a wish for klines of the series."""
    return Wish(
        series=SERIES,
        count=count,
        market_time=market_time,
        price=None if price is None else Decimal(price),
    )


@pytest.mark.parametrize(
    ("seconds", "minute"), [(0, 9), (0.001, 9), (59.999, 9), (60, 10), (-0.001, 8)]
)
def test_what_must_have_closed_changes_at_the_close(seconds: float, minute: int) -> None:
    moment = CLOSE + timedelta(seconds=seconds)
    assert must_have_closed(moment, "1m") == NOON + minute * MINUTE
    assert must_have_closed(moment, "1d") == NOON - timedelta(hours=36)


def test_a_cache_is_proven_until_the_next_kline_has_closed() -> None:
    for proven, moment in (
        (True, CLOSE),
        (True, CLOSE - MINUTE),
        (True, CLOSE + MINUTE - timedelta(milliseconds=1)),
        (False, CLOSE + MINUTE),
    ):
        assert is_proven(CACHED, wish(moment), now=WALL + timedelta(days=1)) is proven


def test_a_page_goes_by_the_age_and_by_the_market_clock_where_there_is_one() -> None:
    page = wish(None)
    assert is_proven(CACHED, page, now=WALL + 9 * SECOND)
    assert not is_proven(CACHED, page, now=WALL + 10 * SECOND)
    assert not is_proven(CACHED, page, now=WALL - 10 * SECOND)  # the clock was put back
    assert not is_proven(CACHED, replace(page, noted=CLOSE + MINUTE), now=WALL)


def test_a_kline_that_the_venue_has_not_is_asked_for_again_and_after_three_looks_rarely() -> None:
    late = wish(CLOSE + MINUTE)
    missing = replace(CACHED, missing=CLOSE, misses=1, asked_at=WALL)
    assert is_proven(missing, late, now=WALL + SECOND)
    assert not is_proven(missing, late, now=WALL + 2 * SECOND)
    often = replace(missing, misses=3)
    assert is_proven(often, late, now=WALL + 29 * SECOND)
    # The venue was late with it: an hour's kline must not be noticed an hour later.
    assert not is_proven(often, late, now=WALL + 30 * SECOND)
    later = wish(CLOSE + 2 * MINUTE)
    assert not is_proven(replace(missing, misses=3), later, now=WALL)


def test_a_cache_is_ahead_when_it_knows_more_than_a_minute_of_what_is_to_come() -> None:
    def ahead(moment: datetime, *, asked_at: datetime | None = None) -> bool:
        cached = replace(CACHED, asked_at=asked_at)
        return is_ahead(cached, market_time=moment, length=MINUTE, now=WALL)

    assert not ahead(CLOSE)
    assert not ahead(CLOSE - MINUTE)
    assert ahead(CLOSE - MINUTE - timedelta(milliseconds=1))
    assert not ahead(NOON, asked_at=WALL - 14 * SECOND)
    assert ahead(NOON, asked_at=WALL - 15 * SECOND)


def test_only_the_next_kline_of_a_stream_that_was_heard_is_waited_for() -> None:
    heard = replace(CACHED, streamed_at=WALL - 9 * SECOND)
    next_close = wish(CLOSE + MINUTE)
    assert is_worth_waiting_for(heard, next_close, now=WALL)
    assert not is_worth_waiting_for(heard, next_close, now=WALL + SECOND)
    assert not is_worth_waiting_for(CACHED, next_close, now=WALL)
    assert not is_worth_waiting_for(heard, wish(CLOSE + 2 * MINUTE), now=WALL)
    assert not is_worth_waiting_for(heard, wish(None), now=WALL)


def test_depth_counts_unless_the_venue_has_no_more() -> None:
    assert is_deep_enough(CACHED, wish(CLOSE, count=11))
    assert not is_deep_enough(CACHED, wish(CLOSE, count=12))
    assert is_deep_enough(replace(CACHED, is_whole=True), wish(CLOSE, count=12))


@pytest.mark.parametrize(
    ("behind", "count", "size"),
    [(1, 11, 3), (7, 11, 9), (0, 11, 499), (1, 12, 499), (1, 500, 1000), (1, 1001, 1001)],
)
def test_as_much_is_asked_for_as_is_missing(behind: int, count: int, size: int) -> None:
    moment = CLOSE + behind * MINUTE
    assert request_size(CACHED, wish(moment, count=count)) == size
    assert request_size(None, wish(moment, count=count)) == max(size, 499)


def test_the_price_moves_the_open_kline_alone() -> None:
    shown = served(CACHED, wish(CLOSE + SECOND, count=4, price="250"))
    assert shown[:-1] == [kline(7), kline(8), kline(9)]
    assert (shown[-1].close, shown[-1].high) == (Decimal(250), Decimal(250))
    low = served(CACHED, wish(CLOSE + SECOND, count=4, price="0.0000001"))[-1]
    assert (low.close, low.low, low.high) == (Decimal("0.0000001"), low.close, Decimal("110.10"))
    assert CACHED.open is not None
    for moment in (CLOSE - SECOND, CLOSE + MINUTE):  # a price of another kline
        assert served(CACHED, wish(moment, count=4, price="250"))[-1] == CACHED.open


def test_an_open_kline_that_is_not_known_begins_where_the_last_one_ended() -> None:
    unknown = replace(CACHED, open=None)
    (begun,) = served(unknown, wish(CLOSE, count=1))
    assert (begun.open_time, begun.close_time) == (
        CLOSE,
        CLOSE + MINUTE - timedelta(milliseconds=1),
    )
    last = CACHED.closed[-1].close
    assert (begun.open, begun.high, begun.low, begun.close) == (last, last, last, last)
    assert (begun.volume, begun.is_closed) == (Decimal(0), False)
