"""The spot gateway: `exchange.domain.spot_gateway` on python-binance, for every environment."""

from __future__ import annotations

from datetime import datetime

from exchange.binance import account_replies, market_replies
from exchange.binance.klines import end_of_klines
from exchange.binance.spot_lists import SpotLists
from exchange.binance.spot_orders import SpotOrders
from exchange.binance.spot_transfers import SpotTransfers
from exchange.domain.types import AccountInfo, CommissionRates, KeyPermissions, Kline, Ticker


class BinanceSpotGateway(SpotOrders, SpotLists, SpotTransfers):
    """Spot market of one environment, for everybody (no key) or for the holder of a key.

    Does no I/O until the first call. One instance serves one thread of one process.
    """

    def ticker(self, symbol: str) -> Ticker:
        """Return the last price and the venue's market time; weight 2."""
        return self._calls.read(
            "GET /api/v3/ticker/24hr",
            lambda: self._client.get_ticker(symbol=symbol),
            market_replies.ticker,
            weight=2,
        )

    def klines(
        self, symbol: str, interval: str, *, limit: int, end_time: datetime | None = None
    ) -> list[Kline]:
        """Return up to `limit` klines, oldest first; weight 2.

        ValueError when `limit` is not 1 to 1000 or `interval` is unknown.
        """
        end = end_of_klines(interval, limit=limit, end_time=end_time)
        return self._calls.read(
            "GET /api/v3/klines",
            lambda: self._client.get_klines(
                symbol=symbol, interval=interval, limit=limit, endTime=end
            ),
            lambda reply: market_replies.klines(reply, end_time=end_time),
            weight=2,
        )

    def account(self) -> AccountInfo:
        """Return uid, permissions and the balances that are not zero; weight 20."""
        return self._calls.signed_read(
            "GET /api/v3/account",
            lambda: self._client.get_account(omitZeroBalances="true"),
            account_replies.account,
            weight=20,
        )

    def key_permissions(self) -> KeyPermissions:
        """Return what the key may do; weight 1.

        Where the venue has no sapi only the account's leave to trade is known (weight 20).
        """
        if not self._urls.has_sapi:
            return KeyPermissions(can_trade=self.account().can_trade)
        return self._calls.signed_read(
            "GET /sapi/v1/account/apiRestrictions",
            self._client.get_account_api_permissions,
            account_replies.key_permissions,
            weight=1,
        )

    def commission_rates(self, symbol: str) -> CommissionRates:
        """Return what a fill of `symbol` costs the account; weight 20."""
        return self._calls.signed_read(
            "GET /api/v3/account/commission",
            lambda: self._client._get("account/commission", True, data={"symbol": symbol}),  # noqa: FBT003
            account_replies.commission_rates,
            weight=20,
        )
