"""How fills make a position: it grows at cost, shrinks by shares, and may turn around.

Everything is exact: what a part of a position has cost is rounded to 1e-8 once, and the rest keeps
the difference, so that results and costs add up to what was paid and received.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

from exchange.demo.amounts import UNIT, ZERO, round_down
from exchange.demo.futures.margin import initial_margin
from exchange.demo.futures.values import Position
from exchange.demo.trading.book import PlannedFill


class Folded(NamedTuple):
    """A position after a fill.

    realized   result of the part that was closed, without fees; in quote currency
    closed     quantity that was closed, in base currency
    """

    position: Position
    realized: Decimal
    closed: Decimal


def closable(position: Position, *, is_buy: bool) -> Decimal:
    """Return how much of a position orders of one side could close."""
    return max(-position.amount if is_buy else position.amount, ZERO)


def fold(
    position: Position, fill: PlannedFill, *, is_buy: bool, leverage: int, at_ms: int
) -> Folded:
    """Return a position after an execution: it closes what is there before it opens."""
    closed = min(fill.quantity, closable(position, is_buy=is_buy))
    opened = fill.quantity - closed
    closing = PlannedFill(fill.price, closed).quote_quantity
    opening = fill.quote_quantity - closing
    share = _share(position, closed)
    sign = 1 if is_buy else -1
    left = replace(
        position,
        amount=position.amount + sign * fill.quantity,
        cost=position.cost - share.cost + sign * opening,
        isolated_wallet=position.isolated_wallet
        - share.isolated_wallet
        + (initial_margin(opening, leverage) if opened else ZERO),
        updated_ms=at_ms,
    )
    realized = -share.cost - sign * closing if closed else ZERO
    return Folded(left, realized, closed)


def _share(position: Position, closed: Decimal) -> Position:
    whole = abs(position.amount)
    if closed == whole:
        return position
    cost = (position.cost * closed / whole).quantize(UNIT, rounding=ROUND_HALF_EVEN)
    wallet = round_down(position.isolated_wallet * closed / whole)
    return replace(position, cost=cost, isolated_wallet=wallet)
