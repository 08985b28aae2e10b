"""How an account trades: leverage, margin type, position mode, and the margin of a position.

Source: documentation of `POST leverage`, `marginType`, `positionSide/dual` and `positionMargin`
of the USD-M API, and its error codes.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from exchange.demo.amounts import ZERO, round_down
from exchange.demo.errors import VenueError
from exchange.demo.futures.changes import BY_MARGIN_CHANGE, BY_MARGIN_TYPE
from exchange.demo.futures.desk import Desk
from exchange.demo.futures.margin import initial_margin, order_margin, unrealized
from exchange.demo.futures.refusals import (
    INSUFFICIENT_CROSS_BALANCE,
    INSUFFICIENT_ISOLATED_BALANCE,
    LEVERAGE_REDUCTION,
    LEVERAGE_TOO_SMALL,
    MARGIN_TYPE_HAS_ORDERS,
    MARGIN_TYPE_HAS_POSITION,
    NO_POSITION,
    NOT_ISOLATED,
    POSITION_MODE_HAS_ORDERS,
    POSITION_MODE_HAS_POSITION,
    POSITION_TOO_LARGE,
    SAME_MARGIN_TYPE,
    SAME_POSITION_MODE,
    invalid_leverage,
)
from exchange.demo.futures.values import ISOLATED, Position
from exchange.demo.market.symbols import check_precision


def set_leverage(
    desk: Desk, uid: int, symbol: str, leverage: int, at_ms: int
) -> tuple[int, Decimal]:
    """Set the leverage of a symbol and return it with the largest notional that it allows.

    Refused: what no bracket allows (-4028), less with a position (-4161), more than the position's
    notional allows (-2027), less than open orders can be backed with (-2028). The margin of a
    position stays what it is.
    """
    brackets = desk.brackets[symbol]
    if not 1 <= leverage <= brackets.max_leverage:
        raise invalid_leverage(leverage)
    settings = desk.settings(uid, symbol)
    most = brackets.max_notional(leverage)
    for position in _positions(desk, uid, symbol):
        if leverage < settings.leverage:
            raise VenueError(*LEVERAGE_REDUCTION)
        if abs(position.amount) * desk.mark(symbol, at_ms) > most:
            raise VenueError(*POSITION_TOO_LARGE)
    if _added_margin(desk, uid, symbol, leverage) > max(desk.available(uid), ZERO):
        raise VenueError(*LEVERAGE_TOO_SMALL)
    if leverage != settings.leverage:
        with desk.step(at_ms):
            desk.put_settings(replace(settings, leverage=leverage), at_ms)
    return leverage, most


def set_margin_type(desk: Desk, uid: int, symbol: str, margin_type: str, at_ms: int) -> None:
    """Set how a symbol is margined.

    Refused: what it is already (-4046), with open orders or algo orders (-4047), with a position
    (-4048).
    """
    settings = desk.settings(uid, symbol)
    if settings.margin_type == margin_type:
        raise VenueError(*SAME_MARGIN_TYPE)
    if _has_orders(desk, uid, symbol):
        raise VenueError(*MARGIN_TYPE_HAS_ORDERS)
    if _positions(desk, uid, symbol):
        raise VenueError(*MARGIN_TYPE_HAS_POSITION)
    with desk.step(at_ms):
        desk.put_settings(replace(settings, margin_type=margin_type), at_ms)
        sides = ("LONG", "SHORT") if desk.is_hedge_mode(uid) else ("BOTH",)
        positions = [desk.position(uid, symbol, side) for side in sides]
        desk.note_account(uid, BY_MARGIN_TYPE, at_ms, positions=positions)


def set_hedge_mode(desk: Desk, uid: int, at_ms: int, *, is_on: bool) -> None:
    """Switch the position mode of an account.

    Refused: what it is already (-4059), with open orders or algo orders (-4067), with a position
    (-4068), in whatever symbol.
    """
    if desk.is_hedge_mode(uid) == is_on:
        raise VenueError(*SAME_POSITION_MODE)
    if _has_orders(desk, uid, None):
        raise VenueError(*POSITION_MODE_HAS_ORDERS)
    if _positions(desk, uid, None):
        raise VenueError(*POSITION_MODE_HAS_POSITION)
    with desk.step(at_ms):
        desk.books.save_hedge_mode(uid, is_on=is_on)


def change_margin(desk: Desk, position: Position, amount: Decimal, at_ms: int) -> Position:
    """Set more margin aside for a position, or less when `amount` is negative.

    Refused: a crossed symbol (-4049), no position (-4054), more than is available (-4050), and to
    leave less than the maintenance margin, or with the unrealized result less than the initial
    margin at the mark price (-4051). Source: the venue's article on adjusting the margin balance
    in isolated mode (360038447311).
    """
    check_precision("amount", amount)
    uid = position.uid
    if desk.settings(uid, position.symbol).margin_type != ISOLATED:
        raise VenueError(*NOT_ISOLATED)
    if not position.amount:
        raise VenueError(*NO_POSITION)
    if amount > max(desk.available(uid), ZERO):
        raise VenueError(*INSUFFICIENT_CROSS_BALANCE)
    if amount < 0 and -amount > _removable(desk, position, at_ms):
        raise VenueError(*INSUFFICIENT_ISOLATED_BALANCE)
    with desk.step(at_ms):
        wallet = position.isolated_wallet + amount
        changed = replace(position, isolated_wallet=wallet, updated_ms=at_ms)
        desk.put_position(changed)
        desk.note_account(uid, BY_MARGIN_CHANGE, at_ms, positions=[changed])
    return changed


def _removable(desk: Desk, position: Position, at_ms: int) -> Decimal:
    mark = desk.mark(position.symbol, at_ms)
    leverage = desk.settings(position.uid, position.symbol).leverage
    kept = initial_margin(abs(position.amount) * mark, leverage)
    maintenance = desk.brackets[position.symbol].maintenance(abs(position.amount) * mark)
    spare = position.isolated_wallet + unrealized(position, mark) - kept
    return round_down(max(min(position.isolated_wallet - maintenance, spare), ZERO))


def _added_margin(desk: Desk, uid: int, symbol: str, leverage: int) -> Decimal:
    added = ZERO
    for side in ("BOTH", "LONG", "SHORT"):
        orders = [one for one in desk.open_orders(uid, symbol) if one.position_side == side]
        needed = order_margin(desk.position(uid, symbol, side), orders, leverage)
        added += needed - desk.order_margin(uid, symbol, side)
    return added


def _positions(desk: Desk, uid: int, symbol: str | None) -> list[Position]:
    return [
        one for one in desk.positions.values() if one.uid == uid and symbol in (None, one.symbol)
    ]


def _has_orders(desk: Desk, uid: int, symbol: str | None) -> bool:
    algos = [one for one in desk.algos.values() if one.uid == uid]
    return bool(desk.open_orders(uid, symbol)) or any(symbol in (None, one.symbol) for one in algos)
