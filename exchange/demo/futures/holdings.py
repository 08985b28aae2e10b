"""What accounts hold and have open in the futures market, in memory and in the state.

Everything changes in a `step`: orders, positions, income and balances are committed together or not
at all, and every step proves that no account owes anything. When it is committed, whoever listens
is told what it did, account by account.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Final

from exchange.demo.accounts import FUTURES
from exchange.demo.amounts import ZERO
from exchange.demo.futures.books import FuturesBooks
from exchange.demo.futures.changes import Execution, LeveragePart, Notes, OrderPart
from exchange.demo.futures.margin import order_margin
from exchange.demo.futures.memory import Memory
from exchange.demo.futures.positions import closable
from exchange.demo.futures.values import (
    NO_ORDER,
    AlgoOrder,
    Fill,
    Income,
    Order,
    Position,
    SymbolSettings,
    Transfer,
)
from exchange.demo.state import State
from exchange.demo.trading.ledger import ConservationError, Ledger

MARGIN_ASSET: Final = "USDT"
_MATCHED: Final = "futures_matched_ms"


class Holdings:
    """Open orders, algo orders and positions in memory, every change of them in the state.

    matched_ms   market time up to which the walk has been followed; None before the first
    """

    def __init__(
        self,
        state: State,
        ledger: Ledger,
        *,
        on_change: Callable[[int, object], None] = lambda _uid, _change: None,
    ) -> None:
        self.state = state
        self.ledger = ledger
        self.books = FuturesBooks(state)
        self._memory = Memory()
        self._memory.load(self.books)
        self._newest = dict(self.books.newest_ids())
        self._fills: list[Fill] | None = None
        self._touched: set[int] = set()
        self._notes = Notes()
        self._on_change = on_change
        stored = state.meta(_MATCHED)
        self.matched_ms = None if stored is None else int(stored)

    @property
    def orders(self) -> dict[int, Order]:
        """Return the open orders by id."""
        return self._memory.orders

    @property
    def algos(self) -> dict[int, AlgoOrder]:
        """Return the algo orders that may still act, by id."""
        return self._memory.algos

    @property
    def positions(self) -> dict[tuple[int, str, str], Position]:
        """Return the positions that are not zero by (uid, symbol, side)."""
        return self._memory.positions

    @property
    def since_ms(self) -> dict[int, int]:
        """Return by order the moment after which it may be filled."""
        return self._memory.since_ms

    @property
    def is_busy(self) -> bool:
        """Say whether the passing of time may bring anything about."""
        return bool(self.orders or self.algos or self.positions)

    def remember(self) -> None:
        """Store how far the walk has come, also when nothing happened on the way."""
        if self.matched_ms is not None:
            self.state.set_meta(_MATCHED, str(self.matched_ms))

    @contextmanager
    def step(self, matched_ms: int) -> Iterator[list[Fill]]:
        """Commit together what is done inside; lend the list of its fills.

        Whatever is raised inside leaves nothing. `matched_ms` is where the walk would go on after
        a crash: before the event that is being booked, if others may happen at the same moment.
        """
        if self._fills is not None:
            raise RuntimeError("steps do not nest")
        newest = dict(self._newest)
        self._fills = []
        try:
            with self.ledger.booking():
                yield self._fills
                self._prove()
                self.state.set_meta(_MATCHED, str(matched_ms))
        except BaseException:
            self._memory.roll_back()
            self._newest = newest
            self._notes.forget()
            raise
        finally:
            self._fills = None
            self._touched.clear()
        self._memory.commit()
        for uid, change in self._notes.take():
            self._on_change(uid, change)

    def add_order(self, order: Order) -> Order:
        """Take a new order; it gets its id."""
        order = replace(order, order_id=self._next_id("futures_orders"))
        self._memory.set(self.since_ms, order.order_id, order.at_ms)
        self._note_trigger(order)
        return self.put_order(order)

    def put_order(self, order: Order, execution: Execution | None = None) -> Order:
        """Let an order be like this from now on; the end of a child finishes its algo order.

        execution   the fill that made it so, if one did
        """
        self._save(order)
        self._memory.set(self.orders, order.order_id, order if order.is_open else None)
        self._note_order(order, execution)
        if not order.is_open:
            self._memory.set(self.since_ms, order.order_id, None)
            self._finish_algo(order)
        return order

    def end_order(self, order: Order, status: str, at_ms: int, reason: str | None = None) -> Order:
        """End an order: CANCELED by its owner, or EXPIRED for a reason."""
        return self.put_order(replace(order, status=status, expiry_reason=reason, updated_ms=at_ms))

    def add_algo(self, algo: AlgoOrder) -> AlgoOrder:
        """Take a new algo order; it gets its id."""
        return self.put_algo(replace(algo, algo_id=self._next_id("futures_algos")))

    def put_algo(self, algo: AlgoOrder) -> AlgoOrder:
        """Let an algo order be like this from now on."""
        self._save(algo)
        self._notes.algo(self.algos.get(algo.algo_id), algo, self._child(algo))
        self._memory.set(self.algos, algo.algo_id, algo if algo.is_open else None)
        return algo

    def put_position(self, position: Position) -> Position:
        """Let a position be like this from now on."""
        self._save(position)
        key = (position.uid, position.symbol, position.side)
        self._memory.set(self.positions, key, position if position.amount else None)
        self._touched.add(position.uid)
        return position

    def add_income(self, income: Income) -> Income:
        """Record why a wallet changes; the balances change in the ledger."""
        income = replace(income, income_id=self._next_id("futures_incomes"))
        self._save(income)
        return income

    def add_transfer(self, transfer: Transfer) -> Transfer:
        """Move money between the wallets of an account and record it."""
        transfer = replace(transfer, transfer_id=self._next_id("transfers"))
        moved = (transfer.type, transfer.asset, transfer.amount)
        self.ledger.transfer(transfer.uid, *moved)
        self._save(transfer)
        self._touched.add(transfer.uid)
        return transfer

    def put_settings(self, settings: SymbolSettings, at_ms: int) -> None:
        """Let an account trade a symbol like this from now on."""
        uid, symbol, leverage = settings.uid, settings.symbol, settings.leverage
        if leverage != self.settings(uid, symbol).leverage:
            self._notes.add(uid, LeveragePart(symbol=symbol, leverage=leverage, at_ms=at_ms))
        self._save(settings)

    def settings(self, uid: int, symbol: str) -> SymbolSettings:
        """Return how an account trades a symbol."""
        return self.books.settings(uid, symbol)

    def is_hedge_mode(self, uid: int) -> bool:
        """Say whether an account may be long and short in one symbol."""
        return self.books.is_hedge_mode(uid)

    def position(self, uid: int, symbol: str, side: str) -> Position:
        """Return a position as it is now, with amount 0 when there is none."""
        nothing = Position(uid=uid, symbol=symbol, side=side)
        return self.positions.get((uid, symbol, side), nothing)

    def position_of(self, order: Order) -> Position:
        """Return the position that an order changes."""
        return self.position(order.uid, order.symbol, order.position_side)

    def closable(self, order: Order) -> Decimal:
        """Return how much of its position an order could close now."""
        return closable(self.position_of(order), is_buy=order.is_buy)

    def open_orders(self, uid: int, symbol: str | None = None) -> list[Order]:
        """Return an account's open orders, oldest first."""
        return sorted(
            (order for order in self._memory.orders.of(uid) if symbol in (None, order.symbol)),
            key=lambda order: order.order_id,
        )

    def held(self, uid: int) -> list[Position]:
        """Return the positions of an account that are not zero."""
        return sorted(self._memory.positions.of(uid), key=lambda one: (one.symbol, one.side))

    def wallet(self, uid: int) -> Decimal:
        """Return the whole wallet of an account, with what is set aside for positions."""
        return self.ledger.free(uid, MARGIN_ASSET, wallet=FUTURES)

    def cross(self, uid: int) -> Decimal:
        """Return the part of the wallet that is not set aside for positions."""
        return self.wallet(uid) - sum((one.isolated_wallet for one in self.held(uid)), ZERO)

    def order_margin(self, uid: int, symbol: str, side: str) -> Decimal:
        """Return what the open orders of one position need."""
        orders = [one for one in self.open_orders(uid, symbol) if one.position_side == side]
        leverage = self.settings(uid, symbol).leverage if orders else 1
        return order_margin(self.position(uid, symbol, side), orders, leverage)

    def order_margins(self, uid: int) -> dict[tuple[str, str], Decimal]:
        """Return what open orders need, by symbol and side of the position."""
        places = sorted({(one.symbol, one.position_side) for one in self.open_orders(uid)})
        return {place: self.order_margin(uid, *place) for place in places}

    def available(self, uid: int) -> Decimal:
        """Return what is neither set aside for positions nor needed by open orders.

        It may be below zero: funding and fees take from what orders would need.
        """
        return self.cross(uid) - sum(self.order_margins(uid).values(), ZERO)

    def _finish_algo(self, child: Order) -> None:
        algo = self.algos.get(child.algo_id)
        if algo and algo.status == "TRIGGERED" and algo.child_id == child.order_id:
            self.put_algo(replace(algo, status="FINISHED", updated_ms=child.updated_ms))

    def _note_order(self, order: Order, execution: Execution | None) -> None:
        part = OrderPart(
            order=order,
            execution=execution,
            origin=self.algos.get(order.algo_id),
            bids=self._notional_beside(order, is_buy=True),
            asks=self._notional_beside(order, is_buy=False),
        )
        self._notes.add(order.uid, part)

    def _notional_beside(self, order: Order, *, is_buy: bool) -> Decimal:
        beside = (
            one.remaining * one.price
            for one in self._memory.orders.of(order.uid)
            if one.is_buy == is_buy
            and (one.symbol, one.position_side) == (order.symbol, order.position_side)
        )
        return sum(beside, ZERO)

    def _note_trigger(self, child: Order) -> None:
        algo = self.algos.get(child.algo_id)
        if algo:
            triggered = replace(
                algo, status="TRIGGERED", child_id=child.order_id, updated_ms=child.at_ms
            )
            self._notes.algo(algo, triggered, child)

    def _child(self, algo: AlgoOrder) -> Order | None:
        if algo.child_id == NO_ORDER:
            return None
        child = self.orders.get(algo.child_id)
        return child or self.books.order_by_id(algo.uid, algo.symbol, algo.child_id)

    def _next_id(self, table: str) -> int:
        self._newest[table] = self._newest.get(table, 0) + 1
        return self._newest[table]

    def _save(self, row: object) -> None:
        if self._fills is None:
            raise RuntimeError("the desk changes inside a step only")
        self.books.save([row])

    @property
    def _booked(self) -> list[Fill]:
        if self._fills is None:
            raise RuntimeError("the desk changes inside a step only")
        return self._fills

    def _prove(self) -> None:
        for uid in sorted(self._touched):
            held = self.held(uid)
            if self.cross(uid) < 0:
                raise ConservationError(f"account {uid} would owe {-self.cross(uid):f}")
            if any(one.isolated_wallet < 0 for one in held):
                raise ConservationError(f"account {uid} would hold a position on debt")
            one_way = {one.symbol for one in held if one.side == "BOTH"}
            if any(one.symbol in one_way for one in held if one.side != "BOTH"):
                raise ConservationError(f"account {uid} would hold two positions in one symbol")
