"""Replies about a futures market and account, in the shapes of the venue's documentation."""

from __future__ import annotations

from typing import Any, Final

AT: Final = 1_795_000_000_001
TICKER: dict[str, Any] = {"symbol": "BTCUSDT", "price": "60000.10", "time": AT}
PREMIUM: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "markPrice": "60001.20000000",
    "indexPrice": "60002.30000000",
    "estimatedSettlePrice": "60003.40000000",
    "lastFundingRate": "-0.00010000",
    "interestRate": "0.00010000",
    "nextFundingTime": AT + 7_199_999,
    "time": AT,
}
FUNDING: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "fundingRate": "-0.03750000",
    "fundingTime": AT,
    "markPrice": "34287.54619963",
}
BRACKETS: list[dict[str, Any]] = [
    {
        "symbol": "BTCUSDT",
        "notionalCoef": 1.5,
        "brackets": [
            {
                "bracket": 1,
                "initialLeverage": 125,
                "notionalCap": 50000,
                "notionalFloor": 0,
                "maintMarginRatio": 0.004,
                "cum": 0.0,
            },
            {
                "bracket": 2,
                "initialLeverage": 100,
                "notionalCap": 600000,
                "notionalFloor": 50000,
                "maintMarginRatio": 0.0065,
                "cum": 125.0,
            },
        ],
    }
]
ASSET: dict[str, Any] = {
    "asset": "USDT",
    "walletBalance": "1000.00000000",
    "unrealizedProfit": "-20.50000000",
    "marginBalance": "979.50000000",
    "maintMargin": "4.00000000",
    "initialMargin": "100.00000000",
    "positionInitialMargin": "100.00000000",
    "openOrderInitialMargin": "0.00000000",
    "crossWalletBalance": "900.00000000",
    "crossUnPnl": "0.00000000",
    "availableBalance": "900.00000000",
    "maxWithdrawAmount": "900.00000000",
    "updateTime": AT,
}
NOTHING: dict[str, Any] = {
    name: "0.00000000" if isinstance(value, str) else 0 for name, value in ASSET.items()
} | {"asset": "BNB"}
ACCOUNT: dict[str, Any] = {
    "totalWalletBalance": "1000.00000000",
    "availableBalance": "900.00000000",
    "assets": [ASSET, NOTHING],
    "positions": [],
}
ACCOUNT_CONFIG: dict[str, Any] = {
    "feeTier": 0,
    "canTrade": True,
    "canDeposit": True,
    "canWithdraw": True,
    "dualSidePosition": False,
    "updateTime": 0,
    "multiAssetsMargin": False,
    "tradeGroupId": -1,
}
POSITION: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "positionSide": "BOTH",
    "positionAmt": "-0.010",
    "entryPrice": "60000.0",
    "breakEvenPrice": "59970.0",
    "markPrice": "61000.00000000",
    "unRealizedProfit": "-10.00000000",
    "liquidationPrice": "65672.5",
    "isolatedMargin": "50.00000000",
    "notional": "-610.00000000",
    "marginAsset": "USDT",
    "isolatedWallet": "60.00000000",
    "initialMargin": "61.00000000",
    "maintMargin": "2.44000000",
    "positionInitialMargin": "61.00000000",
    "openOrderInitialMargin": "0",
    "adl": 2,
    "bidNotional": "0",
    "askNotional": "0",
    "updateTime": AT,
}
SYMBOL_CONFIG: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "marginType": "CROSSED",
    "isAutoAddMargin": False,
    "leverage": 21,
    "maxNotionalValue": "1000000",
}
LEVERAGE: dict[str, Any] = {"leverage": 5, "maxNotionalValue": "1000000", "symbol": "BTCUSDT"}
INCOME: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "incomeType": "COMMISSION",
    "income": "-0.01000000",
    "asset": "USDT",
    "info": "COMMISSION",
    "time": AT,
    "tranId": 9689322392,
    "tradeId": "2059192",
}
PAID_IN: dict[str, Any] = {
    "symbol": "",
    "incomeType": "TRANSFER",
    "income": "100.00000000",
    "asset": "USDT",
    "info": "TRANSFER",
    "time": AT,
    "tranId": 9689322393,
    "tradeId": "",
}
COMMISSION: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "makerCommissionRate": "0.0002",
    "takerCommissionRate": "0.0005",
    "rpiCommissionRate": "0.00005",
}
