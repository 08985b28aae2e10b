"""What the futures gateway asks about symbols: prices, klines, funding, tiers of leverage."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from exchange.binance import futures_market_replies, market_replies
from exchange.binance.futures_base import FuturesBase
from exchange.binance.klines import end_of_klines
from exchange.binance.time_pages import MAX_ROWS, read_all
from exchange.domain.clock import to_milliseconds
from exchange.domain.futures import FundingRate, MarkPrice
from exchange.domain.margin import LeverageBrackets
from exchange.domain.types import Kline, Ticker

# Largest number of klines that an answer of this weight may have.
KLINES_OF_WEIGHT: Final = ((99, 1), (499, 2), (1000, 5))


class FuturesMarketData(FuturesBase):
    """Everything that the venue tells about the market, to everybody but for the tiers."""

    def ticker(self, symbol: str) -> Ticker:
        """Return the last price and the venue's market time; weight 1."""
        return self._calls.read(
            "GET /fapi/v2/ticker/price",
            lambda: self._client.futures_symbol_ticker(symbol=symbol),
            futures_market_replies.ticker,
            weight=1,
        )

    def klines(
        self, symbol: str, interval: str, *, limit: int, end_time: datetime | None = None
    ) -> list[Kline]:
        """Return up to `limit` klines, oldest first; weight 1, 2 from 100 on, 5 from 500 on.

        ValueError when `limit` is not 1 to 1000 or `interval` is unknown.
        """
        end = end_of_klines(interval, limit=limit, end_time=end_time)
        return self._calls.read(
            "GET /fapi/v1/klines",
            lambda: self._client.futures_klines(
                symbol=symbol, interval=interval, limit=limit, endTime=end
            ),
            lambda reply: market_replies.klines(reply, end_time=end_time),
            weight=klines_weight(limit),
        )

    def mark_price(self, symbol: str) -> MarkPrice:
        """Return the mark price and the funding that comes next; weight 1."""
        return self._calls.read(
            "GET /fapi/v1/premiumIndex",
            lambda: self._client.futures_mark_price(symbol=symbol),
            futures_market_replies.mark_price,
            weight=1,
        )

    def funding_rates(
        self, symbol: str, *, start: datetime, end: datetime | None = None
    ) -> list[FundingRate]:
        """Return the funding from `start` to `end`, both included; weight 1 per 1000 stamps.

        The venue counts these requests apart (500 in five minutes), at no weight.
        """
        last = to_milliseconds(end) if end else None

        def page(since: datetime) -> list[FundingRate]:
            return self._calls.read(
                "GET /fapi/v1/fundingRate",
                lambda: self._client.futures_funding_rate(
                    symbol=symbol, startTime=to_milliseconds(since), endTime=last, limit=MAX_ROWS
                ),
                futures_market_replies.funding_rates,
                weight=1,
            )

        return read_all(page, start=start)

    def leverage_brackets(self, symbol: str) -> LeverageBrackets:
        """Return the tiers as they hold for this account; weight 1."""
        return self._calls.signed_read(
            "GET /fapi/v1/leverageBracket",
            lambda: self._client.futures_leverage_bracket(symbol=symbol),
            lambda reply: futures_market_replies.leverage_brackets(reply, symbol),
            weight=1,
        )


def klines_weight(limit: int) -> int:
    """Return what asking for `limit` klines costs."""
    return next(weight for most, weight in KLINES_OF_WEIGHT if limit <= most)
