"""What is refused before it reaches the book: filters, duplicates, prices that make no sense.

Source: `filters.md` and the engine's messages of `errors.md` (binance-spot-api-docs).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from exchange.demo.errors import (
    DUPLICATE_ORDER,
    MARKET_CLOSED,
    WOULD_TAKE,
    WOULD_TRIGGER,
    WRONG_PRICE_RELATION,
    VenueError,
    filter_failure,
)
from exchange.demo.market.symbols import (
    MAX_NUM_ALGO_ORDERS,
    MAX_NUM_ORDER_LISTS,
    MAX_NUM_ORDERS,
    PERCENT_PRICE_DOWN,
    PERCENT_PRICE_UP,
    Symbol,
    check_precision,
)
from exchange.demo.trading.asked import ListRequest, OrderRequest
from exchange.demo.trading.desk import Desk
from exchange.demo.trading.orders import STOP_TYPES, OrderList

_AT_MARKET: Final = ("MARKET", "STOP_LOSS", "TAKE_PROFIT")


def check_new_order(desk: Desk, uid: int, asked: OrderRequest, at_ms: int) -> None:
    """Refuse a single order that may not be placed now."""
    check_trading(asked.symbol)
    check_duplicates(desk, uid, (asked,))
    check_amounts(desk, asked, at_ms)
    if asked.type != "MARKET":
        check_counts(desk, uid, (asked,))
    check_prices(desk, asked, at_ms)


def check_new_list(desk: Desk, uid: int, asked: ListRequest, at_ms: int) -> None:
    """Refuse a list that may not be placed now; pending legs are checked for form alone."""
    check_trading(asked.symbol)
    check_duplicates(desk, uid, asked.legs)
    _check_list_id(desk, uid, asked)
    for leg in asked.legs:
        check_amounts(desk, leg, at_ms)
    check_counts(desk, uid, asked.legs)
    _check_list_count(desk, uid, asked.symbol)
    if asked.kind == "OCO":
        _check_relation(asked.legs, desk.quotes.last(asked.symbol.name, at_ms))
        return
    check_prices(desk, asked.legs[0], at_ms)
    if len(asked.legs) == 3:  # noqa: PLR2004 - a working order and a pair
        _check_relation(asked.legs[1:], None)


def check_trading(symbol: Symbol) -> None:
    """Refuse orders of a symbol that is halted or takes cancels only (-1013)."""
    if not symbol.is_trading:
        raise VenueError(*MARKET_CLOSED)


def check_duplicates(desk: Desk, uid: int, legs: Sequence[OrderRequest]) -> None:
    """Refuse a client order id that an open order carries, or two legs share (-2010)."""
    wanted = [leg.client_order_id for leg in legs if leg.client_order_id is not None]
    if not wanted:
        return
    taken = {one.client_order_id for one in desk.open_orders_of(uid, legs[0].symbol.name)}
    if len(set(wanted)) < len(wanted) or not taken.isdisjoint(wanted):
        raise VenueError(*DUPLICATE_ORDER)


def check_amounts(desk: Desk, asked: OrderRequest, at_ms: int) -> None:
    """Refuse quantities and prices that the symbol's filters do not allow.

    The quantity of a pending order that its working order pays for is not known yet.
    """
    symbol = asked.symbol
    if asked.price is not None:
        symbol.check_price("price", asked.price)
        _check_percent_price(asked.price, desk.quotes.average(symbol.name, at_ms))
    if asked.stop_price is not None:
        symbol.check_price("stopPrice", asked.stop_price)
    is_market = asked.type in _AT_MARKET
    if asked.quote_quantity is not None:
        check_precision("quoteOrderQty", asked.quote_quantity)
        symbol.check_notional(asked.quote_quantity, is_market=True)
    elif asked.quantity is not None:
        symbol.check_quantity(asked.quantity, is_market=is_market)
        price = asked.price or desk.quotes.average(symbol.name, at_ms)
        symbol.check_notional(asked.quantity * price, is_market=is_market)


def check_counts(desk: Desk, uid: int, legs: Sequence[OrderRequest]) -> None:
    """Refuse more open orders, or more stop and take-profit orders, than a symbol allows."""
    known = desk.open_orders_of(uid, legs[0].symbol.name)
    if len(known) + len(legs) > MAX_NUM_ORDERS:
        raise filter_failure("MAX_NUM_ORDERS")
    stops = sum(leg.type in STOP_TYPES for leg in legs)
    if stops and sum(order.is_stop for order in known) + stops > MAX_NUM_ALGO_ORDERS:
        raise filter_failure("MAX_NUM_ALGO_ORDERS")


def check_prices(desk: Desk, asked: OrderRequest, at_ms: int) -> None:
    """Refuse a stop that would trigger at once, and a maker order that would take (-2010)."""
    name = asked.symbol.name
    if asked.type in STOP_TYPES and asked.stop_price is not None:
        last = desk.quotes.last(name, at_ms)
        is_rising = triggers_upwards(asked.type, is_buy=asked.is_buy)
        if last >= asked.stop_price if is_rising else last <= asked.stop_price:
            raise VenueError(*WOULD_TRIGGER)
    if asked.type == "LIMIT_MAKER" and asked.price is not None:
        book = desk.quotes.book(asked.symbol, at_ms)
        if book.crosses(asked.price, is_buy=asked.is_buy):
            raise VenueError(*WOULD_TAKE)


def triggers_upwards(kind: str, *, is_buy: bool) -> bool:
    """Say whether a stop or take-profit order waits for the price to rise to its stop price."""
    return is_buy == kind.startswith("STOP_LOSS")


def _check_percent_price(price: Decimal, average: Decimal) -> None:
    if not average * PERCENT_PRICE_DOWN <= price <= average * PERCENT_PRICE_UP:
        raise filter_failure("PERCENT_PRICE_BY_SIDE")


def _check_list_id(desk: Desk, uid: int, asked: ListRequest) -> None:
    if asked.client_order_id is None:
        return
    taken = {one.client_order_id for one in _open_lists(desk, uid, None)}
    legs = {leg.client_order_id for leg in asked.legs}
    if asked.client_order_id in taken | legs:
        raise VenueError(*DUPLICATE_ORDER)


def _check_list_count(desk: Desk, uid: int, symbol: Symbol) -> None:
    if len(_open_lists(desk, uid, symbol.name)) >= MAX_NUM_ORDER_LISTS:
        raise filter_failure("MAX_NUM_ORDER_LISTS")


def _open_lists(desk: Desk, uid: int, symbol: str | None) -> set[OrderList]:
    return {
        group.order_list
        for group in desk.groups.values()
        if group.order_list and group.uid == uid and symbol in (None, group.symbol)
    }


def _check_relation(legs: Sequence[OrderRequest], last: Decimal | None) -> None:
    above, below = (_references(leg) for leg in legs)
    lowest, highest = min(above), max(below)
    if not (lowest > highest if last is None else lowest > last > highest):
        raise VenueError(*WRONG_PRICE_RELATION)


def _references(leg: OrderRequest) -> list[Decimal]:
    # Where a stop-loss leg has a limit too, nothing is asked of it.
    asked = (leg.stop_price,) if leg.type.startswith("STOP_LOSS") else (leg.stop_price, leg.price)
    return [price for price in asked if price is not None]
