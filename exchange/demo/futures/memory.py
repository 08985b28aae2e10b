"""What is open in memory, and how a change that fails is taken back."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import TypeVar

from exchange.demo.futures.books import FuturesBooks
from exchange.demo.futures.values import AlgoOrder, Order, Position

PositionKey = tuple[int, str, str]
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Memory:
    """Open orders and algo orders by id, positions by account, symbol and side.

    since_ms   by order: it cannot be filled before the millisecond after this
    """

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self.algos: dict[int, AlgoOrder] = {}
        self.positions: dict[PositionKey, Position] = {}
        self.since_ms: dict[int, int] = {}
        self._undo: list[Callable[[], None]] = []

    def load(self, books: FuturesBooks) -> None:
        """Read everything that is open."""
        self.orders = {one.order_id: one for one in books.all_open_orders()}
        self.algos = {one.algo_id: one for one in books.all_open_algos()}
        self.positions = {(one.uid, one.symbol, one.side): one for one in books.all_positions()}
        self.since_ms = {one.order_id: one.updated_ms for one in self.orders.values()}

    def set(self, place: MutableMapping[_Key, _Value], key: _Key, value: _Value | None) -> None:
        """Keep a value, or forget what was kept; `roll_back` takes it back."""
        before = place.get(key)
        self._undo.append(lambda: _put(place, key, before))
        _put(place, key, value)

    def commit(self) -> None:
        """Let all changes stand."""
        self._undo.clear()

    def roll_back(self) -> None:
        """Take back every change since the last `commit`."""
        while self._undo:
            self._undo.pop()()


def _put(place: MutableMapping[_Key, _Value], key: _Key, value: _Value | None) -> None:
    if value is None:
        place.pop(key, None)
    else:
        place[key] = value
