"""What a conditional order becomes, state by state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from exchange.demo.errors import VenueError
from exchange.demo.futures.hitches import Hitch, HitchKind
from exchange.demo.futures.tests.algo_world import AlgoWorld
from exchange.demo.futures.tests.futures_world import BTC
from exchange.demo.futures.tests.machine_world import change
from exchange.demo.times import MINUTE_MS
from exchange.demo.trading.tests.engine_world import FLAT, START, D


def held_world(amount: Any = 1, **more: Any) -> AlgoWorld:
    """Return a flat market at 100 with a long position, or a short one."""
    world = AlgoWorld({BTC: [FLAT]}, **more)
    if amount:
        world.place("BUY" if amount > 0 else "SELL", "MARKET", abs(amount))
    return world


def hitch(world: AlgoWorld, kind: str, *, seconds: float = 0, symbol: str | None = None) -> None:
    world.engine.hitches.add(Hitch(symbol=symbol, kind=HitchKind(kind), seconds=seconds, times=1))


def test_a_market_stop_becomes_a_market_order_that_is_filled() -> None:
    world = held_world()
    algo_id = world.stop(95, client_algo_id="sl-7", reduce_only=True, working_type="MARK_PRICE")
    world.steer(94)
    algo, child = world.found(algo_id), world.child(algo_id)
    assert (algo.status, algo.triggered_ms, algo.updated_ms) == ("FINISHED", world.now, world.now)
    assert child.order_id != algo_id
    assert (child.client_order_id, child.algo_id) == ("sl-7", algo_id)
    assert (child.type, child.original_type, child.status) == ("MARKET", "STOP_MARKET", "FILLED")
    assert (child.price, child.stop_price, child.executed_quote) == (D(0), D(95), D(94))
    assert (child.reduce_only, child.close_position, child.working_type) == (
        *(True, False, "MARK_PRICE"),
    )
    assert (child.at_ms, child.updated_ms) == (world.now, world.now)
    assert world.position().amount == 0
    assert [fill.order_id for fill in world.fills()][-1] == child.order_id


def test_a_stop_limit_becomes_a_limit_order_that_rests() -> None:
    world = held_world()
    algo_id = world.stop(95, kind="STOP", price=96)
    world.steer(94)
    child = world.child(algo_id)
    assert world.statuses(algo_id) == ["TRIGGERED"]
    assert (child.type, child.original_type, child.status) == ("LIMIT", "STOP", "NEW")
    assert (child.price, child.stop_price) == (D(96), D(95))
    assert world.books.open_algos(world.uid, BTC) == [world.found(algo_id)]
    world.steer(97)
    assert world.statuses(algo_id) == ["FINISHED"]
    assert world.child(algo_id).status == "FILLED"
    assert world.found(algo_id).updated_ms == world.now


def test_a_limit_child_that_can_take_takes() -> None:
    world = held_world()
    algo_id = world.stop(95, kind="STOP", price=90)
    world.steer(94)
    assert world.statuses(algo_id) == ["FINISHED"]
    assert world.child(algo_id).executed_quote == D(94)


@pytest.mark.parametrize(
    ("time_in_force", "status", "child_status"),
    [("IOC", "FINISHED", "EXPIRED"), ("GTC", "TRIGGERED", "NEW"), ("GTX", "TRIGGERED", "NEW")],
)
def test_the_child_has_the_time_in_force_of_its_stop(
    time_in_force: str, status: str, child_status: str
) -> None:
    world = held_world()
    algo_id = world.stop(95, kind="STOP", price=96, time_in_force=time_in_force)
    world.steer(94)
    assert world.statuses(algo_id) == [status]
    child = world.child(algo_id)
    assert (child.status, child.time_in_force) == (child_status, time_in_force)


def test_a_child_that_may_not_take_is_refused() -> None:
    world = held_world()
    algo_id = world.stop(95, kind="STOP", price=90, time_in_force="GTX")
    world.steer(94)
    algo = world.found(algo_id)
    assert (algo.status, algo.child_id) == ("REJECTED", 0)
    assert algo.reject_reason is not None
    assert algo.reject_reason.startswith("Due to the order could not be executed as maker")


def test_canceling_the_child_finishes_its_stop() -> None:
    world = held_world()
    algo_id = world.stop(95, kind="STOP", price=96)
    world.steer(94)
    with pytest.raises(VenueError) as refused:
        world.cancel_algo(algo_id)
    assert refused.value.code == -2011
    order_id = world.child(algo_id).order_id
    world.engine.cancel(world.uid, BTC, order_id=order_id, at_ms=world.now)
    assert world.statuses(algo_id) == ["FINISHED"]
    assert world.child(algo_id).status == "CANCELED"


def test_a_child_for_which_there_is_no_margin_is_refused() -> None:
    world = held_world(0, balances="UM.USDT=5")
    algo_id = world.stop(105, side="BUY")
    world.steer(106)
    algo = world.found(algo_id)
    assert (algo.status, algo.reject_reason) == ("REJECTED", "Margin is insufficient.")
    assert (algo.triggered_ms, algo.updated_ms, algo.child_id) == (world.now, world.now, 0)
    assert world.books.all_orders() == []
    assert world.books.open_algos(world.uid, None) == []
    assert world.wallet == D(5)


def test_a_child_that_has_nothing_to_reduce_is_refused() -> None:
    world = held_world()
    algo_id = world.stop(95, reduce_only=True)
    world.sell(1)
    assert world.statuses(algo_id) == ["NEW"]
    world.steer(94)
    algo = world.found(algo_id)
    assert (algo.status, algo.reject_reason) == ("REJECTED", "ReduceOnly Order is rejected.")
    assert world.position().amount == 0


def test_a_child_that_only_reduces_never_turns_a_position_around() -> None:
    world = held_world(1)
    algo_id = world.stop(95, quantity=3, reduce_only=True)
    world.steer(94)
    assert world.position().amount == 0
    child = world.child(algo_id)
    assert (child.executed, child.status) == (D(1), "EXPIRED")
    assert world.statuses(algo_id) == ["FINISHED"]


def test_a_stop_that_does_not_only_reduce_opens() -> None:
    world = held_world(0)
    algo_id = world.stop(95, quantity=2)
    world.steer(94)
    assert world.statuses(algo_id) == ["FINISHED"]
    assert world.position().amount == D(-2)


def test_in_cross_margin_nothing_is_opened() -> None:
    world = held_world(0, leverage=None)
    algo_id = world.stop(95)
    world.steer(94)
    assert world.statuses(algo_id) == ["REJECTED"]
    assert "cross margin" in (world.found(algo_id).reject_reason or "")
    assert world.position().amount == 0


@pytest.mark.parametrize("amount", [3, -3])
def test_closing_everything_takes_the_position_of_that_moment(amount: int) -> None:
    world = held_world(1 if amount > 0 else -1)
    side, price = ("SELL", 95) if amount > 0 else ("BUY", 105)
    algo_id = world.stop(price, side=side, close_position=True)
    assert world.found(algo_id).quantity == 0
    world.place("BUY" if amount > 0 else "SELL", "MARKET", 2)
    world.steer(94 if amount > 0 else 106)
    child = world.child(algo_id)
    assert (child.quantity, child.executed) == (D(3), D(3))
    assert (child.close_position, child.reduce_only) == (True, True)
    assert world.position().amount == 0
    assert world.statuses(algo_id) == ["FINISHED"]


def test_closing_one_side_leaves_the_other_of_hedge_mode() -> None:
    world = held_world(0)
    world.engine.set_hedge_mode(world.uid, True, at_ms=world.now)  # noqa: FBT003
    world.buy(1, position_side="LONG")
    world.sell(2, position_side="SHORT")
    algo_id = world.stop(95, close_position=True, position_side="LONG")
    world.steer(94)
    assert world.statuses(algo_id) == ["FINISHED"]
    assert world.position("LONG").amount == 0
    assert world.position("SHORT").amount == D(-2)


def test_one_that_closes_everything_ends_with_its_position() -> None:
    world = held_world()
    stop = world.stop(95, close_position=True)
    profit = world.stop(105, kind="TAKE_PROFIT_MARKET", close_position=True)
    reducing = world.stop(94, reduce_only=True)
    world.steer(106)
    world.go(1)
    assert world.statuses(stop, profit, reducing) == ["EXPIRED", "FINISHED", "NEW"]
    assert world.found(stop).child_id == 0


def test_it_ends_also_when_the_position_turns_around_but_not_when_it_shrinks() -> None:
    world = held_world(2)
    algo_id = world.stop(95, close_position=True)
    world.sell(1)
    world.go(1)
    assert world.statuses(algo_id) == ["NEW"]
    world.sell(2)
    world.go(1)
    assert world.position().amount == D(-1)
    assert world.statuses(algo_id) == ["EXPIRED"]


def test_it_ends_in_the_step_that_closes_so_that_a_new_position_is_protected_at_once() -> None:
    world = AlgoWorld({BTC: [FLAT], "ETHUSDT": [FLAT]})
    world.buy(1)
    world.buy(1, symbol="ETHUSDT")
    other = world.stop(50, symbol="ETHUSDT", close_position=True)
    first = world.stop(95, close_position=True)
    closed = world.sell(1).order
    assert (world.found(first).status, world.found(first).updated_ms) == ("EXPIRED", closed.at_ms)
    world.buy(2)
    second = world.stop(95, close_position=True)
    assert world.statuses(first, second, other) == ["EXPIRED", "NEW", "NEW"]
    world.steer(94)
    assert world.position().amount == 0
    assert world.statuses(first, second, other) == ["EXPIRED", "FINISHED", "NEW"]


def test_in_hedge_mode_it_ends_with_its_own_side_only() -> None:
    world = AlgoWorld()
    change(world, ("hedge", "", True))
    world.buy(1, position_side="LONG")
    world.sell(1, position_side="SHORT")
    long = world.stop(95, close_position=True, position_side="LONG")
    short = world.stop(105, close_position=True, position_side="SHORT", side="BUY")
    world.sell(1, position_side="LONG")
    assert world.statuses(long, short) == ["EXPIRED", "NEW"]


# ---- hitches


def test_a_late_child_comes_after_so_much_market_time() -> None:
    world = held_world()
    hitch(world, "late", seconds=2.5)
    algo_id = world.stop(95, reduce_only=True)
    world.steer(94)
    triggered_ms = world.now
    assert world.statuses(algo_id) == ["TRIGGERING"]
    assert world.books.open_algos(world.uid, BTC) == [world.found(algo_id)]
    with pytest.raises(VenueError) as refused:
        world.cancel_algo(algo_id)
    assert refused.value.code == -2011
    world.go(2_499)
    assert world.statuses(algo_id) == ["TRIGGERING"]
    assert world.position().amount == D(1)
    world.reopen()
    world.go(60_000)
    algo = world.found(algo_id)
    assert (algo.status, algo.triggered_ms) == ("FINISHED", triggered_ms)
    assert world.child(algo_id).at_ms == triggered_ms + 2_500
    assert world.engine.hitches.due() == {}
    assert world.position().amount == 0


def test_a_late_child_is_refused_when_the_position_is_gone_by_then() -> None:
    world = held_world()
    hitch(world, "late", seconds=5)
    algo_id = world.stop(95, reduce_only=True)
    world.steer(94)
    world.sell(1)
    world.go(5_000)
    assert world.statuses(algo_id) == ["REJECTED"]
    assert world.position().amount == 0


def test_a_late_child_of_one_that_closes_everything_finds_nothing() -> None:
    world = held_world()
    hitch(world, "late", seconds=5)
    algo_id = world.stop(95, close_position=True)
    world.steer(94)
    world.sell(1)
    world.go(4_000)
    assert world.statuses(algo_id) == ["TRIGGERING"]
    world.go(1_000)
    assert world.statuses(algo_id) == ["EXPIRED"]


def test_one_that_is_stuck_stays_so_and_cannot_be_canceled() -> None:
    world = held_world()
    hitch(world, "stuck")
    algo_id = world.stop(95, reduce_only=True)
    world.steer(94)
    world.reopen()
    world.go(300 * MINUTE_MS)
    assert world.statuses(algo_id) == ["TRIGGERING"]
    with pytest.raises(VenueError) as refused:
        world.cancel_algo(algo_id)
    assert (refused.value.code, refused.value.message) == (-2011, "Unknown order sent.")
    assert world.engine.cancel_all_algo(world.uid, BTC, at_ms=world.now) == 0
    assert world.position().amount == D(1)


def test_a_missing_child_trades_but_is_not_shown_for_a_while() -> None:
    world = held_world()
    hitch(world, "missing", seconds=3)
    algo_id = world.stop(95, reduce_only=True)
    world.steer(94)
    algo = world.found(algo_id)
    assert algo.status == "FINISHED"
    assert world.position().amount == 0
    hides = world.engine.hitches.hides
    assert hides(algo.child_id, world.now)
    assert hides(algo.child_id, world.now + 2_999)
    assert not hides(algo.child_id, world.now + 3_000)
    assert not hides(1, world.now)


def test_a_child_may_be_refused_on_demand_and_only_as_often() -> None:
    world = held_world(2)
    hitch(world, "refuse", symbol=BTC)
    first, second = world.stop(95, reduce_only=True), world.stop(94, reduce_only=True)
    world.steer(93)
    assert world.statuses(first, second) == ["REJECTED", "FINISHED"]
    assert world.found(first).reject_reason == "Margin is insufficient."
    assert world.found(first).child_id == 0
    assert world.position().amount == D(1)


def test_a_hitch_of_another_symbol_strikes_nothing_here() -> None:
    world = held_world()
    hitch(world, "stuck", symbol="ETHUSDT")
    algo_id = world.stop(95)
    world.steer(94)
    assert world.statuses(algo_id) == ["FINISHED"]


# ---- canceling


def test_orders_are_canceled_by_either_id_and_by_both() -> None:
    world = held_world(0)
    cancel, uid, now = world.engine.cancel_algo, world.uid, world.now
    ids = [world.stop(90, client_algo_id=f"c{n}") for n in range(3)]
    assert cancel(uid, algo_id=ids[0], at_ms=now).algo_id == ids[0]
    assert cancel(uid, client_algo_id="c1", at_ms=now).algo_id == ids[1]
    with pytest.raises(VenueError) as refused:
        cancel(uid, algo_id=ids[2], client_algo_id="c1", at_ms=now)
    assert refused.value.code == -2011
    assert cancel(uid, algo_id=ids[2], client_algo_id="c2", at_ms=now).status == "CANCELED"
    assert world.books.open_algos(uid, None) == []


def test_orders_of_somebody_else_cannot_be_canceled() -> None:
    world = held_world(0)
    algo_id = world.stop(90)
    with pytest.raises(VenueError) as refused:
        world.engine.cancel_algo(world.uid + 1, algo_id=algo_id, at_ms=world.now)
    assert refused.value.code == -2011
    assert world.statuses(algo_id) == ["NEW"]


def test_all_of_a_symbol_are_canceled_together() -> None:
    world = AlgoWorld({BTC: [FLAT], "ETHUSDT": [FLAT]})
    ids = [world.stop(90), world.stop(91), world.stop(92, symbol="ETHUSDT")]
    assert world.engine.cancel_all_algo(world.uid, BTC, at_ms=START) == 2
    assert world.statuses(*ids) == ["CANCELED", "CANCELED", "NEW"]
    assert world.engine.cancel_all_algo(world.uid, BTC, at_ms=START) == 0


def test_a_late_child_waits_until_its_symbol_trades_again() -> None:
    world = held_world()
    hitch(world, "late", seconds=5)
    algo_id = world.stop(95, reduce_only=True)
    world.steer(94)
    trading = world.market.symbols[BTC]
    world.market.symbols[BTC] = replace(trading, status="TRADING_HALT")
    world.go(60_000)
    assert world.statuses(algo_id) == ["TRIGGERING"]
    assert world.position().amount == D(1)
    world.market.symbols[BTC] = trading
    resumed_ms = world.now
    world.go(10_000)
    assert world.statuses(algo_id) == ["FINISHED"]
    assert world.child(algo_id).at_ms == resumed_ms + 1
