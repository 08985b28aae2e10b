from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.domain.decision import DenialCode
from bots.domain.direction import Direction
from bots.domain.liquidation import (
    LIQUIDATION_BUFFER_PERC,
    clearance,
    estimated_liquidation,
    stop_beyond_liquidation,
)
from bots.domain.tests.builders import BRACKETS, D
from exchange.domain.margin import LeverageBrackets

LONG, SHORT = Direction.LONG, Direction.SHORT


def liquidation(
    direction: Direction, *, leverage: int = 10, brackets: LeverageBrackets | None = BRACKETS
) -> Decimal | None:
    return estimated_liquidation(
        price=D(20000),
        quantity=D("0.1"),
        direction=direction,
        leverage=leverage,
        brackets=brackets,
    )


def test_a_liquidation_comes_when_margin_less_loss_equals_the_maintenance_margin() -> None:
    # 200 of margin - 0.1 x (20000 - p) = 0.001 x p
    assert round(liquidation(LONG) or D(0), 4) == D("18181.8182")
    # 200 - 0.1 x (p - 20000) = 0.001 x p
    assert round(liquidation(SHORT) or D(0), 4) == D("21782.1782")


def test_without_leverage_no_price_liquidates_a_long_position() -> None:
    assert liquidation(LONG, leverage=1) is None


def test_without_the_venues_tiers_the_whole_margin_is_taken_to_be_lost() -> None:
    assert liquidation(LONG, brackets=None) == D(18000)
    assert liquidation(SHORT, brackets=None) == D(22000)
    assert liquidation(LONG, leverage=1, brackets=None) is None


@pytest.mark.parametrize(
    ("direction", "stop", "is_refused"),
    [
        (LONG, "18299.99", True),
        (LONG, "18300", False),  # 18200 + 0.5 % of 20000
        (SHORT, "21500.01", True),
        (SHORT, "21500", False),  # 21600 - 0.5 % of 20000
    ],
)
def test_a_stop_has_to_be_clear_of_the_liquidation_by_the_buffer(
    direction: Direction, stop: str, *, is_refused: bool
) -> None:
    found = stop_beyond_liquidation(
        stop=D(stop),
        liquidation=D(18200) if direction is LONG else D(21600),
        price=D(20000),
        direction=direction,
    )
    assert (found is not None) is is_refused


def test_the_refusal_names_both_prices_and_the_way_out() -> None:
    denial = stop_beyond_liquidation(
        stop=D(18000), liquidation=D("18181.818181818181"), price=D(20000), direction=LONG
    )
    assert denial is not None
    assert denial.code is DenialCode.STOP_BEYOND_LIQUIDATION
    assert denial.detail == (
        "stop 18000 is not 0.5 % of the price clear of the estimated liquidation at "
        "18181.81818182; lower the leverage or tighten the stop"
    )


def test_without_a_stop_or_a_liquidation_there_is_nothing_to_refuse() -> None:
    assert stop_beyond_liquidation(stop=None, liquidation=D(1), price=D(2), direction=LONG) is None
    assert stop_beyond_liquidation(stop=D(1), liquidation=None, price=D(2), direction=LONG) is None
    assert clearance(None, D(1)) == "no stop is set"
    assert clearance(D(3), None) == "stop 3; no price above zero liquidates it"


@given(
    percent=st.decimals("0.1", 50, places=1),
    leverage=st.integers(1, 20),
    direction=st.sampled_from(Direction),
)
def test_a_stop_that_is_let_through_is_hit_before_the_liquidation(
    percent: Decimal, leverage: int, direction: Direction
) -> None:
    price = D(20000)
    stop = price * (1 - direction.sign * percent / 100)
    found = liquidation(direction, leverage=leverage)
    refused = stop_beyond_liquidation(
        stop=stop, liquidation=found, price=price, direction=direction
    )
    if refused is None and found is not None:
        assert direction.sign * (stop - found) >= price * LIQUIDATION_BUFFER_PERC / 100
