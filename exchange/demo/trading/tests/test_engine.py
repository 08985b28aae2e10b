from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.demo.accounts import parse_account
from exchange.demo.errors import DemoExchangeError, VenueError
from exchange.demo.market.recording import BUNDLED_DIRECTORY, load_directory
from exchange.demo.market.symbols import symbol_of
from exchange.demo.testing import TEST_ACCOUNT, TEST_KEY
from exchange.demo.times import MINUTE_MS
from exchange.demo.trading.asked import OrderRequest
from exchange.demo.trading.ledger import FEES_UID, MARKET_MAKER_UID, ConservationError
from exchange.demo.trading.orders import Order
from exchange.demo.trading.tests.engine_world import START, World
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


def order(venue: Venue, symbol: str, side: str, **quantities: Decimal) -> OrderRequest:
    return OrderRequest(
        symbol=venue.symbols[symbol],
        side=side,
        type="MARKET",
        quantity=quantities.get("quantity"),
        quote_quantity=quantities.get("quote_quantity"),
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

    asked = order(venue, "BTCUSDT", "BUY", quantity=Decimal("0.01"))
    monkeypatch.setattr(venue.engine.ledger, "add", lose_a_fee)
    with pytest.raises(ConservationError, match=r"made or lost.*BTC"):
        venue.engine.place(uid, asked, at_ms=venue.clock.now_ms())
    assert lost == [Decimal("0.00001")]
    assert venue.engine.ledger.holdings() == before
    assert venue.engine.orders.all_orders() == []
    assert venue.engine.orders.all_fills() == []
    monkeypatch.undo()
    placed = venue.engine.place(uid, asked, at_ms=venue.clock.now_ms())
    assert (placed.order.order_id, placed.fills[0].trade_id) == (1, 1)
    venue.close()


def _owe_the_market_maker(venue: Venue, uid: int) -> None:
    with venue.engine.ledger.booking():
        venue.engine.ledger.add(uid, "ETH", Decimal(-1))
        venue.engine.ledger.add(MARKET_MAKER_UID, "ETH", Decimal(1))


def test_an_account_cannot_be_made_to_owe_anything(config: ExchangeConfig) -> None:
    venue = Venue(config)
    ledger, uid = venue.engine.ledger, venue.accounts[TEST_KEY].uid
    with pytest.raises(ConservationError, match="would hold -1 ETH free"):
        _owe_the_market_maker(venue, uid)
    with pytest.raises(ConservationError, match=r"would hold -2\.0+ BTC free"), ledger.booking():
        ledger.lock(uid, "BTC", Decimal("2.5"))
    with pytest.raises(RuntimeError, match="inside a booking only"):
        ledger.add(uid, "ETH", Decimal(1))
    assert ledger.free(uid, "BTC") == Decimal("0.5")
    venue.close()


def test_a_failed_event_of_the_walk_leaves_everything_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.place("BUY", "LIMIT", 1, price=95)
    before = world.engine.ledger.holdings()
    add = world.engine.ledger.add
    monkeypatch.setattr(
        world.engine.ledger, "add", lambda uid, *rest: None if uid == FEES_UID else add(uid, *rest)
    )
    with pytest.raises(ConservationError):
        world.go(20_000)
    monkeypatch.undo()
    assert (world.engine.ledger.holdings(), world.fills()) == (before, [])
    world.go(1)
    assert [one.at_ms for one in world.fills()] == [START + 9_991]


def test_an_unknown_symbol_gets_increments_from_its_price() -> None:
    recording = load_directory(BUNDLED_DIRECTORY)["ETHUSDT"]
    symbol = symbol_of(replace(recording, symbol="LINKETH"))
    assert (symbol.base, symbol.quote) == ("LINK", "ETH")
    assert (symbol.tick, symbol.step) == (Decimal("0.01"), Decimal("0.001"))
    assert symbol.min_notional == Decimal("0.001")
    with pytest.raises(DemoExchangeError, match="LINKXYZ: its quote asset is none of"):
        symbol_of(replace(recording, symbol="LINKXYZ"))


STOP_LIMIT = ("SELL", "STOP_LOSS_LIMIT", {"stop_price": 95, "price": 95})


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (STOP_LIMIT, [(2, 9_991), (1, 9_992)]),
        (("BUY", "LIMIT", {"price": 95}), [(1, 9_991), (2, 9_991)]),
    ],
)
def test_what_happens_at_one_moment_survives_a_failure_in_between(
    monkeypatch: pytest.MonkeyPatch,
    first: tuple[str, str, dict[str, Any]],
    expected: list[tuple[int, int]],
) -> None:
    def played(*, is_cut: bool) -> list[tuple[int, int]]:
        world = World(spread_bps=Decimal(100))
        side, kind, prices = first
        world.place(side, kind, 1, **prices)
        world.place("BUY", "LIMIT", 2, price=95)
        if is_cut:
            monkeypatch.setattr(world.engine.orders, "save", _failing_for(2, world))
            with pytest.raises(LookupError):
                world.go(20_000)
            monkeypatch.undo()
            assert world.order(1).updated_ms == START + 9_991
            world.engine.advance(world.now)
        else:
            world.go(20_000)
        return [(one.order_id, one.at_ms - START) for one in world.fills()]

    assert played(is_cut=False) == expected
    assert played(is_cut=True) == expected


def _failing_for(order_id: int, world: World) -> Callable[..., None]:
    save = world.engine.orders.save

    def fail(orders: Iterable[Order], *rest: Any) -> None:
        changed = list(orders)
        if any(one.order_id == order_id for one in changed):
            raise LookupError("the disk is gone")
        save(changed, *rest)

    return fail
