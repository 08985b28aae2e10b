from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.binance.time_pages import read_all
from exchange.domain.clock import from_milliseconds
from exchange.domain.errors import UnavailableError

LIMIT = 4


@dataclass(frozen=True)
class Row:
    number: int
    market_time: datetime


def rows_at(*milliseconds: int) -> list[Row]:
    return [Row(number, from_milliseconds(at)) for number, at in enumerate(milliseconds)]


def venue_of(
    history: list[Row], *, asked: list[datetime] | None = None
) -> Callable[[datetime], list[Row]]:
    def page(since: datetime) -> list[Row]:
        if asked is not None:
            asked.append(since)
        first = [row for row in history if row.market_time >= since][:LIMIT]
        random.shuffle(first)
        return first

    return page


@given(st.lists(st.integers(0, 30), max_size=40).map(sorted), st.integers(0, 30))
def test_every_row_is_read_once_however_many_share_a_moment(times: list[int], start: int) -> None:
    if any(times.count(at) >= LIMIT for at in times):
        return  # more than a page at one moment: see below
    history = rows_at(*times)

    found = read_all(venue_of(history), start=from_milliseconds(start), limit=LIMIT)

    wanted = [row for row in history if row.market_time >= from_milliseconds(start)]
    assert sorted(found, key=lambda row: row.number) == wanted
    assert [row.market_time for row in found] == [row.market_time for row in wanted]


def test_a_page_that_is_not_full_is_the_last() -> None:
    asked: list[datetime] = []

    found = read_all(
        venue_of(rows_at(1, 2, 3), asked=asked), start=from_milliseconds(0), limit=LIMIT
    )

    assert len(found) == 3
    assert asked == [from_milliseconds(0)]


def test_a_full_page_is_followed_by_one_that_begins_with_its_last_moment() -> None:
    asked: list[datetime] = []

    found = read_all(
        venue_of(rows_at(1, 2, 3, 3, 3, 9), asked=asked), start=from_milliseconds(0), limit=LIMIT
    )

    assert [row.number for row in sorted(found, key=lambda row: row.number)] == [0, 1, 2, 3, 4, 5]
    assert asked[:2] == [from_milliseconds(0), from_milliseconds(3)]


@pytest.mark.parametrize("times", [[5] * 4, [1, 5, 5, 5, 5], [5] * 9])
def test_a_moment_with_more_rows_than_a_page_is_an_error_and_no_loss(times: list[int]) -> None:
    with pytest.raises(
        UnavailableError, match=r"4 rows or more at 1970-01-01 00:00:00\.005"
    ) as got:
        read_all(venue_of(rows_at(*times)), start=from_milliseconds(0), limit=LIMIT)

    assert got.value.is_lasting
