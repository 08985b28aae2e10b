from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.demo.market.symbols import Symbol
from exchange.demo.trading.book import MAXIMUM_FILLS, Book
from exchange.demo.trading.tests.engine_world import D

SYMBOL = Symbol(
    name="BTCUSDT",
    base="BTC",
    quote="USDT",
    tick=D("0.01"),
    step=D("0.00001"),
    max_market_quantity=D("146.30917125"),
)


def book_of(last: Any, spread: Any = 0, volume: Any = 0, slippage: Any = 0) -> Book:
    return Book(
        symbol=SYMBOL,
        last=D(last),
        volume=D(volume),
        spread_bps=D(spread),
        slippage_bps=D(slippage),
    )


@pytest.mark.parametrize(
    ("last", "spread", "bid", "ask"),
    [
        ("100000", "1", "99995", "100005"),
        ("100000.01", "1", "99995.00", "100005.02"),
        ("100000", "0", "100000", "100000"),
        ("0.01", "1000", "0.01", "0.02"),
    ],
)
def test_bid_and_ask_are_rounded_against_the_taker(
    last: str, spread: str, bid: str, ask: str
) -> None:
    book = book_of(last, spread)
    assert (book.bid, book.ask) == (D(bid), D(ask))


def test_a_quiet_minute_still_fills_a_large_order_in_ten_steps() -> None:
    fills = book_of(100).fills(D(5), is_buy=True)
    assert len(fills) == 10
    assert sum(fill.quantity for fill in fills) == 5
    assert fills[-1].price == D("100.09")


def test_slippage_of_less_than_a_tick_is_a_tick() -> None:
    prices = [one.price for one in book_of(100, slippage="0.1").fills(D(5), is_buy=False)]
    assert prices[:3] == [D(100), D("99.99"), D("99.98")]


def test_slippage_makes_every_level_worse_for_both_sides() -> None:
    book = book_of(1000, slippage=5)
    assert [one.price for one in book.fills(D(5), is_buy=True)][1] == D("1000.50")
    assert [one.price for one in book.fills(D(5), is_buy=False)][1] == D("999.50")


def test_a_limit_ends_the_levels() -> None:
    book = book_of(100)
    assert [one.price for one in book.fills(D(5), is_buy=True, limit=D("100.01"))] == [
        D(100),
        D("100.01"),
    ]
    assert book.fills(D(5), is_buy=True, limit=D("99.99")) == []
    assert book.fills(D(5), is_buy=False, limit=D("100.01")) == []


@pytest.mark.parametrize(("volume", "depth"), [(0, "14.6309"), (50, "50")])
def test_the_levels_hold_the_minute_or_a_tenth_of_the_largest_order(
    volume: int, depth: str
) -> None:
    fills = book_of(100, volume=volume).fills(D(140), is_buy=True)
    assert sum(fill.quantity for fill in fills) == D(depth)


def test_a_limit_crosses_when_it_reaches_the_other_side() -> None:
    book = book_of(100, spread=20)
    assert book.crosses(D("100.1"), is_buy=True)
    assert not book.crosses(D("100.09"), is_buy=True)
    assert book.crosses(D("99.9"), is_buy=False)
    assert not book.crosses(D("99.91"), is_buy=False)


@settings(max_examples=100, deadline=None)
@given(
    quantity=st.decimals("0.00001", "146", places=5),
    volume=st.integers(0, 1000),
    is_buy=st.booleans(),
)
def test_fills_never_exceed_the_order_and_get_worse(
    quantity: Decimal,
    volume: int,
    is_buy: bool,  # noqa: FBT001
) -> None:
    book = book_of(100, 1, volume)
    fills = book.fills(quantity, is_buy=is_buy)
    assert 0 < sum(fill.quantity for fill in fills) <= quantity
    assert len(fills) <= MAXIMUM_FILLS
    assert all(fill.quantity > 0 and fill.quantity % SYMBOL.step == 0 for fill in fills)
    prices = [fill.price for fill in fills]
    assert prices == sorted(set(prices), reverse=not is_buy)


@settings(max_examples=100, deadline=None)
@given(worth=st.decimals("5", "100000", places=8), is_buy=st.booleans())
def test_an_order_by_worth_is_never_worth_more(
    worth: Decimal,
    is_buy: bool,  # noqa: FBT001
) -> None:
    fills = book_of(100, 1, 10).fills_worth(worth, is_buy=is_buy)
    spent = sum((fill.quote_quantity for fill in fills), Decimal(0))
    # What is left does not buy another increment, or the book is empty.
    assert worth - D("0.00101") < spent <= worth or sum(one.quantity for one in fills) >= 10
