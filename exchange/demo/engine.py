"""The matching engine: a market order is checked, filled and booked in one transaction."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from exchange.demo.amounts import from_units, round_down
from exchange.demo.book import Book, PlannedFill
from exchange.demo.errors import DUPLICATE_ORDER, INSUFFICIENT_BALANCE, VenueError
from exchange.demo.ledger import FEES_UID, MARKET_MAKER_UID, ZERO, Ledger
from exchange.demo.market import Track
from exchange.demo.orders import OPEN_STATUSES, Fill, Order, OrderBooks
from exchange.demo.state import State
from exchange.demo.symbols import Symbol, check_precision

MAKER_RATE: Final = Decimal("0.001")
TAKER_RATE: Final = Decimal("0.001")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketOrder:
    """A market order as it was asked for: exactly one of the two quantities is set."""

    symbol: Symbol
    side: str
    quantity: Decimal | None
    quote_quantity: Decimal | None
    client_order_id: str | None
    prevention_mode: str

    @property
    def is_buy(self) -> bool:
        """Say whether base currency is bought."""
        return self.side == "BUY"


class Engine:
    """Fills orders against the recorded market and keeps the books."""

    def __init__(self, state: State, tracks: Mapping[str, Track], *, spread_bps: Decimal) -> None:
        self._state = state
        self._tracks = tracks
        self._spread_bps = spread_bps
        self.ledger = Ledger(state)
        self.orders = OrderBooks(state)

    def book(self, symbol: Symbol, at_ms: int) -> Book:
        """Return what a taker meets at a market time."""
        track = self._tracks[symbol.name]
        return Book(
            symbol=symbol,
            last=from_units(track.price(at_ms)),
            volume=from_units(track.minute_volume(at_ms)),
            spread_bps=self._spread_bps,
        )

    def place(self, uid: int, asked: MarketOrder, *, at_ms: int) -> tuple[Order, list[Fill]]:
        """Fill a market order at once and commit it; VenueError leaves no trace of it."""
        with self._state.transaction():
            planned = self._plan(uid, asked, at_ms)
            order = _filled_order(uid, asked, planned, at_ms)
            order = replace(order, order_id=self.orders.add_order(order))
            fills = [self._book_fill(order, asked.symbol, one) for one in planned]
            self.ledger.check_conservation()
        return order, fills

    def check(self, uid: int, asked: MarketOrder, *, at_ms: int) -> None:
        """Refuse what `place` would refuse before it looks at balances."""
        self._refuse_duplicate(uid, asked)
        self._planned_fills(asked, at_ms)

    def _plan(self, uid: int, asked: MarketOrder, at_ms: int) -> list[PlannedFill]:
        self._refuse_duplicate(uid, asked)
        planned = self._planned_fills(asked, at_ms)
        if asked.is_buy:
            asset, needed = asked.symbol.quote, sum((one.quote_quantity for one in planned), ZERO)
        else:
            asset, needed = asked.symbol.base, sum((one.quantity for one in planned), ZERO)
        if needed > self.ledger.free(uid, asset):
            raise VenueError(*INSUFFICIENT_BALANCE)
        return planned

    def _planned_fills(self, asked: MarketOrder, at_ms: int) -> list[PlannedFill]:
        book = self.book(asked.symbol, at_ms)
        if asked.quantity is not None:
            asked.symbol.check_quantity(asked.quantity)
            asked.symbol.check_notional(asked.quantity * book.last)
            return book.fills(asked.quantity, is_buy=asked.is_buy)
        worth = asked.quote_quantity or ZERO
        check_precision("quoteOrderQty", worth)
        asked.symbol.check_notional(worth)
        planned = book.fills_worth(worth, is_buy=asked.is_buy)
        asked.symbol.check_quantity(sum((one.quantity for one in planned), ZERO))
        return planned

    def _refuse_duplicate(self, uid: int, asked: MarketOrder) -> None:
        # As at the venue only an open order blocks its id: a filled one does not.
        if asked.client_order_id is None:
            return
        known = self.orders.by_client_id(uid, asked.symbol.name, asked.client_order_id)
        if known and known.status in OPEN_STATUSES:
            raise VenueError(*DUPLICATE_ORDER)

    def _book_fill(self, order: Order, symbol: Symbol, planned: PlannedFill) -> Fill:
        is_buy = order.side == "BUY"
        base = planned.quantity if is_buy else -planned.quantity
        quote = -planned.quote_quantity if is_buy else planned.quote_quantity
        received_asset, received = (symbol.base, base) if is_buy else (symbol.quote, quote)
        commission = round_down(received * TAKER_RATE)
        self.ledger.add(order.uid, symbol.base, base)
        self.ledger.add(order.uid, symbol.quote, quote)
        self.ledger.add(MARKET_MAKER_UID, symbol.base, -base)
        self.ledger.add(MARKET_MAKER_UID, symbol.quote, -quote)
        self.ledger.add(order.uid, received_asset, -commission)
        self.ledger.add(FEES_UID, received_asset, commission)
        fill = Fill(
            trade_id=0,
            order_id=order.order_id,
            uid=order.uid,
            symbol=symbol.name,
            price=planned.price,
            quantity=planned.quantity,
            quote_quantity=planned.quote_quantity,
            commission=commission,
            commission_asset=received_asset,
            at_ms=order.at_ms,
            is_buyer=is_buy,
        )
        return replace(fill, trade_id=self.orders.add_fill(fill))


def _filled_order(uid: int, asked: MarketOrder, planned: list[PlannedFill], at_ms: int) -> Order:
    executed = sum((one.quantity for one in planned), ZERO)
    return Order(
        order_id=0,
        uid=uid,
        symbol=asked.symbol.name,
        client_order_id=asked.client_order_id or secrets.token_hex(11),
        side=asked.side,
        type="MARKET",
        status="FILLED",
        quantity=executed,
        quote_order_quantity=asked.quote_quantity or ZERO,
        executed=executed,
        executed_quote=sum((one.quote_quantity for one in planned), ZERO),
        prevention_mode=asked.prevention_mode,
        at_ms=at_ms,
        updated_ms=at_ms,
    )
