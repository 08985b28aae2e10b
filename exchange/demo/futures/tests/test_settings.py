"""Leverage, margin type, position mode, the margin of a position, and transfers."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from exchange.demo.amounts import ZERO
from exchange.demo.errors import VenueError
from exchange.demo.futures.tests.futures_world import BTC, FuturesWorld
from exchange.demo.futures.tests.test_placing import flat_world, refusal
from exchange.demo.futures.values import SymbolSettings, Transfer
from exchange.demo.trading.ledger import (
    FEES_UID,
    FUNDING_UID,
    INSURANCE_UID,
    MARKET_MAKER_UID,
    ConservationError,
)
from exchange.demo.trading.tests.engine_world import D

WALL = 1_700_000_000_000


def lever(world: FuturesWorld, leverage: int) -> tuple[int, object]:
    return world.engine.set_leverage(world.uid, BTC, leverage, at_ms=world.now)


def test_a_new_account_is_crossed_at_twenty_times() -> None:
    world = flat_world(leverage=None)
    assert world.books.settings(world.uid, BTC) == SymbolSettings(uid=world.uid, symbol=BTC)
    assert lever(world, 7) == (7, D(600_000))
    settings = world.books.settings(world.uid, BTC)
    assert (settings.leverage, settings.margin_type) == (7, "CROSSED")


def test_leverage_keeps_within_the_brackets() -> None:
    world = flat_world()
    assert lever(world, 100) == (100, D(60_000))
    assert lever(world, 20) == (20, D(600_000))
    for wrong in (0, -1, 101, 126):
        with pytest.raises(VenueError, match=f"Leverage {wrong} is not valid") as error:
            lever(world, wrong)
        assert error.value.code == -4028
    assert world.books.settings(world.uid, BTC).leverage == 20


def test_with_a_position_leverage_only_rises_as_far_as_its_notional_allows() -> None:
    world = flat_world(1_000_000, volume=10_000_000)
    world.buy(700)
    margin = world.position().isolated_wallet
    assert refusal(lambda: lever(world, 9)) == -4161
    assert refusal(lambda: lever(world, 21)) == -2027
    assert lever(world, 20) == (20, D(600_000))
    assert world.position().isolated_wallet == margin


def test_open_orders_must_be_backed_at_the_new_leverage() -> None:
    world = flat_world(100)
    world.place("BUY", "LIMIT", 5, price=90)
    assert refusal(lambda: lever(world, 4)) == -2028
    assert world.available == D(55)
    lever(world, 5)
    assert world.available == D(10)


def test_the_margin_type_changes_while_the_symbol_is_idle() -> None:
    world = flat_world()

    def change(margin_type: str) -> None:
        world.engine.set_margin_type(world.uid, BTC, margin_type, at_ms=world.now)

    assert refusal(lambda: change("ISOLATED")) == -4046
    order = world.place("BUY", "LIMIT", 1, price=90).order
    assert refusal(lambda: change("CROSSED")) == -4047
    world.engine.cancel(world.uid, BTC, order_id=order.order_id, at_ms=world.now)
    world.buy(1)
    assert refusal(lambda: change("CROSSED")) == -4048
    world.sell(1)
    change("CROSSED")
    assert world.books.settings(world.uid, BTC).margin_type == "CROSSED"


def test_the_position_mode_changes_while_the_account_is_idle() -> None:
    world = flat_world()

    def hedge(*, is_on: bool) -> None:
        world.engine.set_hedge_mode(world.uid, is_on, at_ms=world.now)

    assert refusal(lambda: hedge(is_on=False)) == -4059
    order = world.place("BUY", "LIMIT", 1, price=90).order
    assert refusal(lambda: hedge(is_on=True)) == -4067
    world.engine.cancel(world.uid, BTC, order_id=order.order_id, at_ms=world.now)
    world.buy(1)
    assert refusal(lambda: hedge(is_on=True)) == -4068
    world.sell(1)
    hedge(is_on=True)
    assert world.books.is_hedge_mode(world.uid)
    assert refusal(lambda: hedge(is_on=True)) == -4059
    hedge(is_on=False)
    assert not world.books.is_hedge_mode(world.uid)


def test_settings_survive_a_restart(tmp_path: Path) -> None:
    world = FuturesWorld(directory=tmp_path)
    world.engine.set_hedge_mode(world.uid, is_on=True, at_ms=world.now)
    lever(world, 13)
    world.reopen(tmp_path)
    settings = world.books.settings(world.uid, BTC)
    assert (settings.leverage, settings.margin_type) == (13, "ISOLATED")
    assert world.books.is_hedge_mode(world.uid)
    world.state.close()


def test_margin_can_be_added_and_what_is_spare_removed() -> None:
    world = flat_world(20)

    def change(amount: str) -> object:
        return world.engine.change_margin(world.uid, BTC, "BOTH", D(amount), at_ms=world.now)

    assert refusal(lambda: change("1")) == -4054
    world.buy(1)
    assert refusal(lambda: change("9.96")) == -4050
    change("5")
    assert (world.position().isolated_wallet, world.available) == (D(15), D("4.95"))
    assert world.wallet == D("19.95")
    assert refusal(lambda: change("-5.01")) == -4051
    world.steer(98)
    # Initial margin 9.8 at the mark, a loss of 2: 3.2 are spare.
    assert refusal(lambda: change("-3.21")) == -4051
    change("-3.2")
    assert world.position().isolated_wallet == D("11.8")
    assert world.is_sound()


def test_a_crossed_symbol_has_no_margin_to_change() -> None:
    world = flat_world(leverage=None)
    change = world.engine.change_margin
    assert refusal(lambda: change(world.uid, BTC, "BOTH", D(1), at_ms=world.now)) == -4049


def moved(world: FuturesWorld, kind: str, amount: str, asset: str = "USDT") -> Transfer:
    return world.engine.transfer(world.uid, kind, asset, D(amount), at_ms=world.now, wall_ms=WALL)


def test_money_moves_between_the_wallets_in_one_booking() -> None:
    world = FuturesWorld(balances="USDT=100,UM.USDT=50")
    there = moved(world, "MAIN_UMFUTURE", "30")
    assert (world.ledger.free(world.uid, "USDT"), world.wallet) == (D(70), D(80))
    back = moved(world, "UMFUTURE_MAIN", "80")
    assert (world.ledger.free(world.uid, "USDT"), world.wallet) == (D(150), ZERO)
    assert (there.transfer_id, there.at_ms, back.transfer_id) == (1, WALL, 2)
    assert [(one.amount, one.at_ms, one.symbol) for one in world.incomes("TRANSFER")] == [
        (D(30), world.now, ""),
        (D(-80), world.now, ""),
    ]
    span = (WALL, WALL)
    assert world.books.transfers(world.uid, type="MAIN_UMFUTURE", span=span) == [there]
    assert world.books.transfers(world.uid, type="UMFUTURE_MAIN", span=(0, WALL - 1)) == []
    assert world.is_sound()


def test_only_what_is_free_or_available_moves() -> None:
    world = FuturesWorld(balances="USDT=100,BTC=1,UM.USDT=50")
    assert refusal(lambda: moved(world, "MAIN_UMFUTURE", "100.00000001")) == -5013
    assert refusal(lambda: moved(world, "MAIN_UMFUTURE", "1", "BTC")) == -1126
    assert refusal(lambda: moved(world, "MAIN_UMFUTURE", "0.000000001")) == -1111
    world.buy(1)
    world.place("BUY", "LIMIT", 1, price=90)
    assert world.available == D("30.95")
    assert refusal(lambda: moved(world, "UMFUTURE_MAIN", "30.96")) == -5013
    assert world.books.all_transfers() == []
    moved(world, "UMFUTURE_MAIN", "30.95")
    assert world.available == ZERO
    assert world.is_sound()


def test_a_step_that_would_leave_a_debt_is_rolled_back() -> None:
    world = flat_world(20)
    world.buy(1)
    desk = world.engine._desk
    before = world.ledger.holdings()

    def lose_half_of_the_margin() -> None:
        with desk.step(world.now):
            desk.ledger.add(world.uid, "USDT", D(-15), wallet="um")
            desk.ledger.add(-1, "USDT", D(15), wallet="um")
            desk.put_position(desk.position(world.uid, BTC, "BOTH"))

    with pytest.raises(ConservationError, match="would owe"):
        lose_half_of_the_margin()
    assert world.ledger.holdings() == before
    with pytest.raises(ConservationError, match="made or lost"), desk.step(world.now):
        desk.ledger.add(world.uid, "USDT", D(1), wallet="um")
    assert world.position().isolated_wallet == D(10)


def test_only_market_maker_funding_and_insurance_may_owe() -> None:
    world = flat_world(20)
    ledger = world.ledger

    def owe(uid: int) -> None:
        with ledger.booking():
            ledger.add(uid, "USDT", D(-1), wallet="um")
            ledger.add(world.uid, "USDT", D(1), wallet="um")

    for uid in (MARKET_MAKER_UID, FUNDING_UID, INSURANCE_UID):
        owe(uid)
    with pytest.raises(ConservationError, match="account 0 would hold"):
        owe(FEES_UID)
    assert world.wallet == D(23)
    assert world.is_sound()


def test_a_transfer_that_is_not_recorded_shows_in_the_differences() -> None:
    world = FuturesWorld(balances="USDT=100,UM.USDT=50")
    with world.ledger.booking():
        world.ledger.transfer(world.uid, "MAIN_UMFUTURE", "USDT", D(5))
    assert world.ledger.differences() == {("spot", "USDT"): D(-5), ("um", "USDT"): D(5)}


def test_an_account_cannot_hold_two_positions_in_one_way_mode() -> None:
    world = flat_world()
    world.buy(1)
    desk = world.engine._desk
    held = desk.position(world.uid, BTC, "BOTH")
    with pytest.raises(ConservationError, match="two positions"), desk.step(world.now):
        desk.put_position(type(held)(uid=held.uid, symbol=BTC, side="LONG", amount=D(1)))
    assert world.books.positions(world.uid, BTC) == [held]
    assert list(desk.positions.values()) == [held]


def changed(world: FuturesWorld, amount: str) -> Decimal:
    margin = world.engine.change_margin
    return margin(world.uid, BTC, "BOTH", D(amount), at_ms=world.now).isolated_wallet


def test_margin_is_removed_down_to_initial_and_maintenance_margin_at_the_mark_price() -> None:
    world = flat_world(volume=1_000_000)
    world.buy(10)
    world.steer(104)
    # 100 of margin and 40 won; 104 is the initial margin at the mark price.
    assert refusal(lambda: changed(world, "-36.00000001")) == -4051
    assert changed(world, "-36") == D(64)
    world.steer(150)
    # 500 won leave more than the whole margin; the maintenance margin of 7.5 stays.
    assert refusal(lambda: changed(world, "-56.50000001")) == -4051
    assert changed(world, "-56.5") == D("7.5")
    assert world.is_sound()
    world.go(1)
    assert world.position().amount == D(10)


def test_margin_finer_than_the_asset_is_refused() -> None:
    world = flat_world()
    world.buy(1)
    assert refusal(lambda: changed(world, "0.000000001")) == -1111
    assert refusal(lambda: changed(world, "-0.000000001")) == -1111
    assert world.position().isolated_wallet == D(10)
