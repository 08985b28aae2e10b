"""Whatever is asked of the engine: nothing is made or lost, and the walk decides alone."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from exchange.demo.amounts import ZERO
from exchange.demo.errors import VenueError
from exchange.demo.trading.asked import OrderRequest
from exchange.demo.trading.desk import Desk
from exchange.demo.trading.groups import Group
from exchange.demo.trading.ledger import MARKET_MAKER_UID
from exchange.demo.trading.orders import STOP_TYPES
from exchange.demo.trading.quotes import Quotes, Terms
from exchange.demo.trading.tests.engine_world import ALL, FLAT, World

NAMES: Final = ("BTCUSDT", "BNBUSDT")
BALANCES: Final = "USDT=3000,BTC=10,BNB=5"
PRICES = st.integers(80, 120)
QUANTITIES = st.sampled_from(["0.5", "1", "3.00001", "7", "12"])
SIDES = st.sampled_from(["BUY", "SELL"])
KINDS = st.sampled_from(["MARKET", "LIMIT", "LIMIT_MAKER", *STOP_TYPES])
TIMES = st.sampled_from(["GTC", "IOC", "FOK"])
STOPS = st.sampled_from(["STOP_LOSS", "STOP_LOSS_LIMIT"])
LIST_KINDS = st.sampled_from(["OCO", "OTO", "OTOCO", "OPO", "OPOCO"])
STEPS = st.sampled_from([1, 7, 5_000, 20_000, 61_000, 200_000])
MINUTES = st.lists(
    st.tuples(PRICES, PRICES, PRICES, PRICES).map(
        lambda drawn: (drawn[0], max(drawn), min(drawn), drawn[3])
    ),
    min_size=3,
    max_size=8,
)
ORDERS = st.tuples(st.sampled_from(NAMES), SIDES, KINDS, QUANTITIES, PRICES, PRICES, TIMES)
LISTS = st.tuples(LIST_KINDS, SIDES, QUANTITIES, st.tuples(PRICES, PRICES, PRICES), STOPS)


def request(world: World, drawn: tuple[Any, ...]) -> OrderRequest:
    name, side, kind, quantity, price, stop, time_in_force = drawn
    more: dict[str, Any] = {"symbol": name, "client_order_id": f"c{world.asked}"}
    world.asked += 1
    if kind in ("LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"):
        more["price"] = price
    if kind in ("LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"):
        more["time_in_force"] = time_in_force
    if kind.startswith(("STOP", "TAKE")):
        more["stop_price"] = stop
    return world.ask(side, kind, quantity, **more)


def pair(world: World, drawn: tuple[Any, ...], quantity: str | None) -> list[OrderRequest]:
    _, side, _, prices, stop = drawn
    low, _, high = sorted(prices)
    limit_price, stop_price = (high, low) if side == "SELL" else (low, high)
    limit = request(world, ("BTCUSDT", side, "LIMIT_MAKER", quantity, limit_price, 0, "GTC"))
    contingent = request(world, ("BTCUSDT", side, stop, quantity, stop_price, stop_price, "GTC"))
    return [limit, contingent] if side == "SELL" else [contingent, limit]


def place_list(world: World, drawn: tuple[Any, ...]) -> None:
    kind, side, quantity, prices, stop = drawn
    if kind == "OCO":
        world.place_list(kind, *pair(world, drawn, quantity), name=f"l{world.asked}")
        return
    is_paid = kind.startswith("OPO")
    working_side = "BUY" if is_paid or side == "SELL" else "SELL"
    exit_side = "SELL" if working_side == "BUY" else "BUY"
    working = request(
        world, ("BTCUSDT", working_side, "LIMIT", quantity, sorted(prices)[1], 0, "GTC")
    )
    legs = pair(world, (kind, exit_side, quantity, prices, stop), None if is_paid else quantity)
    chosen = legs if kind.endswith("OCO") else legs[:1]
    world.place_list(kind, working, *chosen, name=f"l{world.asked}")


def refused(act: Callable[[], object]) -> bool:
    try:
        act()
    except VenueError:
        return True
    return False


def reloaded_groups(world: World) -> list[Group]:
    quotes = Quotes(world.tracks, Terms())
    desk = Desk(world.state, quotes, dict(world.symbols), on_first_fill=lambda _: None)
    return list({id(group): group for group in desk.groups.values()}.values())


class Exchange(RuleBasedStateMachine):
    """Random orders, lists, cancels, price moves, halts and restarts on two symbols."""

    @initialize(btc=MINUTES, bnb=MINUTES)
    def start(self, btc: list[Any], bnb: list[Any]) -> None:
        minutes = {"BTCUSDT": [FLAT, *btc], "BNBUSDT": [FLAT, *bnb]}
        self.world = World(minutes, balances=BALANCES, volume=40)

    @rule(drawn=ORDERS)
    def order(self, drawn: tuple[Any, ...]) -> None:
        world, before = self.world, len(self.world.engine.orders.all_orders())
        asked = request(world, drawn)
        is_refused = refused(lambda: world.engine.place(world.uid, asked, at_ms=world.now))
        assert len(world.engine.orders.all_orders()) == before + (not is_refused)

    @rule(drawn=LISTS)
    def order_list(self, drawn: tuple[Any, ...]) -> None:
        before = len(self.world.engine.orders.all_lists())
        is_refused = refused(lambda: place_list(self.world, drawn))
        assert len(self.world.engine.orders.all_lists()) == before + (not is_refused)

    @rule(number=st.integers(0, 99), step=STEPS)
    def cancel(self, number: int, step: int) -> None:
        found = self.world.engine.orders.open_orders(self.world.uid, "BTCUSDT")
        if found:
            order = found[number % len(found)]
            self.world.cancel(order.order_id)
            assert self.world.order(order.order_id).status == "CANCELED"
        self.world.go(step)

    @rule()
    def cancel_all(self) -> None:
        world = self.world
        refused(lambda: world.engine.cancel_all(world.uid, "BTCUSDT", at_ms=world.now))
        assert world.engine.orders.open_orders(world.uid, "BTCUSDT") == []

    @rule(price=PRICES, name=st.sampled_from(NAMES))
    def steer(self, price: int, name: str) -> None:
        self.world.steer(price, name=name)

    @rule(step=STEPS, is_on=st.booleans())
    def pass_time(self, step: int, is_on: bool) -> None:  # noqa: FBT001
        self.world.engine.set_bnb_burn(self.world.uid, is_on)
        self.world.go(step)

    @rule(status=st.sampled_from(["TRADING", "HALT"]), step=STEPS)
    def halt(self, status: str, step: int) -> None:
        self.world.engine.set_symbol_status("BTCUSDT", status)
        self.world.go(step)
        self.world.engine.set_symbol_status("BTCUSDT", "TRADING")

    @precondition(lambda self: self.world.asked % 3 == 0)
    @rule()
    def restart(self) -> None:
        self.world.reopen()

    @invariant()
    def nothing_is_made_or_lost(self) -> None:
        assert self.world.is_sound()

    @invariant()
    def nobody_owes(self) -> None:
        for one in self.world.engine.ledger.holdings():
            assert one.locked >= 0
            assert one.free >= 0 or one.uid == MARKET_MAKER_UID

    @invariant()
    def what_is_locked_is_what_open_orders_need(self) -> None:
        needed: dict[str, Decimal] = {}
        for group in reloaded_groups(self.world):
            for asset, amount in group.needed().items():
                needed[asset] = needed.get(asset, ZERO) + amount
        for asset in ("USDT", "BTC", "BNB"):
            assert self.world.balance(asset)[1] == needed.get(asset, ZERO)

    @invariant()
    def fills_belong_to_orders_and_never_exceed_them(self) -> None:
        filled: dict[int, Decimal] = {}
        for fill in self.world.fills():
            filled[fill.order_id] = filled.get(fill.order_id, ZERO) + fill.quantity
        orders = self.world.engine.orders.all_orders()
        assert set(filled) <= {order.order_id for order in orders}
        for order in orders:
            assert order.executed == filled.get(order.order_id, ZERO) <= order.quantity
            assert (order.status == "FILLED") == (order.executed == order.quantity > 0)

    @invariant()
    def at_most_one_leg_of_a_pair_trades(self) -> None:
        books = self.world.engine.orders
        for one in books.all_lists():
            legs = books.orders_of_list(one.list_id)
            pair_legs = legs if one.kind == "OCO" else legs[1:]
            assert sum(leg.executed > 0 for leg in pair_legs) <= 1
            assert one.is_open == any(leg.is_open for leg in legs)
            if one.kind != "OCO" and legs[0].status != "FILLED":
                assert not any(leg.executed for leg in pair_legs)

    @invariant()
    def every_order_counts_its_first_fill_once(self) -> None:
        traded = [one for one in self.world.engine.orders.all_orders() if one.executed]
        assert len(self.world.first_fills) == len(traded)


def test_random_trading_keeps_every_promise_of_the_books() -> None:
    run_state_machine_as_test(
        Exchange,
        settings=settings(max_examples=60, stateful_step_count=30, deadline=None, derandomize=True),
    )


SCRIPT = st.lists(
    st.one_of(
        st.tuples(st.just("order"), ORDERS, STEPS),
        st.tuples(st.just("list"), LISTS, STEPS),
        st.tuples(st.just("steer"), PRICES, STEPS),
    ),
    min_size=2,
    max_size=10,
)


def play(
    minutes: list[Any], script: list[Any], cuts: list[int], *, restarts: bool
) -> tuple[Any, ...]:
    world = World(
        {"BTCUSDT": [FLAT, *minutes], "BNBUSDT": [FLAT, *minutes[::-1]]},
        balances=BALANCES,
        volume=40,
    )
    world.engine.set_bnb_burn(world.uid, is_on=True)
    for what, drawn, step in script:
        if what == "steer":
            world.steer(drawn)
        elif what == "list":
            refused(lambda: place_list(world, drawn))  # noqa: B023 - called at once
        else:
            asked = request(world, drawn)
            refused(lambda: world.engine.place(world.uid, asked, at_ms=world.now))  # noqa: B023
        end = world.now + step
        for cut in cuts:
            world.go(min(cut, end - world.now))
            if restarts:
                world.reopen()
        world.now = end
    world.go(300_000)
    books = world.engine.orders
    return (
        books.all_orders(),
        books.all_fills(),
        books.lists_of(world.uid, from_id=0, span=ALL, limit=-1),
        world.engine.ledger.holdings(),
    )


@settings(max_examples=100, deadline=None, derandomize=True)
@given(minutes=MINUTES, script=SCRIPT, cuts=st.lists(STEPS, max_size=6))
def test_how_often_the_engine_looks_makes_no_difference(
    minutes: list[Any], script: list[Any], cuts: list[int]
) -> None:
    once = play(minutes, script, [], restarts=False)
    assert play(minutes, script, cuts, restarts=False) == once
    assert play(minutes, script, cuts, restarts=True) == once
