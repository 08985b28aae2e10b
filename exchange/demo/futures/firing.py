"""What happens when a conditional order triggers: its child goes to the book, or is refused.

NEW, TRIGGERING while its child is on the way, TRIGGERED while that is in the book, FINISHED when
the child is done, whatever became of it. REJECTED when the child is refused: for margin, or because
it may only reduce and there is nothing to reduce. EXPIRED when it closes the whole position and
there is none. As at the venue the child carries the client id of its algo order.

Source: "Algo Order Update" of the USD-M user data streams for what the statuses mean.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from exchange.demo.amounts import ZERO
from exchange.demo.errors import VenueError
from exchange.demo.futures.desk import Desk
from exchange.demo.futures.hitches import Hitch, Hitches, HitchKind
from exchange.demo.futures.positions import closable
from exchange.demo.futures.refusals import INSUFFICIENT_MARGIN
from exchange.demo.futures.taking import enter_order
from exchange.demo.futures.triggers import TRAILING, working_price
from exchange.demo.futures.values import AlgoOrder, Order

_LIMITED: Final = ("STOP", "TAKE_PROFIT")


def fire(desk: Desk, hitches: Hitches, algo: AlgoOrder, at_ms: int) -> None:
    """Let an order that waits trigger, with whatever hitch strikes it."""
    algo = replace(algo, status="TRIGGERING", triggered_ms=at_ms, updated_ms=at_ms)
    hitch = hitches.strike(algo.symbol)
    if hitch and hitch.kind is HitchKind.REFUSE:
        _reject(desk, hitches, algo, INSUFFICIENT_MARGIN[1], at_ms)
    elif hitch and hitch.kind is not HitchKind.MISSING:
        _hold(desk, hitches, algo, hitch, at_ms)
    else:
        release(desk, hitches, algo, at_ms, hidden_ms=hitch.delay_ms if hitch else 0)


def release(
    desk: Desk, hitches: Hitches, algo: AlgoOrder, at_ms: int, *, hidden_ms: int = 0
) -> None:
    """Let the child of an order that has triggered come, to be seen after `hidden_ms` only."""
    try:
        with desk.step(at_ms - 1):
            hitches.let_go(algo.algo_id)
            algo = desk.put_algo(algo)
            child_id = _become(desk, algo, at_ms).child_id
            if hidden_ms and child_id:
                hitches.hide(child_id, at_ms=at_ms, until_ms=at_ms + hidden_ms)
    except VenueError as e:
        _reject(desk, hitches, algo, e.message, at_ms)


def release_held(desk: Desk, hitches: Hitches, at_ms: int) -> None:
    """Let every child come that a hitch has held back; in a halted market when it goes on."""
    for algo in [one for one in desk.algos.values() if one.status == "TRIGGERING"]:
        listed = desk.symbols.get(algo.symbol)
        if listed is not None and listed.is_trading:
            release(desk, hitches, algo, at_ms)
        else:
            with desk.step(at_ms):
                hitches.hold(algo.algo_id, at_ms + 1)


def closable_by(desk: Desk, algo: AlgoOrder) -> Decimal:
    """Return how much of a position an order could close now, in base currency."""
    position = desk.position(algo.uid, algo.symbol, algo.position_side)
    return closable(position, is_buy=algo.is_buy)


def _become(desk: Desk, algo: AlgoOrder, at_ms: int) -> AlgoOrder:
    quantity = closable_by(desk, algo) if algo.close_position else algo.quantity
    if not quantity:
        return desk.put_algo(replace(algo, status="EXPIRED", updated_ms=at_ms))
    child = enter_order(desk, _child(desk, algo, quantity, at_ms), at_ms)
    status = "TRIGGERED" if child.is_open else "FINISHED"
    return desk.put_algo(replace(algo, status=status, child_id=child.order_id, updated_ms=at_ms))


def _child(desk: Desk, algo: AlgoOrder, quantity: Decimal, at_ms: int) -> Order:
    is_limited = algo.type in _LIMITED
    return Order(
        uid=algo.uid,
        symbol=algo.symbol,
        client_order_id=algo.client_algo_id,
        side=algo.side,
        position_side=algo.position_side,
        type="LIMIT" if is_limited else "MARKET",
        original_type=algo.type,
        time_in_force=algo.time_in_force if is_limited else "GTC",
        quantity=quantity,
        price=algo.price if is_limited else ZERO,
        stop_price=_stop_price(desk, algo, at_ms),
        reduce_only=algo.reduce_only or algo.close_position,
        close_position=algo.close_position,
        working_type=algo.working_type,
        price_protect=algo.price_protect,
        prevention_mode=algo.prevention_mode,
        good_till_ms=algo.good_till_ms if is_limited else 0,
        algo_id=algo.algo_id,
        at_ms=at_ms,
        updated_ms=at_ms,
    )


def _stop_price(desk: Desk, algo: AlgoOrder, at_ms: int) -> Decimal:
    if algo.type != TRAILING:
        return algo.trigger_price
    symbol = desk.symbols[algo.symbol]
    return working_price(desk, symbol, algo.working_type, algo.triggered_ms or at_ms)


def _hold(desk: Desk, hitches: Hitches, algo: AlgoOrder, hitch: Hitch, at_ms: int) -> None:
    with desk.step(at_ms - 1):
        desk.put_algo(algo)
        if hitch.kind is HitchKind.LATE:
            hitches.hold(algo.algo_id, at_ms + max(hitch.delay_ms, 1))


def _reject(desk: Desk, hitches: Hitches, algo: AlgoOrder, reason: str, at_ms: int) -> None:
    with desk.step(at_ms - 1):
        hitches.let_go(algo.algo_id)
        desk.put_algo(replace(algo, status="REJECTED", reject_reason=reason, updated_ms=at_ms))
