"""Which trades prove why a position is smaller than the books."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.domain.foreign import ForeignOrder, explains, is_forced
from exchange.domain.reports import TradeReport
from exchange.domain.types import Side

AT = datetime(2026, 1, 1, tzinfo=UTC)


def order(side: Side, *quantities: str | Decimal) -> ForeignOrder:
    trades = tuple(
        TradeReport(
            trade_id=str(number),
            price=Decimal(100),
            quantity=Decimal(quantity),
            quote_quantity=100 * Decimal(quantity),
            commission=Decimal(0),
            commission_asset="USDT",
            market_time=AT,
        )
        for number, quantity in enumerate(quantities)
    )
    return ForeignOrder(venue_order_id="1", client_order_id="web_1", side=side, trades=trades)


@pytest.mark.parametrize(
    ("name", "forced"),
    [
        ("autoclose-1760000000000", True),
        ("adl_autoclose", True),
        ("settlement_autoclose-1", True),
        ("delivery_autoclose-1", True),
        ("web_autoclose-1", False),
        ("tb4f2a-1t-1-x1", False),
    ],
)
def test_the_venues_own_orders_are_known_by_their_names(name: str, *, forced: bool) -> None:
    assert is_forced(name) is forced


@pytest.mark.parametrize(
    ("held", "difference", "orders", "is_proof"),
    [
        ("2", "-2", [order(Side.SELL, "1.5", "0.5")], True),
        ("2", "-2", [order(Side.SELL, "1"), order(Side.SELL, "1")], True),
        ("-2", "1", [order(Side.BUY, "1")], True),
        ("2", "-2", [], False),
        ("0", "-1", [order(Side.SELL, "1")], False),  # nothing that could have been closed
        ("2", "-2", [order(Side.SELL, "1")], False),  # does not add up
        ("2", "1", [order(Side.BUY, "1")], False),  # enlarges
        ("2", "-3", [order(Side.SELL, "3")], False),  # turns
        ("2", "-1", [order(Side.SELL, "2"), order(Side.BUY, "1")], False),  # partly enlarges
    ],
)
def test_trades_prove_only_what_they_add_up_to_and_only_a_smaller_position(
    held: str, difference: str, orders: list[ForeignOrder], *, is_proof: bool
) -> None:
    assert explains(orders, held=Decimal(held), difference=Decimal(difference)) is is_proof


amounts = st.decimals(min_value="0.001", max_value="10", places=3)


@given(
    held=st.one_of(amounts, amounts.map(lambda amount: -amount)),
    orders=st.lists(
        st.builds(order, st.sampled_from(Side), amounts),
        max_size=4,
    ),
)
def test_what_is_proven_never_leaves_a_larger_or_a_turned_position(
    held: Decimal, orders: list[ForeignOrder]
) -> None:
    difference = sum((each.signed_quantity for each in orders), Decimal(0))
    if explains(orders, held=held, difference=difference):
        left = held + difference
        assert abs(left) < abs(held)
        assert left * held >= 0
