"""Worked cases of the venue's margin arithmetic."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.demo.amounts import ZERO
from exchange.demo.futures.fees import commission
from exchange.demo.futures.figures import account_figures, position_figures
from exchange.demo.futures.margin import (
    initial_margin,
    liquidation_price,
    open_loss,
    order_margin,
    unrealized,
)
from exchange.demo.futures.tests.futures_world import BRACKETS
from exchange.demo.futures.values import Order, Position
from exchange.demo.market.brackets import Bracket, Brackets
from exchange.demo.trading.tests.engine_world import D

CENT = D("0.01")


def single(rate: str, amount: str) -> Brackets:
    """Return brackets of which the last one, with this rate and amount, is reached at once.

    The first one is as small as it must be for the two to fit each other.
    """
    floor = D(amount) / (D(rate) / 2)
    return Brackets(
        (
            Bracket(1, D(0), floor, 20, D(rate) / 2, D(0)),
            Bracket(2, floor, D(10**9), 10, D(rate), D(amount)),
        )
    )


def order(side: str, quantity: Any, price: Any, **more: Any) -> Order:
    return Order(
        uid=1,
        symbol="BTCUSDT",
        client_order_id="c",
        side=side,
        type="LIMIT",
        original_type="LIMIT",
        quantity=D(quantity),
        price=D(price),
        at_ms=0,
        updated_ms=0,
        **more,
    )


def held(amount: Any, price: Any = 100, margin: Any = 10, side: str = "BOTH") -> Position:
    cost = D(amount) * D(price)
    return Position(
        uid=1, symbol="BTCUSDT", side=side, amount=D(amount), cost=cost, isolated_wallet=D(margin)
    )


def test_the_cost_of_opening_is_as_in_the_venues_example() -> None:
    # Support article 87fa7ee33b574f7084d42bd2ce2e463b: 1 BTC at 9253.30, 20x, mark 9259.84.
    price, mark = D("9253.30"), D("9259.84")
    assert initial_margin(price, 20) == D("462.665")
    assert open_loss(D(1), price, mark, is_buy=True) == ZERO
    assert open_loss(D(1), price, mark, is_buy=False) == D("6.54")


@pytest.mark.parametrize(
    ("amount", "entry", "rate", "maintenance", "expected"),
    [
        ("3683.979", "1456.84", "0.10", "135365.00", "1114.78"),
        ("109.488", "32481.980", "0.025", "16300.000", "18778.73"),
    ],
)
def test_liquidation_prices_are_those_of_the_venues_formula(
    amount: str, entry: str, rate: str, maintenance: str, expected: str
) -> None:
    # Support article b3c689c1f50a44cabb3a84e663b81d93 with its numbers in isolated margin (no other
    # position counts), as worked out by the tests of freqtrade (tests/exchange/test_binance.py).
    position = held(amount, entry, "1535443.01")
    price = liquidation_price(position, single(rate, maintenance))
    assert price is not None
    assert price.quantize(CENT) == D(expected)


def test_the_tier_at_the_liquidation_price_counts_and_not_the_one_of_now() -> None:
    # The venue's note on tiers (support article ceccfcfb4e3a45e3b48b0b1bb1a8ae46): take rate and
    # amount of the level at that price. A short of 1 from 59000 would be liquidated in the second.
    position = held(-1, 59_000, 3_000)
    price = liquidation_price(position, BRACKETS)
    assert price == (D(62_000) + 300) / D("1.01")
    assert price > 60_000
    left = D(3_000) + unrealized(position, price) - BRACKETS.maintenance(price)
    assert abs(left) < D("1e-20")


def test_a_position_that_is_backed_whole_has_no_liquidation_price() -> None:
    assert liquidation_price(held(1, 100, 100), BRACKETS) is None
    assert liquidation_price(held(1, 100, 150), BRACKETS) is None
    assert liquidation_price(held(0), BRACKETS) is None


@given(
    size=st.integers(1, 500_000).map(lambda value: Decimal(value).scaleb(-3)),
    entry=st.integers(100, 9_000_000).map(lambda value: Decimal(value).scaleb(-2)),
    leverage=st.integers(1, 100),
    side=st.sampled_from(["LONG", "SHORT"]),
)
def test_at_the_liquidation_price_margin_meets_maintenance_and_beyond_it_falls_short(
    size: Decimal, entry: Decimal, leverage: int, side: str
) -> None:
    is_long = side == "LONG"
    position = held(size if is_long else -size, entry, initial_margin(size * entry, leverage))
    price = liquidation_price(position, BRACKETS)
    if price is None:
        assert is_long
        return

    def spare(mark: Decimal) -> Decimal:
        left = position.isolated_wallet + unrealized(position, mark)
        return left - BRACKETS.maintenance(size * mark)

    assert abs(spare(price)) < D("0.000000001")
    inside, beyond = price * D("1.001"), price * D("0.999")
    if not is_long:
        inside, beyond = beyond, inside
    assert spare(inside) > 0 > spare(beyond)


def test_commission_is_rounded_up() -> None:
    assert commission(D(1000), is_maker=False) == D("0.5")
    assert commission(D(1000), is_maker=True) == D("0.2")
    assert commission(D("0.00000001"), is_maker=True) == D("0.00000001")
    assert commission(ZERO, is_maker=False) == ZERO


def test_orders_that_open_need_margin_and_the_larger_side_counts() -> None:
    orders = [order("BUY", 2, 90), order("BUY", 1, 95), order("SELL", 2, 110)]
    assert order_margin(held(0), orders, 10) == D("27.5")
    assert order_margin(held(0), orders[:2], 5) == D(55)
    assert order_margin(held(0), [], 5) == ZERO


def test_what_closes_needs_nothing_the_best_price_first() -> None:
    orders = [order("SELL", 1, 120), order("SELL", 1, 110)]
    assert order_margin(held(1), orders, 10) == D(12)
    assert order_margin(held(2), orders, 10) == ZERO
    assert order_margin(held(-2), orders, 10) == D(23)


def test_reducing_orders_need_nothing_but_use_what_can_be_closed() -> None:
    orders = [order("SELL", 1, 105, reduce_only=True), order("SELL", 1, 110)]
    assert order_margin(held(1), orders, 10) == D(11)
    assert order_margin(held(1), orders[:1], 10) == ZERO
    assert order_margin(held(0, side="LONG"), [order("SELL", 1, 9, position_side="LONG")], 1) == 0
    assert order_margin(held(0, side="LONG"), [order("BUY", 1, 9, position_side="LONG")], 1) == 9


def test_a_part_that_is_filled_needs_nothing_more() -> None:
    partly = order("BUY", 3, 100, executed=D(1))
    assert order_margin(held(0), [partly], 10) == D(20)


def test_figures_add_up_as_the_venue_defines_them() -> None:
    position = held(2, 100, 25)
    figures = position_figures(position, mark=D(95), leverage=10, brackets=BRACKETS)
    assert (figures.notional, figures.unrealized) == (D(190), D(-10))
    assert (figures.initial, figures.maintenance) == (D(19), D("0.95"))
    assert figures.bracket.number == 1
    assert figures.liquidation_price is not None
    assert figures.liquidation_price.quantize(CENT) == D("87.94")
    account = account_figures(D(500), [figures], {("BTCUSDT", "BOTH"): D(30)})
    assert (account.wallet, account.cross_wallet) == (D(500), D(475))
    assert account.margin_balance == D(490)
    assert (account.open_order_initial, account.available) == (D(30), D(445))
    assert account_figures(D(20), [figures], {}).available == ZERO


def test_figures_take_the_tier_of_the_notional() -> None:
    figures = position_figures(held(-1, 70_000), mark=D(70_000), leverage=10, brackets=BRACKETS)
    assert figures.bracket.number == 2
    assert figures.maintenance == D(400)
    assert figures.notional == D(-70_000)
