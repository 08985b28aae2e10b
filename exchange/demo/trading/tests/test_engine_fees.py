from __future__ import annotations

from decimal import Decimal

import pytest

from exchange.demo.trading.ledger import FEES_UID
from exchange.demo.trading.tests.engine_world import FLAT, D, World

BNB = (50, 50, 50, 50)


def paid(world: World) -> list[tuple[str, Decimal]]:
    return [(one.commission_asset, one.commission) for one in world.fills()]


def rich_world(balances: str, *names: str) -> World:
    prices = {"BTCUSDT": FLAT, "BNBUSDT": BNB, "ETHBTC": (0.5,) * 4, "BNBBTC": (0.4,) * 4}
    world = World({name: [prices[name]] for name in names}, balances=balances)
    world.engine.set_bnb_burn(world.uid, is_on=True)
    return world


def test_fees_come_out_of_what_was_received() -> None:
    world = World({"BTCUSDT": [FLAT]})
    world.place("BUY", "MARKET", 1)
    world.place("SELL", "MARKET", 1)
    assert paid(world) == [("BTC", D("0.001")), ("USDT", D("0.1"))]
    ledger = world.engine.ledger
    assert (ledger.free(FEES_UID, "BTC"), ledger.free(FEES_UID, "USDT")) == (D("0.001"), D("0.1"))


def test_fees_in_bnb_are_a_quarter_less() -> None:
    world = rich_world("USDT=1000,BNB=1", "BTCUSDT", "BNBUSDT")
    world.place("BUY", "MARKET", 1)
    world.place("SELL", "MARKET", 1)
    # 0.1 USDT at 50 are 0.002 BNB, three quarters of it 0.0015.
    assert paid(world) == [("BNB", D("0.0015"))] * 2
    assert world.balance("BNB") == (D("0.997"), D(0))
    assert world.balance("USDT") == (D(1000), D(0))


def test_too_little_bnb_means_the_full_fee_out_of_what_was_received() -> None:
    world = rich_world("USDT=1000,BNB=0.0020", "BTCUSDT", "BNBUSDT")
    world.place("BUY", "MARKET", 1)
    world.place("SELL", "MARKET", 1)
    assert paid(world) == [("BNB", D("0.0015")), ("USDT", D("0.1"))]
    assert world.balance("BNB")[0] == D("0.0005")


def test_locked_bnb_pays_no_fee() -> None:
    world = rich_world("USDT=1000,BNB=1,BTC=1", "BTCUSDT", "BNBUSDT")
    world.place("SELL", "LIMIT", 1, price=60, symbol="BNBUSDT")
    world.place("SELL", "MARKET", 1)
    assert paid(world) == [("USDT", D("0.1"))]


def test_the_last_bnb_may_go_for_the_fee() -> None:
    world = rich_world("USDT=1000,BNB=0.0015", "BTCUSDT", "BNBUSDT")
    world.place("BUY", "MARKET", 1)
    assert paid(world) == [("BNB", D("0.0015"))]
    assert world.balance("BNB") == (D(0), D(0))


def assets_of_fees(world: World) -> set[str]:
    return {asset for asset, _ in paid(world)}


def test_selling_bnb_leaves_the_other_bnb_free_for_its_fee() -> None:
    world = rich_world("USDT=1000,BNB=20", "BTCUSDT", "BNBUSDT")
    world.place("SELL", "MARKET", 15, symbol="BNBUSDT")
    assert assets_of_fees(world) == {"BNB"}
    # 15 at 50 are 750 USDT; three quarters of 0.75 USDT are 0.01125 BNB.
    assert D("0.0112") < sum(amount for _, amount in paid(world)) < D("0.01125")
    assert world.is_sound()


def test_a_resting_sale_of_bnb_pays_out_of_the_free_bnb_alone() -> None:
    world = World({"BNBUSDT": [(50, 60, 50, 50)]}, balances="BNB=10.008", volume=10**6)
    world.engine.set_bnb_burn(world.uid, is_on=True)
    world.place("SELL", "LIMIT", 10, price=60, symbol="BNBUSDT")
    world.go(60_000)
    # 600 USDT bring a fee of 0.45 USDT, at 60 each 0.0075 BNB.
    assert paid(world) == [("BNB", D("0.0075"))]
    assert world.balance("BNB") == (D("0.0005"), D(0))


