from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.domain.indicators import MAX_PERIOD, ema, klines_needed, longest_period, rsi
from bots.domain.tests.builders import parameters, reference

SLICES = reference()["slices"]
FUNCTIONS = {"EMA": ema, "RSI": rsi}


def as_array(values: list[float | None]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


@pytest.mark.parametrize("part", SLICES, ids=[part["name"] for part in SLICES])
@pytest.mark.parametrize("name", ["EMA_9", "EMA_21", "EMA_50", "RSI_14", "RSI_7"])
def test_indicators_equal_the_reference(part: dict[str, Any], name: str) -> None:
    function, period = FUNCTIONS[name[:3]], int(name[4:])
    found = function(np.array(part["closes"]), period)
    expected = as_array(part["indicators"][name])
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=0, equal_nan=True)
    assert int(np.flatnonzero(~np.isnan(found))[0]) == part["first_valid_index"][name]


@pytest.mark.parametrize(
    ("name", "closes"),
    [
        ("constant_100", [100.0] * 60),
        ("monotone_up", list(np.arange(60.0) + 1)),
        ("monotone_down", list(100 - np.arange(60.0))),
    ],
)
def test_the_rsi_of_a_market_without_two_sides_equals_the_reference(
    name: str, closes: list[float]
) -> None:
    expected = as_array(reference()["edge"][name]["RSI_14"])
    np.testing.assert_array_equal(rsi(np.array(closes), 14), expected)


def test_a_series_that_is_too_short_gives_nothing_but_nan() -> None:
    assert np.isnan(ema(np.arange(8.0), 9)).all()
    assert np.isnan(rsi(np.arange(14.0), 14)).all()
    assert not np.isnan(ema(np.arange(9.0), 9)[-1])
    assert not np.isnan(rsi(np.arange(15.0), 14)[-1])
    assert len(ema(np.array([]), 9)) == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_close_that_is_no_number_is_refused_by_its_place(bad: float) -> None:
    with pytest.raises(ValueError, match="closing price 2 is"):
        ema(np.array([1.0, 2.0, bad, 4.0]), 2)


def test_a_period_below_two_is_refused() -> None:
    with pytest.raises(ValueError, match="period must be 2 or more, was 1"):
        rsi(np.arange(50.0), 1)


@given(st.lists(st.floats(1, 1e6), min_size=30, max_size=80))
def test_ema_follows_its_recurrence_and_rsi_stays_in_bounds(closes: list[float]) -> None:
    values = ema(np.array(closes), 9)
    for index in range(9, len(closes)):
        step = values[index - 1] + 0.2 * (closes[index] - values[index - 1])
        assert values[index] == pytest.approx(step, rel=1e-9)
    strength = rsi(np.array(closes), 14)[14:]
    assert ((strength >= 0) & (strength <= 100 + 1e-9)).all()


def test_ten_times_the_longest_period_is_read_but_never_less_than_a_hundred() -> None:
    assert klines_needed(parameters(ema_slow=21, rsi_period=14)) == 210
    assert klines_needed(parameters(ema_slow=21, rsi_period=30)) == 300
    assert klines_needed(parameters(ema_slow=21, ema_period=50)) == 500
    assert klines_needed(parameters(ema_fast=2, ema_slow=3, rsi_period=2)) == 100


def test_klines_that_were_missed_are_read_on_top_up_to_what_the_venue_answers() -> None:
    assert klines_needed(parameters(), unseen=12) == 222
    assert klines_needed(parameters(), unseen=50_000) == 5000
    assert klines_needed(parameters(ema_period=MAX_PERIOD)) == 4000


def test_a_period_that_could_never_warm_up_is_refused() -> None:
    assert longest_period(parameters(ema_period=400)) == 400
    with pytest.raises(ValueError, match="a period of 401 klines needs 4010 klines to warm up"):
        klines_needed(parameters(ema_period=401))
