"""Canceling conditional orders that have not triggered; afterwards only their child can be."""

from __future__ import annotations

from dataclasses import replace

from exchange.demo.errors import CANCEL_REJECTED, VenueError, missing_either
from exchange.demo.futures.desk import Desk
from exchange.demo.futures.values import AlgoOrder


def cancel_algo(
    desk: Desk, uid: int, *, algo_id: int | None, client_algo_id: str | None, at_ms: int
) -> AlgoOrder:
    """Cancel one by its id, its client's id or both (-2011 when none waits for its price)."""
    if algo_id is None and client_algo_id is None:
        raise missing_either("algoId", "clientAlgoId")
    for algo in _waiting(desk, uid):
        if algo_id in (None, algo.algo_id) and client_algo_id in (None, algo.client_algo_id):
            with desk.step(at_ms):
                return _cancel(desk, algo, at_ms)
    raise VenueError(*CANCEL_REJECTED)


def cancel_all_algo(desk: Desk, uid: int, symbol: str, at_ms: int) -> int:
    """Cancel all of a symbol that wait, and return how many; none is fine."""
    found = [algo for algo in _waiting(desk, uid) if algo.symbol == symbol]
    if found:
        with desk.step(at_ms):
            for algo in found:
                _cancel(desk, algo, at_ms)
    return len(found)


def _cancel(desk: Desk, algo: AlgoOrder, at_ms: int) -> AlgoOrder:
    return desk.put_algo(replace(algo, status="CANCELED", updated_ms=at_ms))


def _waiting(desk: Desk, uid: int) -> list[AlgoOrder]:
    return [one for one in desk.algos.values() if one.uid == uid and one.status == "NEW"]
