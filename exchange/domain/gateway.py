"""The one interface through which everything above talks to a venue."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from exchange.domain.rules import TradingRules
from exchange.domain.types import (
    AccountInfo,
    Environment,
    Kline,
    Market,
    MarketOrderRequest,
    OrderReport,
    Ticker,
    TradeReport,
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

    def rules(self, symbol: str) -> TradingRules:
        """Return the venue's limits for `symbol`; `UnknownSymbolError` when it lists none."""
        ...


class ExchangeGateway(MarketDataGateway, Protocol):
    """What a venue does for the holder of a key."""

    def signing_time_ms(self) -> int:
        """Return the venue's wall time in ms, as far as the last clock sync knows it."""
        ...

    def resync_clock(self) -> None:
        """Measure the difference to the venue's wall clock again."""
        ...

    def account(self) -> AccountInfo:
        """Return uid, permissions and balances."""
        ...

    def place_market_order(self, request: MarketOrderRequest) -> OrderReport:
        """Send `request` exactly once. Never repeated by the gateway, whatever happens."""
        ...

    def order_by_client_id(self, symbol: str, client_order_id: str) -> OrderReport | None:
        """Return the order, or None when the venue says that it knows none of that id."""
        ...

    def trades_of_order(self, symbol: str, venue_order_id: str) -> list[TradeReport]:
        """Return the executions of one order, oldest first."""
        ...
