from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.domain.decision import IntentReason, Levels
from bots.domain.direction import Direction
from bots.domain.exits import (
    best_price,
    exit_levels,
    guarding_stop,
    level_hit,
    levels_at_entry,
    stop_loss_price,
    take_profit_price,
    trailing_stop_price,
)
from bots.domain.snapshot import PositionState
from bots.domain.tests.builders import HOUR, START, D, kline, parameters

CENT = D("0.01")
SHORT = Direction.SHORT


def test_stop_and_target_are_distances_from_the_entry_rounded_up() -> None:
    entry = D("103.33")
    assert stop_loss_price(entry=entry, percent=D(2), increment=CENT) == D("101.27")  # 101.2634
    assert take_profit_price(entry=entry, percent=D(4), increment=CENT) == D("107.47")  # 107.4632
    assert stop_loss_price(entry=D(100), percent=D(2), increment=CENT) == D(98)
    assert stop_loss_price(entry=entry, percent=D(2), increment=D(0)) == D("101.2634")


def test_the_trailing_stop_follows_the_best_price_and_never_falls() -> None:
    first = trailing_stop_price(best=D(110), percent=D(1), increment=CENT, previous=None)
    assert first == D("108.90")
    assert trailing_stop_price(best=D(105), percent=D(1), increment=CENT, previous=first) == first


def test_highs_count_only_of_klines_that_opened_after_the_entry() -> None:
    klines = [kline(0, D(100), high=D(150)), kline(1, D(100), high=D(120))]
    entered = START + HOUR / 2
    assert best_price(previous=None, price=D(101), klines=klines, opened_at=entered) == D(120)
    assert best_price(previous=D(130), price=D(101), klines=klines, opened_at=entered) == D(130)
    assert best_price(previous=None, price=D(101), klines=klines) == D(101)


def test_levels_are_those_of_the_rules_that_are_on() -> None:
    levels = exit_levels(
        position=PositionState(quantity=D(1), entry_price=D(100)),
        price=D(99),
        klines=(),
        parameters=parameters(take_profit_perc=None, trailing_stop_perc=D(1)),
        price_increment=CENT,
    )
    assert levels == Levels(
        stop_loss=D(98), take_profit=None, trailing_stop=D(99), max_price_since_entry=D(100)
    )


def test_without_an_entry_price_there_are_no_levels() -> None:
    levels = exit_levels(
        position=PositionState(quantity=D(1)),
        price=D(99),
        klines=(),
        parameters=parameters(trailing_stop_perc=D(1)),
        price_increment=CENT,
    )
    assert levels == Levels(max_price_since_entry=D(99))


@pytest.mark.parametrize(
    ("price", "hit"),
    [
        ("98.01", None),
        ("98", (IntentReason.STOP_LOSS, D(98))),
        ("97", (IntentReason.STOP_LOSS, D(98))),
        ("103.99", None),
        ("104", (IntentReason.TAKE_PROFIT, D(104))),
    ],
)
def test_a_level_is_hit_when_it_is_reached(
    price: str, hit: tuple[IntentReason, Decimal] | None
) -> None:
    assert level_hit(Levels(stop_loss=D(98), take_profit=D(104)), D(price)) == hit


def test_the_fixed_stop_goes_before_the_target_and_the_target_before_the_trailing_stop() -> None:
    everything = Levels(stop_loss=D(100), take_profit=D(100), trailing_stop=D(100))
    assert level_hit(everything, D(100)) == (IntentReason.STOP_LOSS, D(100))
    two = Levels(take_profit=D(100), trailing_stop=D(100))
    assert level_hit(two, D(100)) == (IntentReason.TAKE_PROFIT, D(100))
    one = Levels(trailing_stop=D(100))
    assert level_hit(one, D(100)) == (IntentReason.TRAILING_STOP, D(100))
    assert level_hit(Levels(), D(100)) is None


@given(st.lists(st.decimals(50, 200, places=2), min_size=1, max_size=30))
def test_best_price_and_trailing_stop_only_ratchet_up(prices: list[Decimal]) -> None:
    position = PositionState(quantity=D(1), entry_price=D(100))
    settings = parameters(trailing_stop_perc=D("1.5"))
    for price in prices:
        levels = exit_levels(
            position=position, price=price, klines=(), parameters=settings, price_increment=CENT
        )
        highest, trailing = levels.max_price_since_entry, levels.trailing_stop
        assert highest is not None
        assert trailing is not None
        assert highest >= max(price, position.max_price_since_entry or D(100))
        assert trailing >= (position.trailing_stop_price or D(0))
        assert trailing <= highest
        position = PositionState(
            quantity=D(1),
            entry_price=D(100),
            max_price_since_entry=highest,
            trailing_stop_price=trailing,
        )
    assert position.max_price_since_entry == max([D(100), *prices])


