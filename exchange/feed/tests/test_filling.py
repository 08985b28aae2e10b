"""What REST's answer makes of what is stored, against the real demo exchange."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from exchange.demo.market.sources import Prices
from exchange.demo.testing import RunningExchange
from exchange.domain.streams import Series
from exchange.domain.types import Environment, Market
from exchange.feed.filling import fill
from exchange.feed.tests.conftest import running_market
from exchange.feed.tests.running import stored, truth
from exchange.market_data import SeriesStore, shared_klines
from exchange.registry import market_data_gateway

SERIES = Series(Environment.DEMO, Market.SPOT, "BTCUSDT", "1m")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@contextmanager
def walk(seed: int, *, minutes: int, port: int = 0) -> Iterator[RunningExchange]:
    """Run a market that stands still, `minutes` after its start, with prices of its own."""
    with running_market(
        prices=Prices.WALK,
        walks={"BTCUSDT": Decimal(100)},
        seed=seed,
        port=port,
        start=START + timedelta(minutes=minutes),
        is_paused=True,
    ) as exchange:
        yield exchange


@pytest.mark.parametrize("minutes", [0, 1])
@pytest.mark.parametrize("by", ["the feed", "a tick"])
def test_nothing_is_left_of_another_recording_that_the_new_one_goes_on_from(
    clean_redis: Any, by: str, minutes: int
) -> None:
    with walk(1, minutes=0) as first:
        port = first.port
        fill(SeriesStore(), SERIES, market_time=None, count=50)
        before = stored(SERIES)
        assert before == truth(SERIES, 49)
    with walk(2, minutes=minutes, port=port):
        if by == "the feed":
            fill(SeriesStore(), SERIES, market_time=None, count=50)
        else:
            gateway = market_data_gateway(SERIES.environment, SERIES.market)
            moment = START + timedelta(minutes=max(minutes, 1))
            shared_klines(gateway, "BTCUSDT", "1m", count=50, market_time=moment)
        found = stored(SERIES)
        assert len(found) >= 49
        assert found == truth(SERIES, len(found))
        assert found[-10:-1] != before[-9:]
