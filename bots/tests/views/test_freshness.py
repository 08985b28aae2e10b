"""How old what a page shows is, and where it comes from."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import redis
from django.test import Client, override_settings
from django.utils import timezone

from accounts.models import User
from bots.models import BotConfig
from bots.selectors.bot_view import bot_views
from bots.selectors.freshness import NO_FEED, Freshness, freshness_of, series_of
from bots.selectors.live_data import AGAIN_AFTER, WANTED_AGAIN_AFTER, AgeWatch, ChartWatch
from bots.tests.views.conftest import MakeBot
from exchange.domain.streams import KlineUpdate, Series
from exchange.domain.types import Kline, Market
from exchange.market_data.feed import (
    FeedStatus,
    account_link,
    market_link,
    write_feed_statuses,
)
from exchange.market_data.store import Added, SeriesStore, Source
from exchange.market_data.wanted import wanted_by_pages

pytestmark = pytest.mark.usefixtures("clean_redis")

OPENED = datetime(2025, 5, 12, 4, 0, tzinfo=UTC)  # market time
MINUTES = timedelta(minutes=5)
NO_SUCH_REDIS = "redis://127.0.0.1:1/0"


def kline(number: int, *, close: str = "104000", is_closed: bool = True) -> Kline:
    """Return the kline that opened `number` times five minutes after `OPENED`."""
    return Kline(
        open_time=OPENED + number * MINUTES,
        close_time=OPENED + (number + 1) * MINUTES - timedelta(milliseconds=1),
        open=Decimal("103900.10"),
        high=Decimal(104500),
        low=Decimal(103000),
        close=Decimal(close),
        volume=Decimal("7.5"),
        is_closed=is_closed,
    )


def read_by_request(bot: BotConfig, *, seen_at: datetime) -> Series:
    """Put two closed klines and a running one there, as a request brings them."""
    series = series_of(bot)
    assert series is not None
    klines = [kline(0), kline(1), kline(2, is_closed=False)]
    SeriesStore().fill(series, klines, market_time=OPENED + 2.5 * MINUTES, seen_at=seen_at)
    return series


def heard_by_stream(series: Series, moved: Kline, *, seen_at: datetime) -> None:
    """Put what a stream tells behind it."""
    market_time = max(moved.open_time + 0.9 * MINUTES, OPENED + 2.6 * MINUTES)
    update = KlineUpdate(stream=series.stream, kline=moved, event_time=market_time)
    assert SeriesStore().add(series, update, seen_at=seen_at) is Added.REFRESHED


def feed_says(bot: BotConfig, **links: FeedStatus) -> None:
    """Write what the feed says about the `prices` and the `account` of the bot."""
    assert bot.api_key is not None
    market = Market(bot.position_type)
    series = series_of(bot)
    assert series is not None
    names = {
        "prices": market_link(series.environment, market),
        "account": account_link(bot.api_key.account_id, market),
    }
    write_feed_statuses({names[what]: status for what, status in links.items()})


def status(
    *, up: bool, since: datetime, reason: str = "", at: datetime | None = None
) -> FeedStatus:
    """Return what the feed says about one connection, just now unless told otherwise."""
    return FeedStatus(up=up, since=since, reason=reason, at=at or timezone.now())


@pytest.fixture
def bot(trader: User, make_bot: MakeBot) -> BotConfig:
    """Return a bot with a key, on five minutes."""
    return make_bot(trader, "Bitcoin", timeframe="5m")


@pytest.fixture
def keyless(trader: User, make_bot: MakeBot) -> BotConfig:
    """Return a bot that has lost its key, and with it its venue."""
    made = make_bot(trader, "Keyless")
    BotConfig.objects.filter(pk=made.pk).update(api_key=None)
    return BotConfig.objects.get(pk=made.pk)


def _now() -> datetime:
    return timezone.now().replace(microsecond=0)


def test_nothing_is_claimed_about_prices_that_nobody_has_read(bot: BotConfig) -> None:
    found = freshness_of([bot])[bot.pk]
    assert found == Freshness(account_words="by request, at every tick", note=NO_FEED)
    assert found.data == {
        "prices_seen_at": None,
        "source": None,
        "market_time": None,
        "prices_up": None,
        "account_up": None,
        "account_words": "by request, at every tick",
        "note": NO_FEED,
    }


def test_prices_by_stream_and_account_events_by_stream_are_called_so(bot: BotConfig) -> None:
    now = _now()
    series = read_by_request(bot, seen_at=now - timedelta(seconds=9))
    heard_by_stream(series, kline(2, is_closed=False, close="104001"), seen_at=now)
    since = now - timedelta(minutes=3)
    feed_says(bot, prices=status(up=True, since=since), account=status(up=True, since=since))
    found = freshness_of([bot])[bot.pk]
    assert (found.seen_at, found.source, found.source_words) == (now, Source.STREAM, "by stream")
    assert (found.prices_up, found.account_up, found.note) == (True, True, "")
    assert found.market_time == OPENED + 2.9 * MINUTES
    assert found.account_words == f"by stream since {since:%H:%M} UTC"


def test_a_stream_that_is_down_is_told_calmly_with_since_when_and_why(bot: BotConfig) -> None:
    now = _now()
    series = read_by_request(bot, seen_at=now)
    heard_by_stream(series, kline(2, is_closed=False, close="104001"), seen_at=now)
    down = status(up=False, since=now - timedelta(minutes=3), reason="the connection was cut.")
    feed_says(bot, prices=down, account=status(up=True, since=now))
    found = freshness_of([bot])[bot.pk]
    assert found.source_words == "by request"  # the next price does not come by stream
    since = f"{now - timedelta(minutes=3):%H:%M} UTC"
    assert found.note == (
        f"Prices come by request; their stream is down since {since} (the connection was cut)."
    )
    assert (found.prices_up, found.account_up) == (False, True)


def test_a_feed_that_has_died_is_one_sentence_and_not_two(bot: BotConfig) -> None:
    died = _now() - timedelta(days=2)
    up = status(up=True, since=died - timedelta(hours=1), at=died)
    feed_says(bot, prices=up, account=up)
    since = f"{died.day} {died:%b %H:%M} UTC"  # not today: with the day
    assert freshness_of([bot])[bot.pk].note == (
        "Prices and account events come by request; their streams are down "
        f"since {since} (the market feed does not answer)."
    )


def test_two_reasons_are_two_sentences(bot: BotConfig) -> None:
    since = _now()
    prices = status(up=False, since=since, reason="the venue refused")
    account = status(up=False, since=since, reason="the key may not listen")
    feed_says(bot, prices=prices, account=account)
    note = freshness_of([bot])[bot.pk].note
    assert "Prices come by request; their stream is down since" in note
    assert "(the venue refused). Account events come by request;" in note
    assert note.endswith("(the key may not listen).")


def test_each_bot_is_told_about_its_own_series(
    bot: BotConfig, keyless: BotConfig, trader: User, make_bot: MakeBot
) -> None:
    other = make_bot(trader, "Ether", symbol="ETHUSDT", timeframe="5m")
    now = _now()
    read_by_request(bot, seen_at=now - timedelta(seconds=40))
    read_by_request(other, seen_at=now)
    found = freshness_of([bot, other, keyless])
    assert {pk: fresh.seen_at for pk, fresh in found.items()} == {
        bot.pk: now - timedelta(seconds=40),
        other.pk: now,
    }
    assert series_of(keyless) is None


def test_ages_of_many_bots_take_two_questions(
    trader: User, make_bot: MakeBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bots = [make_bot(trader, f"Bot {number}") for number in range(5)]
    asked = _counted(monkeypatch)
    freshness_of(bots)
    assert len(asked) == 2


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows by one with every round trip to Redis."""
    asked: list[str] = []

    def counting(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def act(*args: Any, **kwargs: Any) -> Any:
            asked.append(name)
            return original(*args, **kwargs)

        return act

    command, pipeline = redis.Redis.execute_command, redis.client.Pipeline.execute
    monkeypatch.setattr(redis.Redis, "execute_command", counting("command", command))
    monkeypatch.setattr(redis.client.Pipeline, "execute", counting("pipeline", pipeline))
    return asked


def test_a_page_appears_without_redis_and_says_nothing_that_it_does_not_know(
    bot: BotConfig, caplog: pytest.LogCaptureFixture
) -> None:
    with override_settings(REDIS_URL=NO_SUCH_REDIS):
        [view] = bot_views([bot])
    assert view.freshness == Freshness()
    assert "a page cannot tell how old its prices are" in caplog.text


def test_the_pages_carry_age_and_source(bot: BotConfig, as_trader: Client) -> None:
    read_by_request(bot, seen_at=timezone.now() - timedelta(minutes=2))
    page = as_trader.get(bot.get_absolute_url()).content.decode()
    assert 'data-age="prices">2\xa0minutes ago<' in page
    assert 'data-feed="source">by request<' in page
    assert NO_FEED in page
    assert page.count("data-read-at=") == 4  # trades, decisions, journal, what holds it back
    assert '"prices_seen_at": "' in page
    assert "data-market-time>12 May 2025 04:12:30<" in page  # of the prices: it never ticked
    overview = as_trader.get("/").content.decode()
    assert '"source": "request"' in overview
    assert '"check_interval_seconds": 60' in overview


# What an open page is told


def test_an_age_is_told_when_it_changes_and_not_again(bot: BotConfig) -> None:
    now, watch = _now(), AgeWatch()
    read_by_request(bot, seen_at=now)
    [told] = watch.look([bot])
    assert (told.kind, told.bot_id) == ("feed.age", bot.pk)
    assert told.data == freshness_of([bot])[bot.pk].data
    assert watch.look([bot]) == []
    read_by_request(bot, seen_at=now + timedelta(seconds=1))
    [told] = watch.look([bot])
    assert told.data["prices_seen_at"] == (now + timedelta(seconds=1)).isoformat()


def test_a_page_hears_something_even_where_nothing_changes(
    keyless: BotConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = [0.0]
    monkeypatch.setattr("bots.selectors.live_data.time.monotonic", lambda: times[0])
    watch = AgeWatch()
    assert watch.look([keyless]) == []  # the page knows that nothing is known
    times[0] = AGAIN_AFTER
    assert [told.data for told in watch.look([keyless])] == [Freshness().data]
    assert watch.look([keyless]) == []


def test_a_chart_is_told_the_running_kline_as_it_moves(bot: BotConfig) -> None:
    now, watch = _now(), ChartWatch()
    series = read_by_request(bot, seen_at=now)
    klines, age = watch.look([bot])
    assert (klines.kind, age.kind) == ("feed.kline", "feed.age")
    assert klines.data["seen_at"] == now.isoformat()
    assert [row["open_time"] for row in klines.data["klines"]] == [
        (OPENED + number * MINUTES).isoformat() for number in range(3)
    ]
    assert watch.look([bot]) == []
    later = now + timedelta(seconds=2)
    heard_by_stream(series, kline(2, is_closed=False, close="104321.25"), seen_at=later)
    klines, age = watch.look([bot])
    assert klines.data["klines"][-1]["close"] == "104321.25"
    assert klines.data["klines"][-1]["is_closed"] is False
    assert klines.data["seen_at"] == age.data["prices_seen_at"] == later.isoformat()


def test_klines_that_were_only_confirmed_are_not_sent_again(bot: BotConfig) -> None:
    now, watch = _now(), ChartWatch()
    series = read_by_request(bot, seen_at=now)
    watch.look([bot])
    SeriesStore().confirm(series, seen_at=now + timedelta(seconds=3))
    assert [told.kind for told in watch.look([bot])] == ["feed.age"]


def test_the_feed_listens_to_what_an_open_page_shows_as_long_as_it_is_open(
    bot: BotConfig, clean_redis: redis.Redis
) -> None:
    watch = ChartWatch()
    watch.look([bot])
    assert wanted_by_pages() == {series_of(bot)}
    clean_redis.flushdb()
    watch.look([bot])
    assert wanted_by_pages() == frozenset()  # not said with every look
    bot.timeframe = "15m"
    watch.look([bot])
    assert wanted_by_pages() == {series_of(bot)}
    clean_redis.flushdb()
    with pytest.MonkeyPatch.context() as patch:
        later = time.monotonic() + WANTED_AGAIN_AFTER + 1
        patch.setattr("bots.selectors.live_data.time.monotonic", lambda: later)
        watch.look([bot])
    assert wanted_by_pages() == {series_of(bot)}


def test_a_bot_without_a_key_has_no_running_kline(keyless: BotConfig) -> None:
    assert ChartWatch().look([keyless]) == []
