"""The spot gateway: `exchange.domain.gateway` on python-binance, the same for every environment."""

from __future__ import annotations

import re
import time
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from exchange.binance import parsing
from exchange.binance.calls import Caller
from exchange.binance.client import CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS, build_client
from exchange.binance.errors import NO_SUCH_ORDER
from exchange.binance.rules import rules_of_symbol
from exchange.binance.urls import UrlSet
from exchange.domain.clock import to_milliseconds
from exchange.domain.errors import OrderRejectedError
from exchange.domain.intervals import interval_length
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

RULES_LIFETIME_SECONDS: Final = 3600.0
MAX_KLINES: Final = 1000
MAX_TRADES: Final = 1000
# The venue's own pattern; other characters would also break python-binance's signature.
CLIENT_ORDER_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,36}")


class BinanceSpotGateway:
    """Spot market of one environment, for everybody (no key) or for the holder of a key.

    Does no I/O until the first call. One instance serves one thread of one process.
    """

    market: Final = Market.SPOT

    def __init__(
        self,
        *,
        environment: Environment,
        urls: UrlSet,
        key: str | None = None,
        secret: str | None = None,
        recv_window_ms: int = 5000,
        timeout: tuple[float, float] = (CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS),
    ) -> None:
        self.environment: Final = environment
        self._host = urlsplit(urls.spot).netloc
        self._client = build_client(
            urls, key=key, secret=secret, recv_window_ms=recv_window_ms, timeout=timeout
        )
        self._calls = Caller(
            self._client, market=self.market, host=self._host, has_key=bool(key and secret)
        )
        self._rules: dict[str, tuple[float, TradingRules]] = {}

    def __repr__(self) -> str:
        return f"<BinanceSpotGateway {self.environment} at {self._host}>"

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        self._client.session.close()

    def ticker(self, symbol: str) -> Ticker:
        """Return the last price and the venue's market time; weight 2."""
        return self._calls.read(
            "GET /api/v3/ticker/24hr",
            lambda: self._client.get_ticker(symbol=symbol),
            parsing.ticker,
            weight=2,
        )

    def klines(
        self, symbol: str, interval: str, *, limit: int, end_time: datetime | None = None
    ) -> list[Kline]:
        """Return up to `limit` klines, oldest first; weight 2.

        ValueError when `limit` is not 1 to 1000 or `interval` is unknown.
        """
        interval_length(interval)
        if not 1 <= limit <= MAX_KLINES:
            raise ValueError(f"limit must be 1 to {MAX_KLINES}, not {limit}")
        end = to_milliseconds(end_time) if end_time else None
        return self._calls.read(
            "GET /api/v3/klines",
            lambda: self._client.get_klines(
                symbol=symbol, interval=interval, limit=limit, endTime=end
            ),
            lambda reply: parsing.klines(reply, end_time=end_time),
            weight=2,
        )

    def rules(self, symbol: str) -> TradingRules:
        """Return the limits of `symbol`, at most an hour old; weight 20 when asked anew."""
        asked_at, known = self._rules.get(symbol, (0.0, None))
        if known and time.monotonic() - asked_at < RULES_LIFETIME_SECONDS:
            return known
        rules = self._calls.read(
            "GET /api/v3/exchangeInfo",
            # The library's own method takes no symbol and downloads all of them.
            lambda: self._client._get("exchangeInfo", data={"symbol": symbol}),
            lambda reply: rules_of_symbol(reply, symbol),
            weight=20,
        )
        self._rules[symbol] = (time.monotonic(), rules)
        return rules

    def signing_time_ms(self) -> int:
        """Return the venue's wall time in ms; the first call measures the difference."""
        return self._calls.clock.now_ms()

    def resync_clock(self) -> None:
        """Measure the difference to the venue's wall clock again; weight 1."""
        self._calls.clock.resync()

    def account(self) -> AccountInfo:
        """Return uid, permissions and the balances that are not zero; weight 20."""
        return self._calls.signed_read(
            "GET /api/v3/account",
            lambda: self._client.get_account(omitZeroBalances="true"),
            parsing.account,
            weight=20,
        )

    def place_market_order(self, request: MarketOrderRequest) -> OrderReport:
        """Send `request` once, signed with its own timestamp. Never repeated, whatever happens."""
        _check_client_order_id(request.client_order_id)

        def send() -> Any:
            with self._client.committed_timestamp(
                signed_at_ms=request.signed_at_ms, recv_window_ms=request.recv_window_ms
            ):
                return self._client.create_order(
                    symbol=request.symbol,
                    side=request.side.value,
                    type="MARKET",
                    quantity=format(request.quantity, "f"),  # str() may write 1E-8
                    newClientOrderId=request.client_order_id,
                    newOrderRespType="FULL",
                )

        return self._calls.write("POST /api/v3/order", send, parsing.placed_order, weight=1)

    def order_by_client_id(self, symbol: str, client_order_id: str) -> OrderReport | None:
        """Return the order, or None for the venue's -2013 alone; weight 4."""
        _check_client_order_id(client_order_id)
        try:
            return self._calls.signed_read(
                "GET /api/v3/order",
                lambda: self._client.get_order(symbol=symbol, origClientOrderId=client_order_id),
                parsing.queried_order,
                weight=4,
            )
        except OrderRejectedError as error:
            if error.code == NO_SUCH_ORDER:
                return None
            raise

    def trades_of_order(self, symbol: str, venue_order_id: str) -> list[TradeReport]:
        """Return the executions of one order, oldest first; weight 5 for each 1000 of them."""
        found: list[TradeReport] = []
        page = self._trades_page(symbol, venue_order_id, from_id=None)
        while len(page) == MAX_TRADES:
            found += page
            newest = max(int(trade.trade_id) for trade in page)
            page = self._trades_page(symbol, venue_order_id, from_id=newest + 1)
        return found + page

    def _trades_page(
        self, symbol: str, venue_order_id: str, *, from_id: int | None
    ) -> list[TradeReport]:
        after = {} if from_id is None else {"fromId": from_id}
        return self._calls.signed_read(
            "GET /api/v3/myTrades",
            lambda: self._client.get_my_trades(
                symbol=symbol, orderId=venue_order_id, limit=MAX_TRADES, **after
            ),
            parsing.trades,
            weight=5,
        )


def _check_client_order_id(client_order_id: str) -> None:
    if not CLIENT_ORDER_ID.fullmatch(client_order_id):
        raise OrderRejectedError(f"not sent: {client_order_id!r:.60} is no client order id")
