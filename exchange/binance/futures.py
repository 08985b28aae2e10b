"""The futures gateway: `exchange.domain.futures_gateway`, on python-binance."""

from __future__ import annotations

from exchange.binance.futures_account import FuturesAccount
from exchange.binance.futures_algo import FuturesAlgo
from exchange.binance.futures_market import FuturesMarketData
from exchange.binance.futures_orders import FuturesOrders


class BinanceFuturesGateway(FuturesOrders, FuturesAlgo, FuturesAccount, FuturesMarketData):
    """USD-M futures market of one environment, for everybody (no key) or for the holder of a key.

    Does no I/O until the first call. One instance serves one thread of one process.
    """
