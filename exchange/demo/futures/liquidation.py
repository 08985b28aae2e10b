"""Liquidation: a position whose margin is used up is closed by force, and no debt is left.

Source: the venue's liquidation protocol. Margin and result of an isolated position at the mark
price are compared with its maintenance margin; open orders of the position are canceled first; what
is left afterwards pays the insurance fund, which pays what is missing.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal
from functools import partial
from typing import Final

from exchange.demo.amounts import DECIMALS, ZERO, from_units, round_down
from exchange.demo.futures.desk import MARGIN_ASSET, Desk
from exchange.demo.futures.events import LIQUIDATION, Event
from exchange.demo.futures.lookahead import Lookahead
from exchange.demo.futures.margin import liquidation_price, unrealized
from exchange.demo.futures.values import Income, Order, Position
from exchange.demo.market.brackets import Brackets
from exchange.demo.trading.book import PlannedFill
from exchange.demo.trading.crossings import Crossing, Mark, first_crossing
from exchange.demo.trading.ledger import INSURANCE_UID

AUTOCLOSE: Final = "autoclose-"
_SIDES: Final = ("BOTH", "LONG", "SHORT")


class Liquidations:
    """The moments at which mark prices take the margin of positions."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._ahead = Lookahead()

    def next(self, symbol: str, after_ms: int, until_ms: int) -> Event | None:
        """Return the first of a symbol in (after_ms, until_ms]; none while it does not trade."""
        listed = self._desk.symbols.get(symbol)
        if listed is None or not listed.is_trading:
            return None
        held = self._held(symbol)
        look = partial(self._look, symbol, held)
        return self._ahead.first(symbol, held, after_ms, until_ms, look) if held else None

    def _look(
        self, symbol: str, held: tuple[Position, ...], after_ms: int, until_ms: int
    ) -> Event | None:
        positions = {_event_id(one): one for one in held}
        found = self._first(symbol, positions, after_ms, until_ms)
        if found is None:
            return None
        at_ms, event_id = found
        happen = partial(liquidate, self._desk, positions[event_id], at_ms)
        return Event(at_ms, LIQUIDATION, event_id, happen)

    def _held(self, symbol: str) -> tuple[Position, ...]:
        return tuple(one for one in self._desk.positions.values() if one.symbol == symbol)

    def _first(
        self, symbol: str, positions: dict[int, Position], after_ms: int, until_ms: int
    ) -> Crossing | None:
        brackets = self._desk.brackets[symbol]
        units = {key: liquidation_units(one, brackets) for key, one in positions.items()}
        marks = [
            Mark(key, price, positions[key].amount < 0, after_ms)
            for key, price in units.items()
            if price is not None
        ]
        if not marks:
            return None
        return first_crossing(self._desk.marks[symbol], marks, after_ms, until_ms)


def is_short_of_margin(position: Position, mark: Decimal, brackets: Brackets) -> bool:
    """Say whether margin and result together are no more than the maintenance margin."""
    maintenance = brackets.maintenance(abs(position.amount) * mark)
    return position.isolated_wallet + unrealized(position, mark) <= maintenance


def liquidation_units(position: Position, brackets: Brackets) -> int | None:
    """Return the first mark price, in units of 1e-8, that liquidates; None where none does.

    A long position goes at this price and below, a short one at this price and above.
    """
    exact = liquidation_price(position, brackets)
    if exact is None:
        return None
    inwards = 1 if position.amount > 0 else -1
    units = int(exact.scaleb(DECIMALS).to_integral_value(rounding=ROUND_FLOOR)) + inwards
    while not is_short_of_margin(position, from_units(units), brackets):
        units -= inwards
    return units


def liquidate(desk: Desk, position: Position, at_ms: int) -> None:
    """Close a position by force at the book of this moment, and settle with the insurance fund.

    It takes no more than the position's own margin. Of what is left of that, the clearance fee goes
    to the insurance fund: `liquidation_fee` of what was closed, as far as it is there.
    """
    with desk.step(at_ms - 1):
        least = desk.wallet(position.uid) - position.isolated_wallet
        for order in desk.open_orders(position.uid, position.symbol):
            if order.position_side == position.side:
                desk.end_order(order, "CANCELED", at_ms)
        closed = _close(desk, position, at_ms)
        _clear(desk, closed, desk.wallet(position.uid) - least, at_ms)


def _close(desk: Desk, position: Position, at_ms: int) -> Order:
    order = desk.add_order(_forced_order(position, at_ms))
    for planned in _fills(desk, order, at_ms):
        order = desk.fill(order, planned, is_maker=False, at_ms=at_ms)
    return order


def _forced_order(position: Position, at_ms: int) -> Order:
    return Order(
        uid=position.uid,
        symbol=position.symbol,
        client_order_id=f"{AUTOCLOSE}{at_ms}",
        side="SELL" if position.amount > 0 else "BUY",
        position_side=position.side,
        type="MARKET",
        original_type="MARKET",
        quantity=abs(position.amount),
        at_ms=at_ms,
        updated_ms=at_ms,
    )


def _fills(desk: Desk, order: Order, at_ms: int) -> list[PlannedFill]:
    # What the book does not hold goes at its last price: nothing may stay open.
    book = desk.book(order.symbol, at_ms)
    fills = book.fills(order.quantity, is_buy=order.is_buy)
    left = order.quantity - sum((one.quantity for one in fills), ZERO)
    price = fills[-1].price if fills else book.best(is_buy=order.is_buy)
    return [*fills, PlannedFill(price, left)] if left else fills


def _clear(desk: Desk, order: Order, left: Decimal, at_ms: int) -> None:
    fee = round_down(desk.symbols[order.symbol].liquidation_fee * order.executed_quote)
    income = Income(
        uid=order.uid,
        symbol=order.symbol,
        type="INSURANCE_CLEAR",
        amount=-min(left, fee),
        asset=MARGIN_ASSET,
        at_ms=at_ms,
    )
    if income.amount < 0:
        desk.pay(income, to_uid=INSURANCE_UID, side=order.position_side)
    elif income.amount > 0:
        desk.receive(income, from_uid=INSURANCE_UID, side=order.position_side)


def _event_id(position: Position) -> int:
    return position.uid * len(_SIDES) + _SIDES.index(position.side)
