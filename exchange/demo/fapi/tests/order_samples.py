"""For every futures endpoint of orders a request that is well formed, whatever it meets."""

from __future__ import annotations

from typing import Final

Parameters = dict[str, str]
_BTC: Final = {"symbol": "BTCUSDT"}
_MARKET: Final = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.010"}
_LIMIT: Final = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.010",
    "price": "90000",
}
_ALGO: Final = {
    "algoType": "CONDITIONAL",
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "0.010",
}

# Well-formed orders for the book; only the first trades at once while the price is near 94000.
FUTURES_ORDERS: Final[dict[str, Parameters]] = {"MARKET": _MARKET, "LIMIT": _LIMIT}
# Conditional orders of every type, none of which triggers at once.
ALGOS: Final[dict[str, Parameters]] = {
    "STOP_MARKET": _ALGO | {"type": "STOP_MARKET", "triggerPrice": "80000"},
    "TAKE_PROFIT_MARKET": _ALGO | {"type": "TAKE_PROFIT_MARKET", "triggerPrice": "120000"},
    "STOP": _ALGO | {"type": "STOP", "triggerPrice": "80000", "price": "79900"},
    "TAKE_PROFIT": _ALGO | {"type": "TAKE_PROFIT", "triggerPrice": "120000", "price": "120000"},
    "TRAILING_STOP_MARKET": _ALGO | {"type": "TRAILING_STOP_MARKET", "callbackRate": "1.5"},
}

ORDER_SAMPLES: Final[dict[tuple[str, str], Parameters]] = {
    ("POST", "/fapi/v1/order"): _MARKET,
    ("POST", "/fapi/v1/order/test"): _MARKET,
    ("DELETE", "/fapi/v1/order"): _BTC | {"orderId": "1"},
    ("DELETE", "/fapi/v1/allOpenOrders"): _BTC,
    ("GET", "/fapi/v1/order"): _BTC | {"orderId": "1"},
    ("GET", "/fapi/v1/openOrder"): _BTC | {"orderId": "1"},
    ("GET", "/fapi/v1/openOrders"): {},
    ("GET", "/fapi/v1/allOrders"): _BTC,
    ("GET", "/fapi/v1/userTrades"): _BTC,
    ("POST", "/fapi/v1/algoOrder"): ALGOS["STOP_MARKET"],
    ("GET", "/fapi/v1/algoOrder"): {"algoId": "1"},
    ("DELETE", "/fapi/v1/algoOrder"): {"algoId": "1"},
    ("DELETE", "/fapi/v1/algoOpenOrders"): _BTC,
    ("GET", "/fapi/v1/openAlgoOrders"): {},
    ("GET", "/fapi/v1/allAlgoOrders"): _BTC,
}
