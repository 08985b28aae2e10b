"""Fold fills and funding into a position. The same facts give the same answer in any order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Final

from bots.domain.direction import Direction
from bots.domain.positions import Closed, Fill, Funding, Position, is_dust
from exchange.domain.types import ZERO, Market, Side

DECIMALS: Final = Decimal("1E-12")  # one digit place for every stored figure
_CONTEXT: Final = Context(prec=50, rounding=ROUND_HALF_EVEN)
_CENT: Final = Decimal("1E-8")  # what the venue's wallets count in
# The venue rounds what a part of a futures position has cost, so that results add up to its wallet.
_COST_UNIT: Final = {Market.SPOT: DECIMALS, Market.FUTURES: _CENT}


def fold(
    fills: Iterable[Fill],
    funding: Iterable[Funding] = (),
    *,
    base_asset: str,
    quote_asset: str,
    quantity_increment: Decimal = ZERO,
    market: Market = Market.SPOT,
    residue_below: Decimal = ZERO,
) -> Position:
    """Return the position that the facts lead to, whatever their order and repetitions.

    residue_below   quote; what is left of a spot position and is worth less cannot be sold, so
                    the position counts as ended, and the next entry, which it joins, as a new one

    Fills are sorted by market time and trade id; a repeated trade id counts once, and so does a
    funding payment. ValueError when two share a number but not their content. On futures what goes
    beyond the position opens the opposite one; on spot it is `oversold`.
    Funding belongs to the position that was open, and is taken by its closing fills in proportion;
    what comes after the end is added to the fill that made it.
    Arithmetic has 50 digits. The cost of what is closed is rounded there, and the rest keeps the
    difference, so that net profit less what is left in `cost` (plus it, of a short) is what was
    brought less what was paid. Dust of an earlier round trip keeps its cost and joins the next one.
    """
    with localcontext(_CONTEXT):
        state = _State(base_asset, quote_asset, quantity_increment, market, residue_below)
        for fact in _in_order(fills, funding):
            if isinstance(fact, Fill):
                state.apply(fact)
            else:
                state.fund(fact)
        return state.position()


def _in_order(fills: Iterable[Fill], funding: Iterable[Funding]) -> list[Fill | Funding]:
    facts: dict[tuple[bool, str], Fill | Funding] = {}
    for fill in fills:
        if facts.setdefault((False, fill.trade_id), fill) != fill:
            raise ValueError(f"two different fills claim trade id {fill.trade_id}")
    for payment in funding:
        if facts.setdefault((True, payment.transaction_id), payment) != payment:
            raise ValueError(f"two different payments claim {payment.transaction_id}")
    # Numbers as numbers: a longer one is larger. Funding of a moment comes after its fills.
    keys = sorted(facts, key=lambda key: (facts[key].market_time, key[0], len(key[1]), key[1]))
    return [facts[key] for key in keys]


class _State:
    # `cost` is what the position has taken out of the wallet, so a short's is negative.
    # `bought` and `paid` are the entries behind what is held, gross quantity and value. They shrink
    # with every exit in proportion, so that paid / bought stays the average price.

    def __init__(
        self, base: str, quote: str, increment: Decimal, market: Market, residue_below: Decimal
    ) -> None:
        self._base, self._quote, self._increment = base, quote, increment
        self._is_futures, self._cost_unit = market is Market.FUTURES, _COST_UNIT[market]
        self._residue_below = ZERO if self._is_futures else residue_below
        self._direction = Direction.LONG
        self._held = self._bought = self._paid = self._cost = ZERO
        self._funding = self._open_funding = self._fees = self._oversold = ZERO
        self._opened_at: datetime | None = None
        self._closed_at: datetime | None = None
        self._newest: datetime | None = None
        self._closed: list[Closed] = []
        self._other_fees: dict[str, Decimal] = {}
        self._unvalued = 0

    def apply(self, fill: Fill) -> None:
        self._newest = fill.market_time
        coins, fee = self._fee(fill)
        closing = ZERO
        if fill.side is self._direction.exit_side and (self._held > ZERO or not self._is_futures):
            closing = min(fill.quantity, self._held)
        left = fill.quantity - closing
        value, fee_of_it = fill.value, fee
        if closing and left:
            value = (fill.price * closing).quantize(_CENT, rounding=ROUND_DOWN)
            fee_of_it = _rounded(fee * closing / fill.quantity)
        if closing:
            self._close(fill, closing, coins, value=value, fee=fee_of_it)
        if left and not self._is_futures and fill.side is Side.SELL:
            self._oversold += left
        elif left:
            spent = fill.value - value if closing else fill.value
            self._open(fill, left, coins, value=spent, fee=fee - fee_of_it if closing else fee)
        if is_dust(self._held, self._increment):
            self._opened_at = None

    def _fee(self, fill: Fill) -> tuple[Decimal, Decimal]:
        # Coins that the fee takes, and what else it costs in quote.
        if fill.commission_asset == self._quote:
            self._fees += fill.commission
            return ZERO, fill.commission
        if fill.commission_asset == self._base:
            worth = fill.commission * fill.price
            self._fees += worth
            return (ZERO, worth) if self._is_futures else (fill.commission, ZERO)
        if fill.commission:
            before = self._other_fees.get(fill.commission_asset, ZERO)
            self._other_fees[fill.commission_asset] = before + fill.commission
            self._unvalued += fill.commission_quote is None
        self._fees += fill.commission_quote or ZERO
        return ZERO, fill.commission_quote or ZERO

    def _open(
        self, fill: Fill, quantity: Decimal, coins: Decimal, *, value: Decimal, fee: Decimal
    ) -> None:
        if self._is_over(fill.price):
            self._opened_at = fill.market_time
        if self._held <= ZERO and self._is_futures:
            self._direction = Direction.LONG if fill.side is Side.BUY else Direction.SHORT
        self._held += quantity - coins
        self._bought += quantity
        self._paid += value
        self._cost += self._direction.sign * value + fee

    def _close(
        self, fill: Fill, quantity: Decimal, coins: Decimal, *, value: Decimal, fee: Decimal
    ) -> None:
        gone = min(quantity + coins, self._held)
        basis = (self._paid * quantity / self._bought).quantize(self._cost_unit)
        spent, paid = self._shares(gone)
        funding = self._share(self._open_funding, gone, DECIMALS)
        sign = self._direction.sign
        self._closed.append(
            Closed(
                trade_id=fill.trade_id,
                market_time=fill.market_time,
                quantity=_rounded(quantity),
                gross_pnl=_rounded(sign * (value - basis)),
                net_pnl=_rounded(sign * value - spent - fee + funding),
                funding=_rounded(funding),
            )
        )
        self._bought -= self._bought * gone / self._held
        self._paid -= paid
        self._cost -= spent
        self._open_funding -= funding
        self._held -= gone
        self._after_closing(fill)

    def _after_closing(self, fill: Fill) -> None:
        if self._is_over(fill.price):
            self._closed_at = fill.market_time
        if self._held <= ZERO:
            self._direction, self._bought, self._paid = Direction.LONG, ZERO, ZERO

    def _share(self, whole: Decimal, gone: Decimal, unit: Decimal) -> Decimal:
        return whole if gone == self._held else (whole * gone / self._held).quantize(unit)

    def _shares(self, gone: Decimal) -> tuple[Decimal, Decimal]:
        # Of cost and of what was paid without fees. What leaves `_cost` is rounded at once, or
        # results and what is left might not add up to what was paid.
        if not self._is_futures:
            return self._share(self._cost, gone, DECIMALS), self._paid * gone / self._held
        paid = self._share(self._paid, gone, _CENT)
        fees = self._cost - self._direction.sign * self._paid
        return self._direction.sign * paid + self._share(fees, gone, DECIMALS), paid

    def _is_over(self, price: Decimal) -> bool:
        if is_dust(self._held, self._increment):
            return True
        sellable = self._held
        if self._increment:
            sellable = self._held // self._increment * self._increment
        return sellable * price < self._residue_below

    def fund(self, payment: Funding) -> None:
        self._funding += payment.amount
        if is_dust(self._held, self._increment) and self._closed:
            self._closed[-1] = _with_funding(self._closed[-1], payment.amount)
        else:
            self._open_funding += payment.amount

    def position(self) -> Position:
        return Position(
            # Rounded down: a sale of more than is held would be refused.
            quantity=self._held.quantize(DECIMALS, rounding=ROUND_DOWN),
            direction=self._direction,
            entry_price=_rounded(self._paid / self._bought) if self._held > ZERO else None,
            cost=_rounded(self._direction.sign * self._cost),
            opened_at=self._opened_at,
            closed_at=self._closed_at,
            newest_fill_at=self._newest,
            closed=tuple(self._closed),
            funding=_rounded(self._funding),
            open_funding=_rounded(self._open_funding),
            fees=_rounded(self._fees),
            other_fees=tuple(sorted(self._other_fees.items())),
            unvalued=self._unvalued,
            oversold=_rounded(self._oversold),
        )


def _with_funding(closed: Closed, amount: Decimal) -> Closed:
    return replace(
        closed,
        net_pnl=_rounded(closed.net_pnl + amount),
        funding=_rounded(closed.funding + amount),
    )


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(DECIMALS)
