"""More klines than one answer holds, from the demo exchange over HTTP."""

from __future__ import annotations

from itertools import pairwise

from django.conf import settings

from exchange.demo.testing import RunningExchange
from exchange.domain.intervals import interval_length
from exchange.domain.paging import read_klines
from exchange.domain.types import Environment, Market
from exchange.registry import market_data_gateway


def test_pages_join_without_a_gap_or_a_repetition(venue: RunningExchange) -> None:
    assert settings.EXCHANGE_URLS["demo"].spot == venue.url
    gateway = market_data_gateway(Environment.DEMO, Market.SPOT)
    klines = read_klines(gateway, "BTCUSDT", "5m", count=2001)
    assert len(klines) == 2001
    assert [kline.is_closed for kline in klines[-2:]] == [True, False]
    assert all(kline.is_closed for kline in klines[:-1])
    length = interval_length("5m")
    assert {later.open_time - earlier.open_time for earlier, later in pairwise(klines)} == {length}
    assert klines[-1000:] == gateway.klines("BTCUSDT", "5m", limit=1000)


def test_history_ends_where_the_venue_has_no_more(venue: RunningExchange) -> None:
    gateway = market_data_gateway(Environment.DEMO, Market.SPOT)
    klines = read_klines(gateway, "BTCUSDT", "1h", count=5000)
    assert 100 < len(klines) < 5000
    assert len({kline.open_time for kline in klines}) == len(klines)
