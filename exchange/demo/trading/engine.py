"""The matching engine's front: what endpoints and control doors may ask of it.

Every request is checked, carried out and booked in one transaction, or leaves no trace. All times
are market time in ms, and they only go forward.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from decimal import Decimal

from exchange.demo.amounts import ZERO
from exchange.demo.market.symbols import Symbol
from exchange.demo.market.track import Track
from exchange.demo.state import State
from exchange.demo.trading.asked import CancelTarget, ListRequest, OrderRequest
from exchange.demo.trading.book import Book
from exchange.demo.trading.canceling import Canceled as Canceled  # noqa: PLC0414 - part of the interface
from exchange.demo.trading.canceling import CanceledList as CanceledList  # noqa: PLC0414
from exchange.demo.trading.canceling import cancel_all, cancel_list, cancel_order, end_all
from exchange.demo.trading.changes import WalletChange
from exchange.demo.trading.desk import Desk
from exchange.demo.trading.fees import MAKER_RATE as MAKER_RATE  # noqa: PLC0414
from exchange.demo.trading.fees import TAKER_RATE as TAKER_RATE  # noqa: PLC0414
from exchange.demo.trading.fees import CommissionRates
from exchange.demo.trading.filters import check_new_order
from exchange.demo.trading.matching import walk
from exchange.demo.trading.placing import Placed as Placed  # noqa: PLC0414
from exchange.demo.trading.placing import PlacedList as PlacedList  # noqa: PLC0414
from exchange.demo.trading.placing import place_list, place_order
from exchange.demo.trading.quotes import DEFAULT_VOLUME_SHARE, Quotes, Terms


class Engine:
    """Takes orders, fills them along the walk of the prices, and keeps the books.

    symbols          kept in line with halts, changed rules and delistings, for everybody to read
    on_first_fill    told the account of every order that trades for the first time
    on_change        told an account and what has happened to it, after that was committed
    """

    def __init__(
        self,
        state: State,
        tracks: Mapping[str, Track],
        symbols: MutableMapping[str, Symbol],
        *,
        spread_bps: Decimal,
        slippage_bps: Decimal = ZERO,
        volume_share: Decimal = DEFAULT_VOLUME_SHARE,
        on_first_fill: Callable[[int], None] = lambda _: None,
        on_change: Callable[[int, object], None] = lambda _uid, _change: None,
    ) -> None:
        terms = Terms(spread_bps=spread_bps, slippage_bps=slippage_bps, volume_share=volume_share)
        self._desk = Desk(
            state,
            Quotes(tracks, terms),
            symbols,
            on_first_fill=on_first_fill,
            on_change=on_change,
        )
        self._on_change = on_change
        self.ledger = self._desk.ledger
        self.orders = self._desk.orders

    def advance(self, now_ms: int) -> None:
        """Match everything open up to a market time; how often it is called changes nothing."""
        walk(self._desk, now_ms)

    def remember(self) -> None:
        """Store how far the walk has come; a restart with other prices goes on from there."""
        self._desk.remember()

    def book(self, symbol: Symbol, at_ms: int) -> Book:
        """Return what a taker meets at a market time."""
        return self._desk.quotes.book(symbol, at_ms)

    def place(self, uid: int, asked: OrderRequest, *, at_ms: int) -> Placed:
        """Place an order and commit it; VenueError leaves no trace of it."""
        self.advance(at_ms)
        return place_order(self._desk, uid, asked, at_ms)

    def check(self, uid: int, asked: OrderRequest, *, at_ms: int) -> None:
        """Refuse what `place` would refuse before it looks at balances."""
        self.advance(at_ms)
        check_new_order(self._desk, uid, asked, at_ms)

    def place_list(self, uid: int, asked: ListRequest, *, at_ms: int) -> PlacedList:
        """Place an order list and commit it; VenueError leaves no trace of it."""
        self.advance(at_ms)
        return place_list(self._desk, uid, asked, at_ms)

    def cancel(self, uid: int, symbol: str, target: CancelTarget, *, at_ms: int) -> Canceled:
        """Cancel an order, and the list it belongs to (-2011 when it is not open)."""
        self.advance(at_ms)
        return cancel_order(self._desk, uid, symbol, target, at_ms)

    def cancel_list(
        self,
        uid: int,
        symbol: str,
        *,
        list_id: int | None,
        client_order_id: str | None,
        cancel_client_id: str | None,
        at_ms: int,
    ) -> CanceledList:
        """Cancel a list by one id or both (-2011 when it is not open)."""
        self.advance(at_ms)
        return cancel_list(
            self._desk,
            uid,
            symbol,
            list_id=list_id,
            client_order_id=client_order_id,
            cancel_client_id=cancel_client_id,
            at_ms=at_ms,
        )

    def cancel_all(self, uid: int, symbol: str, *, at_ms: int) -> list[Canceled | CanceledList]:
        """Cancel every open order of a symbol, lists included (-2011 when there is none)."""
        self.advance(at_ms)
        return cancel_all(self._desk, uid, symbol, at_ms)

    def deposit(self, uid: int, asset: str, amount: Decimal, *, at_ms: int) -> None:
        """Credit new money to an account, commit it and tell the account."""
        self.ledger.deposit(uid, asset, amount, market_ms=at_ms)
        self.tell_moved(uid, asset, amount, at_ms=at_ms)

    def tell_moved(self, uid: int, asset: str, delta: Decimal, *, at_ms: int) -> None:
        """Tell an account that money has come into its wallet or, below zero, has left it."""
        holding = self.ledger.holding(uid, asset)
        self.tell(uid, WalletChange(delta=delta, holding=holding, at_ms=at_ms))

    def tell(self, uid: int, change: object) -> None:
        """Tell whoever listens to an account what has happened to it beside its trades."""
        self._on_change(uid, change)

    def commission_rates(self, uid: int) -> CommissionRates:
        """Return an account's rates, before any discount; they are the same for everybody."""
        return CommissionRates(MAKER_RATE, TAKER_RATE)

    def bnb_burn(self, uid: int) -> bool:
        """Say whether an account pays its fees in BNB where it can."""
        return self.ledger.bnb_burn(uid)

    def set_bnb_burn(self, uid: int, is_on: bool) -> None:  # noqa: FBT001 - the one thing it sets
        """Choose whether an account pays its fees in BNB where it can; this survives a restart."""
        self.ledger.set_bnb_burn(uid, is_on)

    def set_symbol_status(self, name: str, status: str) -> None:
        """Halt a symbol, or let it trade again, from the market time reached so far.

        DemoExchangeError when there is no such symbol or status. Orders of a symbol that is not
        TRADING rest untouched and can be canceled.
        """
        with self._desk.step(self._desk.matched_ms or 0):
            self._desk.listings.set_status(name, status)

    def set_symbol_rules(
        self,
        name: str,
        *,
        tick: Decimal | None = None,
        step: Decimal | None = None,
        min_notional: Decimal | None = None,
    ) -> None:
        """Change a symbol's filters; orders that rest already stay. DemoExchangeError as above."""
        wanted = {"tick": tick, "step": step, "min_notional": min_notional}
        rules = {key: value for key, value in wanted.items() if value is not None}
        if rules:
            with self._desk.step(self._desk.matched_ms or 0):
                self._desk.listings.set_rules(name, rules)

    def relist(self, name: str) -> None:
        """List a symbol again that was taken off. DemoExchangeError as above."""
        with self._desk.step(self._desk.matched_ms or 0):
            self._desk.listings.relist(name)

    def delist(self, name: str) -> None:
        """Take a symbol off the exchange, expiring what is open. DemoExchangeError as above."""
        at_ms = self._desk.matched_ms or 0
        with self._desk.step(at_ms):
            end_all(self._desk, name, at_ms)
            self._desk.listings.delist(name)
