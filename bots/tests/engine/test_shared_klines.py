"""Bots share what the market shows, and old prices keep them from buying."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import override_settings
from django.utils import timezone

from accounts.models import User
from bots.engine.tick import run_tick
from bots.models import BotConfig, BotEvent, BotState, EntryLock, EventKind, Order
from bots.services import create_bot, start_bot
from bots.tests.engine.conftest import AT_BUY, BEFORE_BUY, BEFORE_SELL, GoTo
from exchange.demo.testing import RunningExchange
from exchange.domain.streams import KlineUpdate, Series
from exchange.domain.types import Environment, Market
from exchange.market_data import Added, SeriesStore
from exchange.models import APIKey
from exchange.registry import market_data_gateway

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

FIVE_MINUTES = timedelta(minutes=5)
SERIES = Series(Environment.DEMO, Market.SPOT, "BTCUSDT", "5m")


@pytest.fixture
def kline_requests(venue: RunningExchange) -> Callable[[], int]:
    """Return a function that says how often klines were asked for until now."""
    fault = venue.set_fault(
        endpoint="GET /api/v3/klines", when="before", action="delay", seconds=0, times=None
    )
    return lambda: next(one["hits"] for one in venue.faults() if one["id"] == fault["id"])


@pytest.fixture
def herd(trader: User, api_key: APIKey) -> list[BotConfig]:
    """Return five started bots on one market whose indicators read differently far back."""
    bots = []
    for slow in range(20, 45, 5):
        bot = BotConfig(
            user=trader,
            api_key=api_key,
            name=f"Bot {slow}",
            symbol="BTCUSDT",
            timeframe="5m",
            strategy="ema",
            ema_slow=slow,
            check_interval_seconds=30,
            initial_capital=Decimal(1000),
            position_size_fixed=Decimal(100),
        )
        bot.full_clean()
        bots.append(start_bot(bot_id=create_bot(bot, actor=trader).pk, actor=None))
    return bots


def tell_by_stream() -> None:
    """Bring the kline that has just closed as its stream would."""
    kline = market_data_gateway(SERIES.environment, SERIES.market).klines(
        SERIES.symbol, SERIES.interval, limit=2
    )[0]
    moment = kline.open_time + SERIES.length
    update = KlineUpdate(stream=SERIES.stream, kline=kline, event_time=moment)
    assert SeriesStore().add(SERIES, update, seen_at=timezone.now()) is Added.STORED


def state_of(bot: BotConfig) -> BotState:
    return BotState.objects.select_related("bot").get(pk=bot.pk)


def test_bots_of_one_market_ask_once_for_each_close(
    herd: list[BotConfig], go_to: GoTo, kline_requests: Callable[[], int]
) -> None:
    for close in range(3):
        go_to(BEFORE_BUY + close * FIVE_MINUTES)
        assert [run_tick(bot.pk) for bot in herd] == ["Done"] * len(herd)
        assert kline_requests() == close + 1


def test_with_the_klines_of_the_stream_bots_ask_for_none_and_see_every_one(
    herd: list[BotConfig], go_to: GoTo, kline_requests: Callable[[], int]
) -> None:
    go_to(BEFORE_BUY)
    run_tick(herd[0].pk)
    for close in range(1, 4):
        moment = BEFORE_BUY + close * FIVE_MINUTES
        go_to(moment)
        tell_by_stream()
        before = kline_requests()
        assert [run_tick(bot.pk) for bot in herd] == ["Done"] * len(herd)
        assert kline_requests() == before
        newest = (moment - FIVE_MINUTES).replace(second=0)
        newest -= timedelta(minutes=newest.minute % 5)
        assert {state_of(bot).last_seen_kline for bot in herd} == {newest}


def test_without_redis_a_bot_trades_by_what_it_asks_itself(
    started_bot: BotConfig, go_to: GoTo, kline_requests: Callable[[], int], venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    with override_settings(REDIS_URL="redis://127.0.0.1:1/0"):
        assert run_tick(started_bot.pk) == "Done"
        assert run_tick(started_bot.pk) == "Done"
    assert kline_requests() == 2
    assert [order["status"] for order in venue.ledger()["orders"]] == ["FILLED"]


def test_klines_that_stop_coming_are_an_error_that_buys_nothing_and_heals(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY - 3 * FIVE_MINUTES)
    gateway = market_data_gateway(SERIES.environment, SERIES.market)
    old = gateway.klines(SERIES.symbol, SERIES.interval, limit=499)
    go_to(AT_BUY)
    for _ in range(3):  # the venue is asked again and again and has no newer ones
        SeriesStore().fill(SERIES, old, market_time=AT_BUY, seen_at=timezone.now())
    assert run_tick(started_bot.pk) == "Done"

    state = state_of(started_bot)
    assert state.status == "error (price data)"
    assert state.last_error_message.startswith(EntryLock.objects.get().reason)
    assert "klines have stopped coming" in state.last_error_message
    assert venue.ledger()["orders"] == []
    assert BotEvent.objects.filter(kind=EventKind.LOCKED).count() == 1

    SeriesStore().drop(SERIES)
    assert run_tick(started_bot.pk) == "Done"
    state = state_of(started_bot)
    assert (state.status, state.last_error_message) == ("running (demo mode)", "")
    assert Order.objects.count() == 1  # the signal is still the newest kline's


def test_what_is_held_is_guarded_by_prices_that_are_old(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    BotConfig.objects.update(stop_loss_perc=Decimal(1))
    go_to(AT_BUY)
    run_tick(started_bot.pk)
    assert run_tick(started_bot.pk) == "Done"
    bought = state_of(started_bot)
    assert bought.in_position

    BotState.objects.update(market_moved_at=timezone.now() - timedelta(hours=1))
    assert run_tick(started_bot.pk) == "Done"
    state = state_of(started_bot)
    assert state.status == "error (price data)"
    assert "prices have not moved on" in state.last_error_message
    assert state.in_position
    assert state.stop_loss_price == bought.stop_loss_price

    venue.set_price("BTCUSDT", str(int(bought.entry_price * Decimal("0.97"))))
    run_tick(started_bot.pk)
    run_tick(started_bot.pk)
    assert not state_of(started_bot).in_position

    venue.set_price("BTCUSDT", None)
    go_to(BEFORE_SELL)
    assert run_tick(started_bot.pk) == "Done"
    assert state_of(started_bot).status == "running (demo mode)"


def test_a_daily_limit_that_is_reached_while_prices_are_old_lasts_for_the_day(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    BotConfig.objects.update(max_daily_loss_perc=Decimal("0.1"))
    go_to(AT_BUY)
    run_tick(started_bot.pk)
    run_tick(started_bot.pk)
    bought = state_of(started_bot)
    assert bought.in_position

    BotState.objects.update(market_moved_at=timezone.now() - timedelta(hours=1))
    venue.set_price("BTCUSDT", str(int(bought.entry_price * Decimal("0.9"))))
    assert run_tick(started_bot.pk) == "Done"
    assert state_of(started_bot).status == "error (price data)"

    venue.set_price("BTCUSDT", None)
    go_to(AT_BUY + timedelta(minutes=1))
    assert run_tick(started_bot.pk) == "Done"
    assert state_of(started_bot).status == "paused (max_daily_loss_perc reached)"


def test_a_bot_whose_protection_is_switched_off_shows_no_old_prices(
    started_bot: BotConfig, go_to: GoTo
) -> None:
    BotConfig.objects.update(stale_data_seconds=None)
    go_to(BEFORE_BUY)
    BotState.objects.update(
        market_moved_at=timezone.now() - timedelta(hours=1), last_market_time=BEFORE_BUY
    )
    assert run_tick(started_bot.pk) == "Done"
    assert state_of(started_bot).status == "running (demo mode)"
