"""Whatever an account can do, drawn at random, and the check that its books are what they must be.

`Audit` follows the fills one by one: positions, results and wallets are worked out again from them
and from the income rows, without the engine's own arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from hypothesis import strategies as st

from exchange.demo.amounts import ZERO, from_units
from exchange.demo.errors import VenueError
from exchange.demo.futures.desk import Desk
from exchange.demo.futures.hitches import Hitch, HitchKind
from exchange.demo.futures.liquidation import AUTOCLOSE
from exchange.demo.futures.margin import reduces
from exchange.demo.futures.tests.algo_world import AlgoWorld
from exchange.demo.futures.tests.futures_world import BTC
from exchange.demo.futures.triggers import rises
from exchange.demo.futures.values import AlgoOrder, Fill, Order
from exchange.demo.trading.ledger import Holding
from exchange.demo.trading.quotes import Quotes, Terms
from exchange.demo.trading.tests.engine_world import FLAT, D

NAMES: Final = (BTC, "ETHUSDT")
PRICES = st.integers(85, 115)
NAME = st.sampled_from(NAMES)
SIDE = st.sampled_from(["BUY", "SELL"])
MINUTES = st.lists(
    st.tuples(PRICES, PRICES, PRICES, PRICES).map(
        lambda drawn: (drawn[0], max(drawn), min(drawn), drawn[3])
    ),
    min_size=2,
    max_size=6,
)
STEPS = st.sampled_from([0, 1, 500, 20_000, 61_000, 600_000, 28_800_000])
QUANTITY = st.sampled_from(["0.06", "1", "3.001", "9", "20"])
SOMETIMES = st.sampled_from([False, False, False, True])
HEDGE_SIDE = st.sampled_from(["LONG", "SHORT"])
ENTRIES = st.tuples(NAME, SIDE, QUANTITY)
# Distances are those from the last price, in whole units of the quote currency.
ORDERS = st.fixed_dictionaries(
    {
        "name": NAME,
        "side": SIDE,
        "distance": st.one_of(st.none(), st.integers(-6, 2)),
        "quantity": QUANTITY,
        "reduce_only": SOMETIMES,
        "position_side": HEDGE_SIDE,
        "time_in_force": st.sampled_from(["GTC", "GTC", "GTC", "IOC", "FOK", "GTX"]),
    }
)
ALGOS = st.fixed_dictionaries(
    {
        "name": NAME,
        "side": SIDE,
        "kind": st.sampled_from(
            ["STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"]
        ),
        "quantity": QUANTITY,
        "distance": st.integers(0, 6),
        "beyond": st.integers(-2, 3),
        "callback_rate": st.sampled_from(["0.5", "3"]),
        "is_activated": st.booleans(),
        "way": st.sampled_from(["plain", "reduce", "close", "close"]),
        "position_side": HEDGE_SIDE,
        "working_type": st.sampled_from(["MARK_PRICE", "CONTRACT_PRICE"]),
        "price_protect": SOMETIMES,
    }
)
STEERED = st.tuples(NAME, st.sampled_from([-15, -4, -2, -1, 1, 2, 4, 15]), st.integers(-4, 4))
SETTINGS = st.one_of(
    st.tuples(st.just("leverage"), NAME, st.sampled_from([5, 20, 50])),
    st.tuples(st.just("hedge"), NAME, st.booleans()),
    st.tuples(st.just("margin"), NAME, st.sampled_from(["5", "-1", "40"])),
    st.tuples(st.just("transfer"), NAME, st.sampled_from(["300", "-150"])),
    st.tuples(st.just("elsewhere"), NAME, st.sampled_from(["2", "-7"])),
)
_TRANSITIONS: Final = {
    "NEW": {"TRIGGERING", "TRIGGERED", "FINISHED", "CANCELED", "REJECTED", "EXPIRED"},
    "TRIGGERING": {"TRIGGERED", "FINISHED", "REJECTED", "EXPIRED"},
    "TRIGGERED": {"FINISHED"},
}


def new_world(btc: list[Any], ether: list[Any], **more: Any) -> AlgoWorld:
    """Return an account with 500 in each wallet, on two symbols with thin books."""
    minutes = {BTC: [FLAT, *btc], "ETHUSDT": [FLAT, *ether]}
    return AlgoWorld(minutes, balances="USDT=500,UM.USDT=500", volume=3_000, **more)


def refused(act: Callable[[], object]) -> bool:
    """Carry something out and say whether the venue refused it."""
    try:
        act()
    except VenueError:
        return True
    return False


def enter(world: AlgoWorld, drawn: tuple[str, str, str], number: int) -> bool:
    """Place a market order that opens or turns; say whether it was refused."""
    name, side, quantity = drawn
    more: dict[str, Any] = {"symbol": name, "client_order_id": f"e{number}"}
    if world.books.is_hedge_mode(world.uid):
        more["position_side"] = "LONG" if side == "BUY" else "SHORT"
    return refused(lambda: world.place(side, "MARKET", quantity, **more))


def place(world: AlgoWorld, drawn: dict[str, Any], number: int) -> bool:
    """Place a drawn order; say whether it was refused."""
    is_hedge_mode = world.books.is_hedge_mode(world.uid)
    more: dict[str, Any] = {
        "symbol": drawn["name"],
        "client_order_id": f"o{number}",
        "position_side": drawn["position_side"] if is_hedge_mode else "BOTH",
        "reduce_only": drawn["reduce_only"] and not is_hedge_mode,
    }
    kind = "MARKET"
    if drawn["distance"] is not None:
        kind = "LIMIT"
        away = drawn["distance"] if drawn["side"] == "BUY" else -drawn["distance"]
        price = last_price(world, drawn["name"]) + away
        more |= {"price": price, "time_in_force": drawn["time_in_force"]}
    return refused(lambda: world.place(drawn["side"], kind, drawn["quantity"], **more))


def place_algo(world: AlgoWorld, drawn: dict[str, Any], number: int) -> bool:
    """Place a drawn conditional order; say whether it was refused."""
    kind, side = drawn["kind"], _algo_side(world, drawn)
    if drawn["way"] == "close" and kind in ("STOP", "TAKE_PROFIT"):
        kind += "_MARKET"
    more = _algo_fields(world, drawn, number)
    is_rising = rises(kind, is_buy=side == "BUY")
    away = drawn["distance"] if is_rising else -drawn["distance"]
    if kind == "TRAILING_STOP_MARKET":
        away = drawn["distance"] if side == "SELL" else -drawn["distance"]
        more["callback_rate"] = drawn["callback_rate"]
    trigger = last_price(world, drawn["name"]) + away
    if kind != "TRAILING_STOP_MARKET":
        more["trigger_price"] = trigger
    elif drawn["is_activated"]:
        more["activate_price"] = trigger
    if kind in ("STOP", "TAKE_PROFIT"):
        more["price"] = trigger + drawn["beyond"] * (1 if side == "BUY" else -1)
    return refused(lambda: world.algo(side, kind, **more))


def last_price(world: AlgoWorld, name: str) -> int:
    """Return the last price of now in whole units of the quote currency."""
    return int(from_units(world.market.tracks[name].price(world.now)))


def _algo_fields(world: AlgoWorld, drawn: dict[str, Any], number: int) -> dict[str, Any]:
    is_hedge_mode = world.books.is_hedge_mode(world.uid)
    fields = {
        "symbol": drawn["name"],
        "client_algo_id": f"a{number}",
        "position_side": drawn["position_side"] if is_hedge_mode else "BOTH",
        "working_type": drawn["working_type"],
        "price_protect": drawn["price_protect"],
    }
    if _closes(drawn):
        return fields | {"close_position": True}
    reduce_only = drawn["way"] == "reduce" and not is_hedge_mode
    return fields | {"quantity": drawn["quantity"], "reduce_only": reduce_only}


def _algo_side(world: AlgoWorld, drawn: dict[str, Any]) -> str:
    side = drawn["position_side"] if world.books.is_hedge_mode(world.uid) else "BOTH"
    amount = world.position(side, drawn["name"]).amount
    if not amount or drawn["way"] == "plain":
        return str(drawn["side"])
    return "SELL" if amount > 0 else "BUY"


def _closes(drawn: dict[str, Any]) -> bool:
    return bool(drawn["way"] == "close" and drawn["kind"] != "TRAILING_STOP_MARKET")


def change(world: AlgoWorld, drawn: tuple[str, str, Any]) -> bool:
    """Change a setting, margin or wallet as drawn; say whether that was refused."""
    what, name, value = drawn
    engine, uid, now = world.engine, world.uid, world.now
    if what == "leverage":
        return refused(lambda: engine.set_leverage(uid, name, value, at_ms=now))
    if what == "hedge":
        return refused(lambda: engine.set_hedge_mode(uid, value, at_ms=now))
    if what == "margin":
        side = "LONG" if world.books.is_hedge_mode(uid) else "BOTH"
        return refused(lambda: engine.change_margin(uid, name, side, D(value), at_ms=now))
    if what == "transfer":
        way = "UMFUTURE_MAIN" if D(value) < 0 else "MAIN_UMFUTURE"
        moved = (way, "USDT", abs(D(value)))
        return refused(lambda: engine.transfer(uid, *moved, at_ms=now, wall_ms=now))
    return refused(lambda: engine.trade_elsewhere(uid, name, D(value), at_ms=now))


def steer(world: AlgoWorld, drawn: tuple[str, int, int]) -> None:
    """Move the last price of a symbol and hold it, and the mark price near it."""
    name, moved, away = drawn
    price = max(last_price(world, name) + moved, 20)
    world.steer(price, name=name, mark=price + away)


def hitch(world: AlgoWorld, kind: str) -> None:
    """Set a hitch for the next trigger."""
    kinds = HitchKind(kind)
    world.engine.hitches.add(Hitch(symbol=None, kind=kinds, seconds=90, times=1))


def reloaded(world: AlgoWorld) -> Desk:
    """Return the desk as a restarted exchange would have it."""
    quotes = Quotes(world.market.tracks, Terms())
    return Desk(world.state, world.ledger, world.market, quotes)


@dataclass
class Audit:
    """The account's books, followed by themselves."""

    amounts: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    costs: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    statuses: dict[int, str] = field(default_factory=dict)
    last_trade: int = 0

    def check(self, world: AlgoWorld) -> None:
        """Check everything that must hold at any moment."""
        orders = {one.order_id: one for one in world.books.all_orders()}
        self._follow_fills(world, orders)
        self._check_positions(world)
        self._check_wallets(world)
        self._check_figures(world)
        for algo in world.books.all_algos():
            self._check_algo(algo, orders)
        _check_orders(world, orders)
        _check_memory(world)

    def _follow_fills(self, world: AlgoWorld, orders: dict[int, Order]) -> None:
        for fill in world.fills():
            if fill.trade_id > self.last_trade:
                self._follow(fill, orders[fill.order_id])
                self.last_trade = fill.trade_id

    def _follow(self, fill: Fill, order: Order) -> None:
        key = (fill.symbol, fill.position_side)
        before = self.amounts.get(key, ZERO)
        sign = 1 if fill.side == "BUY" else -1
        after = before + sign * fill.quantity
        if reduces(order):
            assert abs(after) < abs(before)
            assert after * before >= 0
        if order.client_order_id.startswith(AUTOCLOSE):
            assert abs(after) < abs(before)
        self.amounts[key] = after
        paid = sign * fill.quote_quantity + fill.realized_pnl
        self.costs[key] = self.costs.get(key, ZERO) + paid
        if fill.position_side != "BOTH":
            assert after >= 0 if fill.position_side == "LONG" else after <= 0

    def _check_positions(self, world: AlgoWorld) -> None:
        held = {(one.symbol, one.side): one for one in world.books.all_positions()}
        assert {key: one.amount for key, one in held.items()} == {
            key: amount for key, amount in self.amounts.items() if amount
        }
        for key, one in held.items():
            assert one.cost == self.costs[key]
            assert one.cost * one.amount > 0
            assert one.isolated_wallet >= 0
        is_hedge_mode = world.books.is_hedge_mode(world.uid)
        assert all((side == "BOTH") != is_hedge_mode for _, side in held)

    def _check_wallets(self, world: AlgoWorld) -> None:
        assert world.is_sound()
        earned = sum((one.amount for one in world.incomes()), ZERO)
        assert world.wallet == D(500) + earned
        moved = sum((one.amount for one in world.incomes("TRANSFER")), ZERO)
        assert world.ledger.free(world.uid, "USDT") == D(500) - moved
        mine: list[Holding] = [one for one in world.ledger.holdings() if one.uid == world.uid]
        assert all(one.free >= 0 and one.locked == 0 for one in mine)

    def _check_figures(self, world: AlgoWorld) -> None:
        figures = world.engine.figures(world.uid, world.now)
        isolated = sum((one.isolated_wallet for one in world.books.all_positions()), ZERO)
        assert figures.wallet == world.wallet
        assert figures.margin_balance == figures.wallet + figures.unrealized
        assert figures.unrealized == sum((one.unrealized for one in figures.positions), ZERO)
        assert figures.cross_wallet == figures.wallet - isolated >= 0
        assert 0 <= figures.available <= figures.cross_wallet
        for one in figures.positions:
            assert one.notional == one.position.amount * one.mark
            assert one.unrealized == one.notional - one.position.cost

    def _check_algo(self, algo: AlgoOrder, orders: dict[int, Order]) -> None:
        before = self.statuses.get(algo.algo_id, "NEW")
        assert algo.status == before or algo.status in _TRANSITIONS[before]
        self.statuses[algo.algo_id] = algo.status
        child = orders.get(algo.child_id)
        assert (child is not None) == (algo.status in ("TRIGGERED", "FINISHED"))
        if child:
            assert child.is_open == (algo.status == "TRIGGERED")
            assert (child.algo_id, child.client_order_id) == (algo.algo_id, algo.client_algo_id)
            assert (child.side, child.original_type) == (algo.side, algo.type)
        assert (algo.reject_reason is not None) == (algo.status == "REJECTED")
        assert (algo.triggered_ms > 0) or algo.status in ("NEW", "CANCELED", "EXPIRED")


def _check_orders(world: AlgoWorld, orders: dict[int, Order]) -> None:
    filled: dict[int, Decimal] = {}
    for fill in world.fills():
        filled[fill.order_id] = filled.get(fill.order_id, ZERO) + fill.quantity
    for order in orders.values():
        assert order.executed == filled.get(order.order_id, ZERO) <= order.quantity
        assert (order.status == "FILLED") == (order.executed == order.quantity)
        if order.client_order_id.startswith(AUTOCLOSE):
            assert order.status == "FILLED"


def _check_memory(world: AlgoWorld) -> None:
    kept, again = world.engine._desk, reloaded(world)
    assert kept.orders == again.orders
    assert kept.algos == again.algos
    assert kept.positions == again.positions
