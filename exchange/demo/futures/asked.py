"""What a client asks of the futures market, read and checked for form before it gets there."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from exchange.demo.market.futures_symbols import FuturesSymbol


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """An order for the book: MARKET or LIMIT.

    time_in_force   GTC IOC FOK, GTX (maker or nothing) or GTD (until `good_till_ms`)
    price           the limit, None for MARKET
    position_side   BOTH, LONG or SHORT; what fits depends on the account's mode
    """

    symbol: FuturesSymbol
    side: str
    type: str
    quantity: Decimal
    time_in_force: str = "GTC"
    price: Decimal | None = None
    position_side: str = "BOTH"
    reduce_only: bool = False
    client_order_id: str | None = None
    prevention_mode: str = "NONE"
    good_till_ms: int = 0

    @property
    def is_buy(self) -> bool:
        """Say whether contracts are bought."""
        return self.side == "BUY"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgoRequest:
    """A conditional order; fields as of `values.AlgoOrder`, None for what was not sent."""

    symbol: FuturesSymbol
    side: str
    type: str
    quantity: Decimal | None = None
    position_side: str = "BOTH"
    time_in_force: str = "GTC"
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    activate_price: Decimal | None = None
    callback_rate: Decimal | None = None
    working_type: str = "CONTRACT_PRICE"
    price_protect: bool = False
    reduce_only: bool = False
    close_position: bool = False
    client_algo_id: str | None = None
    prevention_mode: str = "EXPIRE_MAKER"
    good_till_ms: int = 0

    @property
    def is_buy(self) -> bool:
        """Say whether contracts are bought."""
        return self.side == "BUY"
