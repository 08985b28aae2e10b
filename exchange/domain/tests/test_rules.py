from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from exchange.domain.rules import TradingRules

RULES = TradingRules(
    symbol="BTCUSDT",
    base_asset="BTC",
    quote_asset="USDT",
    is_trading=True,
    price_increment=Decimal("0.01"),
    quantity_increment=Decimal("0.00001"),
    min_quantity=Decimal("0.0001"),
    max_quantity=Decimal(9),
    min_notional=Decimal(5),
    max_notional=Decimal(90_000),
)
PRICE = Decimal(50_000)


def violation(quantity: str, price: Decimal = PRICE) -> str | None:
    return RULES.market_order_violation(quantity=Decimal(quantity), price=price)


def test_a_quantity_is_rounded_down_to_the_increment() -> None:
    assert RULES.floor_quantity(Decimal("0.123456789")) == Decimal("0.12345")


def test_rounding_never_gives_more_than_was_asked_even_beyond_28_digits() -> None:
    whole = replace(RULES, quantity_increment=Decimal(1))

    assert whole.floor_quantity(Decimal("0." + "9" * 40)) == 0
    assert whole.floor_quantity(Decimal("9" * 40)) == Decimal("9" * 40)


def test_without_an_increment_a_quantity_stays_as_it_is() -> None:
    free = replace(RULES, quantity_increment=Decimal(0))

    assert free.floor_quantity(Decimal("0.123456789")) == Decimal("0.123456789")


def test_an_order_within_all_limits_is_not_refused() -> None:
    assert violation("0.0001") is None
    assert violation("1.8") is None


@pytest.mark.parametrize(
    ("quantity", "price", "reason"),
    [
        ("0", PRICE, "quantity is zero after rounding to the increment"),
        ("-1", PRICE, "quantity is zero after rounding to the increment"),
        ("0.000101", PRICE, "quantity 0.000101 is no multiple of 0.00001"),
        ("0.00009", PRICE, "quantity 0.00009 is below the minimum 0.0001"),
        ("9.00001", PRICE, "quantity 9.00001 is above the maximum 9"),
        ("0.0001", Decimal("49999.99"), "value 4.999999 is below the minimum 5"),
        ("1.80001", PRICE, "value 90000.50000 is above the maximum 90000"),
    ],
)
def test_an_order_outside_of_a_limit_is_refused_in_plain_words(
    quantity: str, price: Decimal, reason: str
) -> None:
    assert violation(quantity, price) == reason


def test_zero_means_no_upper_limit() -> None:
    free = replace(RULES, max_quantity=Decimal(0), max_notional=Decimal(0))

    assert free.market_order_violation(quantity=Decimal(10**9), price=PRICE) is None
