from __future__ import annotations

import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.demo.accounts import parse_account
from exchange.demo.book import Book
from exchange.demo.engine import MarketOrder
from exchange.demo.errors import DemoExchangeError, VenueError
from exchange.demo.ledger import FEES_UID, MARKET_MAKER_UID, ConservationError
from exchange.demo.recording import BUNDLED_DIRECTORY, load_directory
from exchange.demo.symbols import symbol_of
from exchange.demo.testing import TEST_ACCOUNT, TEST_KEY
from exchange.demo.times import MINUTE_MS
from exchange.demo.venue import ExchangeConfig, Venue

ORDERS = st.lists(
    st.tuples(
        st.sampled_from(["BTCUSDT", "ETHUSDT"]),
        st.sampled_from(["BUY", "SELL"]),
        st.booleans(),
        st.decimals("0.0001", "3", places=4),
        st.integers(0, 1_000),
    ),
    min_size=1,
    max_size=12,
)


@pytest.fixture(scope="module")
def config(short_recordings: Path) -> ExchangeConfig:
    accounts = [parse_account(TEST_ACCOUNT)]
    return ExchangeConfig(market_data=short_recordings, accounts=accounts, is_paused=True)


def order(venue: Venue, symbol: str, side: str, **quantities: Decimal | None) -> MarketOrder:
    return MarketOrder(
        symbol=venue.symbols[symbol],
        side=side,
        quantity=quantities.get("quantity"),
        quote_quantity=quantities.get("quote_quantity"),
        client_order_id=None,
        prevention_mode="NONE",
    )


@settings(max_examples=40, deadline=None)
@given(orders=ORDERS)
def test_random_orders_conserve_every_asset_and_leave_nobody_in_debt(
    config: ExchangeConfig, orders: list[tuple[str, str, bool, Decimal, int]]
) -> None:
    venue = Venue(config)
    uid, accepted = venue.accounts[TEST_KEY].uid, 0
    for symbol, side, by_value, size, minutes in orders:
        quantities = {"quote_quantity": size * 1_000} if by_value else {"quantity": size}
        asked = order(venue, symbol, side, **quantities)
        at_ms = venue.clock.now_ms() + minutes * MINUTE_MS
        try:
            placed, fills = venue.engine.place(uid, asked, at_ms=at_ms)
        except VenueError:
            continue
        accepted += 1
        assert sum(fill.quantity for fill in fills) == placed.executed
        assert sum(fill.quote_quantity for fill in fills) == placed.executed_quote
        assert len(fills) <= 10
    assert not any(venue.engine.ledger.differences().values())
    for holding in venue.engine.ledger.holdings():
        assert holding.free >= 0 or holding.uid == MARKET_MAKER_UID
    assert len(venue.engine.orders.all_orders()) == accepted
    venue.close()


def test_an_order_that_cannot_be_booked_leaves_no_trace(
    config: ExchangeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue = Venue(config)
    uid, before = venue.accounts[TEST_KEY].uid, venue.engine.ledger.holdings()
    add, lost = venue.engine.ledger.add, []

    def lose_a_fee(account: int, asset: str, amount: Decimal) -> None:
        if account == FEES_UID:
            lost.append(amount)
        else:
            add(account, asset, amount)

    monkeypatch.setattr(venue.engine.ledger, "add", lose_a_fee)
    with pytest.raises(ConservationError, match="BTC"):
        venue.engine.place(
            uid,
            order(venue, "BTCUSDT", "BUY", quantity=Decimal("0.01")),
            at_ms=venue.clock.now_ms(),
        )
    assert lost == [Decimal("0.00001")]
    assert venue.engine.ledger.holdings() == before
    assert venue.engine.orders.all_orders() == []
    assert venue.engine.orders.all_fills() == []
    venue.close()


def test_an_account_cannot_be_made_to_owe_anything(config: ExchangeConfig) -> None:
    venue = Venue(config)
    uid = venue.accounts[TEST_KEY].uid
    with pytest.raises(ConservationError, match="would hold -1 ETH"), venue.state.transaction():
        venue.engine.ledger.add(uid, "ETH", Decimal(-1))
    venue.close()


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
    config: ExchangeConfig, last: str, spread: str, bid: str, ask: str
) -> None:
    venue = Venue(config)
    book = Book(
        symbol=venue.symbols["BTCUSDT"],
        last=Decimal(last),
        volume=Decimal(10),
        spread_bps=Decimal(spread),
    )
    assert (book.bid, book.ask) == (Decimal(bid), Decimal(ask))
    venue.close()


def test_a_quiet_minute_still_fills_a_large_order_in_ten_steps(config: ExchangeConfig) -> None:
    venue = Venue(config)
    symbol = venue.symbols["BTCUSDT"]
    book = Book(symbol=symbol, last=Decimal(100), volume=Decimal(0), spread_bps=Decimal(0))
    fills = book.fills(Decimal(5), is_buy=True)
    assert len(fills) == 10
    assert sum(fill.quantity for fill in fills) == 5
    assert fills[-1].price == Decimal("100.09")
    venue.close()


def test_an_unknown_symbol_gets_increments_from_its_price() -> None:
    recording = load_directory(BUNDLED_DIRECTORY)["ETHUSDT"]
    symbol = symbol_of(replace(recording, symbol="LINKETH"))
    assert (symbol.base, symbol.quote) == ("LINK", "ETH")
    assert (symbol.tick, symbol.step) == (Decimal("0.01"), Decimal("0.001"))
    with pytest.raises(DemoExchangeError, match="LINKXYZ: its quote asset is none of"):
        symbol_of(replace(recording, symbol="LINKXYZ"))


def test_an_order_is_filled_and_on_disk_within_milliseconds(
    config: ExchangeConfig, tmp_path: Path
) -> None:
    stored = ExchangeConfig(
        market_data=config.market_data, accounts=config.accounts, state_dir=tmp_path
    )
    venue = Venue(stored)
    uid = venue.accounts[TEST_KEY].uid
    asked = order(venue, "BTCUSDT", "BUY", quantity=Decimal("0.0005"))
    started = time.perf_counter()
    for _ in range(20):
        venue.engine.place(uid, asked, at_ms=venue.clock.now_ms())
    assert (time.perf_counter() - started) / 20 < 0.1
    venue.close()
