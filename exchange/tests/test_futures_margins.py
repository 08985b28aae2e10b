"""Two computations of margins that know nothing of each other, the gateway's and the exchange's.

A third one, a search by halving over fractions, says which is right where they would differ.
"""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.demo.amounts import round_up, text
from exchange.demo.futures import margin as of_exchange
from exchange.demo.futures.values import Position
from exchange.demo.market.brackets import BRACKETS_FILE, Brackets, brackets_of
from exchange.domain import margin as of_gateway

SYMBOLS: Final = sorted(json.loads(BRACKETS_FILE.read_text(encoding="ascii"))["brackets"])
NEARLY: Final = Fraction(1, 10**15)

symbols = st.sampled_from(SYMBOLS)
amounts = st.decimals("0.001", "50000", places=3)
entries = st.decimals("0.01", "200000", places=2)
leverages = st.integers(1, 125)
extras = st.decimals("0", "100000", places=2)


def tiers(symbol: str) -> of_gateway.LeverageBrackets:
    """Return the exchange's tiers as the gateway has them."""
    return of_gateway.LeverageBrackets(
        symbol=symbol,
        brackets=tuple(
            of_gateway.LeverageBracket(
                floor=row.floor,
                cap=row.cap,
                max_leverage=row.max_leverage,
                maintenance_rate=row.rate,
                maintenance_amount=row.amount,
            )
            for row in brackets_of(symbol).rows
        ),
    )


@given(symbol=symbols, notional=st.decimals("0", "3000000000", places=4))
def test_both_ask_for_the_same_maintenance_margin(symbol: str, notional: Decimal) -> None:
    assert tiers(symbol).maintenance_margin(notional) == brackets_of(symbol).maintenance(notional)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_both_end_a_tier_with_its_cap(symbol: str) -> None:
    ours, theirs = tiers(symbol), brackets_of(symbol)

    for row in theirs.rows:
        for notional in (row.cap, row.cap + Decimal("0.00000001"), row.floor):
            assert ours.maintenance_margin(notional) == theirs.maintenance(notional)
            assert ours.of(notional).max_leverage == theirs.of(notional).max_leverage
    for leverage in range(1, theirs.max_leverage + 1):
        assert ours.max_notional(leverage) == theirs.max_notional(leverage)
    assert ours.max_notional(theirs.max_leverage + 1) == 0


@given(amount=amounts, entry=entries, leverage=leverages)
def test_both_ask_for_the_same_initial_margin(
    amount: Decimal, entry: Decimal, leverage: int
) -> None:
    notional = amount * entry

    ours = of_gateway.initial_margin(notional, leverage)

    assert round_up(ours) == of_exchange.initial_margin(notional, leverage)


@given(
    symbol=symbols,
    amount=amounts,
    sign=st.sampled_from([1, -1]),
    entry=entries,
    leverage=leverages,
    extra=extras,
)
def test_both_liquidate_at_the_price_that_a_search_finds(
    symbol: str, amount: Decimal, sign: int, entry: Decimal, leverage: int, extra: Decimal
) -> None:
    quantity = sign * amount
    wallet = of_gateway.initial_margin(amount * entry, leverage) + extra
    position = Position(
        uid=1, symbol=symbol, amount=quantity, cost=quantity * entry, isolated_wallet=wallet
    )

    ours = of_gateway.liquidation_price(quantity, entry, wallet, tiers(symbol))
    theirs = of_exchange.liquidation_price(position, brackets_of(symbol))
    found = searched(position, brackets_of(symbol))

    assert (ours is None) is (theirs is None) is (found is None)
    if ours is not None and theirs is not None and found is not None:
        assert text(ours) == text(theirs)  # as the venue writes it, to the last digit
        assert abs(Fraction(ours) - found) <= NEARLY * max(found, Fraction(1))


def searched(position: Position, brackets: Brackets) -> Fraction | None:
    """Return the price at which nothing is left beyond the maintenance margin, by halving."""

    def left(price: Fraction) -> Fraction:
        notional = abs(Fraction(position.amount)) * price
        row = next((one for one in brackets.rows if notional <= one.cap), brackets.rows[-1])
        needed = notional * Fraction(row.rate) - Fraction(row.amount)
        result = Fraction(position.amount) * price - Fraction(position.cost)
        return Fraction(position.isolated_wallet) + result - needed

    is_long = position.amount > 0
    if left(Fraction(0)) >= 0 if is_long else left(Fraction(0)) <= 0:
        return None
    low, high = Fraction(0), Fraction(1)
    while (left(high) <= 0) is is_long:
        high *= 2
    while high - low > NEARLY / 4:
        middle = Fraction(round((low + high) / 2 * 2**80), 2**80)
        if (left(middle) <= 0) is is_long:
            low = middle
        else:
            high = middle
    return low
