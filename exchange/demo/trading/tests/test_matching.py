"""Orders along the walk 100, 90, 110, 100 (at 0, 20, 40 and 60 s), each with exact values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.demo.amounts import to_units
from exchange.demo.errors import VenueError
from exchange.demo.market.track import Track
from exchange.demo.times import MINUTE_MS
from exchange.demo.trading.canceling import Canceled
from exchange.demo.trading.crossings import Crossing, Mark, first_crossing
from exchange.demo.trading.tests.engine_world import FLAT, START, SWING, D, World, recording_of


def test_a_resting_buy_locks_its_value_and_fills_at_its_price_when_the_price_gets_there() -> None:
    world = World()
    order_id = world.place("BUY", "LIMIT", 1, price=95).order.order_id
    assert world.balance("USDT") == (D(99_905), D(95))
    world.go(9_990)
    assert world.order(order_id).status == "NEW"
    assert world.fills() == []
    world.go(50_010)
    order, fills = world.order(order_id), world.fills()
    assert (order.status, order.executed, order.executed_quote) == ("FILLED", D(1), D(95))
    assert (order.working_ms, order.updated_ms) == (START, START + 9_991)
    assert [(one.price, one.quantity, one.is_maker, one.at_ms) for one in fills] == [
        (D(95), D(1), True, START + 9_991)
    ]
    assert (fills[0].commission, fills[0].commission_asset) == (D("0.001"), "BTC")
    assert world.balance("USDT") == (D(99_905), D(0))
    assert world.balance("BTC") == (D("10.999"), D(0))
    assert world.first_fills == [world.uid]


def test_a_resting_sell_locks_its_quantity_and_pays_its_fee_in_quote() -> None:
    world = World()
    world.place("SELL", "LIMIT_MAKER", 2, price=105)
    assert world.balance("BTC") == (D(8), D(2))
    world.go(MINUTE_MS)
    assert world.balance("BTC") == (D(8), D(0))
    assert world.balance("USDT") == (D("100209.79"), D(0))
    assert world.fills()[0].at_ms == START + 34_995


def test_an_order_that_the_price_never_reaches_stays_open() -> None:
    world = World()
    placed = world.place("BUY", "LIMIT", 1, price="89.99")
    world.go(60 * MINUTE_MS)
    assert world.order(placed.order.order_id) == placed.order
    assert world.fills() == []


def test_a_limit_order_that_crosses_takes_at_the_book_and_returns_what_it_saves() -> None:
    world = World()
    placed = world.place("BUY", "LIMIT", 1, price=101)
    assert placed.order.status == "FILLED"
    assert [(one.price, one.is_maker) for one in placed.fills] == [(D(100), False)]
    assert world.balance("USDT") == (D(99_900), D(0))


def test_the_rest_of_a_crossing_limit_order_waits_at_its_price() -> None:
    world = World(volume=1)
    placed = world.place("BUY", "LIMIT", 10, price=100)
    assert placed.order.status == "PARTIALLY_FILLED"
    assert (placed.order.executed, placed.order.executed_quote) == (D("1.00001"), D("100.001"))
    assert world.balance("USDT") == (D(99_000), D("899.999"))


@pytest.mark.parametrize(
    ("time_in_force", "executed", "reason"),
    [
        ("IOC", "1.00001", "UNFILLED_IOC_QUANTITY_EXPIRED"),
        ("FOK", "0", "UNFILLED_FOK_ORDER_EXPIRED"),
    ],
)
def test_what_cannot_be_filled_at_once_expires(
    time_in_force: str, executed: str, reason: str
) -> None:
    world = World(volume=1)
    order = world.place("BUY", "LIMIT", 10, price=100, time_in_force=time_in_force).order
    assert (order.status, order.expiry_reason) == ("EXPIRED", reason)
    assert order.executed == D(executed)
    assert world.balance("USDT")[1] == 0
    world.go(60 * MINUTE_MS)
    assert world.order(order.order_id).executed == D(executed)


def test_a_fill_or_kill_order_that_fits_is_filled_whole() -> None:
    placed = World().place("SELL", "LIMIT", 9, price="99.9", time_in_force="FOK")
    assert (placed.order.status, placed.order.executed) == ("FILLED", D(9))
    assert [one.price for one in placed.fills][:2] == [D(100), D("99.99")]


def test_a_market_order_beyond_the_book_expires_with_what_it_got() -> None:
    world = World(volume=1, balances="USDT=100000000")
    order = world.place("BUY", "MARKET", "146.3").order
    assert (order.status, order.expiry_reason) == ("EXPIRED", "INSUFFICIENT_LIQUIDITY")
    # A tenth of the largest market order, in ten levels of whole increments.
    assert (order.executed, order.quantity) == (D("14.6309"), D("146.3"))
    assert world.balance("USDT")[1] == 0


def test_a_market_order_by_worth_spends_no_more_than_asked() -> None:
    world = World()
    order = world.place("BUY", "MARKET", quote_quantity="250.5").order
    assert (order.status, order.quantity, order.executed) == ("FILLED", D("2.50479"), D("2.50479"))
    assert order.executed_quote == D("250.4990958")
    assert order.quote_order_quantity == D("250.5")


def test_a_market_order_that_cannot_be_paid_is_refused_without_a_trace() -> None:
    world = World(balances="USDT=100")
    for asked in (("BUY", "MARKET", 2), ("SELL", "MARKET", 1)):
        with pytest.raises(VenueError, match="insufficient balance") as refusal:
            world.place(*asked)
        assert refusal.value.code == -2010
    with pytest.raises(VenueError, match="insufficient balance"):
        world.place("BUY", "LIMIT", 2, price=90)
    assert world.engine.orders.all_orders() == []
    assert world.balance("USDT") == (D(100), D(0))
    assert world.place("BUY", "LIMIT", 1, price=90).order.order_id == 1


@pytest.mark.parametrize(
    ("side", "kind", "stop", "at_ms", "price"),
    [
        ("SELL", "STOP_LOSS", 95, 9_991, "95"),
        ("BUY", "STOP_LOSS", 105, 34_995, "105"),
        ("SELL", "TAKE_PROFIT", 105, 34_995, "105"),
        ("BUY", "TAKE_PROFIT", 95, 9_991, "95"),
    ],
)
def test_a_stop_triggers_at_its_price_and_takes(
    side: str, kind: str, stop: int, at_ms: int, price: str
) -> None:
    world = World()
    placed = world.place(side, kind, 1, stop_price=stop)
    assert (placed.order.status, placed.order.working_ms) == ("NEW", -1)
    assert not placed.order.is_working
    world.go(at_ms - 1)
    assert world.order(1).working_ms == -1
    world.go(1)
    order = world.order(1)
    assert (order.status, order.working_ms, order.updated_ms) == (
        "FILLED",
        START + at_ms,
        START + at_ms,
    )
    assert [(one.price, one.is_maker) for one in world.fills()] == [(D(price), False)]
    assert world.balance("USDT")[1] == world.balance("BTC")[1] == 0


def test_a_stop_limit_order_rests_after_it_has_triggered() -> None:
    world = World()
    world.place("SELL", "STOP_LOSS_LIMIT", 1, stop_price=95, price=96)
    world.go(12_000)
    order = world.order(1)
    assert (order.status, order.is_working, order.executed) == ("NEW", True, D(0))
    world.go(48_000)
    assert world.order(1).status == "FILLED"
    assert [(one.price, one.is_maker) for one in world.fills()] == [(D(96), True)]
    assert world.fills()[0].at_ms == START + 25_995


def test_a_stop_that_the_price_jumps_over_fills_at_the_new_price() -> None:
    world = World({"BTCUSDT": [FLAT]})
    world.place("SELL", "STOP_LOSS", 1, stop_price=95)
    world.steer(80)
    assert [(one.price, one.at_ms) for one in world.fills()] == [(D(80), START + 1)]


def test_a_resting_sell_that_the_price_jumps_over_fills_at_its_own_price() -> None:
    world = World({"BTCUSDT": [FLAT]})
    world.place("SELL", "LIMIT", 1, price=105)
    world.steer(120)
    assert [(one.price, one.at_ms) for one in world.fills()] == [(D(105), START + 1)]


def test_a_stop_to_buy_that_cannot_be_paid_after_a_jump_expires_unfilled() -> None:
    world = World({"BTCUSDT": [FLAT]}, balances="USDT=110")
    world.place("BUY", "STOP_LOSS", 1, stop_price=105)
    world.steer(120)
    assert world.statuses(1) == [("EXPIRED", "REJECTED")]
    assert world.fills() == []
    assert world.balance("USDT") == (D(110), D(0))


def test_a_large_resting_order_gets_its_share_of_every_minute() -> None:
    world = World({"BTCUSDT": [SWING, (95, 95, 95, 95)]}, volume=20)
    world.place("BUY", "LIMIT", 5, price=95)
    world.go(20_000)
    assert (world.order(1).status, world.order(1).executed) == ("PARTIALLY_FILLED", D(2))
    assert world.balance("USDT") == (D(99_525), D(285))
    world.go(39_999)
    assert world.order(1).executed == 2
    world.go(1)
    assert world.order(1).executed == 4
    world.go(MINUTE_MS)
    assert world.order(1).status == "FILLED"
    assert [(one.at_ms - START, one.quantity) for one in world.fills()] == [
        (9_991, D(2)),
        (60_000, D(2)),
        (120_000, D(1)),
    ]
    assert world.first_fills == [world.uid]


def test_the_share_is_a_choice() -> None:
    world = World(volume=20, volume_share=D("0.25"))
    world.place("BUY", "LIMIT", 7, price=95)
    world.go(MINUTE_MS - 1)
    assert world.order(1).executed == 5


def test_a_minute_without_volume_fills_no_resting_order() -> None:
    world = World(volume=0)
    world.place("BUY", "LIMIT", 1, price=95)
    world.go(60 * MINUTE_MS)
    assert world.order(1).status == "NEW"


def test_slippage_is_the_distance_between_two_levels() -> None:
    world = World(volume=1, slippage_bps=D(50))
    fills = world.place("BUY", "MARKET", 3).fills
    assert [one.price for one in fills][:3] == [D(100), D("100.50"), D(101)]


def test_events_happen_in_order_of_time_over_all_symbols_then_of_ids() -> None:
    rows = {"BTCUSDT": [SWING], "ETHUSDT": [SWING]}
    world = World(rows)
    world.place("BUY", "LIMIT", 1, price=93, symbol="BTCUSDT")
    world.place("BUY", "LIMIT", 1, price=95, symbol="ETHUSDT")
    world.place("BUY", "LIMIT", 2, price=93, symbol="BTCUSDT")
    world.place("BUY", "LIMIT", 3, price=93, symbol="ETHUSDT")
    world.go(MINUTE_MS)
    assert [one.order_id for one in world.fills()] == [2, 1, 3, 4]
    assert len({one.at_ms for one in world.fills()[1:]}) == 1


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("SELL", "STOP_LOSS", 1, {"stop_price": 100}), "Order would trigger immediately."),
        (("BUY", "STOP_LOSS", 1, {"stop_price": 100}), "Order would trigger immediately."),
        (("SELL", "TAKE_PROFIT", 1, {"stop_price": 99}), "Order would trigger immediately."),
        (("BUY", "TAKE_PROFIT", 1, {"stop_price": 101}), "Order would trigger immediately."),
        (("BUY", "LIMIT_MAKER", 1, {"price": 100}), "Order would immediately match and take."),
        (("SELL", "LIMIT_MAKER", 1, {"price": 100}), "Order would immediately match and take."),
    ],
)
def test_prices_that_make_no_sense_are_refused(
    asked: tuple[str, str, int, dict[str, Any]], message: str
) -> None:
    world = World({"BTCUSDT": [FLAT]})
    side, kind, quantity, more = asked
    with pytest.raises(VenueError) as refusal:
        world.place(side, kind, quantity, **more)
    assert (refusal.value.code, refusal.value.message) == (-2010, message)
    assert world.balance("BTC") == (D(10), D(0))


def test_cancel_returns_what_was_locked() -> None:
    world = World(volume=20)
    world.place("BUY", "LIMIT", 5, price=95, client_order_id="mine")
    world.go(20_000)
    canceled = world.cancel(1, cancel_client_id="why")
    assert (canceled.order.status, canceled.order.executed) == ("CANCELED", D(2))
    assert (canceled.cancel_client_id, canceled.order_list) == ("why", None)
    assert world.balance("USDT") == (D(99_810), D(0))
    with pytest.raises(VenueError, match=r"Unknown order sent\.") as refusal:
        world.cancel(1)
    assert refusal.value.code == -2011


def test_a_cancel_may_be_restricted_to_a_status() -> None:
    world = World(volume=20)
    world.place("BUY", "LIMIT", 5, price=95)
    with pytest.raises(VenueError, match="cancel restrictions"):
        world.cancel(1, restrictions="ONLY_PARTIALLY_FILLED")
    world.go(20_000)
    with pytest.raises(VenueError, match="cancel restrictions"):
        world.cancel(1, restrictions="ONLY_NEW")
    assert world.cancel(1, restrictions="ONLY_PARTIALLY_FILLED").order.status == "CANCELED"


def test_both_ids_of_a_cancel_must_mean_the_same_order() -> None:
    world = World()
    world.place("BUY", "LIMIT", 1, price=95, client_order_id="mine")
    with pytest.raises(VenueError) as refusal:
        world.cancel(1, client_order_id="other")
    assert refusal.value.code == -2039
    assert world.cancel(1, client_order_id="mine").order.status == "CANCELED"


def test_cancel_all_ends_everything_of_one_symbol() -> None:
    world = World({"BTCUSDT": [FLAT], "ETHUSDT": [FLAT]})
    world.place("BUY", "LIMIT", 1, price=95)
    world.place("BUY", "LIMIT", 1, price=95, symbol="ETHUSDT")
    world.place("BUY", "LIMIT", 1, price=94)
    canceled = world.engine.cancel_all(world.uid, "BTCUSDT", at_ms=world.now)
    assert [one.order.order_id for one in canceled if isinstance(one, Canceled)] == [1, 3]
    assert len(canceled) == 2
    assert world.balance("USDT")[1] == D(95)
    with pytest.raises(VenueError, match=r"Unknown order sent\."):
        world.engine.cancel_all(world.uid, "BTCUSDT", at_ms=world.now)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    prices=st.lists(st.integers(90, 110), min_size=8, max_size=8),
    threshold=st.integers(9_000, 11_000),
    is_rising=st.booleans(),
    since=st.integers(0, 70_000),
)
def test_the_first_crossing_is_what_a_look_at_every_millisecond_finds(
    prices: list[int],
    threshold: int,
    is_rising: bool,  # noqa: FBT001
    since: int,
) -> None:
    rows = [(one[0], max(one), min(one), one[3]) for one in (prices[:4], prices[4:])]
    track = Track(recording_of("BTCUSDT", rows), tick=10**6)
    mark = Mark(7, to_units(D(threshold) / 100), is_rising, START + since)
    until = START + 2 * MINUTE_MS - 1
    looked = range(START + since + 1, until + 1, 13)
    coarse = next((at for at in looked if mark.is_reached(track.price(at))), None)
    found = first_crossing(track, [mark], START, until)
    if found is None:
        assert coarse is None
        return
    assert mark.is_reached(track.price(found.at_ms))
    before = range(max(found.at_ms - 26, START + since + 1), found.at_ms)
    assert not any(mark.is_reached(track.price(at)) for at in before)
    assert found == Crossing(found.at_ms, 7)
    assert coarse is None or found.at_ms <= coarse
