"""What is open in memory, and how a change that fails is taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping
from typing import Protocol, TypeVar

from exchange.demo.futures.books import FuturesBooks
from exchange.demo.futures.values import AlgoOrder, Order, Position

PositionKey = tuple[int, str, str]
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class _Owned(Protocol):
    @property
    def uid(self) -> int: ...


_Row = TypeVar("_Row", bound=_Owned)


class ByAccount(dict[_Key, _Row]):
    """Rows by their keys and by account; nobody looks through those of all others for his own.

    It changes by `[key] = row` and `del` alone.
    """

    def __init__(self) -> None:
        super().__init__()
        self._by_uid: dict[int, dict[_Key, _Row]] = {}

    def __setitem__(self, key: _Key, row: _Row) -> None:
        super().__setitem__(key, row)
        self._by_uid.setdefault(row.uid, {})[key] = row

    def __delitem__(self, key: _Key) -> None:
        del self._by_uid[self[key].uid][key]
        super().__delitem__(key)

    def of(self, uid: int) -> Iterable[_Row]:
        """Return the rows of an account."""
        return self._by_uid.get(uid, {}).values()


class Memory:
    """Open orders and algo orders by id, positions by account, symbol and side.

    since_ms   by order: it cannot be filled before the millisecond after this
    """

    def __init__(self) -> None:
        self.orders: ByAccount[int, Order] = ByAccount()
        self.algos: dict[int, AlgoOrder] = {}
        self.positions: ByAccount[PositionKey, Position] = ByAccount()
        self.since_ms: dict[int, int] = {}
        self._undo: list[Callable[[], None]] = []

    def load(self, books: FuturesBooks) -> None:
        """Read everything that is open."""
        for order in books.all_open_orders():
            self.orders[order.order_id] = order
        for position in books.all_positions():
            self.positions[position.uid, position.symbol, position.side] = position
        self.algos = {one.algo_id: one for one in books.all_open_algos()}
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
    if value is not None:
        place[key] = value
    elif key in place:
        del place[key]
