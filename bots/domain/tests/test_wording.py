from __future__ import annotations

from decimal import Decimal

import pytest

from bots.domain.wording import distance_percent, indicator_text, money, plain, sentence


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1.500", "1.5"),
        ("1E+3", "1000"),
        ("0.00000001", "0.00000001"),
        ("0.000", "0"),
        ("-2", "-2"),
    ],
)
def test_numbers_are_written_in_full_without_trailing_zeros(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text


def test_indicators_keep_eight_significant_digits() -> None:
    assert indicator_text(103856.123456) == "103856.12"
    assert indicator_text(0.0000123456789) == "0.000012345679"
    assert indicator_text(0.0) == "0"


def test_money_has_cents_unless_it_is_less_than_that() -> None:
    assert money(Decimal("12.345")) == "12.34"
    assert money(Decimal(-20)) == "-20.00"
    assert money(Decimal(0)) == "0.00"
    assert money(Decimal("0.00012")) == "0.00012"


def test_a_distance_is_in_percent_of_the_price() -> None:
    assert distance_percent(price=Decimal(200), level=Decimal(198)) == "1.0 %"
    assert distance_percent(price=Decimal(200), level=Decimal(204)) == "2.0 %"


def test_a_sentence_starts_with_a_capital_letter_and_ends_with_a_full_stop() -> None:
    assert sentence("holds: stop 2.0 % away") == "Holds: stop 2.0 % away."
