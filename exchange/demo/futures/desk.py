"""The futures engine's desk: what is open, what the market says, and how an execution is booked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Final

from exchange.demo.accounts import FUTURES
from exchange.demo.amounts import ZERO
from exchange.demo.futures.changes import BY_ORDER, Execution
from exchange.demo.futures.fees import commission
from exchange.demo.futures.figures import AccountFigures, account_figures, position_figures
from exchange.demo.futures.holdings import MARGIN_ASSET as MARGIN_ASSET  # noqa: PLC0414 - as agreed
from exchange.demo.futures.margin import reduces
from exchange.demo.futures.positions import Folded, closable, fold
from exchange.demo.futures.telling import ToldHoldings
from exchange.demo.futures.values import Fill, Income, Order, Position
from exchange.demo.market.futures_listings import FuturesMarket
from exchange.demo.state import State
from exchange.demo.times import MINUTE_MS
from exchange.demo.trading.book import Book, PlannedFill
from exchange.demo.trading.ledger import FEES_UID, INSURANCE_UID, MARKET_MAKER_UID, Ledger
from exchange.demo.trading.quotes import Quotes

NOTHING_TO_REDUCE: Final = "NOTHING_LEFT_TO_REDUCE"


class Desk(ToldHoldings):
    """What every part of the engine works on. All times are market time in ms."""

    def __init__(
        self,
        state: State,
        ledger: Ledger,
        market: FuturesMarket,
        quotes: Quotes,
        *,
        on_change: Callable[[int, object], None] = lambda _uid, _change: None,
    ) -> None:
        super().__init__(state, ledger, market.marks, on_change=on_change)
        self.quotes = quotes
        self.symbols = market.symbols
        self.brackets = market.brackets
        self.funding = market.funding

    def busy_symbols(self) -> list[str]:
        """Return the symbols in which something is open, those with prices."""
        names = {one.symbol for one in self.orders.values()}
        names |= {one.symbol for one in self.algos.values()}
        names |= {symbol for _, symbol, _ in self.positions}
        return sorted(names & set(self.quotes.tracks))

    def book(self, symbol: str, at_ms: int) -> Book:
        """Return what a taker meets."""
        return self.quotes.book(self.symbols[symbol], at_ms)

    def last(self, symbol: str, at_ms: int) -> Decimal:
        """Return the last price."""
        return self.quotes.last(symbol, at_ms)

    def share_left(self, order: Order, at_ms: int) -> Decimal:
        """Return what a resting order may still get of the volume of this minute."""
        minute_ms = at_ms // MINUTE_MS * MINUTE_MS
        fills = self.books.fills_since(order.order_id, minute_ms)
        used = sum((fill.quantity for fill in fills if fill.is_maker), ZERO)
        return self.quotes.minute_share(self.symbols[order.symbol], at_ms) - used

    def figures(self, uid: int, at_ms: int) -> AccountFigures:
        """Return what an account is worth at a market time."""
        positions = [
            position_figures(
                one,
                mark=self.mark(one.symbol, at_ms),
                leverage=self.settings(uid, one.symbol).leverage,
                brackets=self.brackets[one.symbol],
            )
            for one in self.held(uid)
        ]
        return account_figures(self.wallet(uid), positions, self.order_margins(uid))

    def folded(self, order: Order, planned: PlannedFill, at_ms: int) -> Folded:
        """Return what an execution would make of the position of an order."""
        leverage = self.settings(order.uid, order.symbol).leverage
        position = self.position_of(order)
        return fold(position, planned, is_buy=order.is_buy, leverage=leverage, at_ms=at_ms)

    def fill(self, order: Order, planned: PlannedFill, *, is_maker: bool, at_ms: int) -> Order:
        """Book one execution of an order and return the order after it.

        What the cross part lacks for loss and fee comes out of the margin of the position. If that
        is not enough either, the account owes until `cover` is called in the same step. Orders that
        have nothing left to reduce expire, this one too, and conditional ones that close what is no
        longer there. ValueError when one that may only reduce would open something.
        """
        if reduces(order) and planned.quantity > self.closable(order):
            raise ValueError(f"order {order.order_id} may not open anything")
        folded = self.folded(order, planned, at_ms)
        trade_id = self._next_id("futures_fills")
        fee = commission(planned.quote_quantity, is_maker=is_maker)
        about = Income(
            uid=order.uid,
            symbol=order.symbol,
            type="REALIZED_PNL",
            amount=folded.realized,
            asset=MARGIN_ASSET,
            trade_id=trade_id,
            at_ms=at_ms,
        )
        self._earn(about, MARKET_MAKER_UID)
        self._earn(replace(about, type="COMMISSION", amount=-fee), FEES_UID)
        self.put_position(folded.position)
        self._take_lack(folded.position)
        fill = self._record(
            order, planned, folded.realized, fee, trade_id, is_maker=is_maker, at_ms=at_ms
        )
        order = self._executed(order, fill)
        self._end_reducers(order.uid, order.symbol, order.position_side, at_ms)
        self._end_closers(folded.position, at_ms)
        return order if order.order_id in self.orders else self._ended(order)

    def pay(self, income: Income, *, to_uid: int, side: str) -> Decimal:
        """Take `-income.amount` from an account and return what it could pay of it.

        Out of the cross part first, then out of the margin of the position on `side`. The income is
        recorded with what was paid, unless that is nothing.
        """
        position = self.position(income.uid, income.symbol, side)
        most = max(self.cross(income.uid), ZERO) + position.isolated_wallet
        paid = replace(income, amount=-min(-income.amount, most))
        self._earn(paid, to_uid)
        self._take_lack(position)
        self.note_income(paid, side)
        return -paid.amount

    def receive(self, income: Income, *, from_uid: int, side: str) -> None:
        """Give `income.amount` to the cross part of an account and record it.

        side   of the position that it is for
        """
        self._earn(income, from_uid)
        self.note_income(income, side)

    def cover(self, uid: int, symbol: str, at_ms: int) -> Decimal:
        """Let the insurance fund pay what an account owes, and return how much that was."""
        lack = max(-self.cross(uid), ZERO)
        cleared = Income(
            uid=uid,
            symbol=symbol,
            type="INSURANCE_CLEAR",
            amount=lack,
            asset=MARGIN_ASSET,
            at_ms=at_ms,
        )
        self._earn(cleared, INSURANCE_UID)
        self.note_income(cleared, side=None)
        return lack

    def _earn(self, income: Income, other_uid: int) -> None:
        if not income.amount:
            return
        self.ledger.add(income.uid, MARGIN_ASSET, income.amount, wallet=FUTURES)
        self.ledger.add(other_uid, MARGIN_ASSET, -income.amount, wallet=FUTURES)
        self._touched.add(income.uid)
        self.add_income(replace(income, info=income.info or income.type))

    def _take_lack(self, position: Position) -> None:
        lack = min(-self.cross(position.uid), position.isolated_wallet)
        if lack > 0:
            self.put_position(replace(position, isolated_wallet=position.isolated_wallet - lack))

    def _executed(self, order: Order, fill: Fill) -> Order:
        executed = order.executed + fill.quantity
        order = replace(
            order,
            executed=executed,
            executed_quote=order.executed_quote + fill.quote_quantity,
            status="FILLED" if executed == order.quantity else "PARTIALLY_FILLED",
            updated_ms=fill.at_ms,
        )
        positions = [self.position_of(order)]
        account = self.account_part(order.uid, BY_ORDER, fill.at_ms, positions=positions)
        symbol = self.symbols[order.symbol]
        return self.put_order(order, Execution(fill=fill, symbol=symbol, account=account))

    def _end_reducers(self, uid: int, symbol: str, side: str, at_ms: int) -> None:
        for order in self.open_orders(uid, symbol):
            if order.position_side == side and reduces(order) and not self.closable(order):
                self.end_order(order, "EXPIRED", at_ms, NOTHING_TO_REDUCE)

    def _end_closers(self, position: Position, at_ms: int) -> None:
        key = (position.uid, position.symbol, position.side)
        for algo in list(self.algos.values()):
            if algo.status != "NEW" or not algo.close_position:
                continue
            is_its_own = (algo.uid, algo.symbol, algo.position_side) == key
            if is_its_own and not closable(position, is_buy=algo.is_buy):
                self.put_algo(replace(algo, status="EXPIRED", updated_ms=at_ms))

    def _ended(self, order: Order) -> Order:
        found = self.books.order_by_id(order.uid, order.symbol, order.order_id)
        return found or order

    def _record(
        self,
        order: Order,
        planned: PlannedFill,
        realized: Decimal,
        fee: Decimal,
        trade_id: int,
        *,
        is_maker: bool,
        at_ms: int,
    ) -> Fill:
        fill = Fill(
            trade_id=trade_id,
            order_id=order.order_id,
            uid=order.uid,
            symbol=order.symbol,
            side=order.side,
            position_side=order.position_side,
            price=planned.price,
            quantity=planned.quantity,
            quote_quantity=planned.quote_quantity,
            commission=fee,
            commission_asset=MARGIN_ASSET,
            realized_pnl=realized,
            at_ms=at_ms,
            is_maker=is_maker,
        )
        self.count_realized(fill)
        self._save(fill)
        self._booked.append(fill)
        return fill
