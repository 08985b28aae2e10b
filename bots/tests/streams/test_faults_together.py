"""All that streams can do wrong, while bots trade: nothing is missing and nothing is twice."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
import redis

from accounts.models import User
from bots.models import BotConfig, Fill
from bots.services import create_bot, start_bot
from bots.tasks import run_bot_task
from bots.tests.faults.demos import another_demo
from bots.tests.streams.crew import Crew
from bots.tests.streams.looking import (
    Onlooker,
    Reading,
    assert_books_are_right,
    assert_no_order_twice,
    assert_ticks_saw_closed_klines,
    executed,
)
from bots.tests.streams.play import SPEED, SYMBOLS, Play
from bots.tests.streams.quick_feed import FeedProcess
from exchange.demo.testing import RunningExchange
from exchange.domain.streams import Series
from exchange.domain.types import Environment, Market
from exchange.feed.tests.running import assert_whole
from exchange.models import APIKey

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "journal"]),
    pytest.mark.long,
]

EVERY: Final = tuple(
    Series(Environment.DEMO, market, symbol, "1m") for market in Market for symbol in SYMBOLS
)
# `STREAM_SEEDS=1,2,3` plays others: what happens when is up to threads, and no seed repeats itself.
SEEDS: Final = [int(seed) for seed in os.environ.get("STREAM_SEEDS", "1").split(",")]
LEAST: Final = 20  # ticks and executions without which nothing would be proven
_TURNS: Final = 6


@pytest.fixture
def venue(clean_redis: Any) -> Iterator[RunningExchange]:
    """Run a demo exchange whose market runs fast."""
    with another_demo(is_paused=False, speed=SPEED) as exchange:
        yield exchange


@pytest.fixture
def bots(trader: User, api_key: APIKey) -> list[BotConfig]:
    """Return a bot on each symbol of each market that enters and leaves every few minutes."""
    made = [_bot(trader, api_key, series) for series in EVERY]
    return [start_bot(bot_id=bot.pk, actor=None) for bot in made]


def _bot(trader: User, api_key: APIKey, series: Series) -> BotConfig:
    bot = BotConfig(
        user=trader,
        api_key=api_key,
        name=str(series),
        symbol=series.symbol,
        timeframe=series.interval,
        strategy="ema",
        position_type=series.market.value,
        direction="both" if series.market is Market.FUTURES else "long",
        leverage=5,
        exchange_error_count=None,
        check_interval_seconds=60,
        initial_capital=Decimal(5000),
        position_size_fixed=Decimal(400),
        stop_loss_perc=Decimal("0.3"),
        take_profit_perc=Decimal("0.4"),
        ema_fast=2,
        ema_slow=3,
        rsi_period=14,
        rsi_oversold=Decimal(1),
        rsi_overbought=Decimal(99),
    )
    bot.full_clean()
    return create_bot(bot, actor=trader)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_fault_of_streams_leaves_no_gap_no_open_kline_no_lost_fill_and_no_order_twice(
    seed: int,
    bots: list[BotConfig],
    venue: RunningExchange,
    clean_redis: redis.Redis,
    tmp_path: Path,
) -> None:
    onlooker = Onlooker(EVERY)
    with FeedProcess(venue, tmp_path / "feed.log", starts=3) as feed:
        feed.start()
        feed.wait()
        play = Play(
            dice=random.Random(seed),
            venue=venue,
            feed=feed,
            forgetful=clean_redis,
            onlooker=onlooker,
        )
        with Reading(venue) as reading, Crew():
            play.one_after_another()
            play.all_together()
            play.calm_down()
            assert_whole(venue, *EVERY)
        onlooker.look()
        assert feed.is_alive
        assert "Traceback" not in feed.said
    onlooker.assert_all_was_true()
    assert reading.open == []
    _let_all_come_to_rest(bots, venue)
    ledger = venue.ledger()
    assert_books_are_right(ledger, bots)
    assert_no_order_twice(ledger)
    assert assert_ticks_saw_closed_klines() >= LEAST
    assert Fill.objects.count() >= LEAST
    assert onlooker.looks >= LEAST


def _let_all_come_to_rest(bots: list[BotConfig], venue: RunningExchange) -> None:
    """Give every bot the checks that it would have had by itself, in a market that stands still."""
    before = -1
    for _ in range(_TURNS):
        for bot in bots:
            run_bot_task(bot.pk)
        if before == (before := len(executed(venue.ledger()))):
            return
    raise AssertionError("bots go on trading in a market that stands still")
