"""Replies about orders of USD-M futures in the shapes of its documentation; values are our own."""

from __future__ import annotations

from typing import Any, Final

AT: Final = 1_795_000_000_001
PLACED: dict[str, Any] = {
    "orderId": 22,
    "symbol": "BTCUSDT",
    "status": "FILLED",
    "clientOrderId": "tb-1",
    "price": "0.00",
    "origQty": "0.010",
    "executedQty": "0.010",
    "cumQty": "0.010",
    "timeInForce": "GTC",
    "type": "MARKET",
    "reduceOnly": False,
    "closePosition": False,
    "side": "BUY",
    "positionSide": "BOTH",
    "stopPrice": "0.00",
    "workingType": "CONTRACT_PRICE",
    "priceProtect": False,
    "origType": "MARKET",
    "priceMatch": "NONE",
    "selfTradePreventionMode": "NONE",
    "goodTillDate": 0,
    "updateTime": AT,
}
QUERIED: dict[str, Any] = {name: PLACED[name] for name in PLACED if name != "cumQty"} | {
    "avgPrice": "60000.50",
    "cumQuote": "600.00500",
    "time": AT - 5,
}
RESTING: dict[str, Any] = QUERIED | {
    "orderId": 23,
    "clientOrderId": "tb-2",
    "status": "NEW",
    "type": "LIMIT",
    "origType": "LIMIT",
    "timeInForce": "GTX",
    "price": "50000.00",
    "executedQty": "0.000",
    "avgPrice": "0.00",
    "cumQuote": "0.00000",
    "reduceOnly": True,
    "side": "SELL",
}
TRADE: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "pair": "BTCUSDT",
    "id": 7001,
    "orderId": 22,
    "side": "SELL",
    "price": "60000.50",
    "qty": "0.010",
    "quoteQty": "600.00500",
    "baseQty": "0",
    "commission": "0.24000200",
    "commissionAsset": "USDT",
    "marginAsset": "USDT",
    "realizedPnl": "-1.25000000",
    "buyer": False,
    "maker": False,
    "positionSide": "BOTH",
    "time": AT,
}
ALGO_PLACED: dict[str, Any] = {
    "algoId": 2146760,
    "clientAlgoId": "tb-s",
    "algoType": "CONDITIONAL",
    "orderType": "STOP_MARKET",
    "symbol": "BTCUSDT",
    "side": "SELL",
    "positionSide": "BOTH",
    "timeInForce": "GTC",
    "quantity": "0.010",
    "algoStatus": "NEW",
    "triggerPrice": "59000.00",
    "price": "0.00",
    "icebergQuantity": None,
    "selfTradePreventionMode": "EXPIRE_MAKER",
    "workingType": "MARK_PRICE",
    "priceMatch": "NONE",
    "closePosition": False,
    "priceProtect": False,
    "reduceOnly": True,
    "activatePrice": "",
    "callbackRate": "",
    "createTime": AT,
    "updateTime": AT,
    "triggerTime": 0,
    "goodTillDate": 0,
}
ALGO_QUERIED: dict[str, Any] = ALGO_PLACED | {
    "actualOrderId": "",
    "actualPrice": "0.00000",
    "tpOrderType": "",
}
ALGO_FINISHED: dict[str, Any] = ALGO_QUERIED | {
    "algoStatus": "FINISHED",
    "actualOrderId": "24",
    "actualPrice": "58990.10000",
    "actualType": "MARKET",
    "actualQty": "0.010",
    "triggerTime": AT + 10,
    "updateTime": AT + 20,
}
ALGO_CANCELED: dict[str, Any] = {
    "algoId": 2146760,
    "clientAlgoId": "tb-s",
    "code": "200",
    "msg": "success",
}
ALL_CANCELED: dict[str, Any] = {
    "code": 200,
    "msg": "The operation of cancel all open order is done.",
}
