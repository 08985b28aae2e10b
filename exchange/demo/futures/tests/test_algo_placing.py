"""Which conditional orders are taken, and with which of the venue's words the others are not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from exchange.demo.amounts import to_units
from exchange.demo.errors import VenueError
from exchange.demo.futures.algo_placing import MAX_OPEN_ALGOS
from exchange.demo.futures.tests.algo_world import AlgoWorld
from exchange.demo.futures.tests.futures_world import BTC
from exchange.demo.trading.tests.engine_world import FLAT, D

STOP = {"kind": "STOP", "trigger_price": 90, "price": 89}


def flat_world(**more: Any) -> AlgoWorld:
    return AlgoWorld({BTC: [FLAT]}, **more)


def refusal(world: AlgoWorld, **more: Any) -> tuple[int, str]:
    before = len(world.books.all_algos())
    with pytest.raises(VenueError) as refused:
        world.stop(**({"trigger_price": 90} | more))
    assert len(world.books.all_algos()) == before
    return refused.value.code, refused.value.message


def test_a_stop_is_kept_as_it_was_asked_for() -> None:
    world = flat_world()
    kept = world.found(world.stop(90, client_algo_id="sl-1", working_type="MARK_PRICE"))
    assert (kept.status, kept.client_algo_id, kept.side, kept.type) == (
        *("NEW", "sl-1", "SELL", "STOP_MARKET"),
    )
    assert (kept.quantity, kept.trigger_price, kept.working_type) == (D(1), D(90), "MARK_PRICE")
    assert (kept.at_ms, kept.updated_ms, kept.triggered_ms) == (world.now, world.now, 0)
    assert world.books.open_algos(world.uid, BTC) == [kept]
    assert world.books.all_orders() == []


def test_no_margin_is_needed_before_the_trigger() -> None:
    world = flat_world(balances="UM.USDT=0.01")
    algo_id = world.stop(90, quantity=1000)
    assert world.statuses(algo_id) == ["NEW"]
    assert world.available == D("0.01")


def test_one_that_only_reduces_is_taken_without_a_position() -> None:
    world = flat_world()
    assert world.statuses(world.stop(90, reduce_only=True)) == ["NEW"]


@pytest.mark.parametrize(
    ("side", "kind", "too_early", "fine"),
    [
        ("SELL", "STOP_MARKET", 100, 99),
        ("BUY", "STOP_MARKET", 100, 101),
        ("SELL", "TAKE_PROFIT_MARKET", 100, 101),
        ("BUY", "TAKE_PROFIT_MARKET", 100, 99),
    ],
)
def test_a_trigger_price_that_is_there_already_is_refused(
    side: str, kind: str, too_early: int, fine: int
) -> None:
    world = flat_world()
    text = "Order would immediately trigger."
    assert refusal(world, side=side, kind=kind, trigger_price=too_early) == (-2021, text)
    assert world.statuses(world.stop(fine, side=side, kind=kind)) == ["NEW"]


def test_the_price_that_triggers_is_the_one_that_is_asked() -> None:
    world = AlgoWorld({BTC: [FLAT]}, marks={BTC: [(95, 95, 95, 95)]})
    assert refusal(world, trigger_price=96, working_type="MARK_PRICE")[0] == -2021
    assert world.statuses(world.stop(96)) == ["NEW"]


def test_a_mark_price_is_cut_before_it_is_compared() -> None:
    # Source: the venue's support page on stop orders: 2000.04891 is not yet 2000.05.
    world = AlgoWorld({BTC: [FLAT]}, marks={BTC: [("95.009",) * 4]})
    assert refusal(world, trigger_price=95, working_type="MARK_PRICE")[0] == -2021
    assert world.stop("95.01", side="BUY", working_type="MARK_PRICE")
    assert refusal(world, trigger_price=95, side="BUY", working_type="MARK_PRICE")[0] == -2021


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"quantity": "0.0001"}, -1111),
        ({"quantity": 0}, -4003),
        ({"quantity": 100_001}, -4005),
        ({"quantity": "0.05"}, -4164),
        ({"trigger_price": "90.001"}, -1111),
        ({"trigger_price": 0}, -4001),
        ({"trigger_price": 2_000_000, "side": "BUY"}, -4002),
        (STOP | {"price": "89.001"}, -1111),
        (STOP | {"price": "44.99"}, -4184),
        (STOP | {"side": "BUY", "trigger_price": 110, "price": "220.01"}, -4183),
        (STOP | {"time_in_force": "GTD", "good_till_ms": 1}, -5040),
    ],
)
def test_the_filters_of_the_symbol_hold(asked: dict[str, Any], code: int) -> None:
    assert refusal(flat_world(), **asked)[0] == code


def test_the_least_notional_is_not_asked_of_one_that_only_reduces() -> None:
    world = flat_world()
    assert world.statuses(world.stop(90, quantity="0.001", reduce_only=True)) == ["NEW"]


def test_a_limit_may_lie_as_far_from_its_trigger_as_the_percent_filter_says() -> None:
    world = flat_world()
    assert world.stop(**(STOP | {"price": 45}))
    assert world.stop(**(STOP | {"side": "BUY", "trigger_price": 110, "price": 220}))


@pytest.mark.parametrize("missing", ["trigger_price", "price", "quantity"])
def test_what_a_stop_cannot_do_without_must_be_there(missing: str) -> None:
    world = flat_world()
    asked = {key: value for key, value in (STOP | {"quantity": 1}).items() if key != missing}
    with pytest.raises(VenueError) as refused:
        world.algo("SELL", str(asked.pop("kind")), **asked)
    assert refused.value.code == -1102


def test_a_client_id_is_free_again_when_its_order_is_done() -> None:
    world = flat_world()
    first = world.stop(90, client_algo_id="sl")
    assert refusal(world, client_algo_id="sl") == (-4116, "ClientOrderId is duplicated.")
    world.cancel_algo(first)
    second = world.stop(90, client_algo_id="sl")
    newest = world.books.algo_by_client_id(world.uid, "sl")
    assert newest is not None
    assert newest.algo_id == second


def test_two_hundred_may_wait_and_no_more() -> None:
    world = flat_world()
    first, *_ = [world.stop(90) for _ in range(MAX_OPEN_ALGOS)]
    assert refusal(world) == (-4045, "Reach max stop order limit.")
    world.cancel_algo(first)
    assert world.stop(90)


def test_nothing_is_taken_for_a_symbol_that_does_not_trade() -> None:
    world = flat_world()
    world.market.symbols[BTC] = replace(world.market.symbols[BTC], status="TRADING_HALT")
    assert refusal(world)[0] == -4140


def test_position_sides_must_fit_the_mode() -> None:
    world = flat_world()
    assert refusal(world, position_side="LONG")[0] == -4061
    world.engine.set_hedge_mode(world.uid, True, at_ms=world.now)  # noqa: FBT003
    assert refusal(world)[0] == -4061
    assert refusal(world, position_side="LONG", reduce_only=True)[0] == -1106
    assert world.statuses(world.stop(90, position_side="LONG")) == ["NEW"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"kind": "STOP", "price": 89}, -4136),
        ({"quantity": 1}, -4137),
        ({"reduce_only": True}, -4138),
        ({"side": "BUY", "trigger_price": 110}, -4509),
    ],
)
def test_one_that_closes_everything_goes_alone_and_against_a_position(
    asked: dict[str, Any], code: int
) -> None:
    world = flat_world()
    world.buy(1)
    assert refusal(world, close_position=True, **asked)[0] == code


def test_one_that_closes_everything_needs_something_to_close() -> None:
    code, text = refusal(flat_world(), close_position=True)
    assert code == -4509
    assert text.startswith("Time in Force (TIF) GTE can only be used with open positions.")


def test_one_stop_and_one_take_profit_may_close_everything() -> None:
    world = flat_world()
    world.buy(1)
    stop = world.stop(90, close_position=True)
    profit = world.stop(110, kind="TAKE_PROFIT_MARKET", close_position=True)
    assert world.statuses(stop, profit) == ["NEW", "NEW"]
    assert refusal(world, trigger_price=91, close_position=True)[0] == -4130
    world.cancel_algo(stop)
    assert world.stop(91, close_position=True)


def test_in_hedge_mode_it_must_be_the_side_that_closes() -> None:
    world = flat_world()
    world.engine.set_hedge_mode(world.uid, True, at_ms=world.now)  # noqa: FBT003
    world.buy(1, position_side="LONG")
    asked = {"close_position": True, "position_side": "LONG"}
    assert refusal(world, side="BUY", trigger_price=110, **asked)[0] == -4061
    assert world.statuses(world.stop(90, **asked)) == ["NEW"]


def trailing(world: AlgoWorld, side: str = "SELL", **more: Any) -> int:
    return world.algo(side, "TRAILING_STOP_MARKET", quantity=1, **({"callback_rate": 1} | more))


@pytest.mark.parametrize("rate", ["0.09", "0", "20.1", "1.25"])
def test_callback_rates_go_from_a_tenth_to_twenty_in_steps_of_a_tenth(rate: str) -> None:
    world = flat_world()
    with pytest.raises(VenueError) as refused:
        trailing(world, callback_rate=rate)
    assert (refused.value.code, refused.value.message) == (-2007, "Invalid callBack rate.")
    assert trailing(world, callback_rate="0.1")
    assert trailing(world, callback_rate="20")


@pytest.mark.parametrize(("side", "wrong", "fine"), [("SELL", 100, 101), ("BUY", 100, 99)])
def test_the_activation_must_still_be_ahead(side: str, wrong: int, fine: int) -> None:
    world = flat_world()
    with pytest.raises(VenueError) as refused:
        trailing(world, side, activate_price=wrong)
    assert refused.value.code == -2021
    kept = world.found(trailing(world, side, activate_price=fine))
    assert (kept.is_trailing, kept.activate_price, kept.peak) == (False, D(fine), D(0))


def test_without_an_activation_it_trails_from_the_price_of_now() -> None:
    world = flat_world()
    world.market.tracks[BTC].steering.hold(to_units(D(104)), from_ms=world.now, until_ms=None)
    kept = world.found(trailing(world))
    assert (kept.is_trailing, kept.peak, kept.trigger_price) == (True, D(104), D(0))
