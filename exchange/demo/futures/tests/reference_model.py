"""One account in isolated one-way mode, worked out a second time and as simply as can be.

It is told of fills, of the mark and rate of each stamp, and of the tiers, and shares no arithmetic
with the engine: money is counted in whole units of 1e-8, everything between in fractions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Final, NamedTuple

UNIT: Final = 10**8
TAKER: Final = Fraction(5, 10_000)
MAKER: Final = Fraction(2, 10_000)
# Floor, rate and amount of each tier.
Tier = tuple[int, Fraction, int]


class Resting(NamedTuple):
    """What is open in the book: side, limit, what is left of it, whether it only reduces."""

    is_buy: bool
    price: Fraction
    left: Fraction
    reduces: bool


@dataclass
class Account:
    """Wallet and position; money in units of 1e-8, quantities in base currency.

    amount     signed
    cost       what the amount was bought or sold for, signed like it
    isolated   margin of the position, part of the wallet
    """

    tiers: Sequence[Tier]
    wallet: int
    leverage: int = 10
    amount: Fraction = Fraction(0)
    cost: int = 0
    isolated: int = 0
    insured: int = 0
    paid_funding: int = 0
    fees: int = 0

    def fill(self, price: Fraction, quantity: Fraction, *, is_buy: bool, is_maker: bool) -> None:
        """Trade; what the wallet lacks comes out of the margin."""
        sign = 1 if is_buy else -1
        closed = min(quantity, -sign * self.amount) if self.amount * sign < 0 else Fraction(0)
        if closed:
            self._close(price, closed, sign)
        opened = quantity - closed
        if opened:
            worth = whole(price * opened)
            self.amount += sign * opened
            self.cost += sign * worth
            self.isolated += ceil(Fraction(worth, self.leverage))
        fee = ceil(whole(price * quantity) * (MAKER if is_maker else TAKER))
        self.wallet -= fee
        self.fees += fee
        self.take_lack()

    def _close(self, price: Fraction, closed: Fraction, sign: int) -> None:
        share = closed / abs(self.amount)
        cost = round(self.cost * share)
        self.wallet += -cost - sign * whole(price * closed)
        self.cost -= cost
        self.isolated -= floor(self.isolated * share)
        self.amount += sign * closed

    def take_lack(self) -> None:
        """Let the margin of the position pay what the rest of the wallet cannot."""
        lack = min(self.isolated - self.wallet, self.isolated)
        self.isolated -= max(lack, 0)

    def insure(self) -> None:
        """Let the fund pay what the wallet owes beyond the margin."""
        lack = max(self.isolated - self.wallet, 0)
        self.wallet += lack
        self.insured += lack

    def fund(self, rate: Fraction, mark: Fraction) -> None:
        """Pay or receive funding, cut after eight decimals."""
        due = int(self.amount * mark * rate * UNIT)
        paid = min(due, self.wallet)
        self.wallet -= paid
        self.paid_funding += paid
        self.take_lack()

    def liquidate(
        self, fills: Sequence[tuple[Fraction, Fraction]], *, is_buy: bool, clearance: Fraction
    ) -> None:
        """Close by force: the margin bears result, fee and clearance, and nothing beyond it."""
        rest = self.wallet - self.isolated
        for price, quantity in fills:
            self.fill(price, quantity, is_buy=is_buy, is_maker=False)
        due = floor(sum(whole(price * quantity) for price, quantity in fills) * clearance)
        left = self.wallet - rest
        self.insured -= min(left, due)
        self.wallet -= min(left, due)

    def unrealized(self, mark: Fraction) -> Fraction:
        """Return what the position has won, in units."""
        return self.amount * mark * UNIT - self.cost

    def maintenance(self, mark: Fraction) -> Fraction:
        """Return the maintenance margin in units: the dearest of all tiers' lines."""
        notional = abs(self.amount) * mark
        return max(notional * rate - amount for _, rate, amount in self.tiers) * UNIT

    def is_short(self, mark: Fraction) -> bool:
        """Say whether margin and result do not exceed the maintenance margin."""
        return self.isolated + self.unrealized(mark) <= self.maintenance(mark)

    def liquidation_price(self) -> Fraction | None:
        """Return where margin and maintenance meet: of all tiers' prices the first on the way."""
        prices = []
        for _, rate, amount in self.tiers:
            slope = self.amount - abs(self.amount) * rate
            prices.append(Fraction(self.cost - self.isolated - amount * UNIT, UNIT) / slope)
        first = max(prices) if self.amount > 0 else min(prices)
        return first if first > 0 else None

    def available(self, orders: Sequence[Resting]) -> int:
        """Return what new orders may use."""
        needs = max(self._needs(orders, is_buy=is_buy) for is_buy in (True, False))
        return max(self.wallet - self.isolated - needs, 0)

    def _needs(self, orders: Sequence[Resting], *, is_buy: bool) -> int:
        to_close = max(-self.amount if is_buy else self.amount, Fraction(0))
        needs = 0
        same = [one for one in orders if one.is_buy == is_buy]
        for one in sorted(same, key=lambda one: -one.price if is_buy else one.price):
            opens = max(one.left - to_close, Fraction(0))
            to_close = max(to_close - one.left, Fraction(0))
            needs += 0 if one.reduces else ceil(opens * one.price * UNIT / self.leverage)
        return needs


def whole(worth: Fraction) -> int:
    """Return an amount of money in units; it must not be finer than that."""
    units = worth * UNIT
    assert units.denominator == 1
    return int(units)


def exact(amount: Decimal) -> Fraction:
    """Return a Decimal as a fraction."""
    return Fraction(amount)


def money(units: int | Fraction) -> Decimal:
    """Return units of 1e-8 as the Decimal that divides to it."""
    value = Fraction(units) / UNIT
    return Decimal(value.numerator) / Decimal(value.denominator)


def decimal(value: Fraction) -> Decimal:
    """Return the nearest Decimal of a fraction."""
    return Decimal(value.numerator) / Decimal(value.denominator)
