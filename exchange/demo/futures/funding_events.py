"""Funding: at each stamp longs and shorts pay each other a share of their notional.

Source: the venue's introduction to funding rates: position x mark price x rate, at 00:00, 08:00 and
16:00 UTC, from whoever holds a position then. Amounts are cut after eight decimals.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from exchange.demo.amounts import round_down
from exchange.demo.futures.desk import MARGIN_ASSET, Desk
from exchange.demo.futures.events import FUNDING, Event
from exchange.demo.futures.values import Income, Position
from exchange.demo.trading.ledger import FUNDING_UID

_PAID: Final = "futures_funded_ms:"


class Funding:
    """Stamps at which somebody holds a position that was there before; each counts once."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def next(self, symbol: str, after_ms: int, until_ms: int) -> Event | None:
        """Return the first stamp of a symbol in (after_ms, until_ms]."""
        held = [one for one in self._desk.positions.values() if one.symbol == symbol]
        if not held:
            return None
        # Who came at a stamp, or has paid at it, pays at the one after it.
        since_ms = max(after_ms, min(one.updated_ms for one in held))
        stamp_ms = self._next_unpaid(symbol, since_ms, until_ms)
        if stamp_ms is None:
            return None
        return Event(stamp_ms, FUNDING, 0, partial(self._happen, symbol, stamp_ms))

    def _next_unpaid(self, symbol: str, since_ms: int, until_ms: int) -> int | None:
        stamps = self._desk.funding[symbol]
        stamp_ms = stamps.next_stamp(since_ms)
        if stamp_ms > until_ms:
            return None  # most looks end here, without a question to the state
        paid_ms = int(self._desk.state.meta(_PAID + symbol) or 0)
        stamp_ms = max(stamp_ms, stamps.next_stamp(max(since_ms, paid_ms)))
        return stamp_ms if stamp_ms <= until_ms else None

    def _holders(self, symbol: str, stamp_ms: int) -> list[Position]:
        held = self._desk.positions.values()
        found = [one for one in held if one.symbol == symbol and one.updated_ms < stamp_ms]
        return sorted(found, key=lambda one: (one.uid, one.side))

    def _happen(self, symbol: str, stamp_ms: int) -> None:
        with self._desk.step(stamp_ms - 1):
            for position in self._holders(symbol, stamp_ms):
                self._settle(position, stamp_ms)
            self._desk.state.set_meta(_PAID + symbol, str(stamp_ms))

    def _settle(self, position: Position, stamp_ms: int) -> None:
        rate = self._desk.funding[position.symbol].rate(stamp_ms)
        mark = self._desk.mark(position.symbol, stamp_ms)
        income = Income(
            uid=position.uid,
            symbol=position.symbol,
            type="FUNDING_FEE",
            amount=-round_down(rate * position.amount * mark),
            asset=MARGIN_ASSET,
            at_ms=stamp_ms,
        )
        if income.amount < 0:
            self._desk.pay(income, to_uid=FUNDING_UID, side=position.side)
        elif income.amount > 0:
            self._desk.receive(income, from_uid=FUNDING_UID, side=position.side)
