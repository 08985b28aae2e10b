"""Replies of the venue in the shapes of its documentation; the values are our own."""

from __future__ import annotations

from typing import Any, Final

AT: Final = 1_795_000_000_001
PLACED: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "orderId": 28,
    "orderListId": -1,
    "clientOrderId": "b1",
    "transactTime": AT,
    "price": "0.00000000",
    "origQty": "0.00200000",
    "executedQty": "0.00200000",
    "origQuoteOrderQty": "0.00000000",
    "cummulativeQuoteQty": "120.00000000",
    "status": "FILLED",
    "timeInForce": "GTC",
    "type": "MARKET",
    "side": "BUY",
    "workingTime": AT,
    "selfTradePreventionMode": "EXPIRE_MAKER",
    "fills": [
        {
            "price": "60000.00000000",
            "qty": "0.00200000",
            "commission": "0.00000200",
            "commissionAsset": "BTC",
            "tradeId": 56,
        }
    ],
}
QUERIED: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "orderId": 28,
    "clientOrderId": "b1",
    "origQty": "0.00200000",
    "executedQty": "0.00100000",
    "cummulativeQuoteQty": "60.00000000",
    "status": "PARTIALLY_FILLED",
    "side": "SELL",
    "time": AT,
    "updateTime": AT + 5,
    "isWorking": True,
    "price": "61000.00000000",
    "stopPrice": "60500.00000000",
    "type": "TAKE_PROFIT_LIMIT",
    "timeInForce": "GTC",
    "orderListId": 7,
    "workingTime": AT,
}
KLINE = [AT, "1.5", "2.5", "0.5", "2.0", "10.0", AT + 59_999, "20.0", 3, "1.0", "2.0", "0"]


def kline_at(minute: int) -> list[Any]:
    """Return the kline of the n-th minute of the epoch."""
    opened = 60_000 * minute
    return [opened, *KLINE[1:6], opened + 59_999, *KLINE[7:]]


CANCELED: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "origClientOrderId": "b1",
    "orderId": 28,
    "orderListId": -1,
    "clientOrderId": "made-up-by-the-venue",
    "transactTime": AT,
    "price": "50000.00000000",
    "origQty": "0.00200000",
    "executedQty": "0.00050000",
    "origQuoteOrderQty": "0.00000000",
    "cummulativeQuoteQty": "25.00000000",
    "status": "CANCELED",
    "timeInForce": "GTC",
    "type": "LIMIT",
    "side": "BUY",
    "selfTradePreventionMode": "NONE",
}


def leg(order_id: int, client_order_id: str, **changes: Any) -> dict[str, Any]:
    """Return one of a list's `orderReports`."""
    row: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "orderId": order_id,
        "orderListId": 5,
        "clientOrderId": client_order_id,
        "transactTime": AT,
        "price": "0.00000000",
        "origQty": "0.00200000",
        "executedQty": "0.00000000",
        "origQuoteOrderQty": "0.00000000",
        "cummulativeQuoteQty": "0.00000000",
        "status": "NEW",
        "timeInForce": "GTC",
        "type": "STOP_LOSS",
        "side": "SELL",
        "workingTime": -1,
        "selfTradePreventionMode": "NONE",
    }
    return row | changes


QUERIED_LIST: dict[str, Any] = {
    "orderListId": 5,
    "contingencyType": "OCO",
    "listStatusType": "EXEC_STARTED",
    "listOrderStatus": "EXECUTING",
    "listClientOrderId": "L1",
    "transactionTime": AT,
    "symbol": "BTCUSDT",
    "orders": [
        {"symbol": "BTCUSDT", "orderId": 10, "clientOrderId": "L1-s"},
        {"symbol": "BTCUSDT", "orderId": 11, "clientOrderId": "L1-t"},
    ],
}
PLACED_LIST: dict[str, Any] = QUERIED_LIST | {
    "orderReports": [
        leg(10, "L1-s", stopPrice="58000.00000000"),
        leg(11, "L1-t", type="LIMIT_MAKER", price="62000.00000000", workingTime=AT),
    ]
}
CANCELED_LIST: dict[str, Any] = QUERIED_LIST | {
    "listStatusType": "ALL_DONE",
    "listOrderStatus": "ALL_DONE",
    "orderReports": [
        leg(10, "x", origClientOrderId="L1-s", status="CANCELED", stopPrice="58000.00000000"),
        leg(11, "x", origClientOrderId="L1-t", status="CANCELED", type="LIMIT_MAKER"),
    ],
}
RATES = {"maker": "0.001", "taker": "0.002", "buyer": "0.0003", "seller": "0.0004"}
COMMISSION: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "standardCommission": RATES,
    "specialCommission": dict.fromkeys(RATES, "0.00000000"),
    "taxCommission": {"maker": "0.01", "taker": "0.02", "buyer": "0.03", "seller": "0.04"},
    "discount": {
        "enabledForAccount": True,
        "enabledForSymbol": True,
        "discountAsset": "BNB",
        "discount": "0.75000000",
    },
}
RESTRICTIONS: dict[str, Any] = {
    "ipRestrict": True,
    "createTime": AT,
    "enableReading": True,
    "enableWithdrawals": False,
    "enableInternalTransfer": False,
    "enableMargin": False,
    "enableFutures": True,
    "permitsUniversalTransfer": True,
    "enableVanillaOptions": False,
    "enableSpotAndMarginTrading": True,
}


def symbol_info(**changes: Any) -> dict[str, Any]:
    """Return an `exchangeInfo` of BTCUSDT without a filter."""
    row: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "status": "TRADING",
        "baseAsset": "BTC",
        "quoteAsset": "USDT",
        "ocoAllowed": True,
        "otoAllowed": True,
        "opoAllowed": True,
        "filters": [],
    }
    return {"symbols": [row | changes]}
