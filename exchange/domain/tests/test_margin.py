from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from exchange.domain.margin import (
    LeverageBracket,
    LeverageBrackets,
    initial_margin,
    liquidation_price,
)
from exchange.domain.tests.tiers import BTC_2021, BTC_2024, ETH_2021, tiers

ONE_TIER = tiers("XUSDT", (0, 1_000, 20, "0.1", 0))
NEARLY = Decimal("1e-20")

sizes = st.decimals("0.001", "20000", places=3)
prices = st.decimals("1", "200000", places=2)
leverages = st.integers(1, 125)


def equity(quantity: Decimal, entry: Decimal, wallet: Decimal, price: Decimal) -> Decimal:
    return wallet + quantity * (price - entry)


@pytest.mark.parametrize(
    ("notional", "margin"),
    [
        # "How to calculate the liquidation price of USDⓈ-M futures contracts" (support page): of
        # 500,000 USDT the rate is 1 % and the amount 1,300.
        ("500000", "3700"),
        ("264000", "1340"),
        ("0", "0"),
        ("50000", "200"),
        ("250000", "1200"),
        ("250000.01", "1200.0001"),
    ],
)
def test_maintenance_margin_is_that_of_the_support_page(notional: str, margin: str) -> None:
    assert BTC_2021.maintenance_margin(Decimal(notional)) == Decimal(margin)
    assert BTC_2021.maintenance_margin(-Decimal(notional)) == Decimal(margin)


@pytest.mark.parametrize("brackets", [BTC_2021, ETH_2021, BTC_2024])
def test_the_venues_amounts_follow_its_formula_without_a_step(brackets: LeverageBrackets) -> None:
    """Amount of a tier = its floor x (its rate - the last one's) + the last one's amount."""
    for lower, upper in pairwise(brackets.brackets):
        step = upper.floor * (upper.maintenance_rate - lower.maintenance_rate)
        assert upper.maintenance_amount == step + lower.maintenance_amount
        assert lower.maintenance_margin(lower.cap) == upper.maintenance_margin(upper.floor)


@pytest.mark.parametrize(
    ("brackets", "quantity", "entry", "expected"),
    [
        # The example of the same page with two contracts in cross margin, counted as isolated by
        # test_liquidation_price_binance (tests/exchange/test_binance.py of freqtrade at
        # c9ae5e1e9ff25bb55dd61f5e5519f7c479291edb): wallet 1,535,443.01.
        (ETH_2021, "3683.979", "1456.84", "1114.78"),
        (BTC_2021, "109.488", "32481.98", "18778.73"),
    ],
)
def test_liquidation_prices_are_those_that_were_published(
    brackets: LeverageBrackets, quantity: str, entry: str, expected: str
) -> None:
    price = liquidation_price(Decimal(quantity), Decimal(entry), Decimal("1535443.01"), brackets)

    assert price is not None
    assert round(price, 2) == Decimal(expected)


# quantity, entry, isolated wallet, price as an exact fraction, worked out by hand from the formula
# (wallet + amount - side x size x entry) / (size x rate - side x size)
BY_HAND = [
    # 10 x long of 10,000: tier of 0.4 % at the liquidation price
    ("0.1", "100000", "1000", Decimal(-9000) / Decimal("-0.0996")),
    # 10 x short of 10,000
    ("-0.1", "100000", "1000", Decimal(11000) / Decimal("0.1004")),
    # a long of 60,000 at 10 x is liquidated in the second tier (0.5 %, 50) that it was opened in
    ("1", "60000", "6000", Decimal(-53950) / Decimal("-0.995")),
    # a long of 52,000 at 20 x leaves the second tier on its way: 49,598 is the first
    ("1", "52000", "2600", Decimal(-49400) / Decimal("-0.996")),
    # a short of 49,000 at 20 x grows into the second tier
    ("-1", "49000", "2450", Decimal(51500) / Decimal("1.005")),
]


@pytest.mark.parametrize(("quantity", "entry", "wallet", "expected"), BY_HAND)
def test_the_tier_at_the_liquidation_price_is_the_one_that_counts(
    quantity: str, entry: str, wallet: str, expected: Decimal
) -> None:
    price = liquidation_price(Decimal(quantity), Decimal(entry), Decimal(wallet), BTC_2024)

    assert price is not None
    assert abs(price - expected) < Decimal("1e-15")


