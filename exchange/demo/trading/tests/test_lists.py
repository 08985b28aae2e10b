"""Order lists along the walk 100, 90, 110, 100 (at 0, 20, 40 and 60 s)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from exchange.demo.errors import VenueError
from exchange.demo.times import MINUTE_MS
from exchange.demo.trading.asked import OrderRequest
from exchange.demo.trading.canceling import Canceled, CanceledList
from exchange.demo.trading.orders import OrderList
from exchange.demo.trading.placing import PlacedList
from exchange.demo.trading.tests.engine_world import FLAT, START, D, World

LEG_TRIGGERED = ("EXPIRED", "OCO_TRIGGER")


def exits(
    world: World, quantity: Any, high: Any = 105, low: Any = 92, kind: str = "STOP_LOSS"
) -> tuple[OrderRequest, OrderRequest]:
    """Return a take-profit above and a stop below."""
    more = {"price": low} if kind == "STOP_LOSS_LIMIT" else {}
    return (
        world.ask("SELL", "LIMIT_MAKER", quantity, price=high, client_order_id="target"),
        world.ask("SELL", kind, quantity, stop_price=low, client_order_id="stop", **more),
    )


def entry(world: World, quantity: Any = 1, price: Any = 95, **more: Any) -> OrderRequest:
    """Return a working order that buys below the market."""
    return world.ask("BUY", "LIMIT", quantity, price=price, client_order_id="entry", **more)


def the_list(world: World) -> OrderList:
    found = world.engine.orders.list_by_id(world.uid, 1)
    assert found
    return found


def states(placed: PlacedList) -> list[tuple[str, str, Decimal, int]]:
    return [
        (one.client_order_id, one.status, one.quantity, one.working_ms) for one in placed.orders
    ]


def test_an_oco_locks_once_and_its_stop_leg_has_the_lower_id() -> None:
    world = World()
    placed = world.place_list("OCO", *exits(world, 2), name="pair")
    assert states(placed) == [("stop", "NEW", D(2), -1), ("target", "NEW", D(2), START)]
    assert [one.order_id for one in placed.orders] == [1, 2]
    assert {one.list_id for one in placed.orders} == {1}
    assert world.balance("BTC") == (D(8), D(2))
    one = the_list(world)
    assert (one.contingency, one.status_type, one.order_status) == (
        "OCO",
        "EXEC_STARTED",
        "EXECUTING",
    )
    assert world.engine.orders.open_lists(world.uid) == [one]
    assert world.engine.orders.list_by_client_id(world.uid, "pair") == one


def test_a_stop_that_triggers_ends_the_target() -> None:
    world = World()
    world.place_list("OCO", *exits(world, 2))
    world.go(MINUTE_MS)
    assert world.statuses(1, 2) == [("FILLED", None), LEG_TRIGGERED]
    assert [one.order_id for one in world.fills()] == [1, 1]
    assert world.order(2).updated_ms == world.fills()[0].at_ms == START + 15_991
    assert world.balance("BTC") == (D(8), D(0))
    done = the_list(world)
    assert (done.status_type, done.order_status) == ("ALL_DONE", "ALL_DONE")
    assert world.engine.orders.open_lists(world.uid) == []


def test_a_target_that_fills_ends_the_stop() -> None:
    world = World()
    world.place_list("OCO", *exits(world, 2, low=85))
    world.go(MINUTE_MS)
    assert world.statuses(1, 2) == [LEG_TRIGGERED, ("FILLED", None)]
    assert [(one.price, one.is_maker) for one in world.fills()] == [(D(105), True)]


def test_a_target_that_fills_in_part_ends_the_stop_and_goes_on_alone() -> None:
    world = World({"BTCUSDT": [(100, 110, 99, 110)]}, volume=10)
    world.place_list("OCO", *exits(world, 2, low=85))
    world.go(MINUTE_MS - 1)
    assert world.statuses(1, 2) == [LEG_TRIGGERED, ("PARTIALLY_FILLED", None)]
    assert world.balance("BTC") == (D(8), D(1))
    assert the_list(world).order_status == "EXECUTING"
    world.go(1)
    assert world.order(2).status == "FILLED"
    assert the_list(world).order_status == "ALL_DONE"


def test_a_stop_limit_leg_that_triggers_ends_the_target_and_rests() -> None:
    world = World()
    above, below = exits(world, 1, kind="STOP_LOSS_LIMIT")
    world.place_list("OCO", above, below)
    world.steer(80)
    assert world.statuses(1, 2) == [("NEW", None), LEG_TRIGGERED]
    assert world.order(1).is_working
    assert world.balance("BTC") == (D(9), D(1))
    assert the_list(world).order_status == "EXECUTING"
    world.steer(92)
    assert world.order(1).status == "FILLED"
    assert the_list(world).order_status == "ALL_DONE"


def test_an_oco_to_buy_locks_the_dearer_leg() -> None:
    world = World()
    above = world.ask("BUY", "STOP_LOSS_LIMIT", 2, stop_price=108, price=109)
    below = world.ask("BUY", "LIMIT_MAKER", 2, price=92)
    placed = world.place_list("OCO", above, below)
    assert [one.type for one in placed.orders] == ["STOP_LOSS_LIMIT", "LIMIT_MAKER"]
    assert world.balance("USDT") == (D(99_782), D(218))
    world.go(MINUTE_MS)
    assert world.statuses(1, 2) == [LEG_TRIGGERED, ("FILLED", None)]
    assert world.balance("USDT") == (D(99_816), D(0))


def test_a_pair_of_take_profit_and_stop_is_an_oco_too() -> None:
    world = World()
    above = world.ask("SELL", "TAKE_PROFIT", 1, stop_price=105)
    below = world.ask("SELL", "STOP_LOSS", 1, stop_price=85)
    world.place_list("OCO", above, below)
    world.go(MINUTE_MS)
    assert world.statuses(1, 2) == [LEG_TRIGGERED, ("FILLED", None)]
    assert [(one.price, one.is_maker) for one in world.fills()] == [(D(105), False)]


@pytest.mark.parametrize(("high", "low"), [(100, 92), (105, 100), (99, 92), (105, 101)])
def test_the_last_price_must_lie_between_the_legs(high: int, low: int) -> None:
    world = World({"BTCUSDT": [FLAT]})
    with pytest.raises(VenueError) as refusal:
        world.place_list("OCO", *exits(world, 1, high, low))
    assert (refusal.value.code, refusal.value.message) == (
        -2010,
        "The relationship of the prices for the orders is not correct.",
    )
    assert world.engine.orders.all_orders() == []
    assert world.engine.orders.all_lists() == []


@pytest.mark.parametrize(("stop_price", "price"), [(105, 99), (99, 105), (105, 100)])
def test_of_a_take_profit_limit_leg_both_prices_lie_beyond_the_last_one(
    stop_price: int, price: int
) -> None:
    world = World({"BTCUSDT": [FLAT]})
    _, stop = exits(world, 1)
    target = world.ask("SELL", "TAKE_PROFIT_LIMIT", 1, stop_price=stop_price, price=price)
    with pytest.raises(VenueError, match="relationship of the prices"):
        world.place_list("OCO", target, stop)
    target = world.ask("SELL", "TAKE_PROFIT_LIMIT", 1, stop_price=105, price=101)
    assert world.place_list("OCO", target, stop).order_list.is_open


def test_of_a_stop_limit_leg_the_limit_may_lie_anywhere() -> None:
    world = World({"BTCUSDT": [FLAT]})
    target, _ = exits(world, 1)
    stop = world.ask("SELL", "STOP_LOSS_LIMIT", 1, stop_price=92, price=104)
    assert world.place_list("OCO", target, stop).order_list.is_open


def test_canceling_a_leg_cancels_the_list() -> None:
    world = World()
    world.place_list("OCO", *exits(world, 2), name="pair")
    canceled = world.cancel(2)
    assert canceled.order.order_id == 2
    assert [one.status for one in canceled.list_orders] == ["CANCELED", "CANCELED"]
    assert canceled.order_list == the_list(world)
    assert the_list(world).order_status == "ALL_DONE"
    assert world.balance("BTC") == (D(10), D(0))
    with pytest.raises(VenueError, match=r"Unknown order sent\."):
        world.cancel(1)
    with pytest.raises(VenueError, match=r"Unknown order sent\."):
        world.cancel_list(1)


def test_a_list_is_canceled_by_either_id_or_both() -> None:
    world = World()
    world.place_list("OCO", *exits(world, 2), name="pair")
    cancel: dict[str, Any] = {"cancel_client_id": "why", "at_ms": world.now}
    with pytest.raises(VenueError) as refusal:
        world.engine.cancel_list(world.uid, "BTCUSDT", list_id=1, client_order_id="other", **cancel)
    assert refusal.value.code == -2039
    canceled = world.engine.cancel_list(
        world.uid, "BTCUSDT", list_id=None, client_order_id="pair", **cancel
    )
    assert canceled.cancel_client_id == "why"
    assert [one.status for one in canceled.orders] == ["CANCELED", "CANCELED"]
    world.go(MINUTE_MS)
    assert world.fills() == []


def test_cancel_all_names_a_list_once() -> None:
    world = World()
    world.place("BUY", "LIMIT", 1, price=95)
    world.place_list("OCO", *exits(world, 2))
    single, whole = world.engine.cancel_all(world.uid, "BTCUSDT", at_ms=world.now)
    assert isinstance(single, Canceled)
    assert isinstance(whole, CanceledList)
    assert single.order.order_id == 1
    assert [one.order_id for one in whole.orders] == [2, 3]


def test_pending_orders_of_an_oto_lock_from_the_start_and_trade_after_the_working_one() -> None:
    world = World()
    pending = world.ask("SELL", "LIMIT", 1, price=97, client_order_id="exit")
    placed = world.place_list("OTO", entry(world), pending)
    assert states(placed) == [("entry", "NEW", D(1), START), ("exit", "PENDING_NEW", D(1), -1)]
    assert placed.order_list.contingency == "OTO"
    assert (world.balance("USDT")[1], world.balance("BTC")) == (D(95), (D(9), D(1)))
    world.go(9_991)
    assert world.statuses(1, 2) == [("FILLED", None), ("NEW", None)]
    assert world.order(2).working_ms == START + 9_991
    world.go(MINUTE_MS)
    assert world.statuses(1, 2) == [("FILLED", None), ("FILLED", None)]
    assert [one.order_id for one in world.fills()] == [1, 2]
    assert the_list(world).order_status == "ALL_DONE"


def test_an_oto_needs_the_balance_of_both_orders() -> None:
    world = World(balances="USDT=1000")
    pending = world.ask("SELL", "LIMIT", 1, price=97)
    with pytest.raises(VenueError, match="insufficient balance"):
        world.place_list("OTO", entry(world), pending)
    assert world.balance("USDT") == (D(1000), D(0))


def test_a_working_order_that_fills_at_once_shows_its_pending_order_as_it_was() -> None:
    world = World({"BTCUSDT": [FLAT]})
    pending = world.ask("SELL", "MARKET", 1)
    placed = world.place_list("OTO", entry(world, price=100), pending)
    assert [one.status for one in placed.orders] == ["FILLED", "PENDING_NEW"]
    assert [one.price for one in placed.fills[1]] == [D(100)]
    # What the pending order has traded since belongs to what it shows later.
    assert placed.fills[2] == []
    assert len(world.fills(2)) == 1
    assert world.statuses(1, 2) == [("FILLED", None), ("FILLED", None)]
    assert the_list(world).order_status == "ALL_DONE"


def test_pending_orders_die_with_their_working_order() -> None:
    world = World(volume=1)
    world.place_list("OTOCO", entry(world, 10, 100, time_in_force="IOC"), *exits(world, 10))
    assert world.statuses(1, 2, 3) == [
        ("EXPIRED", "UNFILLED_IOC_QUANTITY_EXPIRED"),
        ("EXPIRED", "OTO_PHASE_ONE_EXPIRED"),
        ("EXPIRED", "OTO_PHASE_ONE_EXPIRED"),
    ]
    assert world.balance("BTC")[1] == world.balance("USDT")[1] == 0
    assert the_list(world).order_status == "ALL_DONE"


def test_canceling_the_working_order_cancels_the_pending_ones() -> None:
    world = World()
    world.place_list("OTOCO", entry(world), *exits(world, 1))
    assert world.balance("BTC") == (D(9), D(1))
    canceled = world.cancel(1)
    assert [one.status for one in canceled.list_orders] == ["CANCELED"] * 3
    assert world.balance("BTC") == (D(10), D(0))
    assert world.balance("USDT") == (D(100_000), D(0))


def test_an_opo_locks_what_its_working_order_receives_and_sells_it() -> None:
    world = World(balances="USDT=1000", volume=5)
    pending = world.ask("SELL", "LIMIT", None, price=97, client_order_id="exit")
    placed = world.place_list("OPO", entry(world, price=95), pending)
    assert states(placed)[1] == ("exit", "PENDING_NEW", D(0), -1)
    assert placed.order_list.contingency == "OTO"
    assert world.balance("BTC") == (D(0), D(0))
    world.go(9_991)
    # Half of it: the fee of 0.0005 BTC came out of what was received, there being nothing else.
    assert world.order(1).status == "PARTIALLY_FILLED"
    assert world.balance("BTC") == (D(0), D("0.4995"))
    assert the_list(world).held == D("0.4995")
    world.steer(94)
    world.go(MINUTE_MS)
    assert world.order(1).status == "FILLED"
    assert (world.order(2).status, world.order(2).quantity) == ("NEW", D("0.999"))
    assert world.balance("BTC") == (D(0), D("0.999"))


def test_an_opo_pays_its_fee_from_other_funds_where_there_are_enough() -> None:
    world = World(balances="USDT=1000,BTC=0.001")
    pending = world.ask("SELL", "LIMIT", None, price=107)
    world.place_list("OPO", entry(world), pending)
    world.go(10_000)
    assert world.order(2).quantity == D(1)
    assert world.balance("BTC") == (D(0), D(1))


def test_what_the_increments_leave_over_of_an_opo_is_free() -> None:
    world = World(balances="USDT=1000")
    pending = world.ask("SELL", "LIMIT", None, price=107)
    world.place_list("OPO", entry(world, quantity="0.12345"), pending)
    world.go(10_000)
    # 0.12345 less 0.1 % is 0.12332655.
    assert world.order(2).quantity == D("0.12332")
    assert world.balance("BTC") == (D("0.00000655"), D("0.12332"))


def test_an_opo_sells_no_more_at_the_market_than_its_largest_order() -> None:
    world = World({"BTCUSDT": [FLAT]})
    pending = world.ask("SELL", "STOP_LOSS", stop_price=80)
    world.place_list("OPO", entry(world, 200, 101), pending)
    assert world.symbols["BTCUSDT"].max_market_quantity == D("146.30917125")
    assert world.order(2).quantity == D("146.30917")
    assert world.balance("BTC") == (D("63.49083"), D("146.30917"))


def test_an_opoco_guards_what_it_bought_with_both_exits() -> None:
    world = World(balances="USDT=1000")
    above, below = exits(world, None, low=80)
    placed = world.place_list("OPOCO", entry(world), above, below)
    assert [one.client_order_id for one in placed.orders] == ["entry", "stop", "target"]
    world.go(10_000)
    assert [(one.status, one.quantity) for one in map(world.order, (1, 2, 3))] == [
        ("FILLED", D(1)),
        ("NEW", D("0.999")),
        ("NEW", D("0.999")),
    ]
    assert world.balance("BTC") == (D(0), D("0.999"))
    world.go(MINUTE_MS)
    assert world.statuses(2, 3) == [LEG_TRIGGERED, ("FILLED", None)]
    assert world.balance("BTC") == (D(0), D(0))
    assert the_list(world).order_status == "ALL_DONE"


def test_canceling_an_opo_frees_what_it_has_bought() -> None:
    world = World(balances="USDT=1000", volume=5)
    world.place_list("OPO", entry(world), world.ask("SELL", "LIMIT", None, price=97))
    world.go(9_991)
    canceled = world.cancel_list(1)
    assert [(one.status, one.executed) for one in canceled.orders] == [
        ("CANCELED", D("0.5")),
        ("CANCELED", D(0)),
    ]
    assert world.balance("BTC") == (D("0.4995"), D(0))
    assert world.balance("USDT") == (D("952.5"), D(0))
    assert the_list(world).held == 0


def test_pending_orders_that_would_trigger_at_once_expire_as_rejected() -> None:
    world = World({"BTCUSDT": [FLAT]}, balances="USDT=1000")
    world.place_list("OPOCO", entry(world), *exits(world, None, low=90))
    world.steer(85)
    assert world.statuses(1, 2, 3) == [
        ("FILLED", None),
        ("EXPIRED", "REJECTED"),
        ("EXPIRED", "REJECTED"),
    ]
    assert world.balance("BTC") == (D("0.999"), D(0))
    assert the_list(world).order_status == "ALL_DONE"


def test_a_pending_quantity_below_the_filters_expires_as_rejected() -> None:
    world = World(balances="USDT=1000")
    world.place_list(
        "OPO", entry(world, quantity="0.053"), world.ask("SELL", "LIMIT", None, price=94)
    )
    world.go(10_000)
    # 0.05294 at 94 is worth less than 5.
    assert world.statuses(1, 2) == [("FILLED", None), ("EXPIRED", "REJECTED")]


def test_pairs_that_wait_need_no_particular_last_price_but_the_right_order() -> None:
    world = World({"BTCUSDT": [FLAT]})
    world.place_list("OTOCO", entry(world, price=80), *exits(world, 1, high=90, low=70))
    world.cancel(1)
    with pytest.raises(VenueError, match="relationship of the prices"):
        world.place_list("OTOCO", entry(world, price=80), *exits(world, 1, high=70, low=90))


def test_client_ids_of_a_list_are_unique_among_what_is_open() -> None:
    world = World()
    world.place_list("OCO", *exits(world, 1), name="pair")
    fresh = (
        world.ask("SELL", "LIMIT_MAKER", 1, price=105),
        world.ask("SELL", "STOP_LOSS", 1, stop_price=92),
    )
    for legs, name in ((fresh, "pair"), (exits(world, 1), None), (exits(world, 1), "stop")):
        with pytest.raises(VenueError, match=r"Duplicate order sent\."):
            world.place_list("OCO", *legs, name=name)
    world.cancel_list(1)
    assert world.place_list("OCO", *exits(world, 1), name="pair").order_list.list_id == 2


def test_a_list_whose_leg_breaks_a_filter_is_refused_whole() -> None:
    world = World()
    above, _ = exits(world, 1)
    with pytest.raises(VenueError, match="Filter failure: PRICE_FILTER"):
        world.place_list("OCO", above, world.ask("SELL", "STOP_LOSS", 1, stop_price="92.005"))
    assert world.engine.orders.all_orders() == []
