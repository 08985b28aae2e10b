"""Resting orders along the walk 100, 90, 110, 100 (at 0, 20, 40 and 60 s)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exchange.demo.amounts import ZERO
from exchange.demo.futures.tests.futures_world import BTC, FuturesWorld
from exchange.demo.futures.values import Income
from exchange.demo.times import MINUTE_MS
from exchange.demo.trading.ledger import FUNDING_UID
from exchange.demo.trading.tests.engine_world import FLAT, START, SWING, D

ETH = "ETHUSDT"


def test_a_resting_order_fills_as_maker_at_its_limit_when_the_price_gets_there() -> None:
    world = FuturesWorld()
    order_id = world.place("BUY", "LIMIT", 1, price=95).order.order_id
    world.go(9_990)
    assert world.order(order_id).status == "NEW"
    world.go(1)
    order, fill = world.order(order_id), world.fills()[0]
    assert (order.status, order.executed_quote) == ("FILLED", D(95))
    assert (fill.price, fill.quantity, fill.is_maker) == (D(95), D(1), True)
    assert fill.at_ms == order.updated_ms == START + 9_991
    assert fill.commission == D("0.019")
    assert world.position().isolated_wallet == D("9.5")
    assert world.available == D(10_000) - D("9.519")


def test_an_order_gets_its_share_of_every_minutes_volume_and_no_more() -> None:
    # A tenth of 30 in each minute in which the price is there.
    world = FuturesWorld({BTC: [SWING, SWING, (100, 100, 100, 100)]}, volume=30)
    order_id = world.place("BUY", "LIMIT", 7, price=95).order.order_id
    world.go(MINUTE_MS - 1)
    assert (world.order(order_id).status, world.order(order_id).executed) == (
        "PARTIALLY_FILLED",
        D(3),
    )
    world.go(MINUTE_MS)
    assert world.order(order_id).executed == D(6)
    world.go(10 * MINUTE_MS)
    assert [one.at_ms - START for one in world.fills()] == [9_991, 69_991]
    assert world.position().amount == D(6)


def test_orders_of_all_symbols_fill_in_order_of_time() -> None:
    world = FuturesWorld({BTC: [SWING], ETH: [SWING]})
    for name, price in ((BTC, 92), (ETH, 98), (BTC, 96)):
        world.place("BUY", "LIMIT", 1, price=price, symbol=name)
    world.go(MINUTE_MS)
    assert [one.order_id for one in world.fills()] == [2, 3, 1]


def test_a_reduce_only_order_never_turns_a_position_that_shrank_while_it_rested() -> None:
    world = FuturesWorld(leverage=5)
    world.buy(2)
    order_id = world.place("SELL", "LIMIT", 2, price=105, reduce_only=True).order.order_id
    world.sell("1.5")
    world.go(MINUTE_MS)
    order = world.order(order_id)
    assert (order.status, order.executed) == ("EXPIRED", D("0.5"))
    assert world.position().amount == ZERO


def test_of_two_reduce_only_orders_the_second_gets_what_is_left() -> None:
    world = FuturesWorld(leverage=5)
    world.buy(2)
    ids = [
        world.place("SELL", "LIMIT", "1.5", price=price, reduce_only=True).order.order_id
        for price in (105, 106)
    ]
    world.go(MINUTE_MS)
    found = [world.order(one) for one in ids]
    assert [(one.status, one.executed) for one in found] == [
        ("FILLED", D("1.5")),
        ("EXPIRED", D("0.5")),
    ]
    assert world.books.positions(world.uid, None) == []


def test_a_resting_order_closes_and_opens_in_one_fill() -> None:
    world = FuturesWorld(leverage=5)
    world.buy(1)
    world.place("SELL", "LIMIT", 3, price=105)
    world.go(MINUTE_MS)
    fill = world.fills()[-1]
    assert (fill.quantity, fill.realized_pnl) == (D(3), D(5))
    position = world.position()
    assert (position.amount, position.cost, position.isolated_wallet) == (D(-2), D(-210), D(42))


def test_an_order_whose_margin_is_gone_by_then_expires() -> None:
    world = FuturesWorld(balances="UM.USDT=10")
    order_id = world.place("BUY", "LIMIT", 1, price=95).order.order_id
    desk = world.engine._desk
    fee = Income(
        uid=world.uid, symbol=BTC, type="FUNDING_FEE", amount=D(-1), asset="USDT", at_ms=world.now
    )
    with desk.step(world.now):
        assert desk.pay(fee, to_uid=FUNDING_UID, side="BOTH") == D(1)
    world.go(MINUTE_MS)
    order = world.order(order_id)
    assert (order.status, order.expiry_reason) == ("EXPIRED", "INSUFFICIENT_MARGIN")
    assert (world.fills(), world.wallet) == ([], D(9))


def test_paying_takes_the_margin_of_a_position_after_the_cross_part_and_no_more() -> None:
    world = FuturesWorld({BTC: [FLAT]}, balances="UM.USDT=12.05")
    world.buy(1)
    desk = world.engine._desk
    fee = Income(
        uid=world.uid, symbol=BTC, type="FUNDING_FEE", amount=D(-5), asset="USDT", at_ms=world.now
    )
    with desk.step(world.now):
        assert desk.pay(fee, to_uid=FUNDING_UID, side="BOTH") == D(5)
    assert (world.wallet, world.position().isolated_wallet) == (D(7), D(7))
    with desk.step(world.now):
        assert desk.pay(fee, to_uid=FUNDING_UID, side="BOTH") == D(5)
        assert desk.pay(fee, to_uid=FUNDING_UID, side="BOTH") == D(2)
        assert desk.pay(fee, to_uid=FUNDING_UID, side="BOTH") == ZERO
    assert (world.wallet, world.position().isolated_wallet) == (ZERO, ZERO)
    assert [one.amount for one in world.incomes("FUNDING_FEE")] == [D(-5), D(-5), D(-2)]
    assert world.ledger.free(FUNDING_UID, "USDT", wallet="um") == D(12)
    assert world.is_sound()


def test_a_halted_symbol_fills_nothing_and_its_orders_can_be_canceled() -> None:
    world = FuturesWorld()
    first = world.place("BUY", "LIMIT", 1, price=95).order.order_id
    listed = world.market.symbols.pop(BTC)
    world.go(30_000)
    assert world.order(first).status == "NEW"
    canceled = world.engine.cancel(world.uid, BTC, order_id=first, at_ms=world.now)
    assert canceled.status == "CANCELED"
    world.market.symbols[BTC] = listed


def test_a_child_that_comes_after_its_end_ends_at_once() -> None:
    world = FuturesWorld({BTC: [FLAT]})
    order = world.place("BUY", "LIMIT", 1, price=90).order
    desk = world.engine._desk
    with desk.step(world.now):
        late = desk.put_order(replace(order, good_till_ms=START - 5))
    world.go(1)
    assert world.order(late.order_id).status == "EXPIRED"
    assert world.order(late.order_id).updated_ms == START + 1


def test_time_passes_at_once_where_nothing_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    world = FuturesWorld()
    world.buy(1)
    world.sell(1)
    order = world.place("BUY", "LIMIT", 1, price=50).order
    world.engine.cancel(world.uid, BTC, order_id=order.order_id, at_ms=world.now)
    for source in world.engine._sources:
        monkeypatch.delattr(type(source), "next")
    world.go(365 * 24 * 60 * MINUTE_MS)
    assert world.engine._desk.matched_ms == world.now


def script(world: FuturesWorld, step_ms: int, directory: Path | None = None) -> dict[str, Any]:
    """Trade a little, letting time pass in steps; return all that the books and the ledger hold."""
    world.buy(2, client_order_id="a")
    world.place("BUY", "LIMIT", 9, price=95, client_order_id="b")
    world.place("SELL", "LIMIT", 3, price=105, reduce_only=True, client_order_id="c")
    world.place("SELL", "LIMIT", 30, price=108, client_order_id="d")
    world.place("BUY", "LIMIT", 2, price=92, symbol=ETH, client_order_id="e")
    for _ in range(240_000 // step_ms):
        world.go(step_ms)
        if directory:
            world.reopen(directory)
    world.sell(1, client_order_id="f")
    books = world.books
    assert world.is_sound()
    return {
        "orders": books.all_orders(),
        "fills": books.all_fills(),
        "positions": books.all_positions(),
        "incomes": books.all_incomes(),
        "holdings": world.ledger.holdings(),
    }


MINUTES = {BTC: [SWING, (100, 112, 88, 95), SWING, FLAT], ETH: [FLAT, SWING]}


@pytest.mark.parametrize("step_ms", [240_000, 60_000, 7_500, 2_500])
def test_how_often_time_is_looked_at_makes_no_difference(step_ms: int) -> None:
    whole = script(FuturesWorld(MINUTES, volume=20), 120_000)
    assert script(FuturesWorld(MINUTES, volume=20), step_ms) == whole
    assert len(whole["fills"]) > 8


def test_a_restart_at_any_time_goes_on_exactly(tmp_path: Path) -> None:
    whole = script(FuturesWorld(MINUTES, volume=20), 120_000)
    killed = FuturesWorld(MINUTES, volume=20, directory=tmp_path)
    assert script(killed, 7_500, tmp_path) == whole
    killed.state.close()


def test_market_time_that_was_followed_is_remembered(tmp_path: Path) -> None:
    world = FuturesWorld(directory=tmp_path)
    world.go(30_000)
    world.engine.remember()
    world.reopen(tmp_path)
    assert world.engine._desk.matched_ms == START + 30_000
    world.state.close()


def test_a_resting_exit_that_loses_more_than_there_is_is_insured() -> None:
    world = FuturesWorld({BTC: [FLAT]}, balances="UM.USDT=11")
    world.buy(1)
    world.steer(80, mark=100)
    order = world.place("SELL", "LIMIT", 1, price=85, reduce_only=True).order
    world.steer(85, mark=100)
    assert world.order(order.order_id).status == "FILLED"
    # 11 less a fee of 0.05, a loss of 15, and a fee of 0.017.
    assert [one.amount for one in world.incomes("INSURANCE_CLEAR")] == [D("4.067")]
    assert (world.wallet, world.available) == (D(0), D(0))
    assert world.is_sound()
