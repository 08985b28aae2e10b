"""Executions over many pages: whatever lies on a page border comes once, and in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.binance import futures_trades
from exchange.binance.clock import wall_milliseconds
from exchange.binance.futures import BinanceFuturesGateway
from exchange.binance.futures_order_replies import order, trades
from exchange.binance.parsing import MalformedReplyError
from exchange.binance.tests.conftest import loopback_urls
from exchange.binance.tests.futures_asking import opened_at
from exchange.binance.tests.futures_order_samples import AT, QUERIED, TRADE
from exchange.binance.tests.scripted_server import ScriptedServer
from exchange.binance.tests.test_spot_orders import unstamped
from exchange.domain.clock import from_milliseconds, to_milliseconds
from exchange.domain.reports import TradeReport
from exchange.domain.types import Environment, Side

TRADES = "/fapi/v1/userTrades"
TIME = "/fapi/v1/time"
START = datetime(2026, 10, 1, tzinfo=UTC)
WEEK_MS = 7 * 86_400_000
MILLISECOND = timedelta(milliseconds=1)


@pytest.fixture
def gateway(script: ScriptedServer) -> Iterator[BinanceFuturesGateway]:
    with opened_at(script.url) as gateway:
        yield gateway


def rows(count: int, *, first: int = 1, order_id: int = 22) -> list[dict[str, Any]]:
    return [
        TRADE | {"id": first + n, "time": AT + first + n, "orderId": order_id} for n in range(count)
    ]


def test_an_execution_tells_all_that_there_is_about_it() -> None:
    (trade,) = trades([TRADE])

    assert trade == TradeReport(
        trade_id="7001",
        venue_order_id="22",
        side=Side.SELL,
        price=Decimal("60000.5"),
        quantity=Decimal("0.01"),
        quote_quantity=Decimal("600.005"),
        commission=Decimal("0.240002"),
        commission_asset="USDT",
        realized_pnl=Decimal("-1.25"),
        is_maker=False,
        market_time=from_milliseconds(AT),
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": "first"}, "id"),
        ({"side": "LONG"}, "side"),
        ({"realizedPnl": None}, "realizedPnl"),
        ({"maker": "no"}, "maker"),
        ({"qty": "-1"}, "qty"),
        ({"commission": 0.1}, "commission"),
    ],
)
def test_nonsense_in_an_execution_is_refused_by_the_name_of_its_field(
    changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(MalformedReplyError, match=field):
        trades([TRADE | changes])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"orderId": "x"}, "orderId"),
        ({"origQty": "-1"}, "origQty"),
        ({"reduceOnly": "false"}, "reduceOnly"),
        ({"cumQuote": "much"}, "cumQuote"),
        ({"updateTime": None}, "updateTime"),
    ],
)
def test_nonsense_in_an_order_is_refused_by_the_name_of_its_field(
    changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(MalformedReplyError, match=field):
        order(QUERIED | changes)


def test_the_executions_of_an_order_are_asked_for_by_its_number(
    script: ScriptedServer, gateway: BinanceFuturesGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says(TRADES, list(reversed(rows(3))))

    found = gateway.trades_of_order("BTCUSDT", "22")

    assert [trade.trade_id for trade in found] == ["1", "2", "3"]
    (seen,) = script.asked(TRADES)
    assert seen.method == "GET"
    assert unstamped(seen) == {"symbol": "BTCUSDT", "orderId": "22", "limit": "1000"}


def test_an_order_with_more_than_one_page_is_read_from_its_beginning(
    script: ScriptedServer, gateway: BinanceFuturesGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says(TRADES, rows(1000, first=6))  # the newest
    script.says(TRADES, rows(1000))
    script.says(TRADES, rows(5, first=1001))

    found = gateway.trades_of_order("BTCUSDT", "22")

    assert [int(trade.trade_id) for trade in found] == list(range(1, 1006))
    pages = [seen.values.get("fromId") for seen in script.asked(TRADES)]
    assert pages == [None, "0", "1001"]


def test_an_order_whose_executions_are_old_is_asked_for_from_the_beginning(
    script: ScriptedServer, gateway: BinanceFuturesGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says(TRADES, [])
    script.says(TRADES, [*rows(2), *rows(1, first=9, order_id=23)])

    found = gateway.trades_of_order("BTCUSDT", "22")

    assert [trade.trade_id for trade in found] == ["1", "2"]


def test_an_order_that_has_filled_more_than_is_told_at_first_is_read_whole(
    script: ScriptedServer, gateway: BinanceFuturesGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says(TRADES, rows(1, first=9))  # of the last seven days
    script.says(TRADES, [*rows(2), *rows(1, first=9)])

    found = gateway.trades_of_order("BTCUSDT", "22", filled_quantity=Decimal("0.03"))

    assert [trade.trade_id for trade in found] == ["1", "2", "9"]
    assert [seen.values.get("fromId") for seen in script.asked(TRADES)] == [None, "0"]


def test_an_order_of_which_everything_is_told_is_asked_for_once(
    script: ScriptedServer, gateway: BinanceFuturesGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    script.says(TRADES, rows(3))

    found = gateway.trades_of_order("BTCUSDT", "22", filled_quantity=Decimal("0.03"))

    assert len(found) == 3
    assert len(script.asked(TRADES)) == 1


def test_a_long_time_is_asked_for_week_by_week(
    script: ScriptedServer, gateway: BinanceFuturesGateway
) -> None:
    script.says(TIME, {"serverTime": wall_milliseconds()})
    for _ in range(3):
        script.says(TRADES, [])
    end = START + timedelta(days=15)

    assert gateway.trades("BTCUSDT", start=START, end=end) == []

    first = to_milliseconds(START)
    spans = [
        (int(seen.values["startTime"]) - first, int(seen.values["endTime"]) - first)
        for seen in script.asked(TRADES)
    ]
    assert spans == [
        (0, WEEK_MS - 1),
        (WEEK_MS, 2 * WEEK_MS - 1),
        (2 * WEEK_MS, 15 * 86_400_000),
    ]
    assert {"fromId", "orderId"} & set(script.asked(TRADES)[0].values) == set()


@pytest.mark.parametrize("days", [0, 6, 20])
def test_without_an_end_the_last_week_stays_open_to_what_the_ticker_does_not_know_yet(
    script: ScriptedServer, gateway: BinanceFuturesGateway, days: int
) -> None:
    now = to_milliseconds(START) + days * 86_400_000
    ticker = {"symbol": "BTCUSDT", "price": "60000.10", "time": now}
    script.says("/fapi/v2/ticker/price", ticker)
    script.says(TIME, {"serverTime": wall_milliseconds()})
    for _ in range(days // 7):
        script.says(TRADES, [])
    script.says(TRADES, [TRADE | {"time": now + 1}])

    (found,) = gateway.trades("BTCUSDT", start=START)

    assert to_milliseconds(found.market_time) == now + 1
    first = to_milliseconds(START)
    spans = [
        (int(seen.values["startTime"]) - first, "endTime" in seen.values)
        for seen in script.asked(TRADES)
    ]
    assert spans == [(week * WEEK_MS, week < days // 7) for week in range(days // 7 + 1)]


def test_a_time_that_has_not_begun_holds_nothing(
    script: ScriptedServer, gateway: BinanceFuturesGateway
) -> None:
    assert gateway.trades("BTCUSDT", start=START, end=START - MILLISECOND) == []
    assert script.seen == []


class Book(BinanceFuturesGateway):
    """A gateway whose pages come from a list, cut as the venue cuts them; pages are short."""

    def __init__(self, known: list[TradeReport], page: int) -> None:
        super().__init__(environment=Environment.DEMO, urls=loopback_urls("http://127.0.0.1:1"))
        self.known = known
        self.page = page
        self.asked = 0
        self.ticker_time = START

    def _market_time(self, symbol: str) -> datetime:
        return self.ticker_time

    def _trades_page(self, parameters: dict[str, str]) -> list[TradeReport]:
        self.asked += 1
        start, end, after, of_order = (
            parameters.get(name) for name in ("startTime", "endTime", "fromId", "orderId")
        )
        assert not (after and (start or end))  # -1102 or worse
        assert not start or int(end or 0) - int(start) < WEEK_MS
        rows = self.known
        if of_order:
            rows = [trade for trade in rows if trade.venue_order_id == of_order]
        if start:
            times = range(int(start), (int(end) if end else int(start) + WEEK_MS) + 1)
            rows = [trade for trade in rows if to_milliseconds(trade.market_time) in times]
        if after is not None:
            return [trade for trade in rows if int(trade.trade_id) >= int(after)][: self.page]
        return rows[: self.page] if start else rows[-self.page :]


def known_trades(gaps: list[int]) -> list[TradeReport]:
    (model,) = trades([TRADE])
    at, found = START, []
    for number, gap in enumerate(gaps):
        at += timedelta(milliseconds=gap)
        order_id = str(20 + number % 3)
        found.append(
            replace(model, trade_id=str(100 + number), market_time=at, venue_order_id=order_id)
        )
    return found


# Mostly many within one millisecond; sometimes days apart.
gaps_between = st.lists(
    st.one_of(st.just(0), st.integers(0, 2), st.integers(0, 3 * 86_400_000)), max_size=25
)


@settings(max_examples=150, deadline=None)
@given(gaps=gaps_between, page=st.integers(1, 5), late=st.integers(0, 3), early=st.integers(0, 3))
def test_no_execution_is_lost_or_doubled_at_a_page_border(
    gaps: list[int], page: int, late: int, early: int
) -> None:
    known = known_trades(gaps)
    book = Book(known, page)
    start = START + late * MILLISECOND
    end = (known[-1].market_time if known else START) - early * MILLISECOND
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(futures_trades, "MAX_TRADES", page)

        found = book.trades("BTCUSDT", start=start, end=end)
        book.ticker_time = end  # behind by `early`
        open_ended = book.trades("BTCUSDT", start=start)
        of_order = book.trades_of_order("BTCUSDT", "21")

    assert found == [trade for trade in known if start <= trade.market_time <= end]
    assert open_ended == [trade for trade in known if start <= trade.market_time]
    assert of_order == [trade for trade in known if trade.venue_order_id == "21"]
    book.close()
