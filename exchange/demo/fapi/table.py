"""Every endpoint of the USD-M futures API, by method and path."""

from __future__ import annotations

from typing import Final

from exchange.demo.fapi import (
    account_endpoints,
    algo_endpoints,
    funding_endpoints,
    income_endpoint,
    kline_endpoints,
    listen_key_endpoint,
    market_endpoints,
    order_endpoints,
    position_endpoints,
    settings_endpoints,
)
from exchange.demo.http.endpoint import Endpoint

ENDPOINTS: Final[dict[tuple[str, str], Endpoint]] = {
    **market_endpoints.ENDPOINTS,
    **kline_endpoints.ENDPOINTS,
    **funding_endpoints.ENDPOINTS,
    **settings_endpoints.ENDPOINTS,
    **account_endpoints.ENDPOINTS,
    **position_endpoints.ENDPOINTS,
    **income_endpoint.ENDPOINTS,
    **order_endpoints.ENDPOINTS,
    **algo_endpoints.ENDPOINTS,
    **listen_key_endpoint.ENDPOINTS,
}
# What the venue has and this exchange has not, as far as its own library knows it, with what lies
# below: refused plainly (-1020). `order` can be placed and canceled, but not modified.
NOT_BUILT: Final = (
    "/fapi/v1/adlQuantile",
    "/fapi/v1/aggTrades",
    "/fapi/v1/apiTradingStatus",
    "/fapi/v1/assetIndex",
    "/fapi/v1/batchOrders",
    "/fapi/v1/constituents",
    "/fapi/v1/continuousKlines",
    "/fapi/v1/convert",
    "/fapi/v1/countdownCancelAll",
    "/fapi/v1/depth",
    "/fapi/v1/feeBurn",
    "/fapi/v1/forceOrders",
    "/fapi/v1/historicalTrades",
    "/fapi/v1/income/asyn",
    "/fapi/v1/indexInfo",
    "/fapi/v1/indexPriceKlines",
    "/fapi/v1/insuranceBalance",
    "/fapi/v1/multiAssetsMargin",
    "/fapi/v1/openInterest",
    "/fapi/v1/order",
    "/fapi/v1/orderAmendment",
    "/fapi/v1/pmAccountInfo",
    "/fapi/v1/positionMargin/history",
    "/fapi/v1/premiumIndexKlines",
    "/fapi/v1/rpiDepth",
    "/fapi/v1/stock",
    "/fapi/v1/symbolAdlRisk",
    "/fapi/v1/trade/asyn",
    "/fapi/v1/trades",
    "/fapi/v1/tradingSchedule",
    "/futures/data",
)
