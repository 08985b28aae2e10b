from __future__ import annotations

from pathlib import Path

import pytest

from exchange.demo.errors import DemoExchangeError, VenueError
from exchange.demo.times import MINUTE_MS
from exchange.demo.trading.asked import CancelTarget
from exchange.demo.trading.tests.engine_world import FLAT, START, SWING, D, World


@pytest.mark.parametrize("status", ["HALT", "BREAK", "CANCEL_ONLY", "END_OF_DAY"])
def test_a_halted_symbol_takes_no_orders_and_fills_none(status: str) -> None:
    world = World()
    world.place("BUY", "LIMIT", 1, price=95)
    world.place("SELL", "STOP_LOSS", 1, stop_price=94)
    world.engine.set_symbol_status("BTCUSDT", status)
    assert world.symbols["BTCUSDT"].exchange_info()["status"] == status
    world.go(30_000)
    assert world.fills() == []
    with pytest.raises(VenueError) as refusal:
        world.place("BUY", "MARKET", 1)
    assert (refusal.value.code, refusal.value.message) == (-1013, "Market is closed.")
    assert world.cancel(1).order.status == "CANCELED"


def test_what_a_halt_has_passed_over_stays_undone() -> None:
    world = World({"BTCUSDT": [SWING]})
    world.place("SELL", "STOP_LOSS", 1, stop_price=94)
    world.engine.advance(START + 1_000)
    world.engine.set_symbol_status("BTCUSDT", "HALT")
    world.go(50_000)
    world.engine.set_symbol_status("BTCUSDT", "TRADING")
    world.go(MINUTE_MS)
    assert world.order(1).status == "NEW"
    world.steer(93)
    assert [one.price for one in world.fills()] == [D(93)]


def test_a_symbol_that_trades_again_catches_up_at_the_price_of_then() -> None:
    world = World({"BTCUSDT": [FLAT]})
    world.place("SELL", "STOP_LOSS", 1, stop_price=94)
    world.engine.set_symbol_status("BTCUSDT", "HALT")
    world.steer(90)
    world.go(5_000)
    assert world.fills() == []
    world.engine.set_symbol_status("BTCUSDT", "TRADING")
    world.go(1)
    assert [(one.price, one.at_ms) for one in world.fills()] == [(D(90), world.now)]


def test_other_symbols_trade_on() -> None:
    world = World({"BTCUSDT": [SWING], "ETHUSDT": [SWING]})
    world.place("BUY", "LIMIT", 1, price=95)
    world.place("BUY", "LIMIT", 1, price=95, symbol="ETHUSDT")
    world.engine.set_symbol_status("BTCUSDT", "HALT")
    world.go(MINUTE_MS)
    assert [one.symbol for one in world.fills()] == ["ETHUSDT"]


def test_changed_rules_bind_new_orders_and_leave_old_ones_alone() -> None:
    world = World()
    world.place("BUY", "LIMIT", "0.12345", price="94.55")
    world.engine.set_symbol_rules("BTCUSDT", tick=D("0.1"), step=D("0.01"), min_notional=D(50))
    for quantity, price, name in (
        ("1", "94.55", "PRICE_FILTER"),
        ("1.001", "94.5", "LOT_SIZE"),
        ("0.5", "94.5", "NOTIONAL"),
    ):
        with pytest.raises(VenueError, match=f"Filter failure: {name}"):
            world.place("BUY", "LIMIT", quantity, price=price)
    filters = world.symbols["BTCUSDT"].exchange_info()["filters"]
    assert filters[0]["tickSize"] == "0.10000000"
    world.go(MINUTE_MS)
    assert world.order(1).status == "FILLED"


def test_a_finer_step_cuts_an_older_order_and_what_it_locks_is_rounded_up() -> None:
    world = World({"BTCUSDT": [FLAT, SWING]}, volume="1.2345623")
    world.place("BUY", "LIMIT", 1, price="99.99")
    world.engine.set_symbol_rules("BTCUSDT", tick=D(1), step=D("0.00000001"))
    world.go(119_000)
    # A tenth of the volume at 99.99 costs 12.3443884377, for the rest 87.6456115623 are needed.
    assert [one.quantity for one in world.fills(1)] == [D("0.12345623")]
    assert world.fills(1)[0].quote_quantity == D("12.34438843")
    assert world.balance("USDT") == (D("99900.01"), D("87.64561157"))
    world.cancel(1)
    assert world.balance("USDT") == (D("99987.65561157"), D(0))
    assert world.is_sound()


