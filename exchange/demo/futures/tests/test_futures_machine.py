"""Whatever is asked of the futures engine, its books hold, and the walk decides alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

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

from exchange.demo.futures.tests.algo_world import AlgoWorld
from exchange.demo.futures.tests.doors import (
    check_doors,
    check_exits,
    check_liquidations,
    check_positions,
)
from exchange.demo.futures.tests.machine_world import (
    ALGOS,
    ENTRIES,
    MINUTES,
    NAME,
    ORDERS,
    SETTINGS,
    STEERED,
    STEPS,
    Audit,
    change,
    enter,
    hitch,
    new_world,
    place,
    place_algo,
    steer,
)

KINDS = st.sampled_from(["late", "stuck", "missing", "refuse"])


class Futures(RuleBasedStateMachine):
    """Orders, conditional orders, settings, transfers, prices, hitches, time and restarts."""

    @initialize(btc=MINUTES, ether=MINUTES, is_hedge_mode=st.booleans())
    def start(self, btc: list[Any], ether: list[Any], is_hedge_mode: bool) -> None:  # noqa: FBT001
        self.world, self.audit, self.asked = new_world(btc, ether), Audit(), 0
        if is_hedge_mode:
            change(self.world, ("hedge", "", True))

    @rule(drawn=ORDERS, step=STEPS)
    def order(self, drawn: dict[str, Any], step: int) -> None:
        world, before = self.world, len(self.world.books.all_orders())
        wallet, self.asked = world.wallet, self.asked + 1
        if place(world, drawn, self.asked):
            assert (len(world.books.all_orders()), world.wallet) == (before, wallet)
        self.world.go(step)

    @rule(drawn=ENTRIES)
    def enter(self, drawn: tuple[str, str, str]) -> None:
        self.asked += 1
        enter(self.world, drawn, self.asked)

    @rule(drawn=ALGOS, step=STEPS)
    def algo(self, drawn: dict[str, Any], step: int) -> None:
        before, self.asked = len(self.world.books.all_algos()), self.asked + 1
        is_refused = place_algo(self.world, drawn, self.asked)
        assert len(self.world.books.all_algos()) == before + (not is_refused)
        self.world.go(step)

    @rule(number=st.integers(0, 99), is_algo=st.booleans())
    def cancel(self, number: int, is_algo: bool) -> None:  # noqa: FBT001
        world = self.world
        waiting = [one for one in world.books.all_algos() if one.status == "NEW"]
        if is_algo and waiting:
            algo_id = waiting[number % len(waiting)].algo_id
            world.cancel_algo(algo_id)
            assert world.statuses(algo_id) == ["CANCELED"]
        elif found := world.books.open_orders(world.uid, None):
            order = found[number % len(found)]
            engine, uid, now = world.engine, world.uid, world.now
            engine.cancel(uid, order.symbol, order_id=order.order_id, at_ms=now)
            assert world.order(order.order_id, order.symbol).status == "CANCELED"

    @precondition(lambda self: self.asked % 5 == 4)
    @rule(name=NAME)
    def cancel_everything(self, name: str) -> None:
        world = self.world
        world.engine.cancel_all(world.uid, name, at_ms=world.now)
        world.engine.cancel_all_algo(world.uid, name, at_ms=world.now)
        assert world.books.open_orders(world.uid, name) == []
        assert {one.status for one in world.books.open_algos(world.uid, name)} <= {"TRIGGERING"}

    @rule(drawn=SETTINGS)
    def change(self, drawn: tuple[str, str, Any]) -> None:
        change(self.world, drawn)

    @rule(drawn=STEERED)
    def steer(self, drawn: tuple[str, int, int]) -> None:
        steer(self.world, drawn)

    @rule(step=STEPS, restarts=st.booleans())
    def pass_time(self, step: int, restarts: bool) -> None:  # noqa: FBT001
        if restarts:
            self.world.reopen()
        self.world.go(step)

    @precondition(lambda self: self.asked % 4 == 3)
    @rule(kind=KINDS)
    def hitch(self, kind: str) -> None:
        hitch(self.world, kind)

    @invariant()
    def the_books_hold(self) -> None:
        self.audit.check(self.world)

    @invariant()
    def money_comes_and_goes_by_its_doors_only(self) -> None:
        check_doors(self.world)

    @invariant()
    def there_is_one_position_per_symbol_and_none_overdue(self) -> None:
        check_positions(self.world)

    @invariant()
    def exits_end_with_their_position(self) -> None:
        check_exits(self.world)

    @invariant()
    def a_liquidated_position_leaves_no_debt(self) -> None:
        check_liquidations(self.world)


def test_whatever_happens_the_books_hold() -> None:
    wanted = settings(max_examples=120, stateful_step_count=30, deadline=None)
    run_state_machine_as_test(Futures, settings=wanted)


ACTS = st.lists(
    st.tuples(
        STEPS,
        st.one_of(
            st.tuples(st.just("enter"), ENTRIES),
            st.tuples(st.just("order"), ORDERS),
            st.tuples(st.just("algo"), ALGOS),
            st.tuples(st.just("steer"), STEERED),
            st.tuples(st.just("change"), SETTINGS),
        ),
    ),
    min_size=1,
    max_size=12,
)


def act(world: AlgoWorld, drawn: tuple[str, Any], number: int) -> None:
    what, asked = drawn
    if what == "enter":
        enter(world, asked, number)
    elif what == "order":
        place(world, asked, number)
    elif what == "algo":
        place_algo(world, asked, number)
    elif what == "steer":
        steer(world, asked)
    else:
        change(world, asked)


def books_of(world: AlgoWorld) -> list[Any]:
    # Whoever trades elsewhere is named at random.
    orders = [
        replace(one, client_order_id="web") if one.client_order_id.startswith("web_") else one
        for one in world.books.all_orders()
    ]
    books = world.books
    rows = [books.all_algos(), books.all_fills(), books.all_positions(), books.all_incomes()]
    return [orders, *rows, world.ledger.holdings()]


@settings(max_examples=120, deadline=None)
@given(MINUTES, MINUTES, ACTS, st.integers(1, 9), st.booleans(), st.booleans())
def test_one_go_and_small_steps_lead_to_the_same_books(
    btc: list[Any],
    ether: list[Any],
    acts: list[Any],
    pieces: int,
    is_hedge_mode: bool,  # noqa: FBT001
    restarts: bool,  # noqa: FBT001
) -> None:
    whole, small = new_world(btc, ether), new_world(btc, ether)
    for world in (whole, small):
        change(world, ("hedge", "", is_hedge_mode))
    for number, (step, drawn) in enumerate([*acts, (28_800_000, ("order", None))]):
        whole.go(step)
        for piece in range(pieces):
            small.go(step * (piece + 1) // pieces - step * piece // pieces)
            if restarts:
                small.reopen()
        if drawn[1] is not None:
            act(whole, drawn, number)
            act(small, drawn, number)
    assert books_of(whole) == books_of(small)
