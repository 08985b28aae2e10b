from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from exchange.domain.intervals import (
    INTERVALS,
    closed_only,
    interval_length,
    interval_milliseconds,
    next_close_after,
)
from exchange.domain.types import Kline

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)


def test_an_unknown_timeframe_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown timeframe '7m'; known are 1m, 3m, 5m"):
        interval_length("7m")


@pytest.mark.parametrize("interval", ["1w", "1M"])
def test_intervals_that_do_not_divide_the_epoch_are_left_out(interval: str) -> None:
    assert interval not in INTERVALS


def test_every_interval_divides_a_day() -> None:
    for interval in INTERVALS:
        assert timedelta(days=1) % interval_length(interval) == timedelta(0)


def test_lengths_in_milliseconds() -> None:
    assert interval_milliseconds("1m") == 60_000
    assert interval_milliseconds("4h") == 14_400_000


def test_the_kline_after_the_newest_closes_two_lengths_after_its_opening() -> None:
    assert next_close_after(MIDNIGHT, "5m") == MIDNIGHT + timedelta(minutes=10)


def test_open_klines_are_left_out() -> None:
    kline = Kline(
        open_time=MIDNIGHT,
        close_time=MIDNIGHT + timedelta(milliseconds=59_999),
        open=Decimal(1),
        high=Decimal(1),
        low=Decimal(1),
        close=Decimal(1),
        volume=Decimal(1),
        is_closed=True,
    )

    assert closed_only([kline, replace(kline, is_closed=False)]) == (kline,)
