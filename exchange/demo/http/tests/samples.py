"""For every endpoint a request that is well formed, whatever the engine may say to it."""

from __future__ import annotations

from typing import Final

from exchange.demo.fapi.tests.samples import FUTURES_SAMPLES

Parameters = dict[str, str]
_MARKET: Final = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}
_LIMIT: Final = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.001",
    "price": "90000",
}
_WORKING: Final = {
    "symbol": "BTCUSDT",
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": "90000",
    "workingQuantity": "0.001",
    "workingTimeInForce": "GTC",
}
_PENDING: Final = {"pendingType": "STOP_LOSS", "pendingSide": "SELL", "pendingStopPrice": "80000"}
_PENDING_PAIR: Final = {
    "pendingSide": "SELL",
    "pendingAboveType": "LIMIT_MAKER",
    "pendingAbovePrice": "120000",
    "pendingBelowType": "STOP_LOSS_LIMIT",
    "pendingBelowStopPrice": "80000",
    "pendingBelowPrice": "79000",
    "pendingBelowTimeInForce": "GTC",
}
_OCO: Final = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "0.001",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "120000",
    "belowType": "STOP_LOSS",
    "belowStopPrice": "80000",
}
_OLD_OCO: Final = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "0.001",
    "price": "120000",
    "stopPrice": "80000",
    "stopLimitPrice": "79000",
    "stopLimitTimeInForce": "GTC",
}
_BTC: Final = {"symbol": "BTCUSDT"}
_QUANTITY: Final = {"pendingQuantity": "0.001"}

# Well-formed orders of every type, none of which trades at once but the first.
ORDERS: Final[dict[str, Parameters]] = {
    "MARKET": _MARKET,
    "LIMIT": _LIMIT,
    "LIMIT_MAKER": {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT_MAKER",
        "quantity": "0.001",
        "price": "90000",
    },
    "STOP_LOSS": {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "STOP_LOSS",
        "quantity": "0.001",
        "stopPrice": "80000",
    },
    "STOP_LOSS_LIMIT": {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "STOP_LOSS_LIMIT",
        "quantity": "0.001",
        "stopPrice": "80000",
        "price": "79000",
        "timeInForce": "GTC",
    },
    "TAKE_PROFIT": {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "TAKE_PROFIT",
        "quantity": "0.001",
        "stopPrice": "120000",
    },
    "TAKE_PROFIT_LIMIT": {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "TAKE_PROFIT_LIMIT",
        "quantity": "0.001",
        "stopPrice": "120000",
        "price": "120000",
        "timeInForce": "GTC",
    },
}
# Lists whose orders rest: the path's last part, and how many orders it adds to the counts.
LISTS: Final[dict[str, tuple[Parameters, int]]] = {
    "oco": (_OCO, 2),
    "oto": (_WORKING | _PENDING | _QUANTITY, 2),
    "otoco": (_WORKING | _PENDING_PAIR | _QUANTITY, 3),
    "opo": (_WORKING | _PENDING, 2),
    "opoco": (_WORKING | _PENDING_PAIR, 3),
}
REPLACE: Final = _LIMIT | {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": "1"}

SAMPLES: Final[dict[tuple[str, str], Parameters]] = {
    ("GET", "/api/v3/ping"): {},
    ("GET", "/api/v3/time"): {},
    ("GET", "/api/v3/exchangeInfo"): {},
    ("GET", "/api/v3/klines"): {"symbol": "BTCUSDT", "interval": "1m"},
    ("GET", "/api/v3/ticker/price"): {},
    ("GET", "/api/v3/ticker/bookTicker"): {},
    ("GET", "/api/v3/ticker/24hr"): {},
    ("GET", "/api/v3/avgPrice"): _BTC,
    ("GET", "/api/v3/account"): {},
    ("GET", "/api/v3/account/commission"): _BTC,
    ("GET", "/api/v3/rateLimit/order"): {},
    ("GET", "/api/v3/myFilters"): _BTC,
    ("GET", "/sapi/v1/account/apiRestrictions"): {},
    ("GET", "/sapi/v1/bnbBurn"): {},
    ("POST", "/sapi/v1/bnbBurn"): {"spotBNBBurn": "true"},
    ("POST", "/api/v3/order"): _MARKET,
    ("POST", "/api/v3/order/test"): _MARKET,
    ("DELETE", "/api/v3/order"): {"symbol": "BTCUSDT", "orderId": "1"},
    ("DELETE", "/api/v3/openOrders"): _BTC,
    ("GET", "/api/v3/order"): {"symbol": "BTCUSDT", "orderId": "1"},
    ("GET", "/api/v3/openOrders"): {},
    ("GET", "/api/v3/allOrders"): _BTC,
    ("GET", "/api/v3/myTrades"): _BTC,
    ("POST", "/api/v3/order/cancelReplace"): REPLACE,
    **{("POST", f"/api/v3/orderList/{name}"): LISTS[name][0] for name in LISTS},
    ("POST", "/api/v3/order/oco"): _OLD_OCO,
    ("DELETE", "/api/v3/orderList"): {"symbol": "BTCUSDT", "orderListId": "1"},
    ("GET", "/api/v3/orderList"): {"orderListId": "1"},
    ("GET", "/api/v3/allOrderList"): {},
    ("GET", "/api/v3/openOrderList"): {},
    **FUTURES_SAMPLES,
}
