"""What is refused before it reaches the book: form, filters, duplicates, the mode of the account.

Source: documentation of `POST /fapi/v1/order` and the error codes of the USD-M API.
"""

from __future__ import annotations

from typing import Final

from exchange.demo.errors import VenueError, not_required
from exchange.demo.futures.asked import AlgoRequest, OrderRequest
from exchange.demo.futures.desk import Desk
from exchange.demo.futures.refusals import (
    DUPLICATE_CLIENT_ORDER_ID,
    SYMBOL_NOT_TRADING,
    TOO_EARLY_AN_END,
    TOO_MANY_ORDERS,
    WRONG_POSITION_SIDE,
)
from exchange.demo.market.futures_symbols import MAX_NUM_FUTURES_ORDERS, FuturesSymbol

_LEAST_LIFE_MS: Final = 600_000


def check_new_order(desk: Desk, uid: int, asked: OrderRequest, at_ms: int) -> None:
    """Refuse an order that may not be placed now, whatever the account holds."""
    check_trading(asked.symbol)
    check_mode(desk, uid, asked)
    _check_end(asked, at_ms)
    _check_name(desk, uid, asked)
    asked.symbol.check_quantity(asked.quantity, is_market=asked.price is None)
    mark = desk.mark(asked.symbol.name, at_ms)
    if asked.price is not None:
        asked.symbol.check_price(asked.price)
        asked.symbol.check_distance(asked.price, mark, is_buy=asked.is_buy)
    # Orders at the market have no price, so the mark price counts (documentation of the filters).
    notional = asked.quantity * (asked.price or mark)
    asked.symbol.check_notional(notional, reduces_only=asked.reduce_only or is_exit(asked))
    if asked.price is not None:
        _check_count(desk, uid, asked.symbol.name)


def check_trading(symbol: FuturesSymbol) -> None:
    """Refuse orders of a symbol that does not trade (-4140)."""
    if not symbol.is_trading:
        raise VenueError(*SYMBOL_NOT_TRADING)


def check_mode(desk: Desk, uid: int, asked: OrderRequest | AlgoRequest) -> None:
    """Refuse an order that does not fit the account's position mode (-4061, -1106)."""
    is_hedge_mode = desk.is_hedge_mode(uid)
    if is_hedge_mode != (asked.position_side != "BOTH"):
        raise VenueError(*WRONG_POSITION_SIDE)
    if is_hedge_mode and asked.reduce_only:
        # In small letters, as clients have seen it.
        raise not_required("reduceonly")


def is_exit(asked: OrderRequest | AlgoRequest) -> bool:
    """Say whether an order of hedge mode can only shrink its position."""
    return asked.position_side == ("SHORT" if asked.is_buy else "LONG")


def _check_end(asked: OrderRequest, at_ms: int) -> None:
    if asked.time_in_force == "GTD" and asked.good_till_ms <= at_ms + _LEAST_LIFE_MS:
        raise VenueError(*TOO_EARLY_AN_END)


def _check_name(desk: Desk, uid: int, asked: OrderRequest) -> None:
    if asked.client_order_id is None:
        return
    open_orders = desk.open_orders(uid, asked.symbol.name)
    if any(one.client_order_id == asked.client_order_id for one in open_orders):
        raise VenueError(*DUPLICATE_CLIENT_ORDER_ID)


def _check_count(desk: Desk, uid: int, symbol: str) -> None:
    if len(desk.open_orders(uid, symbol)) >= MAX_NUM_FUTURES_ORDERS:
        raise VenueError(*TOO_MANY_ORDERS)
