"""Positions as a fold of fills, exact to the last digit."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.demo.amounts import UNIT, ZERO
from exchange.demo.futures.margin import initial_margin
from exchange.demo.futures.positions import Folded, closable, fold
from exchange.demo.futures.values import Position
from exchange.demo.trading.book import PlannedFill
from exchange.demo.trading.tests.engine_world import D

FLAT = Position(uid=1, symbol="BTCUSDT")
FILLS = st.lists(
    st.tuples(st.booleans(), st.integers(1, 2_000_000), st.integers(1, 5_000)), max_size=30
)


def traded(
    position: Position, side: str, quantity: str, price: str, *, leverage: int = 10
) -> Folded:
    fill = PlannedFill(D(price), D(quantity))
    return fold(position, fill, is_buy=side == "BUY", leverage=leverage, at_ms=5)


@pytest.mark.parametrize(
    ("side", "exit_side", "exit_price", "result"),
    [("BUY", "SELL", "5500", 500), ("SELL", "BUY", "4500", 500), ("BUY", "SELL", "4500", -500)],
)
def test_the_venues_examples_of_long_and_short_come_out(
    side: str, exit_side: str, exit_price: str, result: int
) -> None:
    # Support article 360039304272: 1 BTC from 5000 to 5500 long, from 5000 to 4500 short.
    opened = traded(FLAT, side, "1", "5000")
    closed = traded(opened.position, exit_side, "1", exit_price)
    assert closed.realized == result
    assert closed.position == Position(uid=1, symbol="BTCUSDT", updated_ms=5)


def test_a_position_grows_at_cost_and_keeps_its_average() -> None:
    first = traded(FLAT, "BUY", "1", "100")
    both = traded(first.position, "BUY", "3", "120")
    assert (both.realized, both.closed) == (ZERO, ZERO)
    assert (both.position.amount, both.position.cost) == (D(4), D(460))
    assert both.position.entry_price == D(115)
    assert both.position.isolated_wallet == D(46)


def test_a_part_that_closes_takes_its_share_of_cost_and_margin() -> None:
    held = traded(FLAT, "SELL", "4", "100").position
    part = traded(held, "BUY", "1", "90")
    assert (part.realized, part.closed) == (D(10), D(1))
    assert (part.position.amount, part.position.cost) == (D(-3), D(-300))
    assert part.position.isolated_wallet == D(30)
    assert part.position.entry_price == D(100)


def test_a_fill_that_turns_a_position_around_closes_all_and_opens_the_rest() -> None:
    held = traded(FLAT, "BUY", "2", "100").position
    turned = traded(held, "SELL", "5", "110", leverage=5)
    assert (turned.realized, turned.closed) == (D(20), D(2))
    assert (turned.position.amount, turned.position.cost) == (D(-3), D(-330))
    assert turned.position.isolated_wallet == D(66)


def test_what_does_not_divide_is_settled_by_the_last_part() -> None:
    held = Position(uid=1, symbol="BTCUSDT", amount=D(3), cost=D("100"), isolated_wallet=D(10))
    first = traded(held, "SELL", "1", "40")
    assert first.position.cost == D("66.66666667")
    assert first.realized == D("6.66666667")
    assert first.position.isolated_wallet == D("6.66666667")
    second = traded(first.position, "SELL", "2", "40")
    assert second.position.cost == ZERO
    assert first.realized + second.realized == D(20)


def test_closable_is_what_the_other_side_holds() -> None:
    held = Position(uid=1, symbol="BTCUSDT", amount=D(-3), cost=D(-300))
    assert closable(held, is_buy=True) == D(3)
    assert closable(held, is_buy=False) == ZERO
    assert closable(FLAT, is_buy=True) == ZERO


@given(fills=FILLS, leverage=st.integers(1, 125))
def test_amounts_and_money_add_up_whatever_is_traded(
    fills: list[tuple[bool, int, int]], leverage: int
) -> None:
    position, realized, signed, spent = FLAT, ZERO, ZERO, ZERO
    for is_buy, cents, thousandths in fills:
        fill = PlannedFill(Decimal(cents).scaleb(-2), Decimal(thousandths).scaleb(-3))
        before = position
        folded = fold(position, fill, is_buy=is_buy, leverage=leverage, at_ms=1)
        position = folded.position
        realized += folded.realized
        sign = 1 if is_buy else -1
        signed += sign * fill.quantity
        spent += sign * fill.quote_quantity
        assert folded.closed == min(fill.quantity, closable(before, is_buy=is_buy))
        assert position.isolated_wallet >= ZERO
        assert position.cost % UNIT == position.isolated_wallet % UNIT == ZERO
        assert position.cost == ZERO or (position.cost > 0) == (position.amount > 0)
    assert position.amount == signed
    # What was realized and what the rest has cost is what was paid, to the last digit.
    assert position.cost - realized == spent
    if not position.amount:
        assert (position.cost, position.isolated_wallet) == (ZERO, ZERO)


@given(fills=FILLS)
def test_only_growing_takes_the_initial_margin_of_every_fill(
    fills: list[tuple[bool, int, int]],
) -> None:
    position, margin = FLAT, ZERO
    for _, cents, thousandths in fills:
        fill = PlannedFill(Decimal(cents).scaleb(-2), Decimal(thousandths).scaleb(-3))
        position = fold(position, fill, is_buy=False, leverage=7, at_ms=1).position
        margin += initial_margin(fill.quote_quantity, 7)
    assert position.isolated_wallet == margin
