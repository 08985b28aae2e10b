from __future__ import annotations

import pytest

from bots.domain.residue import is_residue
from bots.domain.tests.builders import RULES, D, rules
from exchange.domain.types import Market


@pytest.mark.parametrize(
    ("quantity", "price", "expected"),
    [
        ("0.00005", "100000", False),  # 5 USDT, which is what an order must be worth
        ("0.00004", "100000", True),
        ("0.000049", "102040", True),  # worth 5.0 with the part below the increment, 4.08 without
        ("0.000009", "100000", False),  # dust
        ("0", "100000", False),
    ],
)
def test_a_residue_is_more_than_dust_and_less_than_can_be_sold(
    quantity: str, price: str, *, expected: bool
) -> None:
    assert is_residue(D(quantity), D(price), RULES) is expected


def test_less_than_the_smallest_quantity_is_a_residue_whatever_it_is_worth() -> None:
    strict = rules(min_quantity=D("0.001"))
    assert is_residue(D("0.0009"), D(100000), strict)
    assert not is_residue(D("0.001"), D(100000), strict)


def test_futures_leave_no_residue_because_any_rest_can_be_closed() -> None:
    assert not is_residue(D("0.00004"), D(100000), rules(market=Market.FUTURES))
