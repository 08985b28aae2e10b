"""The futures engine's front: what endpoints and control doors may ask of it.

Every request is checked, carried out and booked in one transaction, or leaves no trace. All times
are market time in ms, and they only go forward; `wall_ms` alone is wall time.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from exchange.demo.amounts import ZERO
from exchange.demo.futures.algo_canceling import cancel_algo, cancel_all_algo
from exchange.demo.futures.algo_events import AlgoGoodTillDates, DueChildren, Triggers
from exchange.demo.futures.algo_placing import check_new_algo, place_algo
from exchange.demo.futures.asked import AlgoRequest, OrderRequest
from exchange.demo.futures.canceling import cancel_all, cancel_order
from exchange.demo.futures.desk import Desk
from exchange.demo.futures.events import EventSource, walk
from exchange.demo.futures.figures import AccountFigures
from exchange.demo.futures.filters import check_new_order
from exchange.demo.futures.firing import release_held
from exchange.demo.futures.funding_events import Funding
from exchange.demo.futures.hitches import Hitches
from exchange.demo.futures.liquidation import Liquidations
from exchange.demo.futures.placing import Placed as Placed  # noqa: PLC0414 - part of the interface
from exchange.demo.futures.placing import place_order
from exchange.demo.futures.resting import GoodTillDates, RestingFills
from exchange.demo.futures.settings import (
    change_margin,
    set_hedge_mode,
    set_leverage,
    set_margin_type,
)
from exchange.demo.futures.transfers import transfer
from exchange.demo.futures.values import AlgoOrder, Order, Position, Transfer
from exchange.demo.market.futures_listings import FuturesMarket
from exchange.demo.state import State
from exchange.demo.trading.book import DEFAULT_SPREAD_BPS, Book
from exchange.demo.trading.ledger import Ledger
from exchange.demo.trading.quotes import DEFAULT_VOLUME_SHARE, Quotes, Terms

# How an order is named that a person places on the venue's web site.
WEB_PREFIX: Final = "web_"


class FuturesEngine:
    """Takes orders, lets market time bring about what it brings about, and keeps the books."""

    def __init__(
        self,
        state: State,
        ledger: Ledger,
        market: FuturesMarket,
        *,
        spread_bps: Decimal = DEFAULT_SPREAD_BPS,
        slippage_bps: Decimal = ZERO,
        volume_share: Decimal = DEFAULT_VOLUME_SHARE,
        on_change: Callable[[int, object], None] = lambda _uid, _change: None,
    ) -> None:
        terms = Terms(spread_bps=spread_bps, slippage_bps=slippage_bps, volume_share=volume_share)
        self._market = market
        self._desk = Desk(state, ledger, market, Quotes(market.tracks, terms), on_change=on_change)
        self.books = self._desk.books
        self.hitches = Hitches(state)
        self._sources: list[EventSource] = [
            Funding(self._desk),
            Liquidations(self._desk),
            Triggers(self._desk, self.hitches),
            DueChildren(self._desk, self.hitches),
            RestingFills(self._desk),
            GoodTillDates(self._desk),
            AlgoGoodTillDates(self._desk),
        ]

    def advance(self, now_ms: int) -> None:
        """Let everything happen up to a market time; how often it is called changes nothing."""
        walk(self._desk, self._sources, now_ms)

    def remember(self) -> None:
        """Store how far the walk has come; a restart with other prices goes on from there."""
        self._desk.remember()

    def book(self, symbol: str, at_ms: int) -> Book:
        """Return what a taker meets at a market time."""
        return self._desk.book(symbol, at_ms)

    def figures(self, uid: int, at_ms: int) -> AccountFigures:
        """Return what an account and its positions are worth at a market time."""
        self.advance(at_ms)
        return self._desk.figures(uid, at_ms)

    def place(self, uid: int, asked: OrderRequest, *, at_ms: int) -> Placed:
        """Place an order and commit it; VenueError leaves no trace of it."""
        self.advance(at_ms)
        return place_order(self._desk, uid, asked, at_ms)

    def check(self, uid: int, asked: OrderRequest, *, at_ms: int) -> None:
        """Refuse what `place` would refuse before it looks at position and balance."""
        self.advance(at_ms)
        check_new_order(self._desk, uid, asked, at_ms)

    def cancel(
        self,
        uid: int,
        symbol: str,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
        at_ms: int,
    ) -> Order:
        """Cancel an order by its id, else by its client id (-2011 when it is not open)."""
        self.advance(at_ms)
        return cancel_order(
            self._desk,
            uid,
            symbol,
            order_id=order_id,
            client_order_id=client_order_id,
            at_ms=at_ms,
        )

    def cancel_all(self, uid: int, symbol: str, *, at_ms: int) -> int:
        """Cancel every open order of a symbol and return how many there were."""
        self.advance(at_ms)
        return cancel_all(self._desk, uid, symbol, at_ms)

    def place_algo(self, uid: int, asked: AlgoRequest, *, at_ms: int) -> AlgoOrder:
        """Place a conditional order and commit it; VenueError leaves no trace of it."""
        self.advance(at_ms)
        return place_algo(self._desk, uid, asked, at_ms)

    def check_algo(self, uid: int, asked: AlgoRequest, *, at_ms: int) -> None:
        """Refuse what `place_algo` would refuse."""
        self.advance(at_ms)
        check_new_algo(self._desk, uid, asked, at_ms)

    def cancel_algo(
        self,
        uid: int,
        *,
        algo_id: int | None = None,
        client_algo_id: str | None = None,
        at_ms: int,
    ) -> AlgoOrder:
        """Cancel an algo order that has not triggered, by one id or both (-2011)."""
        self.advance(at_ms)
        return cancel_algo(
            self._desk, uid, algo_id=algo_id, client_algo_id=client_algo_id, at_ms=at_ms
        )

    def cancel_all_algo(self, uid: int, symbol: str, *, at_ms: int) -> int:
        """Cancel every algo order of a symbol that has not triggered, and return how many."""
        self.advance(at_ms)
        return cancel_all_algo(self._desk, uid, symbol, at_ms)

    def set_leverage(
        self, uid: int, symbol: str, leverage: int, *, at_ms: int
    ) -> tuple[int, Decimal]:
        """Set the leverage of a symbol; return it and the largest notional that it allows."""
        self.advance(at_ms)
        return set_leverage(self._desk, uid, symbol, leverage, at_ms)

    def set_margin_type(self, uid: int, symbol: str, margin_type: str, *, at_ms: int) -> None:
        """Set how a symbol is margined (-4046 -4047 -4048)."""
        self.advance(at_ms)
        set_margin_type(self._desk, uid, symbol, margin_type, at_ms)

    def set_hedge_mode(self, uid: int, is_on: bool, *, at_ms: int) -> None:  # noqa: FBT001
        """Switch the position mode of an account (-4059 -4067 -4068)."""
        self.advance(at_ms)
        set_hedge_mode(self._desk, uid, at_ms, is_on=is_on)

    def change_margin(
        self, uid: int, symbol: str, side: str, amount: Decimal, *, at_ms: int
    ) -> Position:
        """Set more margin aside for a position, or less when `amount` is negative."""
        self.advance(at_ms)
        position = self._desk.position(uid, symbol, side)
        return change_margin(self._desk, position, amount, at_ms)

    def transfer(
        self,
        uid: int,
        type: str,
        asset: str,
        amount: Decimal,
        *,
        at_ms: int,
        wall_ms: int,
    ) -> Transfer:
        """Move money between the wallets of an account (-1126, -5013)."""
        self.advance(at_ms)
        return transfer(self._desk, uid, type, asset, amount, at_ms=at_ms, wall_ms=wall_ms)

    def deposited(self, uid: int, asset: str, amount: Decimal, *, at_ms: int) -> None:
        """Tell an account of money that was credited to its futures wallet a moment ago."""
        self._desk.tell_deposit(uid, asset, amount, at_ms)

    def clear_hitches(self, *, at_ms: int) -> None:
        """Forget what was to go wrong at triggers, and let come what it has held back."""
        self.advance(at_ms)
        self.hitches.clear()
        release_held(self._desk, self.hitches, at_ms)

    def trade_elsewhere(self, uid: int, symbol: str, amount: Decimal, *, at_ms: int) -> Placed:
        """Trade at the market for an account as if its holder did so on the web site.

        amount   signed; in hedge mode it closes what it can of the other side, else it opens
        """
        asked = OrderRequest(
            symbol=self._market.symbols[symbol],
            side="BUY" if amount > 0 else "SELL",
            type="MARKET",
            quantity=abs(amount),
            position_side=self._side_elsewhere(uid, symbol, amount),
            client_order_id=WEB_PREFIX + secrets.token_hex(8),
        )
        return self.place(uid, asked, at_ms=at_ms)

    def _side_elsewhere(self, uid: int, symbol: str, amount: Decimal) -> str:
        if not self._desk.is_hedge_mode(uid):
            return "BOTH"
        grown, shrunk = ("LONG", "SHORT") if amount > 0 else ("SHORT", "LONG")
        return shrunk if self._desk.position(uid, symbol, shrunk).amount else grown
