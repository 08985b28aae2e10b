"""Maintenance margin and liquidation price of USD-M positions in isolated mode.

Source: "Leverage and margin of USDⓈ-M futures" and "How to calculate the liquidation price" of the
venue's support pages. Of a notional inside a bracket, maintenance margin is notional x rate -
amount, where `amount` makes the margin continuous from one bracket to the next. The bracket that
counts for a liquidation is the one of the notional at the liquidation price, not at the entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from exchange.domain.filters import EXACT
from exchange.domain.types import ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class LeverageBracket:
    """One tier: notionals above `floor` and up to `cap`, in quote currency."""

    floor: Decimal
    cap: Decimal
    max_leverage: int
    maintenance_rate: Decimal
    maintenance_amount: Decimal

    def __post_init__(self) -> None:
        if not ZERO <= self.floor < self.cap:
            raise ValueError(f"floor {self.floor:f} and cap {self.cap:f} enclose no notional")
        if self.max_leverage < 1:
            raise ValueError(f"max_leverage must be at least 1, not {self.max_leverage}")
        if not ZERO < self.maintenance_rate < 1:
            raise ValueError(
                f"maintenance_rate must lie between 0 and 1, not {self.maintenance_rate:f}"
            )
        if not ZERO <= self.maintenance_amount.copy_abs() < Decimal("Infinity"):
            raise ValueError(f"maintenance_amount is no amount: {self.maintenance_amount}")

    def maintenance_margin(self, notional: Decimal) -> Decimal:
        """Return the least margin of a position of `notional`, which must lie in this tier."""
        product = EXACT.multiply(notional, self.maintenance_rate)
        return EXACT.subtract(product, self.maintenance_amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeverageBrackets:
    """The tiers of one symbol, by rising notional, from zero and without a gap.

    ValueError says what is wrong with them. A notional may be signed: its size counts.
    """

    symbol: str
    brackets: tuple[LeverageBracket, ...]

    def __post_init__(self) -> None:
        if not self.brackets:
            raise ValueError(f"{self.symbol} has no brackets")
        if self.brackets[0].floor != ZERO:
            raise ValueError(f"the brackets of {self.symbol} do not begin at zero")
        for lower, upper in pairwise(self.brackets):
            if upper.floor != lower.cap:
                raise ValueError(f"the brackets of {self.symbol} break off at {lower.cap:f}")
            if upper.max_leverage > lower.max_leverage:
                raise ValueError(f"max_leverage of {self.symbol} rises at {lower.cap:f}")
            if upper.maintenance_rate < lower.maintenance_rate:
                raise ValueError(f"maintenance_rate of {self.symbol} falls at {lower.cap:f}")

    def of(self, notional: Decimal) -> LeverageBracket:
        """Return the tier of `notional`; a position that has outgrown all of them has the last."""
        size = notional.copy_abs()
        return next((one for one in self.brackets if size <= one.cap), self.brackets[-1])

    def maintenance_margin(self, notional: Decimal) -> Decimal:
        """Return the margin below which a position of `notional` at mark price is liquidated."""
        return self.of(notional).maintenance_margin(notional.copy_abs())

    def max_leverage(self, notional: Decimal) -> int:
        """Return the highest leverage for a position of `notional`; 0 beyond the last tier."""
        bracket = self.of(notional)
        return bracket.max_leverage if notional.copy_abs() <= bracket.cap else 0

    def max_notional(self, leverage: int) -> Decimal:
        """Return the largest position that may have `leverage`; zero where none may."""
        caps = (one.cap for one in self.brackets if one.max_leverage >= leverage)
        return max(caps, default=ZERO)


def initial_margin(notional: Decimal, leverage: int) -> Decimal:
    """Return what opening a position of `notional` takes; ValueError for a leverage below 1."""
    if leverage < 1:
        raise ValueError(f"leverage must be at least 1, not {leverage}")
    return notional.copy_abs() / leverage


def liquidation_price(
    quantity: Decimal,
    entry_price: Decimal,
    isolated_wallet: Decimal,
    brackets: LeverageBrackets,
) -> Decimal | None:
    """Return the mark price at which an isolated position is liquidated, not rounded.

    quantity          signed: a short position is negative
    isolated_wallet   its margin without its unrealized result

    There margin + quantity x (price - entry_price) equals the maintenance margin. None for no
    position, and for one that no price above zero liquidates.
    """
    if not quantity:
        return None
    cost = EXACT.multiply(quantity, entry_price)
    equity_at_zero = EXACT.subtract(isolated_wallet, cost)  # a long one's; a short one's highest
    if quantity > ZERO:
        return _of_long(quantity, equity_at_zero, brackets)
    return _of_short(quantity.copy_abs(), equity_at_zero, brackets)


def _of_long(size: Decimal, equity_at_zero: Decimal, brackets: LeverageBrackets) -> Decimal | None:
    if equity_at_zero >= ZERO:
        return None
    # The price falls: the highest tier in which the margin is used up is the one.
    for bracket in reversed(brackets.brackets):
        used_up = EXACT.add(equity_at_zero, bracket.maintenance_amount).copy_negate()
        notional = EXACT.divide(used_up, 1 - bracket.maintenance_rate)
        if notional > bracket.floor:
            is_last = bracket is brackets.brackets[-1]
            return EXACT.divide(notional if is_last else min(notional, bracket.cap), size)
    return None


def _of_short(size: Decimal, equity_at_zero: Decimal, brackets: LeverageBrackets) -> Decimal | None:
    if equity_at_zero <= ZERO:
        return None
    # The price rises: the lowest tier in which the margin is used up is the one.
    for bracket in brackets.brackets:
        left = EXACT.add(equity_at_zero, bracket.maintenance_amount)
        notional = EXACT.divide(left, 1 + bracket.maintenance_rate)
        if notional <= bracket.cap or bracket is brackets.brackets[-1]:
            return EXACT.divide(max(notional, bracket.floor), size)
    return None
