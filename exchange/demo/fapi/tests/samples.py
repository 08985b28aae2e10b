"""For every endpoint of the futures market a well-formed request, whatever its answer is."""

from __future__ import annotations

from typing import Final

from exchange.demo.fapi.tests.order_samples import ORDER_SAMPLES

Parameters = dict[str, str]
_BTC: Final = {"symbol": "BTCUSDT"}
_KLINES: Final = {"symbol": "BTCUSDT", "interval": "1m", "limit": "3"}
_SPAN: Final = {"startTime": "1746500000000", "endTime": "1746600000000", "limit": "5"}

TRANSFER: Final = {"type": "MAIN_UMFUTURE", "asset": "USDT", "amount": "10.5"}
ACCOUNT_SAMPLES: Final[dict[tuple[str, str], Parameters]] = {
    ("GET", "/fapi/v1/ping"): {},
    ("GET", "/fapi/v1/time"): {},
    ("GET", "/fapi/v1/exchangeInfo"): {},
    ("GET", "/fapi/v1/klines"): _KLINES,
    ("GET", "/fapi/v1/markPriceKlines"): _KLINES,
    ("GET", "/fapi/v1/ticker/price"): {},
    ("GET", "/fapi/v2/ticker/price"): {},
    ("GET", "/fapi/v1/ticker/bookTicker"): {},
    ("GET", "/fapi/v1/ticker/24hr"): {},
    ("GET", "/fapi/v1/premiumIndex"): {},
    ("GET", "/fapi/v1/fundingRate"): _BTC | _SPAN,
    ("GET", "/fapi/v1/fundingInfo"): {},
    ("POST", "/fapi/v1/leverage"): {"symbol": "BTCUSDT", "leverage": "10"},
    ("POST", "/fapi/v1/marginType"): {"symbol": "BTCUSDT", "marginType": "ISOLATED"},
    ("GET", "/fapi/v1/positionSide/dual"): {},
    ("POST", "/fapi/v1/positionSide/dual"): {"dualSidePosition": "true"},
    ("POST", "/fapi/v1/positionMargin"): {"symbol": "BTCUSDT", "amount": "10", "type": "1"},
    ("GET", "/fapi/v1/multiAssetsMargin"): {},
    ("GET", "/fapi/v1/symbolConfig"): {},
    ("GET", "/fapi/v1/accountConfig"): {},
    ("GET", "/fapi/v1/leverageBracket"): {},
    ("GET", "/fapi/v1/commissionRate"): _BTC,
    ("GET", "/fapi/v2/account"): {},
    ("GET", "/fapi/v3/account"): {},
    ("GET", "/fapi/v2/balance"): {},
    ("GET", "/fapi/v3/balance"): {},
    ("GET", "/fapi/v2/positionRisk"): {},
    ("GET", "/fapi/v3/positionRisk"): {},
    ("GET", "/fapi/v1/income"): _BTC | _SPAN | {"incomeType": "COMMISSION"},
    ("GET", "/fapi/v1/rateLimit/order"): {},
    ("POST", "/fapi/v1/listenKey"): {},
    ("PUT", "/fapi/v1/listenKey"): {},
    ("DELETE", "/fapi/v1/listenKey"): {},
    ("POST", "/sapi/v1/asset/transfer"): TRANSFER,
    ("GET", "/sapi/v1/asset/transfer"): {
        "type": "MAIN_UMFUTURE",
        "startTime": "1746500000000",
        "endTime": "1746600000000",
        "current": "1",
        "size": "5",
    },
}
FUTURES_SAMPLES: Final = ACCOUNT_SAMPLES | ORDER_SAMPLES
