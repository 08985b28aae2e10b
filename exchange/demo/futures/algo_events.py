"""What becomes of conditional orders as market time passes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

from exchange.demo.amounts import from_units, to_units
from exchange.demo.futures.desk import Desk
from exchange.demo.futures.events import CHILD_DUE, GOOD_TILL, TRIGGER, Event
from exchange.demo.futures.firing import fire, release
from exchange.demo.futures.hitches import Hitches
from exchange.demo.futures.lookahead import Lookahead
from exchange.demo.futures.trailing import Trail, Turn, follow, next_turn
from exchange.demo.futures.triggers import TRAILING, first_trigger, working_track
from exchange.demo.futures.values import AlgoOrder

_WAITING: Final = "NEW"


class Triggers:
    """Triggers of orders that wait for a price; where trailing stops begin to trail; their peaks.

    Orders of a symbol that does not trade wait.
    """

    def __init__(self, desk: Desk, hitches: Hitches) -> None:
        self._desk = desk
        self._hitches = hitches
        # How trailing stops stood when they were last looked at. The state knows them up to the
        # last whole hour; what came after follows from the path.
        self._trails: dict[int, Trail] = {}
        self._ahead = Lookahead()

    def next(self, symbol: str, after_ms: int, until_ms: int) -> Event | None:
        """Return the first of a symbol in (after_ms, until_ms]."""
        listed = self._desk.symbols.get(symbol)
        waiting = _waiting(self._desk, symbol)
        if listed is None or not listed.is_trading or not waiting:
            return None
        first: Event | None = None
        self._forget_others()
        for algo in waiting:
            look = partial(self._next, algo)
            found = self._ahead.first(algo.algo_id, algo, after_ms, until_ms, look)
            if found and (first is None or found[:3] < first[:3]):
                first, until_ms = found, found.at_ms
        return first

    def _next(self, algo: AlgoOrder, after_ms: int, until_ms: int) -> Event | None:
        if algo.is_trailing:
            return self._next_turn(algo, after_ms, until_ms)
        at_ms = first_trigger(self._desk, algo, after_ms, until_ms)
        if at_ms is None:
            return None
        happen = self._activate if algo.type == TRAILING else self._fire
        return Event(at_ms, TRIGGER, algo.algo_id, partial(happen, algo, at_ms))

    def _next_turn(self, algo: AlgoOrder, after_ms: int, until_ms: int) -> Event | None:
        track = working_track(self._desk, algo.symbol, algo.working_type)
        trail = follow(track, self._trail(algo), after_ms)
        self._trails[algo.algo_id] = trail
        turn = next_turn(track, trail, to_units(algo.peak), until_ms)
        if turn is None:
            return None
        return Event(turn.at_ms, TRIGGER, algo.algo_id, partial(self._turn, algo, turn))

    def _trail(self, algo: AlgoOrder) -> Trail:
        kept = Trail(
            not algo.is_buy, to_units(algo.callback_rate), to_units(algo.peak), algo.updated_ms
        )
        known = self._trails.get(algo.algo_id)
        return known if known and known.as_of >= kept.as_of else kept

    def _forget_others(self) -> None:
        waiting = self._desk.algos.keys()
        self._ahead.keep(waiting)
        if len(self._trails) > len(waiting):
            self._trails = {one: self._trails[one] for one in waiting if one in self._trails}

    def _activate(self, algo: AlgoOrder, at_ms: int) -> None:
        track = working_track(self._desk, algo.symbol, algo.working_type)
        peak = from_units(track.price(at_ms))
        with self._desk.step(at_ms - 1):
            self._desk.put_algo(replace(algo, is_trailing=True, peak=peak, updated_ms=at_ms))

    def _turn(self, algo: AlgoOrder, turn: Turn) -> None:
        algo = replace(algo, peak=from_units(turn.peak), updated_ms=turn.at_ms)
        if turn.is_trigger:
            self._fire(algo, turn.at_ms)
            return
        with self._desk.step(turn.at_ms - 1):
            self._desk.put_algo(algo)

    def _fire(self, algo: AlgoOrder, at_ms: int) -> None:
        fire(self._desk, self._hitches, algo, at_ms)


class DueChildren:
    """Children that a hitch has held back."""

    def __init__(self, desk: Desk, hitches: Hitches) -> None:
        self._desk = desk
        self._hitches = hitches

    def next(self, symbol: str, after_ms: int, until_ms: int) -> Event | None:
        """Return the first of a symbol in (after_ms, until_ms]; none while it does not trade."""
        listed = self._desk.symbols.get(symbol)
        if listed is None or not listed.is_trading:
            return None
        held = {
            algo.algo_id
            for algo in self._desk.algos.values()
            if algo.symbol == symbol and algo.status == "TRIGGERING"
        }
        if not held:
            return None
        due = [
            (max(at_ms, after_ms + 1), algo_id)
            for algo_id, at_ms in self._hitches.due().items()
            if algo_id in held and at_ms <= until_ms
        ]
        if not due:
            return None
        at_ms, algo_id = min(due)
        return Event(at_ms, CHILD_DUE, algo_id, partial(self._come, algo_id, at_ms))

    def _come(self, algo_id: int, at_ms: int) -> None:
        release(self._desk, self._hitches, self._desk.algos[algo_id], at_ms)


class AlgoGoodTillDates:
    """Ends of GTD orders that have not triggered."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def next(self, symbol: str, after_ms: int, until_ms: int) -> Event | None:
        """Return the first of a symbol in (after_ms, until_ms]."""
        ends = [
            (algo.good_till_ms, algo.algo_id)
            for algo in _waiting(self._desk, symbol)
            if after_ms < algo.good_till_ms <= until_ms
        ]
        if not ends:
            return None
        at_ms, algo_id = min(ends)
        return Event(at_ms, GOOD_TILL, algo_id, partial(self._end, algo_id, at_ms))

    def _end(self, algo_id: int, at_ms: int) -> None:
        algo = self._desk.algos[algo_id]
        with self._desk.step(at_ms - 1):
            self._desk.put_algo(replace(algo, status="EXPIRED", updated_ms=at_ms))


def _waiting(desk: Desk, symbol: str) -> list[AlgoOrder]:
    return [
        algo for algo in desk.algos.values() if algo.symbol == symbol and algo.status == _WAITING
    ]
