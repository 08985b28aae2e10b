"""What the futures market keeps: orders, algo orders, fills, positions, income, settings.

Amounts are Decimals with at most eight decimals, times are market time in ms. Sides of positions
are BOTH in one-way mode, LONG and SHORT in hedge mode; the amount of a short position is negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from exchange.demo.amounts import ZERO

OPEN_STATUSES: Final = ("NEW", "PARTIALLY_FILLED")
# An algo order that may still act; TRIGGERED ones have a child in the book.
OPEN_ALGO_STATUSES: Final = ("NEW", "TRIGGERING", "TRIGGERED")
ALGO_TYPES: Final = (
    *("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"),
    "TRAILING_STOP_MARKET",
)
NO_ORDER: Final = 0
ISOLATED: Final = "ISOLATED"
CROSSED: Final = "CROSSED"
DEFAULT_LEVERAGE: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order in the book, or one that was.

    original_type   what it was before it triggered; of the child of an algo order that one's type
    price           0 for orders at the market
    stop_price      of the child of an algo order: where that triggered; else 0
    algo_id         whose child it is, NO_ORDER when of none
    expiry_reason   why it EXPIRED, in our own words; the venue tells none in these replies
    """

    order_id: int = 0
    uid: int
    symbol: str
    client_order_id: str
    side: str
    position_side: str = "BOTH"
    type: str
    original_type: str
    time_in_force: str = "GTC"
    status: str = "NEW"
    quantity: Decimal
    price: Decimal = ZERO
    stop_price: Decimal = ZERO
    executed: Decimal = ZERO
    executed_quote: Decimal = ZERO
    reduce_only: bool = False
    close_position: bool = False
    working_type: str = "CONTRACT_PRICE"
    price_protect: bool = False
    prevention_mode: str = "NONE"
    good_till_ms: int = 0
    algo_id: int = NO_ORDER
    at_ms: int
    updated_ms: int
    expiry_reason: str | None = None

    @property
    def is_open(self) -> bool:
        """Say whether the order may still be filled."""
        return self.status in OPEN_STATUSES

    @property
    def is_buy(self) -> bool:
        """Say whether contracts are bought."""
        return self.side == "BUY"

    @property
    def remaining(self) -> Decimal:
        """Return the quantity that is not filled."""
        return self.quantity - self.executed


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgoOrder:
    """A conditional order of the algo service.

    quantity        0 when it closes the whole position
    trigger_price   0 for a trailing stop
    activate_price  of a trailing stop; 0 when it trails from the start
    callback_rate   of a trailing stop, in percent
    is_trailing     whether a trailing stop has been activated
    peak            best price since then: highest of one that sells, lowest of one that buys
    child_id        order that it became, NO_ORDER before
    reject_reason   why its child was refused, in the venue's words
    """

    algo_id: int = 0
    uid: int
    symbol: str
    client_algo_id: str
    side: str
    position_side: str = "BOTH"
    type: str
    time_in_force: str = "GTC"
    status: str = "NEW"
    quantity: Decimal = ZERO
    price: Decimal = ZERO
    trigger_price: Decimal = ZERO
    activate_price: Decimal = ZERO
    callback_rate: Decimal = ZERO
    working_type: str = "CONTRACT_PRICE"
    price_protect: bool = False
    reduce_only: bool = False
    close_position: bool = False
    prevention_mode: str = "EXPIRE_MAKER"
    good_till_ms: int = 0
    is_trailing: bool = False
    peak: Decimal = ZERO
    child_id: int = NO_ORDER
    reject_reason: str | None = None
    at_ms: int
    updated_ms: int
    triggered_ms: int = 0

    @property
    def is_open(self) -> bool:
        """Say whether it may still act, itself or through its child."""
        return self.status in OPEN_ALGO_STATUSES

    @property
    def is_buy(self) -> bool:
        """Say whether contracts are bought."""
        return self.side == "BUY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution; `realized_pnl` is that of the quantity it closed, without the commission."""

    trade_id: int = 0
    order_id: int
    uid: int
    symbol: str
    side: str
    position_side: str
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: str
    realized_pnl: Decimal
    at_ms: int
    is_maker: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A position in isolated mode; amount 0 when there is none.

    amount            signed, in base currency
    cost              what the amount was worth at its entry, signed like it: exact, where an
                      average price would be rounded
    isolated_wallet   margin set aside for it, without its unrealized result
    """

    uid: int
    symbol: str
    side: str = "BOTH"
    amount: Decimal = ZERO
    cost: Decimal = ZERO
    isolated_wallet: Decimal = ZERO
    updated_ms: int = 0

    @property
    def entry_price(self) -> Decimal:
        """Return the average entry price, unrounded; 0 when there is no position."""
        return self.cost / self.amount if self.amount else ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Income:
    """One change of a wallet.

    type       TRANSFER REALIZED_PNL FUNDING_FEE COMMISSION INSURANCE_CLEAR
    symbol     empty for transfers
    trade_id   0 when no execution is behind it
    """

    income_id: int = 0
    uid: int
    symbol: str = ""
    type: str
    amount: Decimal
    asset: str
    info: str = ""
    trade_id: int = 0
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolSettings:
    """How an account trades a symbol; as at the venue crossed and 20x until it says otherwise."""

    uid: int
    symbol: str
    leverage: int = DEFAULT_LEVERAGE
    margin_type: str = CROSSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A movement between the wallets of one account. `at_ms` is wall time: no market is behind it.

    type   MAIN_UMFUTURE or UMFUTURE_MAIN
    """

    transfer_id: int = 0
    uid: int
    type: str
    asset: str
    amount: Decimal
    at_ms: int