def test_bnb_that_is_for_sale_pays_no_fee() -> None:
    world = World({"BNBUSDT": [BNB]}, balances="BNB=10")
    world.engine.set_bnb_burn(world.uid, is_on=True)
    world.place("SELL", "MARKET", 10, symbol="BNBUSDT")
    assert assets_of_fees(world) == {"USDT"}
    assert world.balance("BNB") == (D(0), D(0))


def test_a_purchase_with_bnb_leaves_the_other_bnb_free_for_its_fee() -> None:
    minutes = {"ETHBNB": [(4, 4, 4, 4)], "BNBUSDT": [BNB], "ETHUSDT": [(200, 200, 200, 200)]}
    world = World(minutes, balances="BNB=41")
    world.engine.set_bnb_burn(world.uid, is_on=True)
    world.place("BUY", "LIMIT", 10, price=4, symbol="ETHBNB")
    world.go(60_000)
    # 0.01 ETH at 4 are 0.04 BNB, three quarters of it about 0.03.
    assert assets_of_fees(world) == {"BNB"}
    assert D("0.969") < world.balance("BNB")[0] < D("0.971")
    assert world.balance("BNB")[1] == 0


def test_without_a_price_of_bnb_nobody_pays_in_it() -> None:
    world = rich_world("USDT=1000,BNB=1", "BTCUSDT")
    world.place("BUY", "MARKET", 1)
    assert paid(world) == [("BTC", D("0.001"))]


@pytest.mark.parametrize(
    ("names", "fee"),
    [
        # 0.0005 BTC: at 0.4 BTC a BNB directly, else 100 / 50 through USDT.
        (("ETHBTC", "BNBBTC", "BTCUSDT", "BNBUSDT"), "0.0009375"),
        (("ETHBTC", "BTCUSDT", "BNBUSDT"), "0.00075"),
    ],
)
def test_bnb_is_priced_directly_or_through_usdt(names: tuple[str, ...], fee: str) -> None:
    world = rich_world("ETH=10,BNB=1", *names)
    world.place("SELL", "MARKET", 1, symbol="ETHBTC")
    assert paid(world) == [("BNB", D(fee) * 1)]


def test_bought_bnb_pays_its_own_fee() -> None:
    world = rich_world("USDT=1000", "BNBUSDT")
    world.place("BUY", "MARKET", 1, symbol="BNBUSDT")
    assert paid(world) == [("BNB", D("0.00075"))]
    assert world.balance("BNB") == (D("0.99925"), D(0))


def test_the_choice_of_bnb_can_be_taken_back_and_survives() -> None:
    world = rich_world("USDT=1000,BNB=1", "BTCUSDT", "BNBUSDT")
    world.reopen()
    assert world.engine.bnb_burn(world.uid)
    world.engine.set_bnb_burn(world.uid, is_on=False)
    world.place("BUY", "MARKET", 1)
    assert paid(world) == [("BTC", D("0.001"))]
    assert world.engine.commission_rates(world.uid) == (D("0.001"), D("0.001"))


def test_an_opo_pays_in_bnb_and_guards_all_that_it_bought() -> None:
    world = rich_world("USDT=1000,BNB=1", "BTCUSDT", "BNBUSDT")
    pending = world.ask("SELL", "LIMIT", None, price=107)
    world.place_list("OPO", world.ask("BUY", "LIMIT", 1, price=100), pending)
    assert world.order(2).quantity == 1
    assert world.balance("BTC") == (D(0), D(1))


def test_an_opo_that_buys_bnb_pays_out_of_it() -> None:
    world = rich_world("USDT=1000,BNB=5", "BNBUSDT")
    pending = world.ask("SELL", "LIMIT", None, price=60, symbol="BNBUSDT")
    working = world.ask("BUY", "LIMIT", 1, price=50, symbol="BNBUSDT")
    world.place_list("OPO", working, pending)
    assert world.order(2, "BNBUSDT").quantity == D("0.99925")
    assert world.balance("BNB") == (D(5), D("0.99925"))
