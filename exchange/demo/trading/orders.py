"""Orders, order lists and fills as values, and where every one of them is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from exchange.demo.amounts import ZERO
from exchange.demo.state import State
from exchange.demo.trading.tables import Table

PENDING: Final = "PENDING_NEW"
# What may still be filled; a pending order waits for its working order.
OPEN_STATUSES: Final = (PENDING, "NEW", "PARTIALLY_FILLED")
_IS_OPEN: Final = "status IN (?, ?, ?)"
STOP_TYPES: Final = ("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
NO_LIST: Final = -1
NOT_WORKING: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution. `commission` is in `commission_asset`, `at_ms` is market time."""

    trade_id: int = 0
    order_id: int
    list_id: int = NO_LIST
    uid: int
    symbol: str
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: str
    at_ms: int
    is_buyer: bool
    is_maker: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as the exchange knows it: quantities in base, `quote` fields in quote currency.

    list_id           -1 when it belongs to no list
    price, stop_price 0 when it has none
    quantity          0 in pending orders of OPO lists: it is not known yet
    working_ms        market time since when it may trade; -1 while it is pending or not triggered
    expiry_reason     why it EXPIRED, in the venue's words
    """

    order_id: int = 0
    uid: int
    symbol: str
    list_id: int = NO_LIST
    client_order_id: str
    side: str
    type: str
    time_in_force: str = "GTC"
    status: str = "NEW"
    quantity: Decimal
    price: Decimal = ZERO
    stop_price: Decimal = ZERO
    quote_order_quantity: Decimal = ZERO
    executed: Decimal = ZERO
    executed_quote: Decimal = ZERO
    prevention_mode: str = "EXPIRE_MAKER"
    strategy_id: int | None = None
    strategy_type: int | None = None
    at_ms: int
    updated_ms: int
    working_ms: int = NOT_WORKING
    expiry_reason: str | None = None

    @property
    def is_open(self) -> bool:
        """Say whether the order may still be filled, now or later."""
        return self.status in OPEN_STATUSES

    @property
    def is_working(self) -> bool:
        """Say whether the order has reached the book: not pending, no stop that waits."""
        return self.working_ms != NOT_WORKING

    @property
    def is_buy(self) -> bool:
        """Say whether base currency is bought."""
        return self.side == "BUY"

    @property
    def is_stop(self) -> bool:
        """Say whether the order waits, or has waited, for a price to trigger it."""
        return self.type in STOP_TYPES

    @property
    def remaining(self) -> Decimal:
        """Return the quantity that is not filled."""
        return self.quantity - self.executed


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderList:
    """Orders that depend on each other.

    kind         OCO, OTO, OTOCO, OPO or OPOCO
    contingency  what the venue calls it: OCO, else OTO
    held         of OPO and OPOCO: what the working order has received for the pending ones, in base
    """

    list_id: int = 0
    uid: int
    symbol: str
    client_order_id: str
    kind: str = "OCO"
    contingency: str = "OCO"
    status_type: str = "EXEC_STARTED"
    order_status: str = "EXECUTING"
    held: Decimal = ZERO
    at_ms: int

    @property
    def is_open(self) -> bool:
        """Say whether an order of the list is still open."""
        return self.order_status == "EXECUTING"


class OrderBooks:
    """Every order, list and fill ever accepted. Callers wrap writes in `State.transaction`."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._orders = Table(state, "orders", Order, "order_id")
        self._fills = Table(state, "fills", Fill, "trade_id")
        self._lists = Table(state, "order_lists", OrderList, "list_id")

    def save(
        self, orders: Iterable[Order], lists: Iterable[OrderList], fills: Iterable[Fill]
    ) -> None:
        """Store orders and lists, new or changed, and new fills; all of them have their ids."""
        self._orders.save(orders)
        self._lists.save(lists)
        self._fills.save(fills)

    def newest_ids(self) -> tuple[int, int, int]:
        """Return the highest ids that orders, lists and fills have ever had; 0 before the first."""
        rows = self._state.rows("SELECT name, seq FROM sqlite_sequence")
        found = {row["name"]: int(row["seq"]) for row in rows}
        return found.get("orders", 0), found.get("order_lists", 0), found.get("fills", 0)

    def by_id(self, uid: int, symbol: str, order_id: int) -> Order | None:
        """Return one order of an account."""
        where = "uid = ? AND symbol = ? AND order_id = ?"
        return next(iter(self._orders.find(where, uid, symbol, order_id)), None)

    def by_client_id(self, uid: int, symbol: str, client_order_id: str) -> Order | None:
        """Return the newest order of an account that carries this client order id."""
        where = "uid = ? AND symbol = ? AND client_order_id = ?"
        found = self._orders.find(where, uid, symbol, client_order_id, limit=1, newest=True)
        return found[0] if found else None

    def open_orders(self, uid: int, symbol: str | None) -> list[Order]:
        """Return the orders of an account that may still be filled."""
        where = f"uid = ? AND {_IS_OPEN} AND symbol = coalesce(?, symbol)"
        return self._orders.find(where, uid, *OPEN_STATUSES, symbol)

    def orders_of(
        self, uid: int, symbol: str, *, from_id: int | None, span: tuple[int, int], limit: int
    ) -> list[Order]:
        """Return orders, oldest first: from an id on, else the newest of a span of market time."""
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
        span: tuple[int, int],
        limit: int,
    ) -> list[Fill]:
        """Return fills, oldest first: from an id on, else the newest of a span of market time."""
        where = (
            "uid = ? AND symbol = ? AND at_ms BETWEEN ? AND ? AND trade_id >= ?"
            " AND order_id = coalesce(?, order_id)"
        )
        values = (uid, symbol, *span, from_id or 0, order_id)
        return self._fills.find(where, *values, limit=limit, newest=from_id is None)

    def list_by_id(self, uid: int, list_id: int) -> OrderList | None:
        """Return one order list of an account."""
        found = self._lists.find("uid = ? AND list_id = ?", uid, list_id)
        return found[0] if found else None

    def list_by_client_id(self, uid: int, client_order_id: str) -> OrderList | None:
        """Return the newest list of an account that carries this client id."""
        where = "uid = ? AND client_order_id = ?"
        found = self._lists.find(where, uid, client_order_id, limit=1, newest=True)
        return found[0] if found else None

    def lists_of(
        self, uid: int, *, from_id: int | None, span: tuple[int, int], limit: int
    ) -> list[OrderList]:
        """Return lists, oldest first: from an id on, else the newest of a span of market time."""
        where = "uid = ? AND at_ms BETWEEN ? AND ? AND list_id >= ?"
        values = (uid, *span, from_id or 0)
        return self._lists.find(where, *values, limit=limit, newest=from_id is None)

    def open_lists(self, uid: int) -> list[OrderList]:
        """Return the lists of an account of which an order is still open."""
        return self._lists.find("uid = ? AND order_status = 'EXECUTING'", uid)

    def orders_of_list(self, list_id: int) -> list[Order]:
        """Return every order of a list, open or not."""
        return self._orders.find("list_id = ?", list_id)

    def last_update_ms(self, uid: int) -> int | None:
        """Return the market time of the account's newest change, None before the first."""
        rows = self._state.rows("SELECT max(updated_ms) AS at_ms FROM orders WHERE uid = ?", uid)
        return None if rows[0]["at_ms"] is None else int(rows[0]["at_ms"])

    def all_open_orders(self) -> list[Order]:
        """Return every order of every account that may still be filled."""
        return self._orders.find(_IS_OPEN, *OPEN_STATUSES)

    def all_open_lists(self) -> list[OrderList]:
        """Return every list of every account of which an order is still open."""
        return self._lists.find("order_status = 'EXECUTING'")

    def all_orders(self) -> list[Order]:
        """Return every order of every account, oldest first."""
        return self._orders.find("1")

    def all_fills(self) -> list[Fill]:
        """Return every fill of every account, oldest first."""
        return self._fills.find("1")

    def all_lists(self) -> list[OrderList]:
        """Return every list of every account, oldest first."""
        return self._lists.find("1")

    def fills_since(self, order_id: int, at_ms: int) -> list[Fill]:
        """Return an order's fills from a market time on."""
        return self._fills.find("order_id = ? AND at_ms >= ?", order_id, at_ms)
