"""A kline has closed: whoever trades on it is claimed, once, and nobody else."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bots.dispatch.closes import PATIENCE_SECONDS, Closes
from bots.engine.schedule import TICK_LASTS, claim_due_bots, claim_market
from bots.locks import bot_lock
from bots.models import BotConfig, BotState
from exchange.domain.streams import Series
from exchange.domain.types import Environment, Market
from exchange.market_data import ClosedKline, note_market_time

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

NOW = datetime(2025, 5, 12, 4, 0, 0, tzinfo=UTC)


def closed(
    *, symbol: str = "BTCUSDT", interval: str = "5m", at: datetime = NOW, market: str = "spot"
) -> ClosedKline:
    """Return the announcement that a kline has closed at this market time."""
    series = Series(Environment.DEMO, Market(market), symbol, interval)
    return ClosedKline(series=series, open_time=at - series.length, stored_at=timezone.now())


def settled(bot: BotConfig, *, next_due_at: datetime = NOW) -> None:
    """Leave the state as a finished tick would."""
    now = timezone.now()
    BotState.objects.filter(pk=bot.pk).update(
        next_due_at=next_due_at,
        claimed_at=now - timedelta(seconds=1),
        last_run_at=now,
        state="running",
    )


def claimed_by(*announcements: ClosedKline) -> list[int]:
    closes = Closes()
    closes.note(announcements)
    return [claim.bot_id for claim in closes.claim()]


def copy_of(bot: BotConfig, **changes: Any) -> BotConfig:
    """Return another bot like this one, started as well."""
    other = BotConfig.objects.get(pk=bot.pk)
    other.pk, other.name = None, f"another on {changes}"
    for name, value in changes.items():
        setattr(other, name, value)
    other.save(force_insert=True)
    BotState.objects.create(bot=other, state="pending")
    return other


def test_a_bot_is_claimed_when_its_kline_has_closed_though_nobody_noted_the_time_yet(
    started_bot: BotConfig,
) -> None:
    settled(started_bot, next_due_at=NOW + timedelta(seconds=20))
    assert claimed_by(closed()) == []
    settled(started_bot)
    assert claimed_by(closed()) == [started_bot.pk]


def test_an_announcement_that_comes_twice_claims_once(started_bot: BotConfig) -> None:
    settled(started_bot)
    assert claimed_by(closed()) == [started_bot.pk]
    assert claimed_by(closed()) == []


def test_a_late_announcement_goes_by_the_noted_market_time(started_bot: BotConfig) -> None:
    settled(started_bot, next_due_at=NOW + timedelta(seconds=30))
    note_market_time(Environment.DEMO, Market.SPOT, NOW + timedelta(seconds=31))
    assert claimed_by(closed()) == [started_bot.pk]


@pytest.mark.parametrize(
    "other", [{"symbol": "ETHUSDT"}, {"interval": "1h"}, {"market": "futures"}]
)
def test_a_bot_on_another_kline_is_left_to_its_own(
    started_bot: BotConfig, other: dict[str, Any]
) -> None:
    settled(started_bot)
    assert claimed_by(closed(**other)) == []


def test_bots_of_many_klines_of_one_market_are_claimed_with_one_look(
    started_bot: BotConfig,
) -> None:
    other = copy_of(started_bot, symbol="ETHUSDT", timeframe="1m")
    third = copy_of(started_bot, symbol="ETHUSDT")
    for each in (started_bot, other, third):
        settled(each)
    with CaptureQueriesContext(connection) as queries:
        bots = claimed_by(closed(), closed(symbol="ETHUSDT", interval="1m"))
    assert bots == [started_bot.pk, other.pk]
    assert len([one for one in queries if "FOR NO KEY UPDATE" in one["sql"]]) == 1


def test_a_bot_whose_tick_is_at_work_is_claimed_when_it_has_ended(
    started_bot: BotConfig, worker_thread: Any
) -> None:
    # As claimed for a check before the close; the tick then began, and has not ended.
    BotState.objects.update(
        state="running",
        next_due_at=NOW + timedelta(seconds=25),
        claimed_at=timezone.now() - timedelta(seconds=1),
        last_run_at=timezone.now() - timedelta(seconds=30),
    )
    closes = Closes()
    closes.note([closed()])
    with bot_lock(started_bot.pk):
        assert worker_thread(closes.claim).result(5) == []
        assert closes
    settled(started_bot)  # what the tick leaves: due at the close that it did not see
    assert [claim.bot_id for claim in closes.claim()] == [started_bot.pk]
    assert not closes


def test_a_bot_that_stays_locked_is_left_to_the_rounds_in_the_end(
    started_bot: BotConfig, worker_thread: Any
) -> None:
    settled(started_bot)
    now = [100.0]
    closes = Closes(clock=lambda: now[0])
    closes.note([closed()])
    with bot_lock(started_bot.pk):
        assert worker_thread(closes.claim).result(5) == []
        assert closes
        now[0] += PATIENCE_SECONDS + 1
        assert worker_thread(closes.claim).result(5) == []
    assert not closes


def test_dispatchers_and_the_beat_together_claim_a_bot_once(
    started_bot: BotConfig, worker_thread: Any
) -> None:
    settled(started_bot)
    begin = threading.Barrier(8)

    def by_announcement() -> list[int]:
        begin.wait()
        return claimed_by(closed())

    def by_round() -> list[int]:
        begin.wait()
        return [claim.bot_id for claim in claim_due_bots(lambda *_: NOW)]

    futures = [worker_thread(work) for work in (by_announcement, by_round) * 4]
    assert [bot_id for each in futures for bot_id in each.result(20)] == [started_bot.pk]


def test_a_close_is_ahead_of_a_market_time_that_was_noted_before(started_bot: BotConfig) -> None:
    settled(started_bot)
    note_market_time(Environment.DEMO, Market.SPOT, NOW - timedelta(seconds=1))
    assert claimed_by(closed()) == [started_bot.pk]


def test_of_two_closes_of_a_series_the_newer_one_counts_whichever_comes_first(
    started_bot: BotConfig,
) -> None:
    older, newer = closed(at=NOW - timedelta(seconds=20)), closed()
    for together in ((older, newer), (newer, older)):
        settled(started_bot)
        assert claimed_by(*together) == [started_bot.pk]
        settled(started_bot)
        assert claimed_by(older) == []


def test_no_kline_claims_nobody(started_bot: BotConfig) -> None:
    settled(started_bot)
    assert claim_market(Environment.DEMO, Market.SPOT, [], market_time=NOW).claims == []


def test_a_tick_that_died_long_ago_is_not_waited_for(started_bot: BotConfig) -> None:
    settled(started_bot, next_due_at=NOW + timedelta(seconds=25))
    long_ago = timezone.now() - TICK_LASTS - timedelta(seconds=1)
    BotState.objects.update(claimed_at=long_ago, last_run_at=None)
    closes = Closes()
    closes.note([closed()])
    assert closes.claim() == []
    assert not closes


def test_a_stopped_bot_is_not_claimed_by_a_close(bot: BotConfig) -> None:
    assert claimed_by(closed()) == []


def test_when_redis_goes_away_between_two_markets_no_claim_is_lost_and_no_close_forgotten(
    started_bot: BotConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(started_bot)
    closes = Closes()
    closes.note([closed(), closed(market="futures")])

    def goes_away(environment: Environment, market: Market) -> datetime | None:
        if market is Market.FUTURES:
            raise redis.ConnectionError("connection refused")
        return None

    with monkeypatch.context() as patch:
        patch.setattr("bots.dispatch.closes.market_time", goes_away)
        with pytest.raises(redis.ConnectionError):
            closes.claim()
    assert [claim.bot_id for claim in closes.claim()] == [started_bot.pk]
    assert not closes


def test_when_postgresql_goes_away_between_two_markets_no_claim_is_lost(
    started_bot: BotConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(started_bot)
    closes = Closes()
    closes.note([closed(), closed(market="futures")])

    def goes_away(environment: Environment, market: Market, *streams: Any, **now: Any) -> Any:
        if market is Market.FUTURES:
            raise OperationalError("the database system is shutting down")
        return claim_market(environment, market, *streams, **now)

    with monkeypatch.context() as patch:
        patch.setattr("bots.dispatch.closes.claim_market", goes_away)
        with pytest.raises(OperationalError):
            closes.claim()
    assert [claim.bot_id for claim in closes.claim()] == [started_bot.pk]
