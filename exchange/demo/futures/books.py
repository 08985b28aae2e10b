"""Where everything of the futures market is kept, and how it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from exchange.demo.amounts import ZERO
from exchange.demo.futures.values import (
    OPEN_ALGO_STATUSES,
    OPEN_STATUSES,
    AlgoOrder,
    Fill,
    Income,
    Order,
    Position,
    SymbolSettings,
    Transfer,
)
from exchange.demo.state import State
from exchange.demo.trading.tables import Table

Span = tuple[int, int]
_IS_OPEN: Final = f"status IN ({', '.join('?' * len(OPEN_STATUSES))})"
_IS_OPEN_ALGO: Final = f"status IN ({', '.join('?' * len(OPEN_ALGO_STATUSES))})"


class FuturesBooks:
    """Every order, algo order, fill, position and income ever booked, in one state.

    Spans are market time in ms, both ends included; of transfers they are wall time. Lists are
    oldest first: from an id on, else the newest of the span.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._orders = Table(state, "futures_orders", Order, "order_id")
        self._algos = Table(state, "futures_algos", AlgoOrder, "algo_id")
        self._fills = Table(state, "futures_fills", Fill, "trade_id")
        self._positions = Table(state, "futures_positions", Position, "uid, symbol, side")
        self._incomes = Table(state, "futures_incomes", Income, "income_id")
        self._settings = Table(state, "futures_settings", SymbolSettings, "uid, symbol")
        self._transfers = Table(state, "transfers", Transfer, "transfer_id")

    def order_by_id(self, uid: int, symbol: str, order_id: int) -> Order | None:
        """Return one order of an account."""
        where = "uid = ? AND symbol = ? AND order_id = ?"
        return next(iter(self._orders.find(where, uid, symbol, order_id)), None)

    def order_by_client_id(self, uid: int, symbol: str, client_order_id: str) -> Order | None:
        """Return the newest order of an account that carries this client order id."""
        where = "uid = ? AND symbol = ? AND client_order_id = ?"
        found = self._orders.find(where, uid, symbol, client_order_id, limit=1, newest=True)
        return found[0] if found else None

    def open_orders(self, uid: int, symbol: str | None) -> list[Order]:
        """Return the orders of an account that may still be filled."""
        where = f"uid = ? AND {_IS_OPEN} AND symbol = coalesce(?, symbol)"
        return self._orders.find(where, uid, *OPEN_STATUSES, symbol)

    def orders_of(
        self, uid: int, symbol: str, *, from_id: int | None, span: Span, limit: int
    ) -> list[Order]:
        """Return orders of a symbol, open or not."""
        where = "uid = ? AND symbol = ? AND at_ms BETWEEN ? AND ? AND order_id >= ?"
        values = (uid, symbol, *span, from_id or 0)
        return self._orders.find(where, *values, limit=limit, newest=from_id is None)

    def fills_of(
        self,
        uid: int,
        symbol: str,
        *,
        order_id: int | None,
        from_id: int | None,
        span: Span,
        limit: int,
    ) -> list[Fill]:
        """Return fills of a symbol, or of one order of it."""
        where = (
            "uid = ? AND symbol = ? AND at_ms BETWEEN ? AND ? AND trade_id >= ?"
            " AND order_id = coalesce(?, order_id)"
        )
        values = (uid, symbol, *span, from_id or 0, order_id)
        return self._fills.find(where, *values, limit=limit, newest=from_id is None)

    def fills_since(self, order_id: int, at_ms: int) -> list[Fill]:
        """Return an order's fills from a market time on."""
        return self._fills.find("order_id = ? AND at_ms >= ?", order_id, at_ms)

    def realized(self, uid: int, symbol: str, side: str) -> Decimal:
        """Return the result of all fills of a position, without commissions."""
        rows = self._state.rows(
            "SELECT realized_pnl FROM futures_fills"
            " WHERE uid = ? AND symbol = ? AND position_side = ?",
            *(uid, symbol, side),
        )
        return sum((Decimal(row["realized_pnl"]) for row in rows), ZERO)

    def algo_by_id(self, uid: int, algo_id: int) -> AlgoOrder | None:
        """Return one algo order of an account."""
        return next(iter(self._algos.find("uid = ? AND algo_id = ?", uid, algo_id)), None)

    def algo_by_client_id(self, uid: int, client_algo_id: str) -> AlgoOrder | None:
        """Return the newest algo order of an account that carries this client id."""
        where = "uid = ? AND client_algo_id = ?"
        found = self._algos.find(where, uid, client_algo_id, limit=1, newest=True)
        return found[0] if found else None

    def open_algos(self, uid: int, symbol: str | None) -> list[AlgoOrder]:
        """Return the algo orders of an account that may still act."""
        where = f"uid = ? AND {_IS_OPEN_ALGO} AND symbol = coalesce(?, symbol)"
        return self._algos.find(where, uid, *OPEN_ALGO_STATUSES, symbol)

    def algos_of(
        self, uid: int, symbol: str, *, from_id: int | None, span: Span, limit: int
    ) -> list[AlgoOrder]:
        """Return algo orders of a symbol, open or not."""
        where = "uid = ? AND symbol = ? AND at_ms BETWEEN ? AND ? AND algo_id >= ?"
        values = (uid, symbol, *span, from_id or 0)
        return self._algos.find(where, *values, limit=limit, newest=from_id is None)

    def positions(self, uid: int, symbol: str | None) -> list[Position]:
        """Return the positions of an account that are not zero."""
        where = "uid = ? AND symbol = coalesce(?, symbol)"
        return [one for one in self._positions.find(where, uid, symbol) if one.amount]

    def position(self, uid: int, symbol: str, side: str) -> Position:
        """Return one position of an account, with amount 0 when there is none."""
        found = self._positions.find("uid = ? AND symbol = ? AND side = ?", uid, symbol, side)
        return found[0] if found else Position(uid=uid, symbol=symbol, side=side)

    def incomes(
        self,
        uid: int,
        *,
        symbol: str | None,
        type: str | None,
        span: Span,
        limit: int,
    ) -> list[Income]:
        """Return the first changes of the wallet in a span."""
        where = (
            "uid = ? AND at_ms BETWEEN ? AND ? AND symbol = coalesce(?, symbol)"
            " AND type = coalesce(?, type)"
        )
        return self._incomes.find(where, uid, *span, symbol, type, limit=limit)

    def newest_incomes(self, uid: int, *, limit: int) -> list[Income]:
        """Return the newest changes of the wallet, oldest first."""
        return self._incomes.find("uid = ?", uid, limit=limit, newest=True)

    def transfers(
        self,
        uid: int,
        *,
        type: str,
        span: Span,
        limit: int = -1,
    ) -> list[Transfer]:
        """Return the newest transfers of one direction in a span of wall time, oldest first."""
        where = "uid = ? AND type = ? AND at_ms BETWEEN ? AND ?"
        return self._transfers.find(where, uid, type, *span, limit=limit, newest=True)

    def settings(self, uid: int, symbol: str) -> SymbolSettings:
        """Return how an account trades a symbol."""
        found = self._settings.find("uid = ? AND symbol = ?", uid, symbol)
        return found[0] if found else SymbolSettings(uid=uid, symbol=symbol)

    def is_hedge_mode(self, uid: int) -> bool:
        """Say whether an account may be long and short in one symbol."""
        return bool(self._state.rows("SELECT 1 FROM futures_hedgers WHERE uid = ?", uid))

    def last_update_ms(self, uid: int) -> int | None:
        """Return the market time of the wallet's newest change, None before the first."""
        sql = "SELECT max(at_ms) AS at_ms FROM futures_incomes WHERE uid = ?"
        newest = self._state.rows(sql, uid)[0]["at_ms"]
        return None if newest is None else int(newest)

    def all_orders(self) -> list[Order]:
        """Return every order of every account, oldest first."""
        return self._orders.find("1")

    def all_open_orders(self) -> list[Order]:
        """Return every order of every account that may still be filled."""
        return self._orders.find(_IS_OPEN, *OPEN_STATUSES)

    def all_algos(self) -> list[AlgoOrder]:
        """Return every algo order of every account, oldest first."""
        return self._algos.find("1")

    def all_open_algos(self) -> list[AlgoOrder]:
        """Return every algo order of every account that may still act."""
        return self._algos.find(_IS_OPEN_ALGO, *OPEN_ALGO_STATUSES)

    def all_fills(self) -> list[Fill]:
        """Return every fill of every account, oldest first."""
        return self._fills.find("1")

    def all_positions(self) -> list[Position]:
        """Return every position of every account that is not zero."""
        return [one for one in self._positions.find("1") if one.amount]

    def all_incomes(self) -> list[Income]:
        """Return every change of every wallet, oldest first."""
        return self._incomes.find("1")

    def all_transfers(self) -> list[Transfer]:
        """Return every transfer of every account, oldest first."""
        return self._transfers.find("1")

    def newest_ids(self) -> Mapping[str, int]:
        """Return by table the highest id that it has ever had."""
        rows = self._state.rows("SELECT name, seq FROM sqlite_sequence")
        return {row["name"]: int(row["seq"]) for row in rows}

    def save(self, rows: Iterable[Any]) -> None:
        """Store new rows and replace known ones; callers wrap this in `State.transaction`."""
        by_kind: dict[type[Any], list[Any]] = {}
        for row in rows:
            by_kind.setdefault(type(row), []).append(row)
        for kind, same in by_kind.items():
            self._tables[kind].save(same)

    def save_hedge_mode(self, uid: int, *, is_on: bool) -> None:
        """Store whether an account is in hedge mode."""
        self._state.execute("DELETE FROM futures_hedgers WHERE uid = ?", uid)
        if is_on:
            self._state.execute("INSERT INTO futures_hedgers VALUES (?)", uid)

    @property
    def _tables(self) -> dict[type[Any], Table[Any]]:
        return {
            Order: self._orders,
            AlgoOrder: self._algos,
            Fill: self._fills,
            Position: self._positions,
            Income: self._incomes,
            SymbolSettings: self._settings,
            Transfer: self._transfers,
        }
