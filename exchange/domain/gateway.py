"""The one interface through which everything above talks to a venue, whatever the market.

What only one market knows is added by `exchange.domain.spot_gateway` and `futures_gateway`.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Protocol

from exchange.domain.budget import OrderPermit
from exchange.domain.orders import LimitOrderRequest, MarketOrderRequest
from exchange.domain.reports import OrderReport, TradeReport
from exchange.domain.rules import TradingRules
from exchange.domain.types import (
    AccountInfo,
    CommissionRates,
    Environment,
    KeyPermissions,
    Kline,
    Market,
    Ticker,
)


class MarketDataGateway(Protocol):
    """What a venue tells everybody. Any method may raise `GatewayError`; reads can be repeated."""

    @property
    def environment(self) -> Environment: ...
    @property
    def market(self) -> Market: ...

    def ticker(self, symbol: str) -> Ticker:
        """Return the last price together with the market time it was reported at."""
        ...

    def klines(
        self, symbol: str, interval: str, *, limit: int, end_time: datetime | None = None
    ) -> list[Kline]:
        """Return up to `limit` (at most 1000) klines, oldest first, no later than `end_time`.

        Without `end_time` the last one is still open and says so. With one, which must
        lie in the past of the market, those that had closed by then are closed.
        """
        ...

    def rules(self, symbol: str, *, max_age: float | None = None) -> TradingRules:
        """Return the venue's limits for `symbol`; `UnknownSymbolError` when it lists none.

        max_age   seconds that the answer may be old; None: as long as such an answer is kept
        """
        ...

    def server_time_ms(self) -> int:
        """Ask the venue for its wall clock; ms since the epoch."""
        ...


class AccountGateway(MarketDataGateway, Protocol):
    """What a venue tells the holder of a key. Reads can be repeated."""

    def signing_time_ms(self) -> int:
        """Return the venue's wall time in ms, as far as the last clock sync knows it."""
        ...

    def resync_clock(self) -> None:
        """Measure the difference to the venue's wall clock again."""
        ...

    def account(self) -> AccountInfo:
        """Return uid, permissions and balances."""
        ...

    def key_permissions(self) -> KeyPermissions:
        """Return what the key may do, None for what the venue does not say."""
        ...

    def commission_rates(self, symbol: str) -> CommissionRates:
        """Return what a fill costs this account."""
        ...

    def order_by_client_id(self, symbol: str, client_order_id: str) -> OrderReport | None:
        """Return the order, or None when the venue says that it knows none of that id."""
        ...

    def open_orders(self, symbol: str | None) -> list[OrderReport]:
        """Return the open orders of one symbol, or of all (which costs the venue much more)."""
        ...

    def trades_of_order(
        self, symbol: str, venue_order_id: str, *, filled_quantity: Decimal | None = None
    ) -> list[TradeReport]:
        """Return the executions of one order, oldest first.

        filled_quantity   what the order is known to have filled: a venue that tells less of it at
                          first, because the rest is old, is asked for that too
        """
        ...


class ExchangeGateway(AccountGateway, Protocol):
    """What a venue does for the holder of a key.

    Whatever places an order sends it exactly once, whatever happens, with the timestamp that its
    request carries; OutcomeUnknownError means: ask for the client order id. The permit is taken
    before that timestamp is committed and serves one request (ValueError otherwise).
    """

    def permit_orders(self, count: int = 1) -> OrderPermit:
        """Return leave to create `count` orders by one request; `RateLimitedError` when none."""
        ...

    def place_market_order(
        self, request: MarketOrderRequest, *, permit: OrderPermit
    ) -> OrderReport:
        """Buy or sell at the market."""
        ...

    def place_limit_order(self, request: LimitOrderRequest, *, permit: OrderPermit) -> OrderReport:
        """Buy or sell at a price or better."""
        ...

    def check_order(self, request: MarketOrderRequest) -> None:
        """Have the venue check an order without placing it; `OrderRejectedError` says why not."""
        ...

    def cancel_order(self, symbol: str, client_order_id: str) -> OrderReport:
        """Cancel an order; on spot also the whole list that it belongs to.

        OrderRejectedError with code -2011 when it is not open: ask for it to learn what it did.
        """
        ...
