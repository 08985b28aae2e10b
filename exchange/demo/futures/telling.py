"""How the accounts of the futures market are told what happened to their wallets and positions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from exchange.demo.accounts import FUTURES
from exchange.demo.amounts import ZERO, from_units
from exchange.demo.futures.changes import (
    BY_DEPOSIT,
    BY_FUNDING,
    AccountPart,
    FuturesChange,
    PositionState,
)
from exchange.demo.futures.holdings import MARGIN_ASSET, Holdings
from exchange.demo.futures.margin import unrealized
from exchange.demo.futures.memory import PositionKey
from exchange.demo.futures.values import Fill, Income, Position
from exchange.demo.market.track import Track
from exchange.demo.state import State
from exchange.demo.trading.ledger import Ledger


class ToldHoldings(Holdings):
    """Holdings that know what they are worth at the mark price, and say so."""

    def __init__(
        self,
        state: State,
        ledger: Ledger,
        marks: Mapping[str, Track],
        *,
        on_change: Callable[[int, object], None],
    ) -> None:
        super().__init__(state, ledger, on_change=on_change)
        self.marks = marks
        # Of every position that has been told of since the start.
        self._realized: dict[PositionKey, Decimal] = {}

    def mark(self, symbol: str, at_ms: int) -> Decimal:
        """Return the mark price."""
        return from_units(self.marks[symbol].price(at_ms))

    def note_account(
        self,
        uid: int,
        reason: str,
        at_ms: int,
        *,
        change: Decimal = ZERO,
        positions: Sequence[Position] = (),
    ) -> None:
        """Let the account be told how its wallet and some of its positions are now."""
        part = self.account_part(uid, reason, at_ms, change=change, positions=positions)
        self._notes.add(uid, part)

    def tell_deposit(self, uid: int, asset: str, amount: Decimal, at_ms: int) -> None:
        """Tell the account of money that was credited to its wallet outside of any step."""
        wallet = self.ledger.free(uid, asset, wallet=FUTURES)
        part = AccountPart(
            reason=BY_DEPOSIT,
            asset=asset,
            wallet=wallet,
            cross=self.cross(uid) if asset == MARGIN_ASSET else wallet,
            change=amount,
            at_ms=at_ms,
        )
        self._on_change(uid, FuturesChange(parts=(part,)))

    def account_part(
        self,
        uid: int,
        reason: str,
        at_ms: int,
        *,
        change: Decimal = ZERO,
        positions: Sequence[Position] = (),
        symbol: str | None = None,
    ) -> AccountPart:
        """Return the wallet and some positions as they are now."""
        return AccountPart(
            reason=reason,
            asset=MARGIN_ASSET,
            wallet=self.wallet(uid),
            cross=self.cross(uid),
            change=change,
            positions=tuple(self._state_of(one, at_ms) for one in positions),
            symbol=symbol,
            at_ms=at_ms,
        )

    def note_income(self, income: Income, side: str | None) -> None:
        """Let the account be told of a change of its wallet that no order brought about.

        side   of the position that it is for; told of with funding alone, as at the venue
        """
        if not income.amount:
            return
        is_funding = income.type == BY_FUNDING
        positions = []
        if is_funding and side is not None:
            positions = [self.position(income.uid, income.symbol, side)]
        part = self.account_part(
            income.uid,
            income.type,
            income.at_ms,
            change=income.amount,
            positions=positions,
            symbol=income.symbol if is_funding else None,
        )
        self._notes.add(income.uid, part)

    def count_realized(self, fill: Fill) -> None:
        """Add the result of a fill, which is about to be saved, to that of its position."""
        key = (fill.uid, fill.symbol, fill.position_side)
        self._memory.set(self._realized, key, self._realized_of(key) + fill.realized_pnl)

    def _state_of(self, position: Position, at_ms: int) -> PositionState:
        key = (position.uid, position.symbol, position.side)
        mark = self.mark(position.symbol, at_ms) if position.amount else ZERO
        return PositionState(
            position=position,
            margin_type=self.settings(position.uid, position.symbol).margin_type,
            unrealized=unrealized(position, mark) if position.amount else ZERO,
            realized=self._realized_of(key),
        )

    def _realized_of(self, key: PositionKey) -> Decimal:
        if key not in self._realized:
            # All fills are read once per position, and counted on from there.
            self._memory.set(self._realized, key, self.books.realized(*key))
        return self._realized[key]
