"""What the USD-M futures market alone can do: positions, margins, algo orders, funding."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from exchange.domain.algo_orders import AlgoOrderReport, AlgoOrderRequest
from exchange.domain.budget import OrderPermit
from exchange.domain.futures import (
    FundingRate,
    FuturesAccountInfo,
    IncomeReport,
    IncomeType,
    LeverageReport,
    MarginType,
    MarkPrice,
    PositionReport,
    SymbolConfig,
)
from exchange.domain.gateway import ExchangeGateway
from exchange.domain.margin import LeverageBrackets
from exchange.domain.reports import OrderReport, TradeReport


class FuturesGateway(ExchangeGateway, Protocol):
    """The USD-M futures market of one environment for the holder of a key.

    `account()` tells an empty uid, as free what new positions may use, and as locked the rest.
    """

    def mark_price(self, symbol: str) -> MarkPrice:
        """Return the mark price and the funding that comes next."""
        ...

    def funding_rates(
        self, symbol: str, *, start: datetime, end: datetime | None = None
    ) -> list[FundingRate]:
        """Return the funding of every stamp from `start` on, oldest first."""
        ...

    def leverage_brackets(self, symbol: str) -> LeverageBrackets:
        """Return the tiers of leverage and maintenance margin as they hold for this account."""
        ...

    def futures_account(self) -> FuturesAccountInfo:
        """Return the wallet by asset."""
        ...

    def positions(self, symbol: str | None = None) -> list[PositionReport]:
        """Return the positions that are not zero, of one symbol or of all."""
        ...

    def symbol_config(self, symbol: str) -> SymbolConfig:
        """Return leverage and margin type of a symbol."""
        ...

    def open_listen_key(self) -> str:
        """Return the key of the account's event stream; it lives for an hour from now on."""
        ...

    def is_hedge_mode(self) -> bool:
        """Say whether a symbol may have a long and a short position at once."""
        ...

    def set_hedge_mode(self, *, is_on: bool) -> None:
        """Switch the whole account; OrderRejectedError while it has orders or positions."""
        ...

    def set_margin_type(self, symbol: str, margin_type: MarginType) -> None:
        """Set how a symbol is margined; OrderRejectedError while it has orders or a position."""
        ...

    def set_leverage(self, symbol: str, leverage: int) -> LeverageReport:
        """Ask for a leverage and return the one that the venue says the symbol has now."""
        ...

    def income(
        self,
        *,
        start: datetime,
        end: datetime | None = None,
        symbol: str | None = None,
        type: IncomeType | None = None,
    ) -> list[IncomeReport]:
        """Return every change of the wallet, oldest first; the venue keeps three months."""
        ...

    def place_algo_order(
        self, request: AlgoOrderRequest, *, permit: OrderPermit
    ) -> AlgoOrderReport:
        """Place a conditional order; rules of `ExchangeGateway` for whatever places orders."""
        ...

    def algo_order_by_client_id(self, client_order_id: str) -> AlgoOrderReport | None:
        """Return the newest algo order of that name, or None when the venue knows none."""
        ...

    def open_algo_orders(self, symbol: str | None) -> list[AlgoOrderReport]:
        """Return what waits, hangs or has a child in the book; of all symbols costs much more."""
        ...

    def cancel_algo_order(self, client_order_id: str) -> None:
        """Cancel an algo order that has not triggered.

        OrderRejectedError with -2011 when it is not there to be canceled: it may be triggering, so
        ask for it, and for its child.
        """
        ...

    def cancel_all_orders(self, symbol: str) -> None:
        """Cancel every open order of a symbol, those of the book first, then the algo orders."""
        ...

    def order_by_venue_id(self, symbol: str, venue_order_id: str) -> OrderReport | None:
        """Return an order that is not named by us, the child of an algo order for example."""
        ...

    def trades(
        self, symbol: str, *, start: datetime, end: datetime | None = None
    ) -> list[TradeReport]:
        """Return every execution of a symbol, ours or not, oldest first; three months are kept."""
        ...
