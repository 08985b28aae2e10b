"""Which model of the venue's SDK judges the replies of which endpoint of the futures API.

Packages binance-sdk-derivatives-trading-usds-futures and, for transfers, binance-sdk-wallet. What
they do not know, and why it is right nevertheless, stands here, too.
"""

from __future__ import annotations

from typing import Any, Final

from binance_sdk_derivatives_trading_usds_futures.rest_api import models as futures
from binance_sdk_wallet.rest_api import models as wallet
from pydantic import StrictInt, StrictStr

FUTURES_MODELS: Final[dict[str, Any]] = {
    "GET /fapi/v1/time": futures.CheckServerTimeResponse,
    "GET /fapi/v1/exchangeInfo": futures.ExchangeInformationResponse,
    "GET /fapi/v1/ticker/price": futures.SymbolPriceTickerResponse,
    "GET /fapi/v2/ticker/price": futures.SymbolPriceTickerV2Response,
    "GET /fapi/v1/ticker/bookTicker": futures.SymbolOrderBookTickerResponse,
    "GET /fapi/v1/ticker/24hr": futures.Ticker24hrPriceChangeStatisticsResponse,
    "GET /fapi/v1/premiumIndex": futures.MarkPriceResponse,
    "GET /fapi/v1/fundingRate": futures.GetFundingRateHistoryResponse,
    "GET /fapi/v1/fundingInfo": futures.GetFundingRateInfoResponse,
    "POST /fapi/v1/leverage": futures.ChangeInitialLeverageResponse,
    "POST /fapi/v1/marginType": futures.ChangeMarginTypeResponse,
    "POST /fapi/v1/positionSide/dual": futures.ChangePositionModeResponse,
    "GET /fapi/v1/positionSide/dual": futures.GetCurrentPositionModeResponse,
    "POST /fapi/v1/positionMargin": futures.ModifyIsolatedPositionMarginResponse,
    "GET /fapi/v1/symbolConfig": futures.SymbolConfigurationResponse,
    "GET /fapi/v1/accountConfig": futures.FuturesAccountConfigurationResponse,
    "GET /fapi/v1/leverageBracket": futures.NotionalAndLeverageBracketsResponse,
    "GET /fapi/v1/multiAssetsMargin": futures.GetCurrentMultiAssetsModeResponse,
    "GET /fapi/v1/commissionRate": futures.UserCommissionRateResponse,
    "GET /fapi/v2/account": futures.AccountInformationV2Response,
    "GET /fapi/v3/account": futures.AccountInformationV3Response,
    "GET /fapi/v2/balance": futures.FuturesAccountBalanceV2Response,
    "GET /fapi/v3/balance": futures.FuturesAccountBalanceV3Response,
    "GET /fapi/v2/positionRisk": futures.PositionInformationV2Response,
    "GET /fapi/v3/positionRisk": futures.PositionInformationV3Response,
    "GET /fapi/v1/income": futures.GetIncomeHistoryResponse,
    "GET /fapi/v1/rateLimit/order": futures.QueryUserRateLimitResponse,
    "POST /fapi/v1/order": futures.NewOrderResponse,
    "POST /fapi/v1/order/test": futures.TestOrderResponse,
    "GET /fapi/v1/order": futures.QueryOrderResponse,
    "DELETE /fapi/v1/order": futures.CancelOrderResponse,
    "GET /fapi/v1/openOrder": futures.QueryCurrentOpenOrderResponse,
    "GET /fapi/v1/openOrders": futures.CurrentAllOpenOrdersResponse,
    "DELETE /fapi/v1/allOpenOrders": futures.CancelAllOpenOrdersResponse,
    "GET /fapi/v1/allOrders": futures.AllOrdersResponse,
    "GET /fapi/v1/userTrades": futures.AccountTradeListResponse,
    "POST /fapi/v1/algoOrder": futures.NewAlgoOrderResponse,
    "GET /fapi/v1/algoOrder": futures.QueryAlgoOrderResponse,
    "DELETE /fapi/v1/algoOrder": futures.CancelAlgoOrderResponse,
    "DELETE /fapi/v1/algoOpenOrders": futures.CancelAllAlgoOpenOrdersResponse,
    "GET /fapi/v1/openAlgoOrders": futures.CurrentAllAlgoOpenOrdersResponse,
    "GET /fapi/v1/allAlgoOrders": futures.QueryAllAlgoOrdersResponse,
    "POST /fapi/v1/listenKey": futures.StartUserDataStreamResponse,
    "PUT /fapi/v1/listenKey": futures.KeepaliveUserDataStreamResponse,
    "POST /sapi/v1/asset/transfer": wallet.UserUniversalTransferResponse,
    "GET /sapi/v1/asset/transfer": wallet.QueryUserUniversalTransferHistoryResponse,
}

# Endpoints without a model, and who judges their replies instead.
FUTURES_BY_HAND: Final = {
    "GET /fapi/v1/ping": "an empty object; the SDK parses nothing",
    "DELETE /fapi/v1/listenKey": "an empty object; the SDK parses nothing",
    "GET /fapi/v1/klines": "lists of lists; the SDK's model has no fields",
    "GET /fapi/v1/markPriceKlines": "lists of lists; the SDK's model has no fields",
}

# Keys beyond the models, by model and key, with the type that they must have. What exchangeInfo has
# more than its model is in what fapi.binance.com answered in September 2026; that positions of
# the second version of the account show notional and isolated wallet is in clients' recordings.
FUTURES_EXTRAS: Final[dict[str, Any]] = {
    "ExchangeInformationResponse.futuresType": StrictStr,
    "ExchangeInformationResponseSymbolsInner.maxMoveOrderLimit": StrictInt,
    "ExchangeInformationResponseSymbolsInner.permissionSets": list[StrictStr],
    "ExchangeInformationResponseSymbolsInnerFiltersInner.positionControlSide": StrictStr,
    "AccountInformationV2ResponsePositionsInner.isolatedWallet": StrictStr,
    "AccountInformationV2ResponsePositionsInner.notional": StrictStr,
}

# Fields that are null, by model and key: nothing is an iceberg; the venue's test data shows the
# text "None" there, which is what a null becomes on its way through Python.
NULLS: Final = frozenset(
    f"{model}.icebergQuantity"
    for model in (
        "NewAlgoOrderResponse",
        "QueryAlgoOrderResponse",
        "CurrentAllAlgoOpenOrdersResponse",
        "QueryAllAlgoOrdersResponse",
    )
)

# Fields of the models that the demo exchange never sends: by key, or by model and key.
_TRAILING: Final = "trailing stops live in the algo service; no order in the book trails"
FUTURES_ABSENT: Final = {
    "ExchangeInformationResponseSymbolsInner.settlePlan": "gone from the venue's own answer",
    "NotionalAndLeverageBracketsResponse1.notionalCoef": "shown where limits were raised by hand",
    "priceRate": _TRAILING,
    **{
        f"{model}.activatePrice": _TRAILING
        for model in (
            "TestOrderResponse",
            "QueryOrderResponse",
            "CancelOrderResponse",
            "QueryCurrentOpenOrderResponse",
            "CurrentAllOpenOrdersResponse",
            "AllOrdersResponse",
        )
    },
}
