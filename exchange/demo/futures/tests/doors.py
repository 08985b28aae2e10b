"""Through which doors money may come and go, and what may never be seen, asked of the books alone.

Deposits and transfers, results and fees of fills, funding at its stamps, and what liquidations
settle with the insurance fund: nothing else changes a wallet.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_DOWN, Decimal
from typing import Final

from exchange.demo.amounts import UNIT, ZERO, from_units
from exchange.demo.futures.tests.algo_world import AlgoWorld
from exchange.demo.futures.values import AlgoOrder, Fill, Income, Order
from exchange.demo.trading.ledger import FEES_UID, FUNDING_UID, INSURANCE_UID, MARKET_MAKER_UID
from exchange.demo.trading.tests.engine_world import D

_HOLDERS: Final = {
    "REALIZED_PNL": MARKET_MAKER_UID,
    "COMMISSION": FEES_UID,
    "FUNDING_FEE": FUNDING_UID,
    "INSURANCE_CLEAR": INSURANCE_UID,
}
_STAMPS_MS: Final = 28_800_000
_RATE: Final = Decimal("0.0001")
_FORCED: Final = "autoclose-"


def check_doors(world: AlgoWorld) -> None:
    """Check that every change of the wallet has its reason, and its other side."""
    fills = {one.trade_id: one for one in world.fills()}
    forced = {
        (one.symbol, one.at_ms)
        for one in world.books.all_orders()
        if one.client_order_id.startswith(_FORCED)
    }
    received = dict.fromkeys(_HOLDERS, ZERO)
    for income in world.incomes():
        if income.type == "TRANSFER":
            continue
        received[income.type] -= income.amount
        _check_reason(world, income, fills, forced)
    for kind, uid in _HOLDERS.items():
        assert world.ledger.free(uid, "USDT", wallet="um") == received[kind], kind
    charged = {one.trade_id for one in world.incomes("COMMISSION")}
    assert charged == fills.keys()


def _check_reason(
    world: AlgoWorld, income: Income, fills: dict[int, Fill], forced: set[tuple[str, int]]
) -> None:
    if income.type == "COMMISSION":
        fill = fills[income.trade_id]
        rate = D("0.0002") if fill.is_maker else D("0.0005")
        due = (fill.price * fill.quantity * rate).quantize(UNIT, rounding=ROUND_CEILING)
        assert -income.amount == due == fill.commission
    elif income.type == "REALIZED_PNL":
        assert income.amount == fills[income.trade_id].realized_pnl
    elif income.type == "FUNDING_FEE":
        assert income.at_ms % _STAMPS_MS == 0
        _check_funding(world, income)
    else:
        assert income.amount > 0 or (income.symbol, income.at_ms) in forced


# Longs pay shorts, no more than they have; an income row does not tell on which side.
def _check_funding(world: AlgoWorld, income: Income) -> None:
    mark = _mark(world, income.symbol, income.at_ms)
    sides = ("BOTH", "LONG", "SHORT")
    before = [one for one in world.fills() if one.at_ms < income.at_ms]
    amounts = [_amount(before, (income.symbol, side)) for side in sides]
    due = [_cut(-amount * mark * _RATE) for amount in amounts]
    assert any(one == income.amount or one < income.amount < 0 for one in due)


def check_positions(world: AlgoWorld) -> None:
    """Check that there is one position per symbol, none overdue, and what they are worth."""
    held = world.books.all_positions()
    is_hedge_mode = world.books.is_hedge_mode(world.uid)
    places = [(one.symbol, one.side if is_hedge_mode else "BOTH") for one in held]
    assert len(set(places)) == len(held)
    marks = {one.symbol: _mark(world, one.symbol, world.now) for one in held}
    won = sum((one.amount * marks[one.symbol] - one.cost for one in held), ZERO)
    figures = world.engine.figures(world.uid, world.now)
    assert figures.margin_balance == world.wallet + won
    for one in held:
        left = one.isolated_wallet + one.amount * marks[one.symbol] - one.cost
        notional = abs(one.amount) * marks[one.symbol]
        # Whatever came at this very millisecond is looked at in the next one.
        if one.updated_ms < world.now:
            assert left > max(notional * D("0.005"), notional * D("0.01") - 300)


def check_exits(world: AlgoWorld) -> None:
    """Check that whatever may only close something still has something to close."""
    algos = world.books.open_algos(world.uid, None)
    closers: list[AlgoOrder | Order] = [
        one for one in algos if one.status == "NEW" and one.close_position
    ]
    orders = world.books.open_orders(world.uid, None)
    for one in (*closers, *(order for order in orders if order.reduce_only)):
        amount = world.position(one.position_side, one.symbol).amount
        assert amount < 0 if one.is_buy else amount > 0


def check_liquidations(world: AlgoWorld) -> None:
    """Check that a forced close ended its position and older orders, and that nobody owes."""
    for order in world.books.all_orders():
        if order.client_order_id.startswith(_FORCED):
            last = max(one.trade_id for one in world.fills(order.order_id))
            until_then = [one for one in world.fills() if one.trade_id <= last]
            assert _amount(until_then, (order.symbol, order.position_side)) == 0
            for one in world.books.open_orders(world.uid, order.symbol):
                is_older = one.order_id < order.order_id
                assert not (is_older and one.position_side == order.position_side)
    figures = world.engine.figures(world.uid, world.now)
    assert figures.cross_wallet >= 0
    assert all(one.position.isolated_wallet >= 0 for one in figures.positions)


def _amount(fills: list[Fill], place: tuple[str, str]) -> Decimal:
    mine = [one for one in fills if (one.symbol, one.position_side) == place]
    return sum((one.quantity if one.side == "BUY" else -one.quantity for one in mine), ZERO)


def _cut(amount: Decimal) -> Decimal:
    return amount.quantize(UNIT, rounding=ROUND_DOWN)


def _mark(world: AlgoWorld, name: str, at_ms: int) -> Decimal:
    return from_units(world.market.marks[name].price(at_ms))