@pytest.mark.parametrize(
    ("quantity", "wallet"),
    [
        ("0", "1000"),
        ("1", "100"),  # paid in full
        ("1", "100.5"),
        ("-1", "-100"),  # nothing is left at any price
        ("-1", "-200"),
    ],
)
def test_what_no_price_liquidates_has_no_liquidation_price(quantity: str, wallet: str) -> None:
    assert liquidation_price(Decimal(quantity), Decimal(100), Decimal(wallet), ONE_TIER) is None


def test_a_position_beyond_the_last_tier_is_reckoned_by_it() -> None:
    assert ONE_TIER.of(Decimal(5_000)) is ONE_TIER.brackets[-1]
    assert ONE_TIER.maintenance_margin(Decimal(5_000)) == 500
    assert liquidation_price(Decimal(-10), Decimal(500), Decimal(500), ONE_TIER) == 500
    assert liquidation_price(Decimal(10), Decimal(500), Decimal(500), ONE_TIER) == 500


@given(size=sizes, entry=prices, leverage=leverages, is_long=st.booleans(), extra=sizes)
def test_at_the_liquidation_price_the_margin_is_the_maintenance_margin(
    size: Decimal,
    entry: Decimal,
    leverage: int,
    is_long: bool,  # noqa: FBT001
    extra: Decimal,
) -> None:
    quantity = size if is_long else -size
    wallet = initial_margin(size * entry, leverage) + extra
    price = liquidation_price(quantity, entry, wallet, BTC_2024)
    if price is None:
        assert is_long
        assert wallet >= size * entry
        return

    margin, needed = (
        equity(quantity, entry, wallet, price),
        BTC_2024.maintenance_margin(quantity * price),
    )
    assert price > 0
    assert abs(margin - needed) <= NEARLY * max(abs(margin), size * price, Decimal(1))
    # One side of it is safe, the other is not: there is no other such price.
    for factor, is_safe in ((Decimal("1.001"), is_long), (Decimal("0.999"), not is_long)):
        there = price * factor
        left = equity(quantity, entry, wallet, there) - BTC_2024.maintenance_margin(size * there)
        assert (left > 0) is is_safe


@given(size=sizes, entry=prices, leverage=leverages, extra=st.decimals("0.01", "1000", places=2))
def test_more_margin_moves_the_liquidation_price_away(
    size: Decimal, entry: Decimal, leverage: int, extra: Decimal
) -> None:
    wallet = initial_margin(size * entry, leverage)
    for quantity in (size, -size):
        near = liquidation_price(quantity, entry, wallet, BTC_2024)
        far = liquidation_price(quantity, entry, wallet + extra, BTC_2024)
        if quantity < 0:
            assert near is not None
            assert far is not None
            assert far > near
        elif near is not None:
            assert far is None or far < near


@given(border=st.sampled_from(BTC_2024.brackets[:-1]), size=sizes, is_long=st.booleans())
def test_liquidation_prices_are_continuous_where_tiers_meet(
    border: LeverageBracket,
    size: Decimal,
    is_long: bool,  # noqa: FBT001
) -> None:
    """Of a position whose liquidation lies on a border, a bit of margin moves it a bit."""
    quantity = size if is_long else -size
    price = border.cap / size
    entry = round(price * (Decimal("1.05") if is_long else Decimal("0.95")), 2)
    assume(entry > 0)
    wallet = border.maintenance_margin(border.cap) - quantity * (price - entry)
    step = border.cap * Decimal("1e-9")

    found = [
        liquidation_price(quantity, entry, wallet + change, BTC_2024)
        for change in (-step, Decimal(0), step)
    ]

    for one in found:
        assert one is not None
        assert abs(one - price) < price * Decimal("1e-8")


@given(notional=st.decimals("0", "2000000000", places=2), more=st.decimals("0.01", "1e6", places=2))
def test_more_notional_never_needs_less_margin_nor_allows_more_leverage(
    notional: Decimal, more: Decimal
) -> None:
    larger = notional + more
    assert BTC_2024.maintenance_margin(larger) > BTC_2024.maintenance_margin(notional)
    assert BTC_2024.max_leverage(larger) <= BTC_2024.max_leverage(notional)
    assert BTC_2024.maintenance_margin(notional) < notional or not notional


