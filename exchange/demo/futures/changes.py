"""What a committed step of the futures engine did to one account, in the order it happened.

Values only. How the venue's streams word them is none of the engine's business.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from exchange.demo.amounts import ZERO
from exchange.demo.futures.values import NO_ORDER, AlgoOrder, Fill, Order, Position
from exchange.demo.market.futures_symbols import FuturesSymbol

# Why a wallet or a position is not what it was, in the venue's words.
BY_ORDER: Final = "ORDER"
BY_DEPOSIT: Final = "DEPOSIT"
BY_WITHDRAWAL: Final = "WITHDRAW"
BY_FUNDING: Final = "FUNDING_FEE"
BY_MARGIN_CHANGE: Final = "MARGIN_TRANSFER"
BY_MARGIN_TYPE: Final = "MARGIN_TYPE_CHANGE"


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionState:
    """A position as it is after something happened to it.

    unrealized   at the mark price of that moment
    realized     of all its fills ever, without commissions
    """

    position: Position
    margin_type: str
    unrealized: Decimal
    realized: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPart:
    """A wallet, positions, or both, as they are afterwards.

    reason      why, by the venue's name
    wallet      of `asset`, with what is set aside for positions
    cross       the part of it that is not
    change      of the wallet, beyond results and commissions of orders
    positions   those that are not what they were
    symbol      whose funding it is; None for other reasons
    at_ms       market time
    """

    reason: str
    asset: str
    wallet: Decimal
    cross: Decimal
    change: Decimal = ZERO
    positions: tuple[PositionState, ...] = ()
    symbol: str | None = None
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One fill of an order, with what it did to the account."""

    fill: Fill
    symbol: FuturesSymbol
    account: AccountPart


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPart:
    """An order after one thing that happened to it.

    execution   the fill that it was, None when it was none
    origin      the algo order whose child it is, None when of none
    bids, asks  what the open orders of its position buy and sell for, in quote currency
    """

    order: Order
    execution: Execution | None
    origin: AlgoOrder | None
    bids: Decimal
    asks: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgoPart:
    """An algo order after one thing that happened to it, and the order that it has become."""

    algo: AlgoOrder
    child: Order | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeveragePart:
    """The leverage of a symbol was changed; at market time `at_ms`."""

    symbol: str
    leverage: int
    at_ms: int


Part = OrderPart | AlgoPart | AccountPart | LeveragePart


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesChange:
    """All that one step did to one account, at least one part."""

    parts: tuple[Part, ...]


class Notes:
    """What happens within the running step, account by account.

    An algo order is noted when its status, its child or its activation is another one. The venue
    tells two moments that pass at once here: TRIGGERING of one whose child is refused, and
    TRIGGERED as soon as the child is in the book.
    """

    def __init__(self) -> None:
        self._parts: dict[int, list[Part]] = {}
        self._told: dict[int, tuple[str, int, bool]] = {}

    def add(self, uid: int, part: Part) -> None:
        """Note a part."""
        self._parts.setdefault(uid, []).append(part)

    def algo(self, before: AlgoOrder | None, algo: AlgoOrder, child: Order | None) -> None:
        """Note how an algo order is now; `before` is how the step last left it."""
        for one in _on_the_way(before, algo):
            self._add_algo(before, one, None)
        self._add_algo(before, algo, child)

    def take(self) -> list[tuple[int, FuturesChange]]:
        """Return what was noted by account, in order, and forget it."""
        noted = [(uid, FuturesChange(parts=tuple(parts))) for uid, parts in self._parts.items()]
        self.forget()
        return noted

    def forget(self) -> None:
        """Forget what was noted."""
        self._parts = {}
        self._told = {}

    def _add_algo(self, before: AlgoOrder | None, algo: AlgoOrder, child: Order | None) -> None:
        told = self._told.get(algo.algo_id) or (before and _told(before))
        if _told(algo) != told:
            self._told[algo.algo_id] = _told(algo)
            self.add(algo.uid, AlgoPart(algo=algo, child=child))


def _told(algo: AlgoOrder) -> tuple[str, int, bool]:
    return algo.status, algo.child_id, algo.is_trailing


def _on_the_way(before: AlgoOrder | None, algo: AlgoOrder) -> list[AlgoOrder]:
    if before is None and algo.is_trailing:
        return [replace(algo, is_trailing=False)]
    if algo.status == "REJECTED" and before is not None and before.status == "NEW":
        return [replace(algo, status="TRIGGERING", child_id=NO_ORDER, reject_reason=None)]
    return []
