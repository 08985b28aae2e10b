"""Orders and fills as values, and where they are kept."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from exchange.demo.amounts import text
from exchange.demo.state import State

OPEN_STATUSES: Final = ("NEW", "PARTIALLY_FILLED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution. `commission` is in `commission_asset`, `at_ms` is market time."""

    trade_id: int
    order_id: int
    uid: int
    symbol: str
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: str
    at_ms: int
    is_buyer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as the exchange knows it: quantities in base, `quote` fields in quote currency."""

    order_id: int
    uid: int
    symbol: str
    client_order_id: str
    side: str
    type: str
    status: str
    quantity: Decimal
    quote_order_quantity: Decimal
    executed: Decimal
    executed_quote: Decimal
    prevention_mode: str
    at_ms: int
    updated_ms: int


class OrderBooks:
    """Every order and fill ever accepted. Callers wrap writes in `State.transaction`."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add_order(self, order: Order) -> int:
        """Store a new order (its own order_id is ignored) and return the id it got."""
        amounts = (order.quantity, order.quote_order_quantity, order.executed, order.executed_quote)
        cursor = self._state.execute(
            "INSERT INTO orders (uid, symbol, client_order_id, side, type, status, quantity,"
            " quote_order_quantity, executed, executed_quote, prevention_mode, at_ms, updated_ms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(order.uid, order.symbol, order.client_order_id, order.side, order.type, order.status),
            *map(text, amounts),
            *(order.prevention_mode, order.at_ms, order.updated_ms),
        )
        return int(cursor.lastrowid or 0)

    def add_fill(self, fill: Fill) -> int:
        """Store a new fill (its own trade_id is ignored) and return the id it got."""
        amounts = (fill.price, fill.quantity, fill.quote_quantity, fill.commission)
        cursor = self._state.execute(
            "INSERT INTO fills (order_id, uid, symbol, price, quantity, quote_quantity, commission,"
            " commission_asset, at_ms, is_buyer) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(fill.order_id, fill.uid, fill.symbol, *map(text, amounts)),
            *(fill.commission_asset, fill.at_ms, fill.is_buyer),
        )
        return int(cursor.lastrowid or 0)

    def by_id(self, uid: int, symbol: str, order_id: int) -> Order | None:
        """Return one order of an account."""
        found = self._orders("uid = ? AND symbol = ? AND order_id = ?", uid, symbol, order_id)
        return found[0] if found else None

    def by_client_id(self, uid: int, symbol: str, client_order_id: str) -> Order | None:
        """Return the newest order of an account that carries this client order id."""
        found = self._orders(
            "uid = ? AND symbol = ? AND client_order_id = ?", uid, symbol, client_order_id
        )
        return found[-1] if found else None

    def open_orders(self, uid: int, symbol: str | None) -> list[Order]:
        """Return the orders of an account that may still be filled."""
        return self._orders(
            "uid = ? AND status IN (?, ?) AND symbol = coalesce(?, symbol)",
            *(uid, *OPEN_STATUSES, symbol),
        )

    def orders_of(
        self, uid: int, symbol: str, *, from_id: int | None, span: tuple[int, int], limit: int
    ) -> list[Order]:
        """Return orders, oldest first: from an id on, else the newest of a span of market time."""
        where = "uid = ? AND symbol = ? AND at_ms BETWEEN ? AND ?"
        found = self._orders(f"{where} AND order_id >= ?", uid, symbol, *span, from_id or 0)
        return found[:limit] if from_id is not None else found[-limit:]

    def fills_of(
        self,
        uid: int,
        symbol: str,
        *,
        order_id: int | None,
        from_id: int | None,
        span: tuple[int, int],
        limit: int,
    ) -> list[Fill]:
        """Return fills, oldest first: from an id on, else the newest of a span of market time."""
        found = self._fills(
            "uid = ? AND symbol = ? AND at_ms BETWEEN ? AND ? AND trade_id >= ?"
            " AND order_id = coalesce(?, order_id)",
            *(uid, symbol, *span, from_id or 0, order_id),
        )
        return found[:limit] if from_id is not None else found[-limit:]

    def last_update_ms(self, uid: int) -> int | None:
        """Return the market time of the account's newest order, None before the first."""
        rows = self._state.rows("SELECT max(updated_ms) AS at_ms FROM orders WHERE uid = ?", uid)
        return None if rows[0]["at_ms"] is None else int(rows[0]["at_ms"])

    def all_orders(self) -> list[Order]:
        """Return every order of every account, oldest first."""
        return self._orders("1")

    def all_fills(self) -> list[Fill]:
        """Return every fill of every account, oldest first."""
        return self._fills("1")

    def _orders(self, where: str, *values: Any) -> list[Order]:
        sql = f"SELECT * FROM orders WHERE {where} ORDER BY order_id"  # noqa: S608 - our own text
        return [_order(row) for row in self._state.rows(sql, *values)]

    def _fills(self, where: str, *values: Any) -> list[Fill]:
        sql = f"SELECT * FROM fills WHERE {where} ORDER BY trade_id"  # noqa: S608 - our own text
        return [_fill(row) for row in self._state.rows(sql, *values)]


def _order(row: sqlite3.Row) -> Order:
    return Order(
        order_id=row["order_id"],
        uid=row["uid"],
        symbol=row["symbol"],
        client_order_id=row["client_order_id"],
        side=row["side"],
        type=row["type"],
        status=row["status"],
        quantity=Decimal(row["quantity"]),
        quote_order_quantity=Decimal(row["quote_order_quantity"]),
        executed=Decimal(row["executed"]),
        executed_quote=Decimal(row["executed_quote"]),
        prevention_mode=row["prevention_mode"],
        at_ms=row["at_ms"],
        updated_ms=row["updated_ms"],
    )


def _fill(row: sqlite3.Row) -> Fill:
    return Fill(
        trade_id=row["trade_id"],
        order_id=row["order_id"],
        uid=row["uid"],
        symbol=row["symbol"],
        price=Decimal(row["price"]),
        quantity=Decimal(row["quantity"]),
        quote_quantity=Decimal(row["quote_quantity"]),
        commission=Decimal(row["commission"]),
        commission_asset=row["commission_asset"],
        at_ms=row["at_ms"],
        is_buyer=bool(row["is_buyer"]),
    )