@pytest.mark.parametrize(
    ("quantity", "entry", "wallet", "expected"),
    [
        ("1", "5500", "750", Decimal(4750) / Decimal("0.99")),
        ("1", "5100", "140", Decimal(5000)),
        ("1", "6000", "700", Decimal(5225) / Decimal("0.98")),
        ("-1", "4900", "160", Decimal(5135) / Decimal("1.02")),
        ("-1", "4900", "100", Decimal(5000) / Decimal("1.01")),
    ],
)
def test_where_amounts_leave_a_step_the_nearest_price_counts(
    quantity: str, entry: str, wallet: str, expected: Decimal
) -> None:
    """At 5,000 these tiers need 50 below and 25 above, as some that were published did."""
    stepped = tiers("AAVEUSDT", (0, 5_000, 50, "0.01", 0), (5_000, 25_000, 25, "0.02", 75))

    price = liquidation_price(Decimal(quantity), Decimal(entry), Decimal(wallet), stepped)

    assert price is not None
    assert abs(price - expected) < Decimal("1e-15")


@pytest.mark.parametrize(
    ("wallet", "expected"),
    [
        ("140", Decimal(5040) / Decimal("1.01")),
        ("150.01", Decimal(5000)),
        ("175", Decimal(5000)),
        ("200", Decimal(5000)),
        ("210", Decimal(5110) / Decimal("1.02")),
    ],
)
def test_a_short_position_that_grows_into_a_tier_that_asks_for_more_ends_at_its_floor(
    wallet: str, expected: Decimal
) -> None:
    """At 5,000 these tiers need 50 below and 100 above."""
    stepped = tiers("XUSDT", (0, 5_000, 50, "0.01", 0), (5_000, 25_000, 25, "0.02", 0))

    price = liquidation_price(Decimal(-1), Decimal(4900), Decimal(wallet), stepped)

    assert price is not None
    assert abs(price - expected) < Decimal("1e-15")


@pytest.mark.parametrize(
    ("notional", "leverage"),
    [("0", 125), ("50000", 125), ("50000.01", 100), ("1800000000", 1), ("1800000000.01", 0)],
)
def test_a_tier_ends_with_its_cap(notional: str, leverage: int) -> None:
    assert BTC_2024.max_leverage(Decimal(notional)) == leverage
    assert BTC_2024.max_leverage(-Decimal(notional)) == leverage


@pytest.mark.parametrize(
    ("leverage", "notional"),
    [(126, 0), (125, 50_000), (101, 50_000), (100, 600_000), (50, 12_000_000)],
)
def test_a_leverage_has_a_largest_position(leverage: int, notional: int) -> None:
    assert BTC_2024.max_notional(leverage) == notional


def test_what_a_position_takes_is_its_notional_by_leverage() -> None:
    assert initial_margin(Decimal(1000), 8) == 125
    assert initial_margin(Decimal(-1000), 8) == 125
    with pytest.raises(ValueError, match="leverage must be at least 1, not 0"):
        initial_margin(Decimal(1000), 0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"floor": Decimal(-1)}, "floor -1 and cap 1000 enclose no notional"),
        ({"cap": Decimal(0)}, "floor 0 and cap 0 enclose no notional"),
        ({"max_leverage": 0}, "max_leverage must be at least 1, not 0"),
        ({"maintenance_rate": Decimal(1)}, "maintenance_rate must lie between 0 and 1, not 1"),
        ({"maintenance_rate": Decimal(0)}, "maintenance_rate must lie between 0 and 1, not 0"),
        ({"maintenance_amount": Decimal("Infinity")}, "maintenance_amount is no amount"),
    ],
)
def test_a_tier_that_makes_no_sense_is_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(ONE_TIER.brackets[0], **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "XUSDT has no brackets"),
        ([(5, 10, 20, "0.01", 0)], "the brackets of XUSDT do not begin at zero"),
        (
            [(0, 10, 20, "0.01", 0), (11, 20, 10, "0.02", 0)],
            "the brackets of XUSDT break off at 10",
        ),
        ([(0, 10, 20, "0.01", 0), (10, 20, 25, "0.02", 0)], "max_leverage of XUSDT rises at 10"),
        (
            [(0, 10, 20, "0.02", 0), (10, 20, 10, "0.01", 0)],
            "maintenance_rate of XUSDT falls at 10",
        ),
    ],
)
def test_tiers_that_do_not_follow_each_other_are_refused(
    rows: list[tuple[int, int, int, str, int]], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        tiers("XUSDT", *rows)