def test_a_delisted_symbol_is_gone_and_its_orders_are_expired() -> None:
    world = World({"BTCUSDT": [SWING], "ETHUSDT": [SWING]})
    world.place("BUY", "LIMIT", 1, price=95)
    above = world.ask("SELL", "LIMIT_MAKER", 1, price=105)
    below = world.ask("SELL", "STOP_LOSS", 1, stop_price=92)
    world.place_list("OCO", above, below)
    world.engine.delist("BTCUSDT")
    assert list(world.symbols) == ["ETHUSDT"]
    assert world.statuses(1, 2, 3) == [("EXPIRED", "EXCHANGE_CANCELED")] * 3
    assert world.balance("BTC")[1] == world.balance("USDT")[1] == 0
    assert world.engine.orders.open_lists(world.uid) == []
    world.go(MINUTE_MS)
    assert world.fills() == []


def test_a_symbol_that_was_taken_off_comes_back_with_its_rules(tmp_path: Path) -> None:
    minutes = {"BTCUSDT": [SWING], "ETHUSDT": [SWING]}
    world = World(minutes, directory=tmp_path)
    world.engine.set_symbol_rules("ETHUSDT", min_notional=D(7))
    world.engine.delist("ETHUSDT")
    world.engine.relist("ETHUSDT")
    assert (world.symbols["ETHUSDT"].status, world.symbols["ETHUSDT"].min_notional) == (
        "TRADING",
        D(7),
    )
    world.place("BUY", "LIMIT", 1, price=95, symbol="ETHUSDT")
    world.engine.relist("ETHUSDT")  # listed already
    assert world.order(1, "ETHUSDT").status == "NEW"
    world.close()
    assert sorted(World(minutes, directory=tmp_path).symbols) == ["BTCUSDT", "ETHUSDT"]


def test_status_rules_and_delisting_survive_a_restart(tmp_path: Path) -> None:
    minutes = {"BTCUSDT": [SWING], "ETHUSDT": [SWING], "BNBUSDT": [SWING]}
    world = World(minutes, directory=tmp_path)
    world.engine.set_symbol_status("BTCUSDT", "CANCEL_ONLY")
    world.engine.set_symbol_rules("BTCUSDT", min_notional=D(7))
    world.engine.delist("ETHUSDT")
    world.close()
    again = World(minutes, directory=tmp_path)
    assert sorted(again.symbols) == ["BNBUSDT", "BTCUSDT"]
    bitcoin = again.symbols["BTCUSDT"]
    assert (bitcoin.status, bitcoin.min_notional) == ("CANCEL_ONLY", D(7))
    assert (bitcoin.tick, bitcoin.step) == (D("0.01"), D("0.00001"))
    assert again.symbols["BNBUSDT"].status == "TRADING"


def test_orders_of_a_symbol_without_prices_wait_and_can_be_canceled(tmp_path: Path) -> None:
    world = World({"BTCUSDT": [FLAT], "ETHUSDT": [FLAT]}, directory=tmp_path)
    world.place("BUY", "LIMIT", 1, price=95, symbol="ETHUSDT")
    world.close()
    again = World({"BTCUSDT": [FLAT]}, directory=tmp_path)
    again.go(MINUTE_MS)
    assert again.order(1, "ETHUSDT").status == "NEW"
    target = CancelTarget(order_id=1)
    again.engine.cancel(again.uid, "ETHUSDT", target, at_ms=again.now)
    assert again.balance("USDT") == (D(100_000), D(0))


def test_unknown_symbols_statuses_and_rules_are_refused() -> None:
    world = World()
    with pytest.raises(DemoExchangeError, match="XRPUSDT: no such symbol"):
        world.engine.set_symbol_status("XRPUSDT", "HALT")
    with pytest.raises(DemoExchangeError, match="no status of a symbol: 'CLOSED'"):
        world.engine.set_symbol_status("BTCUSDT", "CLOSED")
    with pytest.raises(DemoExchangeError, match="must be above 0"):
        world.engine.set_symbol_rules("BTCUSDT", step=D(0))
    with pytest.raises(DemoExchangeError, match="tick times step"):
        world.engine.set_symbol_rules("BTCUSDT", tick=D("0.0001"))
    with pytest.raises(DemoExchangeError, match="no such symbol"):
        world.engine.delist("XRPUSDT")
    with pytest.raises(DemoExchangeError, match="no such symbol"):
        world.engine.relist("XRPUSDT")
    assert world.symbols["BTCUSDT"].tick == D("0.01")


def test_what_the_exchange_has_not_is_not_advertised() -> None:
    info = World().symbols["BTCUSDT"].exchange_info()
    for name in ("icebergAllowed", "allowTrailingStop", "amendAllowed", "pegInstructionsAllowed"):
        assert info[name] is False
    for name in ("ocoAllowed", "otoAllowed", "opoAllowed", "cancelReplaceAllowed"):
        assert info[name] is True
    kinds = {one["filterType"] for one in info["filters"]}
    assert kinds.isdisjoint({"ICEBERG_PARTS", "TRAILING_DELTA", "MAX_NUM_ORDER_AMENDS"})
