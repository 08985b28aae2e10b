"""Orders at the book: what they need, what they take, what is refused without a trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from exchange.demo.amounts import ZERO
from exchange.demo.errors import VenueError
from exchange.demo.futures.tests.futures_world import BTC, FuturesWorld, symbol_named
from exchange.demo.trading.ledger import FEES_UID, INSURANCE_UID, MARKET_MAKER_UID
from exchange.demo.trading.tests.engine_world import FLAT, START, D


def refusal(act: Callable[[], Any]) -> int:
    """Return the code with which something is refused."""
    with pytest.raises(VenueError) as error:
        act()
    return error.value.code


def flat_world(balance: Any = 10_000, **more: Any) -> FuturesWorld:
    """Return a market that stands at 100."""
    return FuturesWorld({BTC: [FLAT]}, balances=f"UM.USDT={balance}", **more)


def test_a_market_order_opens_a_position_with_its_margin_and_pays_its_fee() -> None:
    world = flat_world()
    placed = world.buy(1)
    assert (placed.order.status, placed.order.executed_quote) == ("FILLED", D(100))
    fill = placed.fills[0]
    assert (fill.price, fill.quantity, fill.is_maker) == (D(100), D(1), False)
    assert (fill.commission, fill.commission_asset, fill.realized_pnl) == (D("0.05"), "USDT", ZERO)
    position = world.position()
    assert (position.amount, position.cost, position.isolated_wallet) == (D(1), D(100), D(10))
    assert world.wallet == D("9999.95")
    assert world.available == D("9989.95")
    assert [(one.type, one.amount, one.trade_id) for one in world.incomes()] == [
        ("COMMISSION", D("-0.05"), fill.trade_id)
    ]
    assert world.ledger.free(FEES_UID, "USDT", wallet="um") == D("0.05")
    assert world.ledger.free(MARKET_MAKER_UID, "USDT", wallet="um") == ZERO
    assert world.is_sound()


def test_closing_books_the_result_and_returns_the_margin() -> None:
    world = flat_world()
    world.buy(1)
    world.steer(110)
    fill = world.sell(1).fills[0]
    assert (fill.realized_pnl, fill.commission) == (D(10), D("0.055"))
    assert world.position().amount == ZERO
    assert world.position().isolated_wallet == ZERO
    assert world.books.positions(world.uid, None) == []
    assert world.wallet == world.available == D("10009.895")
    assert world.ledger.free(MARKET_MAKER_UID, "USDT", wallet="um") == D(-10)
    assert [(one.type, one.amount) for one in world.incomes()[1:]] == [
        ("REALIZED_PNL", D(10)),
        ("COMMISSION", D("-0.055")),
    ]
    assert world.is_sound()


def test_one_order_turns_a_position_around_in_one_way_mode() -> None:
    world = flat_world(slippage_bps=ZERO, volume=100_000)
    world.buy(2)
    world.steer(110)
    placed = world.sell(5)
    assert [one.quantity for one in placed.fills] == [D(5)]
    assert placed.fills[0].realized_pnl == D(20)
    position = world.position()
    assert (position.amount, position.cost, position.isolated_wallet) == (D(-3), D(-330), D(33))
    assert len(world.books.positions(world.uid, BTC)) == 1


def test_margin_and_fee_must_be_there_to_the_last_digit() -> None:
    assert refusal(lambda: flat_world("10.04999999").buy(1)) == -2019
    world = flat_world("10.05")
    world.buy(1)
    assert world.wallet == D(10)
    assert world.available == ZERO
    assert refusal(lambda: world.buy("0.1")) == -2019


def test_what_is_refused_leaves_no_trace() -> None:
    world = flat_world(5)
    before = world.ledger.holdings()
    assert refusal(lambda: world.buy(1)) == -2019
    assert refusal(lambda: world.place("BUY", "LIMIT", 1, price=90)) == -2019
    assert world.books.all_orders() == []
    assert world.ledger.holdings() == before
    assert world.buy("0.1").order.order_id == 1


def test_a_resting_order_needs_its_margin_as_long_as_it_rests() -> None:
    world = flat_world(100)
    order = world.place("BUY", "LIMIT", 5, price=90).order
    assert (order.status, order.executed) == ("NEW", ZERO)
    figures = world.engine.figures(world.uid, world.now)
    assert figures.open_order_margins == {(BTC, "BOTH"): D(45)}
    assert (figures.wallet, figures.available) == (D(100), D(55))
    assert refusal(lambda: world.place("BUY", "LIMIT", 7, price=90)) == -2019
    world.engine.cancel(world.uid, BTC, order_id=order.order_id, at_ms=world.now)
    assert world.available == D(100)


def test_a_limit_order_backs_what_it_would_lose_against_the_mark() -> None:
    # 1 at 100 with the mark at 90: margin 10, open loss 10, fee of a maker 0.02.
    minutes, marks = {BTC: [(101, 101, 101, 101)]}, {BTC: [(90, 90, 90, 90)]}
    short = FuturesWorld(minutes, marks=marks, balances="UM.USDT=20.01999999")
    assert refusal(lambda: short.place("BUY", "LIMIT", 1, price=100)) == -2019
    enough = FuturesWorld(minutes, marks=marks, balances="UM.USDT=20.02")
    assert enough.place("BUY", "LIMIT", 1, price=100).order.status == "NEW"
    seller = FuturesWorld(minutes, marks=marks, balances="UM.USDT=10.224")
    assert seller.place("SELL", "LIMIT", 1, price=102).order.status == "NEW"


def test_the_part_of_an_order_that_closes_needs_nothing() -> None:
    world = flat_world("10.05")
    world.buy(1)
    assert world.available == ZERO
    assert world.place("SELL", "LIMIT", 1, price=120).order.status == "NEW"
    assert refusal(lambda: world.place("SELL", "LIMIT", "0.5", price=130)) == -2019
    world.engine.cancel_all(world.uid, BTC, at_ms=world.now)
    assert refusal(lambda: world.sell("1.5")) == -2019
    assert world.sell(1).order.status == "FILLED"
    assert world.position().amount == ZERO


def test_a_position_beyond_the_bracket_is_refused() -> None:
    world = flat_world(1_000_000, leverage=100, volume=10_000_000)
    world.place("BUY", "LIMIT", 500, price=90)
    assert refusal(lambda: world.buy("150.01")) == -2027
    assert world.buy(150).order.status == "FILLED"
    assert refusal(lambda: world.place("BUY", "LIMIT", 1, price=99)) == -2027
    assert world.place("SELL", "LIMIT", 150, price=120).order.status == "NEW"
    assert world.sell(10, reduce_only=True).order.status == "FILLED"


def test_cross_margin_is_refused_in_plain_words() -> None:
    world = flat_world(leverage=None)
    with pytest.raises(VenueError, match="has no cross margin yet") as error:
        world.buy(1)
    assert error.value.code == -1020
    assert world.books.settings(world.uid, BTC).margin_type == "CROSSED"
    assert world.books.settings(world.uid, BTC).leverage == 20


def test_reduce_only_without_a_position_or_on_its_own_side_is_refused() -> None:
    world = flat_world()
    assert refusal(lambda: world.sell(1, reduce_only=True)) == -2022
    world.buy(1)
    assert refusal(lambda: world.buy(1, reduce_only=True)) == -2022
    assert refusal(lambda: world.place("BUY", "LIMIT", 1, price=90, reduce_only=True)) == -2022
    assert world.position().amount == D(1)


def test_reduce_only_is_cut_to_the_position() -> None:
    world = flat_world(slippage_bps=ZERO)
    world.buy(1)
    placed = world.sell(3, reduce_only=True)
    order = placed.order
    assert (order.status, order.quantity, order.executed) == ("EXPIRED", D(3), D(1))
    assert order.expiry_reason == "NOTHING_LEFT_TO_REDUCE"
    assert world.order(order.order_id).status == "EXPIRED"
    assert world.position().amount == ZERO


def test_reduce_only_orders_may_be_small_and_others_may_not() -> None:
    world = flat_world()
    assert refusal(lambda: world.buy("0.049")) == -4164
    assert refusal(lambda: world.place("BUY", "LIMIT", "0.05", price="99.99")) == -4164
    world.buy("0.05")
    assert world.sell("0.01", reduce_only=True).order.status == "FILLED"


def test_reduce_only_orders_that_rest_end_with_the_position() -> None:
    world = flat_world()
    world.buy(2)
    resting = [
        world.place("SELL", "LIMIT", 2, price=price, reduce_only=True).order.order_id
        for price in (120, 130)
    ]
    other = world.place("BUY", "LIMIT", 1, price=80).order.order_id
    world.sell(1)
    assert [world.order(one).status for one in resting] == ["NEW", "NEW"]
    world.sell(1)
    assert [world.order(one).status for one in resting] == ["EXPIRED", "EXPIRED"]
    assert world.order(resting[0]).expiry_reason == "NOTHING_LEFT_TO_REDUCE"
    assert world.order(other).status == "NEW"


def test_reduce_only_orders_end_when_the_position_turns_around() -> None:
    world = flat_world()
    world.buy(1)
    resting = world.place("SELL", "LIMIT", 1, price=120, reduce_only=True).order.order_id
    world.sell(3)
    assert world.order(resting).status == "EXPIRED"
    assert world.position().amount == D(-2)


@pytest.mark.parametrize(("time_in_force", "code"), [("FOK", -5021), ("GTX", -5022)])
def test_orders_that_cannot_be_what_they_ask_are_not_recorded(
    time_in_force: str, code: int
) -> None:
    # The first level holds one, so that five at its price are too many.
    world = flat_world()
    more = {"price": 100, "time_in_force": time_in_force}
    assert refusal(lambda: world.place("BUY", "LIMIT", 5, **more)) == code
    assert world.books.all_orders() == []
    assert world.position().amount == ZERO


def test_times_in_force_that_can_be_met() -> None:
    world = flat_world()
    filled = world.place("BUY", "LIMIT", 1, price=100, time_in_force="FOK").order
    assert filled.status == "FILLED"
    maker = world.place("BUY", "LIMIT", 1, price="99.99", time_in_force="GTX").order
    assert maker.status == "NEW"
    partly = world.place("BUY", "LIMIT", 5, price=100, time_in_force="IOC").order
    assert (partly.status, partly.executed) == ("EXPIRED", D(1))
    assert partly.expiry_reason == "UNFILLED_IOC_QUANTITY_EXPIRED"
    rest = world.place("BUY", "LIMIT", 5, price=100).order
    assert (rest.status, rest.executed) == ("PARTIALLY_FILLED", D(1))


def test_a_market_order_larger_than_the_book_expires_with_what_it_got() -> None:
    world = flat_world(10_000_000, slippage_bps=ZERO, volume=1)
    world.market.symbols[BTC] = symbol_named(BTC, max_market_quantity=D(1_000))
    placed = world.place("BUY", "MARKET", 500)
    assert placed.order.status == "EXPIRED"
    assert placed.order.executed == D(100)
    assert world.position().amount == D(100)


def test_an_order_good_till_a_date_ends_then() -> None:
    world = flat_world()
    soon = {"price": 90, "time_in_force": "GTD", "good_till_ms": START + 600_000}
    assert refusal(lambda: world.place("BUY", "LIMIT", 1, **soon)) == -5040
    order = world.place("BUY", "LIMIT", 1, **(soon | {"good_till_ms": START + 600_001})).order
    world.go(600_000)
    assert world.order(order.order_id).status == "NEW"
    world.go(1)
    ended = world.order(order.order_id)
    assert (ended.status, ended.updated_ms) == ("EXPIRED", START + 600_001)
    assert ended.expiry_reason == "GOOD_TILL_DATE_REACHED"


def test_client_ids_are_unique_among_open_orders_only() -> None:
    world = flat_world()
    first = world.place("BUY", "LIMIT", 1, price=90, client_order_id="mine").order
    again = {"price": 91, "client_order_id": "mine"}
    assert refusal(lambda: world.place("BUY", "LIMIT", 1, **again)) == -4116
    assert refusal(lambda: world.buy(1, client_order_id="mine")) == -4116
    world.engine.cancel(world.uid, BTC, client_order_id="mine", at_ms=world.now)
    second = world.place("BUY", "LIMIT", 1, **again).order
    found = world.books.order_by_client_id(world.uid, BTC, "mine")
    assert found is not None
    assert found.order_id == second.order_id > first.order_id
    assert world.order(first.order_id).status == "CANCELED"


def test_filters_refuse_with_the_codes_of_the_futures_market() -> None:
    world = flat_world()
    asks: list[tuple[int, dict[str, Any]]] = [
        (-4003, {"quantity": 0}),
        (-4005, {"quantity": 100_001}),
        (-1111, {"quantity": "0.0001"}),
        (-4014, {"price": "90.001", "quantity": 1}),
        (-4016, {"price": 201, "quantity": 1}),
    ]
    world.market.symbols[BTC] = symbol_named(BTC, price_precision=3)
    for code, fields in asks:
        size = fields.pop("quantity")
        more = {"price": 90} | fields

        def act(size: Any = size, more: dict[str, Any] = more) -> Any:
            return world.place("BUY", "LIMIT", size, **more)

        assert refusal(act) == code
    world.market.symbols[BTC] = symbol_named(BTC, status="TRADING_HALT")
    assert refusal(lambda: world.buy(1)) == -4140


def test_no_more_than_two_hundred_orders_rest() -> None:
    world = flat_world()
    for _ in range(200):
        world.place("BUY", "LIMIT", "0.1", price=90)
    assert refusal(lambda: world.place("BUY", "LIMIT", "0.1", price=90)) == -2025
    assert world.buy(1).order.status == "FILLED"
    assert world.engine.cancel_all(world.uid, BTC, at_ms=world.now) == 200
    assert world.engine.cancel_all(world.uid, BTC, at_ms=world.now) == 0


def test_checking_refuses_form_and_changes_nothing() -> None:
    world = flat_world(1)
    world.engine.check(world.uid, world.ask("BUY", "MARKET", 100), at_ms=world.now)
    small = world.ask("BUY", "MARKET", "0.001")
    assert refusal(lambda: world.engine.check(world.uid, small, at_ms=world.now)) == -4164
    assert world.books.all_orders() == []


def test_canceling_what_is_not_open_is_refused() -> None:
    world = flat_world()
    done = world.buy(1).order

    def cancel(**which: Any) -> Callable[[], Any]:
        return lambda: world.engine.cancel(world.uid, BTC, at_ms=world.now, **which)

    assert refusal(cancel(order_id=done.order_id)) == -2011
    assert refusal(cancel(client_order_id=done.client_order_id)) == -2011
    assert refusal(cancel(order_id=99)) == -2011
    resting = world.place("BUY", "LIMIT", 1, price=90).order
    canceled = cancel(order_id=resting.order_id)()
    assert (canceled.status, canceled.updated_ms) == ("CANCELED", world.now)


def test_hedge_mode_holds_a_long_and_a_short_position_at_once() -> None:
    world = flat_world()
    assert refusal(lambda: world.buy(1, position_side="LONG")) == -4061
    world.engine.set_hedge_mode(world.uid, is_on=True, at_ms=world.now)
    assert refusal(lambda: world.buy(1)) == -4061
    assert refusal(lambda: world.buy(1, position_side="LONG", reduce_only=True)) == -1106
    world.buy(2, position_side="LONG")
    world.sell(1, position_side="SHORT")
    assert [one.side for one in world.books.positions(world.uid, BTC)] == ["LONG", "SHORT"]
    assert (world.position("LONG").amount, world.position("SHORT").amount) == (D(2), D(-1))
    world.sell(1, position_side="LONG")
    assert (world.position("LONG").amount, world.position("SHORT").amount) == (D(1), D(-1))
    assert world.is_sound()


def test_in_hedge_mode_an_exit_never_turns_a_position_around() -> None:
    world = flat_world()
    world.engine.set_hedge_mode(world.uid, is_on=True, at_ms=world.now)
    assert refusal(lambda: world.sell(1, position_side="LONG")) == -2022
    world.sell(1, position_side="SHORT")
    assert refusal(lambda: world.sell(1, position_side="LONG")) == -2022
    placed = world.buy(3, position_side="SHORT")
    assert (placed.order.status, placed.order.executed) == ("EXPIRED", D(1))
    assert world.books.positions(world.uid, BTC) == []


def test_in_hedge_mode_orders_of_both_sides_need_their_own_margin() -> None:
    world = flat_world(100)
    world.engine.set_hedge_mode(world.uid, is_on=True, at_ms=world.now)
    world.place("BUY", "LIMIT", 1, price=90, position_side="LONG")
    world.place("SELL", "LIMIT", 1, price=110, position_side="SHORT")
    figures = world.engine.figures(world.uid, world.now)
    assert figures.open_order_margins == {(BTC, "LONG"): D(9), (BTC, "SHORT"): D(11)}
    assert figures.available == D(80)


def test_what_a_position_lost_beyond_its_margin_and_the_wallet_is_insured() -> None:
    # The mark price stands, so nothing was liquidated before the sale at 80.
    world = flat_world("10.05")
    world.buy(1)
    world.steer(80, mark=100)
    world.sell(1)
    assert world.wallet == ZERO
    assert [(one.type, one.amount) for one in world.incomes()[1:]] == [
        ("REALIZED_PNL", D(-20)),
        ("COMMISSION", D("-0.04")),
        ("INSURANCE_CLEAR", D("10.04")),
    ]
    assert world.ledger.free(INSURANCE_UID, "USDT", wallet="um") == D("-10.04")
    assert world.is_sound()


def test_a_loss_takes_from_the_rest_of_the_margin_what_the_wallet_lacks() -> None:
    world = flat_world("20.2")
    world.buy(2)
    assert world.position().isolated_wallet > D(20)
    world.steer(85, mark=100)
    world.sell(1)
    position = world.position()
    assert position.amount == D(1)
    assert position.isolated_wallet == world.wallet > ZERO
    assert world.incomes("INSURANCE_CLEAR") == []
    assert world.available == ZERO


def test_the_desk_changes_in_steps_only_and_they_do_not_nest() -> None:
    world = flat_world()
    desk = world.engine._desk
    order = world.place("BUY", "LIMIT", 1, price=90).order
    with pytest.raises(RuntimeError):
        desk.put_order(order)
    with pytest.raises(RuntimeError), desk.step(world.now), desk.step(world.now):
        pass


def test_an_order_that_may_only_reduce_cannot_be_filled_beyond_the_position() -> None:
    world = flat_world()
    world.buy(1)
    order = world.place("SELL", "LIMIT", 5, price=120, reduce_only=True).order
    desk = world.engine._desk
    planned = world.engine.book(BTC, world.now).fills(D(2), is_buy=False)[0]._replace(quantity=D(2))
    with pytest.raises(ValueError, match="may not open"), desk.step(world.now):
        desk.fill(order, planned, is_maker=True, at_ms=world.now)
    assert world.position().amount == D(1)


def test_a_trade_elsewhere_carries_a_foreign_name_and_follows_the_mode() -> None:
    world = flat_world()
    placed = world.engine.trade_elsewhere(world.uid, BTC, D(-2), at_ms=world.now)
    assert placed.order.client_order_id.startswith("web_")
    assert world.position().amount == D(-2)
    world.engine.trade_elsewhere(world.uid, BTC, D(2), at_ms=world.now)
    world.engine.set_hedge_mode(world.uid, is_on=True, at_ms=world.now)
    world.engine.trade_elsewhere(world.uid, BTC, D(2), at_ms=world.now)
    world.engine.trade_elsewhere(world.uid, BTC, D(-1), at_ms=world.now)
    assert (world.position("LONG").amount, world.position("SHORT").amount) == (D(1), ZERO)


def test_accounts_do_not_see_each_other() -> None:
    world = flat_world()
    world.buy(1)
    other = world.uid + 1
    assert world.books.positions(other, None) == []
    assert world.books.orders_of(other, BTC, from_id=None, span=(0, 2**60), limit=9) == []
    assert world.engine.figures(other, world.now).wallet == ZERO


def test_an_exit_that_only_reduces_is_never_refused_for_margin() -> None:
    world = flat_world("10.5")
    world.buy(1)
    resting = world.place("SELL", "LIMIT", 1, price=110).order
    assert refusal(lambda: world.sell(1)) == -2019
    assert world.sell(1, reduce_only=True).order.status == "FILLED"
    assert world.position().amount == 0
    assert world.order(resting.order_id).status == "NEW"
    # The fees of both took 0.1; the order that now would open needs more than is left.
    assert (world.wallet, world.available) == (D("10.4"), ZERO)


def test_a_market_order_backs_what_it_would_lose_against_the_mark() -> None:
    # 11 of margin, 10 between the book and the mark price, 0.055 of fee.
    poor = flat_world("21.05499999")
    poor.steer(110, mark=100)
    assert refusal(lambda: poor.buy(1)) == -2019
    assert poor.sell(1).order.status == "FILLED"
    enough = flat_world("21.055")
    enough.steer(110, mark=100)
    assert enough.buy(1).order.status == "FILLED"
    assert (enough.position().isolated_wallet, enough.available) == (D(11), D(10))


def test_what_an_order_closes_first_does_not_count_against_the_bracket() -> None:
    world = flat_world(leverage=50, volume=10_000_000)
    world.sell(500)
    # At most 60000 at 50 times: 50000 are closed, 40000 opened.
    assert world.buy(900).order.status == "FILLED"
    assert world.position().amount == D(400)
    assert refusal(lambda: world.buy(201)) == -2027
