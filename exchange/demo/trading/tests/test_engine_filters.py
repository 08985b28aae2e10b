from __future__ import annotations

from typing import Any

import pytest

from exchange.demo.errors import VenueError
from exchange.demo.times import MINUTE_MS
from exchange.demo.trading.tests.engine_world import FLAT, D, World

RICH = "USDT=100000000,BTC=10000"


def refusal_of(world: World, *form: Any, **more: Any) -> tuple[int, str]:
    before = world.engine.orders.all_orders()
    with pytest.raises(VenueError) as refusal:
        world.place(*form, **more)
    assert world.engine.orders.all_orders() == before
    with pytest.raises(VenueError) as checked:
        world.engine.check(world.uid, world.ask(*form, **more), at_ms=world.now)
    assert checked.value.message == refusal.value.message
    return refusal.value.code, refusal.value.message


@pytest.mark.parametrize(
    ("form", "more", "name"),
    [
        (("BUY", "LIMIT", 1), {"price": "95.005"}, "PRICE_FILTER"),
        (("BUY", "LIMIT", 1), {"price": "1000000.01"}, "PRICE_FILTER"),
        (("SELL", "STOP_LOSS", 1), {"stop_price": "95.005"}, "PRICE_FILTER"),
        (("BUY", "LIMIT", 1), {"price": "19.99"}, "PERCENT_PRICE_BY_SIDE"),
        (("SELL", "LIMIT", 1), {"price": "500.01"}, "PERCENT_PRICE_BY_SIDE"),
        (("BUY", "LIMIT", "0.000001"), {"price": 95}, "LOT_SIZE"),
        (("BUY", "LIMIT", "1.000001"), {"price": 95}, "LOT_SIZE"),
        (("SELL", "LIMIT", 9001), {"price": 105}, "LOT_SIZE"),
        (("BUY", "MARKET", "146.31"), {}, "MARKET_LOT_SIZE"),
        (("SELL", "STOP_LOSS", "146.31"), {"stop_price": 95}, "MARKET_LOT_SIZE"),
        (("BUY", "LIMIT", "0.05"), {"price": "99.99"}, "NOTIONAL"),
        (("BUY", "MARKET", "0.04999"), {}, "NOTIONAL"),
        (("BUY", "MARKET"), {"quote_quantity": "4.99"}, "NOTIONAL"),
        (("SELL", "STOP_LOSS", "0.04999"), {"stop_price": 95}, "NOTIONAL"),
    ],
)
def test_every_filter_refuses_what_is_outside(
    form: tuple[Any, ...], more: dict[str, Any], name: str
) -> None:
    world = World({"BTCUSDT": [FLAT]}, balances=RICH)
    assert refusal_of(world, *form, **more) == (-1013, f"Filter failure: {name}")


@pytest.mark.parametrize(
    ("form", "more"),
    [
        (("BUY", "LIMIT", 1), {"price": "20.01"}),
        (("SELL", "LIMIT", 1), {"price": "499.99"}),
        (("BUY", "LIMIT", "0.00007"), {"price": 100_000}),
        (("SELL", "LIMIT", 9000), {"price": 105}),
        (("SELL", "STOP_LOSS", "146.3"), {"stop_price": 95}),
        (("BUY", "LIMIT", "0.05"), {"price": 100}),
        (("BUY", "MARKET", "0.05"), {}),
        (("BUY", "MARKET"), {"quote_quantity": 5}),
    ],
)
def test_what_lies_on_the_edge_of_a_filter_is_taken(
    form: tuple[Any, ...], more: dict[str, Any]
) -> None:
    dear = more.get("price") == 100_000
    flat = (100_000,) * 4 if dear else FLAT
    world = World({"BTCUSDT": [flat]}, balances=RICH)
    assert world.place(*form, **more).order.order_id == 1


