"""What an hour of ticks costs: nothing with a feed, one request a market and close without."""

from __future__ import annotations

from datetime import datetime

import pytest

from bots.engine.replay import replay_tick
from bots.models import BotConfig, BotState, Tick
from bots.tests.streams.conftest import (
    EVERY,
    FIRST_LOOK,
    KLINES,
    STEP,
    counters,
    tick_all_that_are_due,
)
from exchange.demo.testing import RunningExchange
from exchange.domain.streams import Series
from exchange.domain.types import Environment, Market
from exchange.feed.silence import SilenceSettings
from exchange.feed.tests.running import RunningFeed, eventually, stored, with_settings
from exchange.feed.wanted import Wanted
from exchange.registry import market_data_gateway

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "journal"]),
    pytest.mark.long,
]

HOUR = 4  # steps


def test_an_hour_of_twenty_bots_costs_no_kline_request_while_the_feed_is_up(
    twenty_bots: list[BotConfig], venue: RunningExchange
) -> None:
    # Silence is looked into after ten seconds; this market stands still while bots tick.
    patient = with_settings(silence=SilenceSettings(quiet=600, overdue=600, skipped=600))
    with RunningFeed(Wanted(series=frozenset(EVERY)), settings=patient):
        _step(venue, 0)
        eventually(lambda: all(_is_stored(one, 0) for one in EVERY))
        asked = counters(venue, *KLINES)
        for step in range(HOUR):
            _step(venue, step)
            eventually(lambda n=step: all(_is_stored(one, n) for one in EVERY))  # type: ignore[misc]
            assert tick_all_that_are_due() == len(twenty_bots)
        assert asked() == [0, 0]
    _assert_all_have_seen(HOUR - 1)


def test_with_the_feed_killed_one_request_a_market_and_close_serves_all_bots(
    twenty_bots: list[BotConfig], venue: RunningExchange
) -> None:
    with RunningFeed(Wanted(series=frozenset(EVERY))):
        _step(venue, 0)
        eventually(lambda: all(_is_stored(one, 0) for one in EVERY))
        assert tick_all_that_are_due() == len(twenty_bots)
    asked = counters(venue, *KLINES)
    for step in (1, 2):
        _step(venue, step)
        # What the feed has said last of the market's time is believed for a moment more.
        assert eventually(tick_all_that_are_due) == len(twenty_bots)
        assert asked() == [2 * step, 2 * step]  # two symbols on each market
    _assert_all_have_seen(2)


def _step(venue: RunningExchange, step: int) -> None:
    venue.set_clock(market_time=(FIRST_LOOK + step * STEP).isoformat())


def _is_stored(series: Series, step: int) -> bool:
    newest = stored(series, 1)
    return bool(newest) and newest[0].close_time >= FIRST_LOOK + step * STEP - STEP


def _assert_all_have_seen(step: int) -> None:
    """Every bot has decided on the newest closed kline, and none on one that was still open."""
    opened = {state.last_seen_kline for state in BotState.objects.all()}
    assert opened == {FIRST_LOOK.replace(second=0) + (step - 1) * STEP}
    assert not Tick.objects.exclude(error="").exists()
    ticks = list(Tick.objects.select_related("bot__api_key"))
    assert len({tick.bot_id for tick in ticks}) == 20
    for tick in ticks:
        newest = datetime.fromisoformat(tick.inputs["klines"]["last"])
        assert tick.market_time is not None
        assert newest + STEP <= tick.market_time < newest + 2 * STEP
    # What was read is what the venue has as closed, to the last digit.
    for tick in {(one.bot.symbol, one.bot.position_type): one for one in ticks}.values():
        venue_of = market_data_gateway(Environment.DEMO, Market(tick.bot.position_type))
        assert replay_tick(tick, gateway=venue_of).differences == {}
