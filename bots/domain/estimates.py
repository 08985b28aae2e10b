"""What a futures bot's settings come to, as far as that can be said without asking the venue."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Final

from bots.domain.liquidation import LIQUIDATION_BUFFER_PERC
from bots.domain.snapshot import Parameters

_HUNDRED: Final = Decimal(100)
_HUNDREDTHS: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeEstimate:
    """A position of this size. Money in quote currency.

    margin                 what is set aside for it, and can be lost as a whole
    notional               what it is worth: margin x leverage used
    liquidation_distance   percent of price from the entry to the liquidation, as if all of the
                           margin could be lost; the venue keeps a part, so it is a little less
    """

    margin: Decimal
    leverage: int
    notional: Decimal
    liquidation_distance: Decimal


def size_estimate(parameters: Parameters) -> SizeEstimate:
    """Return what an entry with these settings comes to before any profit or loss."""
    margin = parameters.position_size_fixed
    if margin is None:
        share = parameters.position_size_perc or Decimal(0)
        margin = parameters.initial_capital * share / _HUNDRED
    return SizeEstimate(
        margin=margin,
        leverage=parameters.leverage,
        notional=margin * parameters.leverage,
        liquidation_distance=_percent(_HUNDRED / parameters.leverage),
    )


def furthest_stop_perc(leverage: int) -> Decimal:
    """Return how many percent from its entry a stop may be to come before the liquidation.

    Rounded down to hundredths. The venue's own figure, which is a little nearer to the entry,
    is compared with the stop again before every entry.
    """
    return _percent(_HUNDRED / leverage - LIQUIDATION_BUFFER_PERC)


def _percent(value: Decimal) -> Decimal:
    return value.quantize(_HUNDREDTHS, rounding=ROUND_DOWN)
