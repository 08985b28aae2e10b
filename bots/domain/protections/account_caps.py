"""What all bots of one account may hold together."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bots.domain.decision import Denial, DenialCode
from bots.domain.wording import money
from exchange.domain.types import ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What the bots of an account hold, entries that are in flight included.

    open_positions   how many
    notional         quote currency: price x quantity of all of them, long and short added up
    """

    open_positions: int = 0
    notional: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCaps:
    """The most that the bots of an account may hold; None: no cap."""

    max_exposure: Decimal | None = None
    max_open_positions: int | None = None


NO_CAPS: Final = AccountCaps()


def account_caps(
    exposure: Exposure, caps: AccountCaps, *, notional: Decimal, asset: str = "USDT"
) -> Denial | None:
    """Return the refusal of an entry that would take the account beyond one of its caps.

    notional   quote currency, price x quantity of the entry
    asset      the quote currency, for the words
    """
    most = caps.max_open_positions
    if most is not None and exposure.open_positions >= most:
        detail = (
            f"the account's bots hold {exposure.open_positions} of at most {most} positions; "
            "one has to close first, or the account's cap be raised"
        )
        return Denial(code=DenialCode.MAX_OPEN_POSITIONS, detail=detail)
    if caps.max_exposure is not None and exposure.notional + notional > caps.max_exposure:
        detail = (
            f"the account's bots hold {money(exposure.notional)} {asset}, and {money(notional)} "
            f"more would be above the cap of {money(caps.max_exposure)}"
        )
        return Denial(code=DenialCode.MAX_EXPOSURE, detail=detail)
    return None
