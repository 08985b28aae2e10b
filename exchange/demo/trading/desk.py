"""The engine's working memory: open orders, and what one step does to them, committed together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Final

from exchange.demo.amounts import ZERO
from exchange.demo.market.symbols import Symbol
from exchange.demo.state import State
from exchange.demo.times import MINUTE_MS
from exchange.demo.trading.book import PlannedFill
from exchange.demo.trading.fees import BNB, Fees, Money
from exchange.demo.trading.groups import Group
from exchange.demo.trading.journal import Journal
from exchange.demo.trading.ledger import FEES_UID, MARKET_MAKER_UID, Ledger
from exchange.demo.trading.listings import Listings
from exchange.demo.trading.orders import NO_LIST, Fill, Order, OrderBooks, OrderList
from exchange.demo.trading.quotes import Quotes

_MATCHED: Final = "matched_ms"


class Desk:
    """Open orders in memory, every change of them in the state.

    matched_ms   market time up to which the walk has been followed; None before the first
    groups       by the id of each open order
    since_ms     by order: it cannot be filled or triggered before the millisecond after this
    """

    def __init__(
        self,
        state: State,
        quotes: Quotes,
        symbols: MutableMapping[str, Symbol],
        *,
        on_first_fill: Callable[[int], None],
        on_change: Callable[[int, object], None] = lambda _uid, _change: None,
    ) -> None:
        self.state = state
        self.quotes = quotes
        self.ledger = Ledger(state)
        self.orders = OrderBooks(state)
        self.listings = Listings(state, symbols)
        self.symbols = symbols
        self._fees = Fees(self.ledger, quotes, symbols)
        self._on_first_fill = on_first_fill
        self._on_change = on_change
        self.matched_ms: int | None = None
        self.groups: dict[int, Group] = {}
        self.since_ms: dict[int, int] = {}
        self._minutes: dict[int, tuple[int, Decimal]] = {}
        self._touched: dict[int, Group] = {}
        self._changed: dict[int, Order] = {}
        self._fills: list[Fill] = []
        self._newest = [0, 0, 0]
        self._journal = Journal(state)
        self.load()

    def load(self) -> None:
        """Read everything that is open from the state."""
        stored = self.state.meta(_MATCHED)
        self.matched_ms = None if stored is None else int(stored)
        self._newest = list(self.orders.newest_ids())
        self.groups, self.since_ms, self._minutes = {}, {}, {}
        for order_list in self.orders.all_open_lists():
            self._load_group(self.orders.orders_of_list(order_list.list_id), order_list)
        for order in self.orders.all_open_orders():
            if order.list_id == NO_LIST:
                self._load_group([order], None)

    def remember(self) -> None:
        """Store how far the walk has come, also when nothing happened on the way."""
        if self.matched_ms is not None:
            self.state.set_meta(_MATCHED, str(self.matched_ms))

    @contextmanager
    def step(self, matched_ms: int) -> Iterator[list[Fill]]:
        """Commit together what is done inside; lend the list of its fills.

        Whatever is raised inside leaves nothing. `matched_ms` is where the walk would go on after
        a crash: before the event that is being booked, if others may happen at the same moment.
        Every account that it concerned is told of it afterwards.
        """
        newest = list(self._newest)
        try:
            with self.ledger.booking():
                yield self._fills
                lists = [one.order_list for one in self._touched.values() if one.order_list]
                self.orders.save(self._changed.values(), lists, self._fills)
                self.state.set_meta(_MATCHED, str(matched_ms))
                self._journal.store()
                holdings = self.ledger.touched()
        except BaseException:
            was_open = any(order_id in self.groups for order_id in self._changed)
            self._end_step()
            self._newest = newest
            if was_open:
                self.load()
            raise
        first_fills, changes = self._settle(), self._journal.changes(holdings)
        self._end_step()
        for uid in first_fills:
            self._on_first_fill(uid)
        for uid, change in changes:
            self._on_change(uid, change)

    def new_group(self, uid: int, symbol: Symbol, order_list: OrderList | None = None) -> Group:
        """Return an empty group; a list gets its id."""
        if order_list:
            self._newest[1] += 1
            order_list = replace(order_list, list_id=self._newest[1])
        return Group(uid, symbol.name, symbol.base, symbol.quote, order_list)

    def add(self, group: Group, order: Order) -> Order:
        """Put a new order into a group; it gets its id."""
        self._newest[0] += 1
        list_id = group.order_list.list_id if group.order_list else NO_LIST
        return self.put(group, replace(order, order_id=self._newest[0], list_id=list_id))

    def put(
        self,
        group: Group,
        order: Order,
        *,
        fill: Fill | None = None,
        cancel_client_id: str | None = None,
    ) -> Order:
        """Let an order of a group be like this from now on, by a fill or a cancel if so."""
        self._journal.note_order(order, fill=fill, cancel_client_id=cancel_client_id)
        group.orders[order.order_id] = order
        self._changed[order.order_id] = order
        self._touched[next(iter(group.orders))] = group
        return order

    def note_list(self, group: Group) -> None:
        """Let the account be told that the list of a group began or is done."""
        self._journal.note_list(group)

    def relock(self, group: Group) -> None:
        """Lock what the group needs now, no more and no less."""
        needed = group.needed()
        for asset, amount in needed.items():
            if difference := amount - group.locked.get(asset, ZERO):
                self.ledger.lock(group.uid, asset, difference)
        group.locked = needed

    def expire(self, group: Group, order: Order, reason: str, at_ms: int) -> Order:
        """End an order by the venue's rules, for one of its reasons."""
        ended = replace(order, status="EXPIRED", expiry_reason=reason, updated_ms=at_ms)
        return self.put(group, ended)

    def fill(
        self, group: Group, order: Order, planned: PlannedFill, *, is_maker: bool, at_ms: int
    ) -> Order:
        """Book one execution of an order and return the order after it."""
        base = Money(group.base, planned.quantity)
        quote = Money(group.quote, planned.quote_quantity)
        received, spent = (base, quote) if order.is_buy else (quote, base)
        spare = self.ledger.free(group.uid, group.base)
        self._exchange(group, spent, received)
        fee = self._fees.of_fill(group.uid, received, is_maker=is_maker, at_ms=at_ms)
        self.ledger.add(group.uid, fee.asset, -fee.amount)
        self.ledger.add(FEES_UID, fee.asset, fee.amount)
        self._hold(group, order, planned.quantity, fee, spare)
        fill = self._record(order, planned, fee, is_maker=is_maker, at_ms=at_ms)
        executed = order.executed + planned.quantity
        return self.put(
            group,
            replace(
                order,
                executed=executed,
                executed_quote=order.executed_quote + planned.quote_quantity,
                status="FILLED" if executed == order.quantity else "PARTIALLY_FILLED",
                updated_ms=at_ms,
            ),
            fill=fill,
        )

    def share_left(self, order: Order, at_ms: int) -> Decimal:
        """Return what a resting order may still get of the volume of this minute."""
        minute, used = self._minutes.get(order.order_id, (0, ZERO))
        share = self.quotes.minute_share(self.symbols[order.symbol], at_ms)
        return share - used if minute == at_ms // MINUTE_MS else share

    def open_orders_of(self, uid: int, symbol: str) -> list[Order]:
        """Return an account's open orders of a symbol, oldest first."""
        return [
            group.orders[order_id]
            for order_id, group in self.groups.items()
            if group.uid == uid and group.symbol == symbol
        ]

    def _exchange(self, group: Group, spent: Money, received: Money) -> None:
        # Out of what is locked for it first: what is free stays free, perhaps for the fee.
        locked = group.locked.get(spent.asset, ZERO)
        used = min(locked, spent.amount)
        self.ledger.lock(group.uid, spent.asset, -used)
        group.locked = {**group.locked, spent.asset: locked - used}
        for uid, sign in ((group.uid, 1), (MARKET_MAKER_UID, -1)):
            self.ledger.add(uid, spent.asset, -sign * spent.amount)
            self.ledger.add(uid, received.asset, sign * received.amount)

    def _hold(
        self, group: Group, order: Order, quantity: Decimal, fee: Money, spare: Decimal
    ) -> None:
        # What the working order of an OPO receives stays locked for the pending ones. Its fee comes
        # out of other free funds, unless there are too few or the asset is BNB (faqs/opo.md).
        working, kept = group.working, group.order_list
        if not kept or not working or not kept.kind.startswith("OPO"):
            return
        if order.order_id == working.order_id:
            is_paid = fee.asset == group.base and (fee.asset == BNB or spare < fee.amount)
            held = kept.held + quantity - (fee.amount if is_paid else ZERO)
            group.order_list = replace(kept, held=held)

    def _record(
        self, order: Order, planned: PlannedFill, fee: Money, *, is_maker: bool, at_ms: int
    ) -> Fill:
        self._newest[2] += 1
        fill = Fill(
            trade_id=self._newest[2],
            order_id=order.order_id,
            list_id=order.list_id,
            uid=order.uid,
            symbol=order.symbol,
            price=planned.price,
            quantity=planned.quantity,
            quote_quantity=planned.quote_quantity,
            commission=fee.amount,
            commission_asset=fee.asset,
            at_ms=at_ms,
            is_buyer=order.is_buy,
            is_maker=is_maker,
        )
        self._fills.append(fill)
        return fill

    def _settle(self) -> list[int]:
        for order_id, order in self._changed.items():
            if not order.is_open:
                self.groups.pop(order_id, None)
                self.since_ms.pop(order_id, None)
                self._minutes.pop(order_id, None)
        for group in self._touched.values():
            for order in group.open_orders:
                self.groups[order.order_id] = group
        return self._count_fills()

    def _count_fills(self) -> list[int]:
        filled: dict[int, Decimal] = {}
        for fill in self._fills:
            filled[fill.order_id] = filled.get(fill.order_id, ZERO) + fill.quantity
            if fill.is_maker and fill.order_id in self.groups:
                self._use_share(fill)
        return [
            order.uid
            for order_id, order in self._changed.items()
            if order_id in filled and order.executed == filled[order_id]
        ]

    def _use_share(self, fill: Fill) -> None:
        minute, used = self._minutes.get(fill.order_id, (0, ZERO))
        now = fill.at_ms // MINUTE_MS
        self._minutes[fill.order_id] = (now, fill.quantity + (used if minute == now else ZERO))

    def _end_step(self) -> None:
        self._touched, self._changed, self._fills = {}, {}, []
        self._journal.end()

    def _load_group(self, orders: list[Order], order_list: OrderList | None) -> None:
        first = orders[0]
        base, quote = self.listings.assets(first.symbol)
        known = {order.order_id: order for order in orders}
        group = Group(first.uid, first.symbol, base, quote, order_list, known)
        group.locked = group.needed()
        for order in group.open_orders:
            self.groups[order.order_id] = group
            self.since_ms[order.order_id] = order.updated_ms
            minute_ms = order.updated_ms // MINUTE_MS * MINUTE_MS
            for fill in self.orders.fills_since(order.order_id, minute_ms):
                if fill.is_maker:
                    self._use_share(fill)
