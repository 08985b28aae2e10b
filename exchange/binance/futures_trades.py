"""Executions of the futures market, read page by page: none is lost and none comes twice.

`GET userTrades` answers 1000 rows at most. By order it begins with the newest, by time with the
oldest and spans seven days, and a trade id cannot be combined with times. Without times it may
look back no further than seven days. Three months are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from exchange.binance import futures_order_replies
from exchange.binance.futures_base import FuturesBase
from exchange.binance.parsing import mapping, moment
from exchange.binance.spot_parameters import Parameters
from exchange.domain.clock import from_milliseconds, to_milliseconds
from exchange.domain.reports import TradeReport
from exchange.domain.types import ZERO

MAX_TRADES: Final = 1000
TRADES_WEIGHT: Final = 5
_MILLISECOND: Final = timedelta(milliseconds=1)
LONGEST_SPAN: Final = timedelta(days=7) - _MILLISECOND  # both ends count


class FuturesTrades(FuturesBase):
    """What was executed: the one source of average prices and commissions."""

    def trades_of_order(
        self, symbol: str, venue_order_id: str, *, filled_quantity: Decimal | None = None
    ) -> list[TradeReport]:
        """Return the executions of one order, oldest first; weight 5 for each 1000 of them.

        filled_quantity   of an order that has traded over more than seven days the venue tells the
                          newest executions first; where they are less than this, all are read
        """
        of_order = {"symbol": symbol, "orderId": venue_order_id}
        page = self._trades_page(of_order)
        told = sum((trade.quantity for trade in page), ZERO)
        if not 0 < len(page) < MAX_TRADES or told < (filled_quantity or ZERO):
            # More than one page, or older than what is told without saying from where on.
            page = self._trades_from(of_order, first_id=0)
        return [trade for trade in page if trade.venue_order_id == venue_order_id]

    def trades(
        self, symbol: str, *, start: datetime, end: datetime | None = None
    ) -> list[TradeReport]:
        """Return every execution of a symbol, ours or not, oldest first; weight 5 a page.

        Times are market time, both ends count. The venue keeps three months. Without an `end` the
        last page has none either: a ticker may lag behind an execution of this moment.
        """
        last = end or max(self._market_time(symbol), start)
        found: list[TradeReport] = []
        for first in _spans(from_milliseconds(to_milliseconds(start)), last):
            until = first + LONGEST_SPAN
            is_open = end is None and until >= last
            found += self._trades_between(symbol, first, None if is_open else min(until, last))
        return found

    def _trades_between(
        self, symbol: str, start: datetime, end: datetime | None
    ) -> list[TradeReport]:
        found: dict[tuple[str, str | None], TradeReport] = {}
        until = {} if end is None else {"endTime": str(to_milliseconds(end))}
        while end is None or start <= end:
            since = {"symbol": symbol, "startTime": str(to_milliseconds(start))}
            page = self._trades_page(since | until)
            newest = max((trade.market_time for trade in page), default=start)
            is_whole = len(page) < MAX_TRADES
            if not is_whole and newest <= start:
                # All of them within one millisecond: there only their ids lead on.
                page += self._trades_of_moment(symbol, start, after=page)
                newest = start + _MILLISECOND
            found |= {(trade.trade_id, trade.venue_order_id): trade for trade in page}
            if is_whole:
                break
            start = newest  # and not later: more of the same millisecond may be on the next page
        return list(found.values())

    def _trades_of_moment(
        self, symbol: str, at: datetime, *, after: list[TradeReport]
    ) -> list[TradeReport]:
        later = self._trades_from({"symbol": symbol}, first_id=_next_id(after), until=at)
        return [trade for trade in later if trade.market_time == at]

    def _trades_from(
        self, of: Parameters, *, first_id: int, until: datetime | None = None
    ) -> list[TradeReport]:
        found: list[TradeReport] = []
        while True:
            page = self._trades_page(of | {"fromId": str(first_id)})
            found += page
            is_past = until is not None and any(trade.market_time > until for trade in page)
            if len(page) < MAX_TRADES or is_past:
                return found
            first_id = _next_id(page)

    def _trades_page(self, parameters: Parameters) -> list[TradeReport]:
        limited = parameters | {"limit": str(MAX_TRADES)}
        return self._calls.signed_read(
            "GET /fapi/v1/userTrades",
            lambda: self._request("get", "userTrades", limited),
            futures_order_replies.trades,
            weight=TRADES_WEIGHT,
        )

    def _market_time(self, symbol: str) -> datetime:
        return self._calls.read(
            "GET /fapi/v2/ticker/price",
            lambda: self._client.futures_symbol_ticker(symbol=symbol),
            lambda reply: moment(mapping(reply, "ticker"), "time"),
            weight=1,
        )


def _next_id(page: list[TradeReport]) -> int:
    return max(int(trade.trade_id) for trade in page) + 1


def _spans(start: datetime, end: datetime) -> Iterator[datetime]:
    while start <= end:
        yield start
        start += LONGEST_SPAN + _MILLISECOND
