"""Placing conditional orders. The venue checks their form and names, and no margin.

Source: `POST /fapi/v1/algoOrder` and the error codes of the USD-M API. Seen by clients rather than
documented: the algo service treats an order that closes the whole position as one that lives with
it, so there must be a position (-4509), one such order of each kind is enough (-4130), and it ends
with the position. An order with a quantity of its own needs no position, also if it only reduces.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from exchange.demo.amounts import ZERO, from_units
from exchange.demo.errors import VenueError, missing
from exchange.demo.futures.asked import AlgoRequest
from exchange.demo.futures.desk import Desk
from exchange.demo.futures.filters import check_mode, check_trading, is_exit
from exchange.demo.futures.positions import closable
from exchange.demo.futures.refusals import (
    DUPLICATE_CLIENT_ORDER_ID,
    TOO_EARLY_AN_END,
    WRONG_POSITION_SIDE,
)
from exchange.demo.futures.triggers import TRAILING, rises, working_price, working_track
from exchange.demo.futures.values import AlgoOrder
from exchange.demo.trading.placing import random_client_id

MAX_OPEN_ALGOS: Final = 200
MIN_CALLBACK_RATE: Final = Decimal("0.1")
MAX_CALLBACK_RATE: Final = Decimal(20)
_CALLBACK_STEP: Final = Decimal("0.1")
_LEAST_LIFE_MS: Final = 600_000
_CLOSING_TYPES: Final = ("STOP_MARKET", "TAKE_PROFIT_MARKET")
_LIMITED_TYPES: Final = ("STOP", "TAKE_PROFIT")

WRONG_CALLBACK_RATE: Final = (-2007, "Invalid callBack rate.")
WOULD_TRIGGER: Final = (-2021, "Order would immediately trigger.")
TOO_MANY_ALGOS: Final = (-4045, "Reach max stop order limit.")
CLOSER_EXISTS: Final = (
    -4130,
    "An open stop or take profit order with GTE and closePosition in the direction is existing.",
)
CLOSES_WITH_QUANTITY: Final = (-4137, "Quantity must be zero with closePosition equals true.")
CLOSES_AND_REDUCES: Final = (-4138, "Reduce only must be true with closePosition equals true.")
NOTHING_TO_CLOSE: Final = (
    -4509,
    "Time in Force (TIF) GTE can only be used with open positions."
    " Please ensure that positions are available.",
)


def place_algo(desk: Desk, uid: int, asked: AlgoRequest, at_ms: int) -> AlgoOrder:
    """Take a conditional order; VenueError leaves no trace of it."""
    check_new_algo(desk, uid, asked, at_ms)
    with desk.step(at_ms):
        return desk.add_algo(_algo(desk, uid, asked, at_ms))


def check_new_algo(desk: Desk, uid: int, asked: AlgoRequest, at_ms: int) -> None:
    """Refuse a conditional order that may not be placed now."""
    check_trading(asked.symbol)
    check_mode(desk, uid, asked)
    if asked.close_position:
        _check_closing(desk, uid, asked)
    elif asked.quantity is None:
        raise missing("quantity")
    _check_names(desk, uid, asked)
    _check_end(asked, at_ms)
    if asked.type == TRAILING:
        _check_trailing(asked)
    else:
        _check_prices(asked)
    _check_size(desk, asked, at_ms)
    _check_trigger(desk, asked, at_ms)


def _check_closing(desk: Desk, uid: int, asked: AlgoRequest) -> None:
    if asked.type not in _CLOSING_TYPES:
        text = f"Target strategy invalid for orderType {asked.type},closePosition true"
        raise VenueError(-4136, text)
    if asked.quantity is not None:
        raise VenueError(*CLOSES_WITH_QUANTITY)
    if asked.reduce_only:
        raise VenueError(*CLOSES_AND_REDUCES)
    if asked.position_side != "BOTH" and not is_exit(asked):
        raise VenueError(*WRONG_POSITION_SIDE)
    position = desk.position(uid, asked.symbol.name, asked.position_side)
    if not closable(position, is_buy=asked.is_buy):
        raise VenueError(*NOTHING_TO_CLOSE)
    if any(_closes_alike(one, asked) for one in desk.algos.values() if one.uid == uid):
        raise VenueError(*CLOSER_EXISTS)


def _closes_alike(known: AlgoOrder, asked: AlgoRequest) -> bool:
    return known.close_position and (
        known.symbol,
        known.type,
        known.side,
        known.position_side,
    ) == (asked.symbol.name, asked.type, asked.side, asked.position_side)


def _check_names(desk: Desk, uid: int, asked: AlgoRequest) -> None:
    known = [one for one in desk.algos.values() if one.uid == uid]
    if any(one.client_algo_id == asked.client_algo_id for one in known):
        raise VenueError(*DUPLICATE_CLIENT_ORDER_ID)
    if sum(one.status == "NEW" for one in known) >= MAX_OPEN_ALGOS:
        raise VenueError(*TOO_MANY_ALGOS)


def _check_end(asked: AlgoRequest, at_ms: int) -> None:
    if asked.time_in_force == "GTD" and asked.good_till_ms <= at_ms + _LEAST_LIFE_MS:
        raise VenueError(*TOO_EARLY_AN_END)


def _check_trailing(asked: AlgoRequest) -> None:
    if asked.callback_rate is None:
        raise missing("callbackRate")
    is_inside = MIN_CALLBACK_RATE <= asked.callback_rate <= MAX_CALLBACK_RATE
    if not is_inside or asked.callback_rate % _CALLBACK_STEP:
        raise VenueError(*WRONG_CALLBACK_RATE)
    if asked.activate_price is not None:
        asked.symbol.check_price(asked.activate_price)


def _check_prices(asked: AlgoRequest) -> None:
    if asked.trigger_price is None:
        raise missing("triggerPrice")
    asked.symbol.check_price(asked.trigger_price)
    if asked.type not in _LIMITED_TYPES:
        return
    if asked.price is None:
        raise missing("price")
    asked.symbol.check_price(asked.price)
    _check_limit(asked, asked.price, asked.trigger_price)


def _check_limit(asked: AlgoRequest, price: Decimal, trigger: Decimal) -> None:
    # The percent filter measures a limit that waits from its trigger price.
    symbol = asked.symbol
    cap, floor = trigger * symbol.percent_up, trigger * symbol.percent_down
    if asked.is_buy and price > cap:
        highest = cap // symbol.tick * symbol.tick
        raise VenueError(-4183, f"Limit price can't be higher than {highest:f}.")
    if not asked.is_buy and price < floor:
        lowest = -(-floor // symbol.tick) * symbol.tick
        raise VenueError(-4184, f"Limit price can't be lower than {lowest:f}.")


def _check_size(desk: Desk, asked: AlgoRequest, at_ms: int) -> None:
    if asked.quantity is None:
        return
    symbol = asked.symbol
    symbol.check_quantity(asked.quantity, is_market=asked.type not in _LIMITED_TYPES)
    price = asked.price or asked.trigger_price
    price = price or working_price(desk, symbol, asked.working_type, at_ms)
    reduces_only = asked.reduce_only or is_exit(asked)
    symbol.check_notional(asked.quantity * price, reduces_only=reduces_only)


def _check_trigger(desk: Desk, asked: AlgoRequest, at_ms: int) -> None:
    price = working_price(desk, asked.symbol, asked.working_type, at_ms)
    if asked.type == TRAILING:
        awaited, is_rising = asked.activate_price, not asked.is_buy
    else:
        awaited, is_rising = asked.trigger_price, rises(asked.type, is_buy=asked.is_buy)
    if awaited is not None and (price >= awaited if is_rising else price <= awaited):
        raise VenueError(*WOULD_TRIGGER)


def _algo(desk: Desk, uid: int, asked: AlgoRequest, at_ms: int) -> AlgoOrder:
    is_trailing = asked.type == TRAILING and asked.activate_price is None
    track = working_track(desk, asked.symbol.name, asked.working_type)
    return AlgoOrder(
        uid=uid,
        symbol=asked.symbol.name,
        client_algo_id=asked.client_algo_id or random_client_id(),
        side=asked.side,
        position_side=asked.position_side,
        type=asked.type,
        time_in_force=asked.time_in_force,
        quantity=asked.quantity or ZERO,
        price=asked.price or ZERO,
        trigger_price=asked.trigger_price or ZERO,
        activate_price=asked.activate_price or ZERO,
        callback_rate=asked.callback_rate or ZERO,
        working_type=asked.working_type,
        price_protect=asked.price_protect,
        reduce_only=asked.reduce_only,
        close_position=asked.close_position,
        prevention_mode=asked.prevention_mode,
        good_till_ms=asked.good_till_ms,
        is_trailing=is_trailing,
        peak=from_units(track.price(at_ms)) if is_trailing else ZERO,
        at_ms=at_ms,
        updated_ms=at_ms,
    )