@given(
    entry=st.decimals("0.01", 100000, places=2),
    percent=st.decimals("0.01", "99.9", places=2),
)
def test_rounding_never_moves_a_level_by_an_increment_or_more(
    entry: Decimal, percent: Decimal
) -> None:
    stop = stop_loss_price(entry=entry, percent=percent, increment=CENT)
    exact = entry * (100 - percent) / 100
    assert exact <= stop < exact + CENT
    assert stop % CENT == 0


# --- short positions: everything mirrored


def test_levels_of_a_short_position_are_mirrored_and_rounded_down() -> None:
    entry = D("103.33")
    stop = stop_loss_price(entry=entry, percent=D(2), increment=CENT, direction=SHORT)
    assert stop == D("105.39")  # 105.3966: a cent earlier
    target = take_profit_price(entry=entry, percent=D(4), increment=CENT, direction=SHORT)
    assert target == D("99.19")  # 99.1968: a cent more


def test_the_trailing_stop_of_a_short_position_follows_the_lowest_price_and_never_rises() -> None:
    first = trailing_stop_price(
        best=D(90), percent=D(1), increment=CENT, previous=None, direction=SHORT
    )
    assert first == D("90.90")
    later = trailing_stop_price(
        best=D(95), percent=D(1), increment=CENT, previous=first, direction=SHORT
    )
    assert later == first


def test_lows_count_for_a_short_position_and_highs_do_not() -> None:
    flat = kline(1, D(100), high=D(200))
    dip = replace(kline(2, D(100)), low=D(80))
    found = best_price(
        previous=None, price=D(99), klines=[flat, dip], opened_at=START, direction=SHORT
    )
    assert found == D(80)


def test_only_the_price_that_matters_to_the_direction_is_remembered() -> None:
    position = PositionState(quantity=D(1), entry_price=D(100), direction=SHORT)
    levels = exit_levels(
        position=position,
        price=D(97),
        klines=(),
        parameters=parameters(trailing_stop_perc=D(1)),
        price_increment=CENT,
    )
    assert levels == Levels(
        stop_loss=D(102),
        take_profit=D(96),
        trailing_stop=D("97.97"),
        min_price_since_entry=D(97),
    )


def test_a_target_that_no_price_can_reach_is_no_target_of_a_short_position() -> None:
    levels = levels_at_entry(
        price=D(100),
        direction=SHORT,
        parameters=parameters(take_profit_perc=D(100)),
        price_increment=CENT,
    )
    assert levels.take_profit is None
    assert levels.stop_loss == D(102)


@pytest.mark.parametrize(
    ("price", "reason"),
    [
        ("101.99", None),
        ("102", IntentReason.STOP_LOSS),
        ("96.01", None),
        ("96", IntentReason.TAKE_PROFIT),
    ],
)
def test_a_level_of_a_short_position_is_hit_from_the_other_side(
    price: str, reason: IntentReason | None
) -> None:
    found = level_hit(Levels(stop_loss=D(102), take_profit=D(96)), D(price), direction=SHORT)
    assert (found[0] if found else None) == reason


def test_on_futures_stops_go_by_the_mark_price_and_targets_by_the_last_price() -> None:
    levels = Levels(stop_loss=D(98), take_profit=D(104))
    assert level_hit(levels, D(97), mark_price=D(99)) is None
    assert level_hit(levels, D(99), mark_price=D(98)) == (IntentReason.STOP_LOSS, D(98))
    assert level_hit(levels, D(104), mark_price=D(99)) == (IntentReason.TAKE_PROFIT, D(104))
    assert level_hit(levels, D(103), mark_price=D(104)) is None


@pytest.mark.parametrize(
    ("direction", "tighter"), [(Direction.LONG, D(99)), (Direction.SHORT, D(98))]
)
def test_the_guarding_stop_is_the_tighter_one(direction: Direction, tighter: Decimal) -> None:
    both = Levels(stop_loss=D(98), trailing_stop=D(99))
    assert guarding_stop(both, direction) == tighter
    assert guarding_stop(Levels(trailing_stop=D(97)), direction) == D(97)
    assert guarding_stop(Levels(take_profit=D(104)), direction) is None


@given(st.lists(st.decimals(50, 200, places=2), min_size=1, max_size=30))
def test_lowest_price_and_trailing_stop_of_a_short_position_only_ratchet_down(
    prices: list[Decimal],
) -> None:
    position = PositionState(quantity=D(1), entry_price=D(100), direction=SHORT)
    settings = parameters(trailing_stop_perc=D("1.5"))
    for price in prices:
        levels = exit_levels(
            position=position, price=price, klines=(), parameters=settings, price_increment=CENT
        )
        lowest, trailing = levels.min_price_since_entry, levels.trailing_stop
        assert lowest is not None
        assert trailing is not None
        assert lowest <= min(price, position.min_price_since_entry or D(100))
        assert trailing <= (position.trailing_stop_price or D(1000))
        position = replace(position, min_price_since_entry=lowest, trailing_stop_price=trailing)
    assert position.min_price_since_entry == min([D(100), *prices])
