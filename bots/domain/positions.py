"""Positions and profit as a fold over fills. The same fills give the same answer in any order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Final

from exchange.domain.rules import TradingRules
from exchange.domain.types import ZERO, Side

_CONTEXT: Final = Context(prec=50, rounding=ROUND_HALF_EVEN)
_DECIMALS: Final = Decimal("1E-12")  # one digit place for every stored figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution. `trade_id` is the venue's number, unique per market and symbol."""

    side: Side
    price: Decimal
    quantity: Decimal
    commission: Decimal
    commission_asset: str
    trade_id: str
    market_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """What one selling fill ended.

    quantity    base currency that left the position by this sale
    gross_pnl   (price - average entry) x quantity, no fees
    net_pnl     what the sale brought after its quote fee, less what the quantity had cost
    """

    trade_id: str
    market_time: datetime
    quantity: Decimal
    gross_pnl: Decimal
    net_pnl: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """What the fills leave behind; money in quote currency, 12 decimals.

    quantity         base currency held, net of the fees that were taken from it
    entry_price      average price of the buys that are held, without fees; None when empty
    cost             quote paid for what is held, quote fees included
    opened_at        market time of the buy that ended the last flat time; None when flat
    newest_fill_at   market time of the newest fill; None without fills
    closed           one entry per selling fill, oldest first
    other_fees       fees in a third asset (BNB), summed per asset; not part of net profit or loss
    oversold         base currency that was sold although it was not held: somebody must look
    """

    quantity: Decimal = ZERO
    entry_price: Decimal | None = None
    cost: Decimal = ZERO
    opened_at: datetime | None = None
    newest_fill_at: datetime | None = None
    closed: tuple[Closed, ...] = ()
    other_fees: tuple[tuple[str, Decimal], ...] = ()
    oversold: Decimal = ZERO

    @property
    def realized_net(self) -> Decimal:
        """Return the net profit or loss of everything closed so far."""
        return sum((each.net_pnl for each in self.closed), ZERO)

    def realized_net_since(self, start: datetime) -> Decimal:
        """Return the net profit or loss of what closed at `start` (market time) or later."""
        return sum((each.net_pnl for each in self.closed if each.market_time >= start), ZERO)

    def is_flat(self, rules: TradingRules) -> bool:
        """Say whether what is left is too little to be a quantity at the venue (dust)."""
        return is_dust(self.quantity, rules.quantity_increment)


def is_dust(quantity: Decimal, quantity_increment: Decimal) -> bool:
    """Say whether `quantity` is less than one increment. Dust counts as flat."""
    return quantity <= ZERO or quantity < quantity_increment


def fold(
    fills: Iterable[Fill],
    *,
    base_asset: str,
    quote_asset: str,
    quantity_increment: Decimal = ZERO,
) -> Position:
    """Return the position that `fills` lead to, whatever their order and repetitions.

    They are sorted by market time and trade id; a repeated trade id counts once. ValueError when
    two fills share a trade id but not their content. Arithmetic has 50 digits; figures are
    rounded to 12 decimals when they leave this function, and the cost of what is sold at each sale,
    so that net profit less what is left in `cost` is what was brought less what was paid. Dust of
    an earlier round trip keeps its cost and joins the next one.
    """
    with localcontext(_CONTEXT):
        state = _State(base_asset, quote_asset, quantity_increment)
        for fill in _in_order(fills):
            state.apply(fill)
        return state.position()


def _in_order(fills: Iterable[Fill]) -> list[Fill]:
    unique: dict[str, Fill] = {}
    for fill in fills:
        if unique.setdefault(fill.trade_id, fill) != fill:
            raise ValueError(f"two different fills claim trade id {fill.trade_id}")
    return sorted(unique.values(), key=lambda fill: (fill.market_time, int(fill.trade_id)))


@dataclass(slots=True)
class _State:
    # `bought` and `paid` are the buys behind what is held, gross quantity and price x quantity.
    # They shrink with every sale in proportion, so that paid / bought stays the average price.
    base_asset: str
    quote_asset: str
    increment: Decimal
    held: Decimal = ZERO
    bought: Decimal = ZERO
    paid: Decimal = ZERO
    cost: Decimal = ZERO
    opened_at: datetime | None = None
    newest: datetime | None = None
    oversold: Decimal = ZERO
    closed: list[Closed] = field(default_factory=list)
    other_fees: dict[str, Decimal] = field(default_factory=dict)

    def apply(self, fill: Fill) -> None:
        self.newest = fill.market_time
        base_fee, quote_fee = self._fees(fill)
        if fill.side is Side.BUY:
            self._buy(fill, base_fee=base_fee, quote_fee=quote_fee)
        else:
            self._sell(fill, base_fee=base_fee, quote_fee=quote_fee)
        if is_dust(self.held, self.increment):
            self.opened_at = None
        elif self.opened_at is None:
            self.opened_at = fill.market_time

    def _fees(self, fill: Fill) -> tuple[Decimal, Decimal]:
        if fill.commission_asset == self.base_asset:
            return fill.commission, ZERO
        if fill.commission_asset == self.quote_asset:
            return ZERO, fill.commission
        if fill.commission:
            before = self.other_fees.get(fill.commission_asset, ZERO)
            self.other_fees[fill.commission_asset] = before + fill.commission
        return ZERO, ZERO

    def _buy(self, fill: Fill, *, base_fee: Decimal, quote_fee: Decimal) -> None:
        value = fill.price * fill.quantity
        self.held += fill.quantity - base_fee
        self.bought += fill.quantity
        self.paid += value
        self.cost += value + quote_fee

    def _sell(self, fill: Fill, *, base_fee: Decimal, quote_fee: Decimal) -> None:
        closed = min(fill.quantity, self.held)
        self.oversold += fill.quantity - closed
        if closed <= ZERO:
            return
        gone = min(closed + base_fee, self.held)
        share = gone / self.held
        brought = (fill.price * fill.quantity - quote_fee) * closed / fill.quantity
        gross = fill.price * closed - self.paid / self.bought * closed
        # Rounded here, or profit and what is left might not add up to what was paid.
        spent = self.cost if gone == self.held else _rounded(self.cost * share)
        self._record(fill, closed=closed, gross=gross, net=brought - spent)
        self.held -= gone
        self.cost -= spent
        keep = 1 - share
        self.bought, self.paid = self.bought * keep, self.paid * keep

    def _record(self, fill: Fill, *, closed: Decimal, gross: Decimal, net: Decimal) -> None:
        self.closed.append(
            Closed(
                trade_id=fill.trade_id,
                market_time=fill.market_time,
                quantity=_rounded(closed),
                gross_pnl=_rounded(gross),
                net_pnl=_rounded(net),
            )
        )

    def position(self) -> Position:
        return Position(
            # Rounded down: a sale of more than is held would be refused.
            quantity=self.held.quantize(_DECIMALS, rounding=ROUND_DOWN),
            entry_price=_rounded(self.paid / self.bought) if self.held > ZERO else None,
            cost=_rounded(self.cost),
            opened_at=self.opened_at,
            newest_fill_at=self.newest,
            closed=tuple(self.closed),
            other_fees=tuple(sorted(self.other_fees.items())),
            oversold=_rounded(self.oversold),
        )


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(_DECIMALS)
