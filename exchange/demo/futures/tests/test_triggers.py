"""Conditional orders trigger at the first millisecond at which their price is there."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from exchange.demo.amounts import from_units, to_units
from exchange.demo.futures.tests.algo_world import AlgoWorld
from exchange.demo.futures.tests.futures_world import BTC
from exchange.demo.times import MINUTE_MS
from exchange.demo.trading.tests.engine_world import FLAT, START, D

# Down to 90 after 20 s, up to 110 after 40 s, back to 100 at the end.
WICK = (100, 110, 90, 100)
# Down to 95 in a straight line, and up again.
DOWN = (100, 100, 95, 95)
UP = (95, 100, 95, 100)


def last_price(world: AlgoWorld, at_ms: int) -> Decimal:
    return from_units(world.market.tracks[BTC].price(at_ms))


def mark_price(world: AlgoWorld, at_ms: int) -> Decimal:
    return from_units(world.market.marks[BTC].price(at_ms))


@pytest.mark.parametrize(
    ("side", "kind", "trigger_price"),
    [
        ("SELL", "STOP_MARKET", "93.37"),
        ("BUY", "STOP_MARKET", "106.21"),
        ("SELL", "TAKE_PROFIT_MARKET", "106.21"),
        ("BUY", "TAKE_PROFIT_MARKET", "93.37"),
    ],
)
def test_the_last_price_triggers_at_its_first_millisecond(
    side: str, kind: str, trigger_price: str
) -> None:
    world = AlgoWorld({BTC: [FLAT, WICK]}, marks={BTC: [FLAT]})
    algo_id = world.stop(trigger_price, side=side, kind=kind)
    world.go(2 * MINUTE_MS)
    done = world.found(algo_id)
    before, then = (last_price(world, done.triggered_ms - 1 + n) for n in (0, 1))
    price = D(trigger_price)
    assert before < price <= then if price > 100 else then <= price < before
    assert (done.status, done.updated_ms) == ("FINISHED", done.triggered_ms)
    assert done.triggered_ms > START + MINUTE_MS


def test_a_wick_of_the_last_price_does_not_trigger_by_the_mark_price() -> None:
    world = AlgoWorld({BTC: [FLAT, WICK, FLAT]}, marks={BTC: [FLAT]})
    by_mark = world.stop(95, working_type="MARK_PRICE")
    by_last = world.stop(95)
    world.go(10 * MINUTE_MS)
    assert world.statuses(by_mark, by_last) == ["NEW", "FINISHED"]


def test_the_mark_price_triggers_without_the_last_price() -> None:
    world = AlgoWorld({BTC: [FLAT]}, marks={BTC: [FLAT, DOWN]})
    algo_id = world.stop("97.50", working_type="MARK_PRICE")
    world.go(2 * MINUTE_MS)
    done = world.found(algo_id)
    # It is cut to 97.50 as soon as it is below 97.51.
    at_ms = done.triggered_ms
    assert mark_price(world, at_ms) < D("97.51") <= mark_price(world, at_ms - 1)
    assert world.child(algo_id).executed_quote == D(100)


def test_a_rising_mark_price_must_be_there_whole() -> None:
    world = AlgoWorld({BTC: [FLAT]}, marks={BTC: [(95,) * 4, UP]})
    algo_id = world.stop("97.50", side="BUY", working_type="MARK_PRICE")
    world.go(2 * MINUTE_MS)
    at_ms = world.found(algo_id).triggered_ms
    assert mark_price(world, at_ms) >= D("97.50") > mark_price(world, at_ms - 1)


def test_of_two_the_one_whose_price_comes_first_triggers_first() -> None:
    world = AlgoWorld({BTC: [FLAT, WICK]})
    far, near = world.stop(92), world.stop(96)
    world.go(2 * MINUTE_MS)
    assert world.found(near).triggered_ms < world.found(far).triggered_ms
    assert world.found(near).child_id < world.found(far).child_id


def test_of_two_at_the_same_price_the_older_one_goes_first() -> None:
    world = AlgoWorld({BTC: [FLAT, WICK]})
    older, newer = world.stop(92), world.stop(92)
    world.go(2 * MINUTE_MS)
    assert world.found(newer).triggered_ms == world.found(older).triggered_ms
    assert world.found(older).child_id < world.found(newer).child_id


def test_what_the_price_did_before_it_was_placed_does_not_trigger() -> None:
    world = AlgoWorld({BTC: [WICK, FLAT]})
    world.go(MINUTE_MS)
    algo_id = world.stop(95)
    world.go(60 * MINUTE_MS)
    assert world.statuses(algo_id) == ["NEW"]


def test_a_canceled_one_never_triggers() -> None:
    world = AlgoWorld({BTC: [FLAT, WICK]})
    algo_id = world.stop(95)
    canceled = world.cancel_algo(algo_id)
    world.go(5 * MINUTE_MS)
    assert world.found(algo_id) == canceled
    assert (canceled.status, canceled.updated_ms, canceled.triggered_ms) == ("CANCELED", START, 0)
    assert world.books.all_orders() == []


def test_a_stop_limit_that_waits_too_long_expires() -> None:
    world = AlgoWorld({BTC: [FLAT]})
    more = {"kind": "STOP", "price": 89, "time_in_force": "GTD"}
    end_ms = START + 700_000
    algo_id = world.stop(90, good_till_ms=end_ms, **more)
    world.go(699_999)
    assert world.statuses(algo_id) == ["NEW"]
    world.go(1_000_000)
    assert world.statuses(algo_id) == ["EXPIRED"]
    assert world.found(algo_id).updated_ms == end_ms


def protected_world(last: list[Any], marks: list[Any]) -> AlgoWorld:
    return AlgoWorld({BTC: last}, marks={BTC: marks})


def test_a_protected_one_waits_while_mark_and_last_price_are_far_apart() -> None:
    # The last price falls to 90 and stays; the mark follows from 100 to 90 in the third minute.
    low = (90, 90, 90, 90)
    world = protected_world([FLAT, (100, 100, 90, 90), low], [FLAT, FLAT, (100, 100, 90, 90), low])
    plain = world.stop(93)
    guarded = world.stop(93, price_protect=True)
    world.go(2 * MINUTE_MS)
    assert world.statuses(plain, guarded) == ["FINISHED", "NEW"]
    world.go(2 * MINUTE_MS)
    assert world.statuses(guarded) == ["FINISHED"]
    assert world.found(guarded).triggered_ms == START + 3 * MINUTE_MS


def test_a_protected_one_triggers_at_once_where_mark_and_last_price_agree() -> None:
    world = protected_world([FLAT, WICK], [FLAT, (100, 100, 90, 90), (90,) * 4])
    plain, guarded = world.stop("96.5"), world.stop("96.5", price_protect=True)
    world.go(2 * MINUTE_MS)
    assert world.found(guarded).triggered_ms == world.found(plain).triggered_ms > START


def test_a_protected_one_that_the_price_leaves_again_triggers_when_it_comes_back() -> None:
    # Down and up far from the mark, then down again with the mark.
    fall = (100, 100, 94, 94)
    world = protected_world(
        [FLAT, (100, 100, 94, 100), FLAT, fall, (94,) * 4],
        [(101, 101, 101, 101), FLAT, FLAT, fall, (94,) * 4],
    )
    wide = world.stop("94.5", price_protect=True)
    world.go(2 * MINUTE_MS)
    assert world.statuses(wide) == ["NEW"]
    world.go(3 * MINUTE_MS)
    at_ms = world.found(wide).triggered_ms
    assert START + 3 * MINUTE_MS < at_ms < START + 4 * MINUTE_MS
    assert last_price(world, at_ms) == D("94.50") < last_price(world, at_ms - 1)


@pytest.mark.parametrize("step", [1_000, 7_777, 31_000, 61_000, 600_000])
def test_how_often_one_looks_changes_nothing_about_protected_ones(step: int) -> None:
    low = (90, 90, 90, 90)
    minutes = ([FLAT, WICK, (100, 100, 90, 90), low], [FLAT, FLAT, FLAT, (100, 100, 90, 90), low])
    whole, pieces = protected_world(*minutes), protected_world(*minutes)
    ids = [
        [world.stop(n, price_protect=True, client_algo_id=f"sl{n}") for n in (96, 93, 91)]
        for world in (whole, pieces)
    ]
    whole.go(600_000)
    while pieces.now < whole.now:
        pieces.go(min(step, whole.now - pieces.now))
    assert [whole.found(one) for one in ids[0]] == [pieces.found(one) for one in ids[1]]
    assert whole.statuses(*ids[0]) == ["FINISHED"] * 3


def test_a_protected_one_triggers_where_a_person_puts_the_price() -> None:
    world = AlgoWorld({BTC: [FLAT]})
    world.go(12_345)
    guarded = world.stop(93, price_protect=True)
    world.steer(90)
    assert world.found(guarded).triggered_ms == START + 12_346


def test_a_halted_symbol_triggers_nothing_until_it_trades_again() -> None:
    world = AlgoWorld({BTC: [FLAT, DOWN]})
    algo_id = world.stop(97)
    world.go(1_000)
    trading = world.market.symbols[BTC]
    world.market.symbols[BTC] = trading.with_rules()
    object.__setattr__(world.market.symbols[BTC], "status", "TRADING_HALT")
    world.go(3 * MINUTE_MS)
    assert world.statuses(algo_id) == ["NEW"]
    world.market.symbols[BTC] = trading
    world.go(1)
    assert world.found(algo_id).triggered_ms == world.now


# ---- trailing stops in the engine


def trail(world: AlgoWorld, side: str = "SELL", **more: Any) -> int:
    return world.algo(side, "TRAILING_STOP_MARKET", quantity=1, **({"callback_rate": 5} | more))


def test_a_trailing_stop_sells_after_the_highest_price() -> None:
    world = AlgoWorld({BTC: [FLAT, (100, 110, 98, 99)]})
    algo_id = trail(world)
    world.go(2 * MINUTE_MS)
    done = world.found(algo_id)
    assert (done.status, done.peak) == ("FINISHED", D(110))
    at_ms = done.triggered_ms
    assert last_price(world, at_ms) == D("104.50") < last_price(world, at_ms - 1)
    assert world.child(algo_id).stop_price == D("104.50")
    assert world.child(algo_id).executed_quote == D("104.50")


def test_a_trailing_stop_buys_after_the_lowest_price() -> None:
    world = AlgoWorld({BTC: [FLAT, (100, 102, 80, 101)]})
    algo_id = trail(world, "BUY")
    world.go(2 * MINUTE_MS)
    done = world.found(algo_id)
    assert (done.status, done.peak) == ("FINISHED", D(80))
    assert last_price(world, done.triggered_ms) == D("84.00")
    assert last_price(world, done.triggered_ms - 1) < D(84)


def test_a_trailing_stop_does_nothing_before_its_activation() -> None:
    # Down by 10 % first, then up over 104, which activates, and down to 99.
    world = AlgoWorld({BTC: [FLAT, (100, 100, 90, 100), (100, 104, 90, 98), FLAT]})
    algo_id = trail(world, activate_price=104)
    world.go(2 * MINUTE_MS)
    assert (world.statuses(algo_id), world.found(algo_id).is_trailing) == (["NEW"], False)
    world.go(2 * MINUTE_MS)
    done = world.found(algo_id)
    assert (done.status, done.peak) == ("FINISHED", D(104))
    assert last_price(world, done.triggered_ms) == D("98.80")


def test_the_activation_is_kept_at_its_first_millisecond() -> None:
    world = AlgoWorld({BTC: [FLAT, (100, 106, 100, 106)]})
    algo_id = trail(world, activate_price=104)
    world.go(5 * MINUTE_MS)
    kept = world.found(algo_id)
    assert (kept.status, kept.is_trailing, kept.peak) == ("NEW", True, D(104))
    assert last_price(world, kept.updated_ms - 1) < D(104) == last_price(world, kept.updated_ms)


def test_a_trailing_stop_by_the_mark_price_ignores_wicks() -> None:
    world = AlgoWorld({BTC: [FLAT, WICK, FLAT]}, marks={BTC: [FLAT]})
    algo_id = trail(world, working_type="MARK_PRICE")
    world.go(30 * MINUTE_MS)
    assert world.statuses(algo_id) == ["NEW"]
    world.steer(100, mark="95.00")
    assert world.found(algo_id).triggered_ms == world.now


@pytest.mark.parametrize("step", [1_000, 7_777, 61_000, 3_600_000])
@pytest.mark.parametrize("more", [{}, {"activate_price": 104}])
def test_how_often_one_looks_and_restarts_changes_nothing(step: int, more: dict[str, Any]) -> None:
    minutes = {BTC: [FLAT, (100, 106, 97, 103), (103, 109, 103, 108), (108, 110, 101, 102), FLAT]}
    whole, pieces = AlgoWorld(minutes), AlgoWorld(minutes)
    ids = [trail(world, client_algo_id="tr", **more) for world in (whole, pieces)]
    whole.go(240_000)
    while pieces.now < whole.now:
        pieces.go(min(step, whole.now - pieces.now))
        pieces.reopen()
    assert whole.found(ids[0]) == pieces.found(ids[1])
    assert whole.statuses(ids[0]) == ["FINISHED"]


def test_the_peak_survives_a_restart_that_knows_another_past() -> None:
    # A mirror forgets how the price moved: what was seen in the last whole hours is in the state.
    world = AlgoWorld({BTC: [FLAT, (100, 110, 107, 110), (110,) * 4]})
    algo_id = trail(world)
    world.go(61 * MINUTE_MS)
    assert world.found(algo_id).peak == D(110)
    world.engine.remember()
    world.market.tracks[BTC].steering.hold(to_units(D(106)), from_ms=START, until_ms=world.now)
    world.reopen()
    world.steer("104.6")
    assert world.statuses(algo_id) == ["NEW"]
    world.steer("104.5")
    assert world.statuses(algo_id) == ["FINISHED"]
