"""What a position is made of: fills, funding, and what both leave behind.

A position is long or short; spot knows long ones only. Fees in the quote currency, and those in a
third asset at what they were worth then, are part of its cost; a fee in the base currency takes
coins away. Results are those of the average entry price.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bots.domain.direction import Direction
from exchange.domain.rules import TradingRules
from exchange.domain.types import ZERO, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution. `trade_id` is the venue's number, unique per market and symbol.

    quote_quantity     what changed hands, as the venue says; None: price x quantity
    commission_quote   what a commission in a third asset was worth in quote; None: not known
    """

    side: Side
    price: Decimal
    quantity: Decimal
    commission: Decimal
    commission_asset: str
    trade_id: str
    market_time: datetime
    quote_quantity: Decimal | None = None
    commission_quote: Decimal | None = None

    @property
    def value(self) -> Decimal:
        """Return what changed hands, in quote."""
        return self.price * self.quantity if self.quote_quantity is None else self.quote_quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Funding:
    """One funding payment in quote; positive: received."""

    amount: Decimal
    transaction_id: str
    market_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """What one fill ended.

    quantity    base currency that left the position by this fill
    gross_pnl   (price - average entry) x quantity, mirrored for a short; no fees
    net_pnl     after the fees of this fill, of the entry of that quantity, and its `funding`
    """

    trade_id: str
    market_time: datetime
    quantity: Decimal
    gross_pnl: Decimal
    net_pnl: Decimal
    funding: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """What the facts leave behind; money in quote currency, 12 decimals.

    quantity         base currency held, never negative, net of the fees that were taken from it
    direction        which way it is held; LONG when flat
    entry_price      average price of the entries that are held, without fees; None when empty
    cost             quote paid for what is held, fees included; of a short: received, less fees
    opened_at        market time of the entry that ended the last flat time; None when flat
    closed_at        market time of the fill that last ended a position; None before the first
    newest_fill_at   market time of the newest fill; None without fills
    closed           one entry per closing fill, oldest first
    funding          all that was paid or received
    open_funding     the part of it that no closing fill has taken yet
    fees             all commissions in quote, those in base at the fill's price
    other_fees       fees in a third asset (BNB), summed per asset
    unvalued         fills whose commission is in a third asset and has no known worth: it is
                     missing in cost and profit
    oversold         base currency that was sold although it was not held: somebody must look
    """

    quantity: Decimal = ZERO
    direction: Direction = Direction.LONG
    entry_price: Decimal | None = None
    cost: Decimal = ZERO
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    newest_fill_at: datetime | None = None
    closed: tuple[Closed, ...] = ()
    funding: Decimal = ZERO
    open_funding: Decimal = ZERO
    fees: Decimal = ZERO
    other_fees: tuple[tuple[str, Decimal], ...] = ()
    unvalued: int = 0
    oversold: Decimal = ZERO

    @property
    def realized_net(self) -> Decimal:
        """Return the net profit or loss of all that was closed, and all funding so far."""
        return sum((each.net_pnl for each in self.closed), ZERO) + self.open_funding

    @property
    def signed_quantity(self) -> Decimal:
        """Return the quantity as futures report it: negative for a short."""
        return self.direction.sign * self.quantity

    def unrealized(self, price: Decimal) -> Decimal:
        """Return what closing everything at `price` would gain, before the fee of doing so."""
        return self.direction.sign * (self.quantity * price - self.cost)

    def is_flat(self, rules: TradingRules) -> bool:
        """Say whether what is left is too little to be a quantity at the venue (dust)."""
        return is_dust(self.quantity, rules.quantity_increment)


def is_dust(quantity: Decimal, quantity_increment: Decimal) -> bool:
    """Say whether `quantity` is less than one increment. Dust counts as flat."""
    return quantity <= ZERO or quantity < quantity_increment
