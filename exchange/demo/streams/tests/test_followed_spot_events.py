"""Whoever hears every spot event knows orders, lists and balances, whatever happens to them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.demo.amounts import ZERO, text
from exchange.demo.streams.spot_events import payloads
from exchange.demo.trading.orders import Order
from exchange.demo.trading.tests.engine_world import ALL, FLAT, D, World
from exchange.demo.trading.tests.test_conservation import (
    BALANCES,
    LISTS,
    MINUTES,
    ORDERS,
    PRICES,
    STEPS,
    place_list,
    refused,
    request,
)

Event = dict[str, Any]
_BEGINNINGS: Final = {"NEW", "PENDING_NEW"}
_AFTER: Final = {
    "PENDING_NEW": {"NEW", "CANCELED", "EXPIRED"},
    "NEW": {"NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED"},
    "PARTIALLY_FILLED": {"PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED"},
}
SCRIPT = st.lists(
    st.one_of(
        st.tuples(st.just("order"), ORDERS, STEPS),
        st.tuples(st.just("list"), LISTS, STEPS),
        st.tuples(st.just("steer"), PRICES, STEPS),
        st.tuples(st.just("cancel"), st.integers(0, 9), STEPS),
        st.tuples(st.just("cancel all"), st.none(), STEPS),
        st.tuples(st.just("deposit"), st.sampled_from(["0.5", "7"]), STEPS),
        st.tuples(st.just("delist"), st.none(), STEPS),
    ),
    min_size=2,
    max_size=12,
)


class Follower:
    """Knows an account by its events, and holds every one against those before it."""

    def __init__(self, balances: dict[str, Decimal]) -> None:
        self.balances = {asset: (free, ZERO) for asset, free in balances.items()}
        self.orders: dict[int, Event] = {}
        self.lists: dict[int, Event] = {}
        self.trades: list[int] = []
        self.last_number = 0

    def __call__(self, _uid: int, change: object) -> None:
        told = payloads(change)
        assert told
        for event in told:
            getattr(self, event["e"])(event)

    def executionReport(self, event: Event) -> None:  # noqa: N802 - the venue's name
        before = self.orders.get(event["i"])
        assert event["I"] > self.last_number
        self.last_number = event["I"]
        status, executed, spent = event["X"], ZERO, ZERO
        if before is None:
            assert (event["x"], status in _BEGINNINGS, event["M"]) == ("NEW", True, False)
        else:
            assert status in _AFTER[before["X"]]
            assert event["E"] >= before["E"]
            executed, spent = D(before["z"]), D(before["Z"])
        assert (event["x"] == "TRADE") == (event["t"] >= 0) == event["M"] == (D(event["l"]) > 0)
        assert D(event["z"]) == executed + D(event["l"])
        assert D(event["Z"]) == spent + D(event["Y"])
        if event["t"] >= 0:
            self.trades.append(event["t"])
        self.orders[event["i"]] = event

    def listStatus(self, event: Event) -> None:  # noqa: N802 - the venue's name
        before = self.lists.get(event["g"])
        assert event["l"] == ("EXEC_STARTED" if before is None else "ALL_DONE")
        assert before is None or before["l"] == "EXEC_STARTED"
        assert {one["i"] for one in event["O"]} <= set(self.orders)
        self.lists[event["g"]] = event

    def outboundAccountPosition(self, event: Event) -> None:  # noqa: N802 - the venue's name
        assert event["B"]
        self.balances |= {one["a"]: (D(one["f"]), D(one["l"])) for one in event["B"]}

    def balanceUpdate(self, event: Event) -> None:  # noqa: N802 - the venue's name
        assert D(event["d"])

    def check(self, world: World) -> None:
        """Hold what was heard against the books."""
        books = world.engine.orders
        assert {one.order_id: _known(one) for one in books.all_orders()} == {
            order_id: _heard(event) for order_id, event in self.orders.items()
        }
        assert [fill.trade_id for fill in world.fills()] == self.trades
        lists = books.lists_of(world.uid, from_id=0, span=ALL, limit=-1)
        assert {one.list_id: one.status_type for one in lists} == {
            list_id: event["l"] for list_id, event in self.lists.items()
        }
        for asset, held in self.balances.items():
            assert (asset, world.balance(asset)) == (asset, held)


def _known(order: Order) -> tuple[Any, ...]:
    return (
        order.status,
        text(order.executed),
        text(order.executed_quote),
        text(order.quantity),
        order.client_order_id,
        order.list_id,
        order.updated_ms,
        order.is_open and order.is_working,
    )


def _heard(event: Event) -> tuple[Any, ...]:
    name = event["C"] or event["c"]
    return (
        event["X"],
        event["z"],
        event["Z"],
        event["q"],
        name,
        event["g"],
        event["T"],
        event["w"],
    )


def _act(world: World, what: str, drawn: Any) -> None:
    engine, uid = world.engine, world.uid
    if what == "order":
        asked = request(world, drawn)
        refused(lambda: engine.place(uid, asked, at_ms=world.now))
    elif what == "list":
        refused(lambda: place_list(world, drawn))
    elif what == "steer":
        world.steer(drawn)
    elif what == "deposit":
        engine.deposit(uid, "USDT", D(drawn), at_ms=world.now)
    elif what == "cancel all":
        refused(lambda: engine.cancel_all(uid, "BTCUSDT", at_ms=world.now))
    elif what == "delist":
        engine.delist("BNBUSDT")
        engine.relist("BNBUSDT")
    elif found := engine.orders.open_orders(uid, "BTCUSDT"):
        world.cancel(found[drawn % len(found)].order_id)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(MINUTES, SCRIPT, st.booleans())
def test_the_events_tell_what_the_books_hold(
    minutes: list[Any],
    script: list[Any],
    restarts: bool,  # noqa: FBT001
) -> None:
    ear = Follower({"USDT": D(3000), "BTC": D(10), "BNB": D(5)})
    world = World(
        {"BTCUSDT": [FLAT, *minutes], "BNBUSDT": [FLAT, *minutes[::-1]]},
        balances=BALANCES,
        volume=40,
        on_change=ear,
    )
    world.engine.set_bnb_burn(world.uid, is_on=True)
    for what, drawn, step in script:
        _act(world, what, drawn)
        ear.check(world)
        if restarts:
            world.reopen()
        world.go(step)
        ear.check(world)
