from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from bots.domain.direction import Direction, Directions
from bots.domain.strategies import STRATEGIES, UnknownStrategyError, get_strategy
from bots.domain.tests.builders import ENTRY, EXIT, QUIET, market_closes, parameters, reference

LONG, SHORT = Direction.LONG, Direction.SHORT
SLICES = reference()["slices"]
CLOSES = np.array([float(close) for close in market_closes()])


@pytest.mark.parametrize("part", SLICES, ids=[part["name"] for part in SLICES])
def test_entries_and_exits_are_those_of_the_reference(part: dict[str, Any]) -> None:
    arrays = get_strategy("ema").signals(np.array(part["closes"]), parameters())
    assert np.flatnonzero(arrays.enter_long).tolist() == part["enter_idx"]
    assert np.flatnonzero(arrays.exit_long).tolist() == part["exit_idx"]
    assert not (arrays.enter_long & arrays.exit_long).any()
    assert arrays.trend_up.all()
    assert arrays.trend_down.all()


def test_what_enters_long_leaves_short_and_the_other_way_round() -> None:
    arrays = get_strategy("ema").signals(CLOSES, parameters())
    for direction, other in ((LONG, SHORT), (SHORT, LONG)):
        assert arrays.entries(direction).any()
        assert arrays.entries(direction).tolist() == arrays.exits(other).tolist()


def test_the_first_value_of_the_slow_average_is_no_crossing() -> None:
    rising = np.arange(60.0) + 100
    arrays = get_strategy("ema").signals(rising, parameters(rsi_overbought=Decimal("100.5")))
    assert (arrays.indicators["ema_fast"] > arrays.indicators["ema_slow"])[20]
    assert not arrays.enter_long.any()


def test_an_overbought_market_is_not_entered_and_an_oversold_one_not_left() -> None:
    strict = parameters(rsi_overbought=Decimal(55), rsi_oversold=Decimal(46))
    arrays = get_strategy("ema").signals(CLOSES, strict)
    assert not arrays.enter_long[ENTRY]
    assert not arrays.exit_long[EXIT]


def test_equality_with_the_limit_counts_as_overbought() -> None:
    strength = get_strategy("ema").signals(CLOSES, parameters()).indicators["rsi"][ENTRY]
    at_limit = parameters(rsi_overbought=Decimal(float(strength)))
    assert not get_strategy("ema").signals(CLOSES, at_limit).enter_long[ENTRY]


def test_the_trend_filter_compares_the_close_and_needs_its_own_warm_up() -> None:
    arrays = get_strategy("ema").signals(CLOSES, parameters(ema_period=50))
    trend = arrays.indicators["ema_trend"]
    assert arrays.trend_up.tolist() == arrays.trend(LONG).tolist() == (trend < CLOSES).tolist()
    assert arrays.trend_down.tolist() == arrays.trend(SHORT).tolist() == (trend > CLOSES).tolist()
    assert not arrays.is_ready[48]
    assert arrays.is_ready[49]


@pytest.mark.parametrize(
    ("index", "changes", "held", "words"),
    [
        (ENTRY, {}, None, "EMA 9 crossed above EMA 21, RSI 55.3 < 70"),
        (EXIT, {}, LONG, "EMA 9 crossed below EMA 21, RSI 45.8 > 30"),
        (ENTRY, {"rsi_overbought": Decimal(55)}, None, "did not buy: RSI 55.3 ≥ 55"),
        (EXIT, {"rsi_oversold": Decimal("46.5")}, LONG, "did not sell: RSI 45.8 ≤ 46.5"),
        (
            EXIT,
            {"rsi_oversold": Decimal("46.5")},
            None,
            "no cross: EMA 9 20928.431 below EMA 21 20929.668 for 1 kline",
        ),
        (
            ENTRY,
            {"rsi_overbought": Decimal(55), "directions": Directions.SHORT},
            SHORT,
            "did not buy back: RSI 55.3 ≥ 55",
        ),
        (
            EXIT,
            {"rsi_oversold": Decimal("46.5"), "directions": Directions.BOTH},
            None,
            "did not sell short: RSI 45.8 ≤ 46.5",
        ),
        (
            EXIT,
            {"rsi_oversold": Decimal("46.5"), "directions": Directions.BOTH},
            SHORT,
            "no cross: EMA 9 20928.431 below EMA 21 20929.668 for 1 kline",
        ),
        (QUIET, {}, None, "no cross: EMA 9 21122.731 above EMA 21 21025.876 for 5 klines"),
    ],
)
def test_a_kline_is_explained_with_its_numbers(
    index: int, changes: dict[str, Any], held: Direction | None, words: str
) -> None:
    settings = parameters(**changes)
    arrays = get_strategy("ema").signals(CLOSES, settings)
    found = get_strategy("ema").explain(arrays, index, settings, held=held)
    assert found == words


def test_an_unknown_strategy_is_named_in_exactly_these_words() -> None:
    with pytest.raises(UnknownStrategyError) as caught:
        get_strategy("macd")
    assert str(caught.value) == "Unknown strategy: macd"
    assert [strategy.name for strategy in STRATEGIES.values()] == list(STRATEGIES) == ["ema"]
