"""Whatever is traded: nothing is made or lost, nobody owes, and the fills make the position."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.demo.amounts import ZERO
from exchange.demo.errors import VenueError
from exchange.demo.futures.tests.futures_world import BTC, FuturesWorld
from exchange.demo.futures.values import Order
from exchange.demo.trading.ledger import FEES_UID, INSURANCE_UID, MARKET_MAKER_UID
from exchange.demo.trading.tests.engine_world import D

ETH = "ETHUSDT"
PRICES = st.integers(85, 115)
MINUTES = st.lists(
    st.tuples(PRICES, PRICES, PRICES, PRICES).map(
        lambda drawn: (drawn[0], max(drawn), min(drawn), drawn[3])
    ),
    min_size=2,
    max_size=5,
)
ACTS = st.lists(
    st.tuples(
        st.sampled_from([BTC, ETH]),
        st.sampled_from(["BUY", "SELL"]),
        st.sampled_from(["MARKET", "GTC", "IOC", "FOK", "GTX"]),
        st.sampled_from(["0.5", "1", "3.001", "12"]),
        PRICES,
        st.booleans(),
        st.sampled_from(["BOTH", "LONG", "SHORT"]),
        st.sampled_from([0, 1, 5_000, 20_000, 61_000]),
    ),
    max_size=12,
)


def act(world: FuturesWorld, drawn: tuple[Any, ...], *, is_hedge: bool) -> Order | None:
    name, side, kind, quantity, price, reduce_only, position_side, _ = drawn
    more: dict[str, Any] = {"symbol": name}
    if is_hedge:
        more["position_side"] = "LONG" if position_side == "BOTH" else position_side
    else:
        more["reduce_only"] = reduce_only
    if kind != "MARKET":
        more |= {"price": price, "time_in_force": kind}
    with contextlib.suppress(VenueError):
        return world.place(side, "MARKET" if kind == "MARKET" else "LIMIT", quantity, **more).order
    return None


def check(world: FuturesWorld) -> None:
    assert world.is_sound()
    figures = world.engine.figures(world.uid, world.now)
    isolated = sum((one.position.isolated_wallet for one in figures.positions), ZERO)
    assert figures.cross_wallet + isolated == figures.wallet == world.wallet
    assert figures.cross_wallet >= ZERO
    assert figures.margin_balance == figures.wallet + figures.unrealized
    assert all(one.position.isolated_wallet >= ZERO for one in figures.positions)
    for name in (BTC, ETH):
        for side in ("BOTH", "LONG", "SHORT"):
            fills = [
                one for one in world.fills() if (one.symbol, one.position_side) == (name, side)
            ]
            signed = sum(
                (one.quantity if one.side == "BUY" else -one.quantity for one in fills), ZERO
            )
            spent = sum(
                (one.quote_quantity if one.side == "BUY" else -one.quote_quantity for one in fills),
                ZERO,
            )
            position = world.position(side, name)
            assert position.amount == signed
            realized = sum((one.realized_pnl for one in fills), ZERO)
            assert position.cost - realized == spent


def check_money(world: FuturesWorld, deposit: int) -> None:
    fills, incomes = world.fills(), world.incomes()
    assert world.wallet == D(deposit) + sum((one.amount for one in incomes), ZERO)
    for kind, paid in (
        ("REALIZED_PNL", sum((one.realized_pnl for one in fills), ZERO)),
        ("COMMISSION", -sum((one.commission for one in fills), ZERO)),
    ):
        assert sum((one.amount for one in world.incomes(kind)), ZERO) == paid

    def held(uid: int) -> Any:
        return world.ledger.free(uid, "USDT", wallet="um")

    assert held(FEES_UID) == sum((one.commission for one in fills), ZERO)
    assert held(MARKET_MAKER_UID) == -sum((one.realized_pnl for one in fills), ZERO)
    cleared = sum((one.amount for one in world.incomes("INSURANCE_CLEAR")), ZERO)
    assert held(INSURANCE_UID) == -cleared


@settings(max_examples=60, deadline=None)
@given(minutes=MINUTES, acts=ACTS, mode=st.sampled_from(["one-way", "hedge"]))
def test_money_positions_and_fills_add_up_after_every_step(
    minutes: list[Any], acts: list[tuple[Any, ...]], mode: str
) -> None:
    world = FuturesWorld({BTC: minutes, ETH: minutes[::-1]}, balances="UM.USDT=60", volume=40)
    is_hedge = mode == "hedge"
    if is_hedge:
        world.engine.set_hedge_mode(world.uid, is_on=True, at_ms=world.now)
    for drawn in acts:
        act(world, drawn, is_hedge=is_hedge)
        check(world)
        world.go(drawn[-1])
        check(world)
    check_money(world, 60)
    if not is_hedge:
        assert all(one.side == "BOTH" for one in world.books.all_positions())


@settings(max_examples=40, deadline=None)
@given(minutes=MINUTES, acts=ACTS, size=st.sampled_from(["-8", "-2", "2", "8"]))
def test_orders_that_only_reduce_never_grow_or_turn_a_position(
    minutes: list[Any], acts: list[tuple[Any, ...]], size: str
) -> None:
    world = FuturesWorld({BTC: minutes, ETH: minutes}, balances="UM.USDT=9000", volume=40)
    world.engine.trade_elsewhere(world.uid, BTC, D(size), at_ms=world.now)
    amount = world.position().amount
    for drawn in acts:
        act(world, (BTC, *drawn[1:5], True, *drawn[6:]), is_hedge=False)
        world.go(drawn[-1])
        left = world.position().amount
        assert abs(left) <= abs(amount)
        assert not left or (left > 0) == (amount > 0)
        amount = left
    if not amount:
        assert world.books.open_orders(world.uid, BTC) == []


@settings(max_examples=25, deadline=None)
@given(minutes=MINUTES, acts=ACTS)
def test_the_same_orders_give_the_same_books_however_often_time_is_looked_at(
    minutes: list[Any], acts: list[tuple[Any, ...]]
) -> None:
    def played(parts: int) -> list[Any]:
        world = FuturesWorld({BTC: minutes, ETH: minutes[::-1]}, balances="UM.USDT=60", volume=40)
        for drawn in acts:
            act(world, drawn, is_hedge=False)
            for _ in range(parts):
                world.go(drawn[-1] // parts)
            world.go(drawn[-1] % parts)
        books = world.books
        fills = [(one.order_id, one.at_ms, one.price, one.quantity) for one in books.all_fills()]
        return [fills, books.all_positions(), books.all_incomes(), world.ledger.holdings()]

    assert played(1) == played(7)
