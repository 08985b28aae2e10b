"""What a USD-M futures account holds and how its symbols are set up, as the venue reports it.

Contracts are linear: quantities in base currency, prices, margins and results in the quote
currency, which is the margin asset. A quantity of a position is signed: a short one is negative.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from exchange.domain.types import ZERO

MAX_LEVERAGE: Final = 125  # what a person may enter
MAX_LEVERAGE_USED: Final = 50  # what is ever asked of a venue


class MarginType(StrEnum):
    """What is lost when a position is liquidated: its own margin, or all that is available."""

    ISOLATED = "ISOLATED"
    CROSSED = "CROSSED"


class PositionSide(StrEnum):
    """BOTH in one-way mode; in hedge mode a symbol has a LONG and a SHORT position."""

    BOTH = "BOTH"
    LONG = "LONG"
    SHORT = "SHORT"


class IncomeType(StrEnum):
    """Why the balance of a futures wallet changed; unheard-of words map to OTHER."""

    TRANSFER = "TRANSFER"
    REALIZED_PNL = "REALIZED_PNL"
    FUNDING_FEE = "FUNDING_FEE"
    COMMISSION = "COMMISSION"
    INSURANCE_CLEAR = "INSURANCE_CLEAR"  # what a liquidation costs
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkPrice:
    """The price that liquidations and funding go by, and what funding comes next."""

    symbol: str
    mark_price: Decimal
    index_price: Decimal
    funding_rate: Decimal  # of the stamp that comes next, as it stands now; a share of the notional
    next_funding_time: datetime
    market_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingRate:
    """What longs have paid shorts at one stamp, as a share of the notional at the mark price.

    mark_price   None where the venue has not recorded it
    """

    symbol: str
    rate: Decimal
    market_time: datetime
    mark_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolConfig:
    """How an account trades one symbol. `max_notional` is infinite where there is no limit."""

    symbol: str
    margin_type: MarginType
    leverage: int
    max_notional: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LeverageReport:
    """The leverage that the venue says a symbol now has; what counts, whatever was asked.

    max_notional   infinite where there is no limit
    """

    symbol: str
    leverage: int
    max_notional: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionReport:
    """One position that is not zero.

    quantity            signed
    liquidation_price   None when there is none
    isolated_wallet     margin set aside for it, without its unrealized result; zero in cross mode
    """

    symbol: str
    side: PositionSide
    quantity: Decimal
    entry_price: Decimal
    break_even_price: Decimal
    mark_price: Decimal
    unrealized_pnl: Decimal
    liquidation_price: Decimal | None
    isolated_wallet: Decimal
    notional: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    market_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesBalance:
    """One asset of a futures wallet.

    wallet      what was paid in, plus realized results, fees and funding
    margin      `wallet` plus the unrealized result of all positions
    available   what new positions and transfers may use
    """

    wallet: Decimal
    unrealized_pnl: Decimal
    margin: Decimal
    available: Decimal
    initial_margin: Decimal = ZERO
    maintenance_margin: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesAccountInfo:
    """A futures wallet by asset. The venue tells no account number here."""

    balances: Mapping[str, FuturesBalance] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomeReport:
    """One change of a futures wallet. `transaction_id` is unique per `type`.

    symbol     None for transfers
    trade_id   of the execution behind it, None when there is none
    """

    type: IncomeType
    symbol: str | None
    amount: Decimal
    asset: str
    transaction_id: str
    market_time: datetime
    trade_id: str | None = None
