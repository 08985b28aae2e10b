"""Orders that close a whole position live with it: the venue ends them when it is gone."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from exchange.demo.futures.desk import Desk
from exchange.demo.futures.events import GOOD_TILL, Event
from exchange.demo.futures.firing import closable_by
from exchange.demo.futures.values import AlgoOrder


class Closers:
    """Ends of orders whose position is gone, in the millisecond after that."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def next(self, symbol: str, after_ms: int, until_ms: int) -> Event | None:
        """Return the first of a symbol in (after_ms, until_ms]."""
        ends = [
            (max(self._gone_ms(algo), after_ms) + 1, algo.algo_id)
            for algo in self._desk.algos.values()
            if algo.symbol == symbol and self._is_orphan(algo)
        ]
        found = min((one for one in ends if one[0] <= until_ms), default=None)
        if found is None:
            return None
        at_ms, algo_id = found
        return Event(at_ms, GOOD_TILL, algo_id, partial(self._end, algo_id, at_ms))

    def _is_orphan(self, algo: AlgoOrder) -> bool:
        return algo.status == "NEW" and algo.close_position and not closable_by(self._desk, algo)

    def _gone_ms(self, algo: AlgoOrder) -> int:
        books = self._desk.books
        return books.position(algo.uid, algo.symbol, algo.position_side).updated_ms

    def _end(self, algo_id: int, at_ms: int) -> None:
        algo = self._desk.algos[algo_id]
        with self._desk.step(at_ms - 1):
            self._desk.put_algo(replace(algo, status="EXPIRED", updated_ms=at_ms))
