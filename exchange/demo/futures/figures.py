"""What an account is worth at one moment, and each of its positions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from exchange.demo.amounts import ZERO
from exchange.demo.futures.fees import TAKER_RATE
from exchange.demo.futures.margin import initial_margin, liquidation_price, unrealized
from exchange.demo.futures.values import Position
from exchange.demo.market.brackets import Bracket, Brackets


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionFigures:
    """One position at a mark price; amounts in quote currency.

    notional            at the mark price, signed like the position
    maintenance         margin below which it is liquidated
    initial             margin that it would need if it were opened now
    liquidation_price   unrounded; None when there is none
    """

    position: Position
    leverage: int
    mark: Decimal
    notional: Decimal
    unrealized: Decimal
    maintenance: Decimal
    initial: Decimal
    liquidation_price: Decimal | None
    bracket: Bracket


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFigures:
    """A futures wallet at one market time, in its margin asset.

    wallet               paid in, plus results, fees and funding
    cross_wallet         `wallet` without the margin that is set aside for positions
    margin_balance       `wallet` plus `unrealized`
    open_order_margins   by (symbol, side of the position), where there are open orders
    available            for new positions and transfers; never below 0
    """

    wallet: Decimal
    cross_wallet: Decimal
    unrealized: Decimal
    margin_balance: Decimal
    maintenance: Decimal
    position_initial: Decimal
    open_order_initial: Decimal
    open_order_margins: Mapping[tuple[str, str], Decimal]
    available: Decimal
    positions: list[PositionFigures]


def position_figures(
    position: Position, *, mark: Decimal, leverage: int, brackets: Brackets
) -> PositionFigures:
    """Return the figures of one position that is not zero."""
    notional = position.amount * mark
    return PositionFigures(
        position=position,
        leverage=leverage,
        mark=mark,
        notional=notional,
        unrealized=unrealized(position, mark),
        maintenance=brackets.maintenance(abs(notional)),
        initial=initial_margin(abs(notional), leverage),
        liquidation_price=liquidation_price(position, brackets),
        bracket=brackets.of(abs(notional)),
    )


def account_figures(
    wallet: Decimal,
    positions: list[PositionFigures],
    open_order_margins: Mapping[tuple[str, str], Decimal],
) -> AccountFigures:
    """Return the figures of an account."""
    result = sum((one.unrealized for one in positions), ZERO)
    isolated = sum((one.position.isolated_wallet for one in positions), ZERO)
    open_orders = sum(open_order_margins.values(), ZERO)
    return AccountFigures(
        wallet=wallet,
        cross_wallet=wallet - isolated,
        unrealized=result,
        margin_balance=wallet + result,
        maintenance=sum((one.maintenance for one in positions), ZERO),
        position_initial=sum((one.initial for one in positions), ZERO),
        open_order_initial=open_orders,
        open_order_margins=open_order_margins,
        available=max(wallet - isolated - open_orders, ZERO),
        positions=positions,
    )


def break_even(position: Position) -> Decimal:
    """Return the price at which closing brings back what the way in has cost.

    As if it had been opened at the market: the venue adds the commission of the way in. Unrounded,
    0 when there is no position.
    """
    sign = 1 if position.amount > 0 else -1
    return position.entry_price * (1 + sign * TAKER_RATE)