def test_the_largest_notional_binds_limit_orders_alone() -> None:
    world = World({"BTCUSDT": [(100_000,) * 4]}, balances=RICH)
    more = {"price": "99999.99"}
    assert refusal_of(world, "BUY", "LIMIT", "90.00001", **more) == (
        -1013,
        "Filter failure: NOTIONAL",
    )
    assert world.place("BUY", "MARKET", 100).order.executed_quote > 9_000_000


@pytest.mark.parametrize(
    ("form", "more", "code", "message"),
    [
        (("BUY", "LIMIT", 0), {"price": 95}, -1013, "Invalid quantity."),
        (("BUY", "LIMIT", 1), {"price": 0}, -1013, "Invalid price."),
        (
            ("BUY", "LIMIT", "0.000000001"),
            {"price": 95},
            -1111,
            "Parameter 'quantity' has too much precision.",
        ),
        (
            ("SELL", "STOP_LOSS", 1),
            {"stop_price": "95.000000001"},
            -1111,
            "Parameter 'stopPrice' has too much precision.",
        ),
    ],
)
def test_numbers_that_make_no_sense_are_refused(
    form: tuple[Any, ...], more: dict[str, Any], code: int, message: str
) -> None:
    assert refusal_of(World(), *form, **more) == (code, message)


def test_a_client_order_id_is_free_again_when_its_order_is_done() -> None:
    world = World()
    resting = ("BUY", "LIMIT", 1)
    world.place(*resting, price=95, client_order_id="mine")
    assert refusal_of(world, *resting, price=94, client_order_id="mine") == (
        -2010,
        "Duplicate order sent.",
    )
    world.cancel(1)
    assert world.place(*resting, price=94, client_order_id="mine").order.order_id == 2
    newest = world.engine.orders.by_client_id(world.uid, "BTCUSDT", "mine")
    assert newest
    assert newest.order_id == 2


def test_a_symbol_takes_so_many_open_orders_and_no_more() -> None:
    world = World()
    for _ in range(200):
        world.place("BUY", "LIMIT", "0.1", price=80)
    assert refusal_of(world, "BUY", "LIMIT", "0.1", price=80) == (
        -1013,
        "Filter failure: MAX_NUM_ORDERS",
    )
    assert world.place("BUY", "MARKET", 1).order.status == "FILLED"


def test_five_stops_are_enough() -> None:
    world = World()
    for stop in range(80, 85):
        world.place("SELL", "STOP_LOSS", 1, stop_price=stop)
    assert refusal_of(world, "SELL", "STOP_LOSS", 1, stop_price=79) == (
        -1013,
        "Filter failure: MAX_NUM_ALGO_ORDERS",
    )
    assert world.place("BUY", "LIMIT", 1, price=80).order.status == "NEW"


def test_twenty_lists_are_enough() -> None:
    world = World()
    exit_order = world.ask("SELL", "LIMIT", "0.1", price=105)
    entry = world.ask("BUY", "LIMIT", "0.1", price=80)
    for _ in range(20):
        world.place_list("OTO", entry, exit_order)
    with pytest.raises(VenueError, match="Filter failure: MAX_NUM_ORDER_LISTS"):
        world.place_list("OTO", entry, exit_order)


def test_averages_of_filters_follow_the_last_minutes() -> None:
    world = World({"BTCUSDT": [FLAT, (300, 300, 300, 300)]})
    assert world.place("SELL", "LIMIT", 1, price=500).order.status == "NEW"
    world.go(20 * MINUTE_MS)
    assert world.place("SELL", "LIMIT", 1, price=1500).order.status == "NEW"
    with pytest.raises(VenueError, match="PERCENT_PRICE_BY_SIDE"):
        world.place("BUY", "LIMIT", 1, price="59.99")


def test_a_check_says_nothing_of_balances() -> None:
    world = World(balances="USDT=1")
    world.engine.check(world.uid, world.ask("BUY", "LIMIT", 1, price=95), at_ms=world.now)
    with pytest.raises(VenueError, match="insufficient balance"):
        world.place("BUY", "LIMIT", 1, price=95)
    assert D(1) == world.balance("USDT")[0]
