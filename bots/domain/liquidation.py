"""A stop has to end a futures position before the venue does."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from bots.domain.decision import Denial, DenialCode
from bots.domain.direction import Direction
from bots.domain.wording import plain
from exchange.domain.margin import LeverageBrackets, initial_margin, liquidation_price
from exchange.domain.types import ZERO

# Of the entry price. A stop is a market order from its trigger on: until it has filled, the mark
# price runs on, and what the fees and the slippage of the entry took is missing from its margin.
LIQUIDATION_BUFFER_PERC: Final = Decimal("0.5")
_PLACES: Final = 8  # an estimate has no more meaning


def estimated_liquidation(
    *,
    price: Decimal,
    quantity: Decimal,
    direction: Direction,
    leverage: int,
    brackets: LeverageBrackets | None,
) -> Decimal | None:
    """Return the mark price that would liquidate a position entered at `price`; None when none.

    quantity   base currency, not signed
    brackets   the venue's tiers; without them the whole margin is taken to be lost
    """
    if brackets is None:
        lost = price * (1 - direction.sign * Decimal(1) / leverage)
        return lost if lost > ZERO else None
    margin = initial_margin(price * quantity, leverage)
    return liquidation_price(direction.sign * quantity, price, margin, brackets)


def stop_beyond_liquidation(
    *,
    stop: Decimal | None,
    liquidation: Decimal | None,
    price: Decimal,
    direction: Direction,
) -> Denial | None:
    """Return the refusal of an entry at `price` whose `stop` would come too late.

    None without a stop: nothing promises to end such a position before it is liquidated.
    """
    if stop is None or liquidation is None:
        return None
    buffer = price * LIQUIDATION_BUFFER_PERC / 100
    if direction.sign * (stop - liquidation) >= buffer:
        return None
    detail = (
        f"stop {plain(stop)} is not {plain(LIQUIDATION_BUFFER_PERC)} % of the price clear of "
        f"{_words(liquidation)}; lower the leverage or tighten the stop"
    )
    return Denial(code=DenialCode.STOP_BEYOND_LIQUIDATION, detail=detail)


def clearance(stop: Decimal | None, liquidation: Decimal | None) -> str:
    """Say where the stop is and where the liquidation, when all is well."""
    if stop is None:
        return "no stop is set"
    if liquidation is None:
        return f"stop {plain(stop)}; no price above zero liquidates it"
    return f"stop {plain(stop)} is clear of {_words(liquidation)}"


def _words(liquidation: Decimal) -> str:
    return f"the estimated liquidation at {plain(round(liquidation, _PLACES))}"
