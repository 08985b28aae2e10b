"""Which bots are due, in market time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from bots.engine.schedule import Claim, claim_due_bots, make_due, next_due
from bots.locks import lock_state
from bots.models import BotConfig, BotState
from exchange.domain.types import Environment, Market

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

NOW = datetime(2025, 5, 12, 4, 0, 0, tzinfo=UTC)


def at(moment: datetime | None) -> Any:
    return lambda environment, market, symbol: moment


def _ticked(bot: BotConfig, *, next_due_at: datetime | None) -> None:
    """Leave the state as a finished tick would."""
    now = timezone.now()
    BotState.objects.filter(pk=bot.pk).update(
        next_due_at=next_due_at,
        claimed_at=now - timedelta(seconds=1),
        last_run_at=now,
        state="running",
    )


def test_a_bot_is_due_when_its_check_interval_has_passed() -> None:
    due = next_due(
        market_time=NOW, newest_kline=NOW - timedelta(hours=1), timeframe="1h", check_seconds=30
    )
    assert due == NOW + timedelta(seconds=30)


def test_a_bot_is_due_when_a_kline_closes_before_its_check_interval_has_passed() -> None:
    newest = NOW - timedelta(minutes=6)  # closed at NOW - 1 min; the next one closes at NOW + 4 min
    due = next_due(market_time=NOW, newest_kline=newest, timeframe="5m", check_seconds=3600)
    assert due == NOW + timedelta(minutes=4)


def test_a_started_bot_is_due_at_once(started_bot: BotConfig) -> None:
    assert claim_due_bots(at(NOW)) == [Claim(bot_id=started_bot.pk, slot=int(NOW.timestamp()))]


def test_a_claimed_bot_is_not_claimed_again_while_its_tick_is_on_its_way(
    started_bot: BotConfig,
) -> None:
    claim_due_bots(at(NOW))
    assert claim_due_bots(at(NOW + timedelta(hours=1))) == []


def test_a_wish_is_due_at_once_though_the_claimed_tick_found_the_bot_locked_and_left(
    started_bot: BotConfig,
) -> None:
    (first,) = claim_due_bots(at(NOW))
    with transaction.atomic():
        state = lock_state(started_bot.pk, wait_seconds=1)
        make_due(state)
        state.save()
    (second,) = claim_due_bots(at(NOW))
    assert (second.bot_id, second.slot) == (started_bot.pk, first.slot + 1)


def test_a_claim_whose_tick_never_began_is_given_out_again_under_another_slot(
    started_bot: BotConfig,
) -> None:
    (lost,) = claim_due_bots(at(NOW))
    BotState.objects.update(claimed_at=timezone.now() - timedelta(seconds=11))
    assert claim_due_bots(at(NOW)) == []  # not due yet in market time
    (again,) = claim_due_bots(at(NOW + timedelta(minutes=1)))
    assert again.slot > lost.slot


def test_a_bot_is_left_alone_until_it_is_due(started_bot: BotConfig) -> None:
    _ticked(started_bot, next_due_at=NOW + timedelta(seconds=30))
    assert claim_due_bots(at(NOW + timedelta(seconds=29))) == []
    (claim,) = claim_due_bots(at(NOW + timedelta(seconds=30)))
    assert claim.slot == int((NOW + timedelta(seconds=30)).timestamp())


def test_slots_rise_even_when_a_recording_starts_anew(started_bot: BotConfig) -> None:
    (first,) = claim_due_bots(at(NOW))
    _ticked(started_bot, next_due_at=None)
    long_before = NOW - timedelta(days=30)
    (second,) = claim_due_bots(at(long_before))
    assert second.slot > first.slot


def test_a_stopped_bot_is_never_claimed(bot: BotConfig) -> None:
    assert claim_due_bots(at(NOW)) == []


def test_an_error_that_waits_for_a_person_is_never_claimed(started_bot: BotConfig) -> None:
    BotState.objects.update(state="error", reason="", next_due_at=None)
    assert claim_due_bots(at(NOW)) == []


def test_an_error_of_prices_is_claimed_again(started_bot: BotConfig) -> None:
    BotState.objects.update(state="error", reason="price data", next_due_at=NOW)
    assert [claim.bot_id for claim in claim_due_bots(at(NOW))] == [started_bot.pk]


def test_a_bot_without_a_key_is_claimed_once_so_that_it_can_say_so(started_bot: BotConfig) -> None:
    BotConfig.objects.update(api_key=None)
    assert [claim.bot_id for claim in claim_due_bots(at(NOW))] == [started_bot.pk]


def test_without_market_time_a_bot_is_claimed_by_wall_time(started_bot: BotConfig) -> None:
    _ticked(started_bot, next_due_at=NOW)
    assert claim_due_bots(at(None)) == []
    BotState.objects.update(
        claimed_at=timezone.now() - timedelta(seconds=32),
        last_run_at=timezone.now() - timedelta(seconds=31),
    )
    assert [claim.bot_id for claim in claim_due_bots(at(None))] == [started_bot.pk]


def test_without_market_time_a_bot_is_claimed_though_the_wall_clock_was_put_back(
    started_bot: BotConfig,
) -> None:
    _ticked(started_bot, next_due_at=NOW + timedelta(seconds=30))
    BotState.objects.update(last_run_at=timezone.now() + timedelta(hours=1))
    assert len(claim_due_bots(at(None))) == 1
    BotState.objects.update(last_run_at=timezone.now() + timedelta(seconds=5), claimed_at=None)
    assert claim_due_bots(at(None)) == []


@pytest.mark.parametrize(
    ("check", "stale", "patience"), [(30, 180, 30), (3600, 180, 180), (3600, None, 3600)]
)
def test_a_market_that_stands_still_is_noticed_by_wall_time(
    started_bot: BotConfig, check: int, stale: int | None, patience: int
) -> None:
    BotConfig.objects.update(check_interval_seconds=check, stale_data_seconds=stale)
    _ticked(started_bot, next_due_at=NOW + timedelta(seconds=20))
    begun = timezone.now() - timedelta(seconds=patience - 5)
    BotState.objects.update(last_market_time=NOW, last_run_at=begun, claimed_at=begun)
    assert claim_due_bots(at(NOW)) == []
    BotState.objects.update(last_run_at=begun - timedelta(seconds=10))
    assert [claim.bot_id for claim in claim_due_bots(at(NOW))] == [started_bot.pk]


@pytest.mark.parametrize("market_moved", [timedelta(0), timedelta(seconds=5)])
def test_no_bot_is_left_alone_for_longer_than_its_check_interval_of_wall_time(
    started_bot: BotConfig, market_moved: timedelta
) -> None:
    # It stood still before the bot was due, and after the bot had looked at it.
    _ticked(started_bot, next_due_at=NOW + timedelta(seconds=20))
    begun = timezone.now() - timedelta(seconds=31)
    BotState.objects.update(last_market_time=NOW, last_run_at=begun, claimed_at=begun)
    claims = claim_due_bots(at(NOW + market_moved))
    assert [claim.bot_id for claim in claims] == [started_bot.pk]


def test_a_market_that_moves_on_is_not_looked_at_before_the_check_interval(
    started_bot: BotConfig,
) -> None:
    BotConfig.objects.update(check_interval_seconds=3600, stale_data_seconds=180)
    _ticked(started_bot, next_due_at=NOW + timedelta(minutes=20))
    begun = timezone.now() - timedelta(seconds=600)
    BotState.objects.update(last_market_time=NOW, last_run_at=begun, claimed_at=begun)
    assert claim_due_bots(at(NOW + timedelta(seconds=1))) == []


def test_a_bot_that_is_inactive_but_not_shown_as_stopped_is_claimed_to_be_healed(
    started_bot: BotConfig,
) -> None:
    BotConfig.objects.update(is_active=False)
    assert [claim.bot_id for claim in claim_due_bots(at(NOW))] == [started_bot.pk]


def test_a_venue_is_asked_once_for_its_time_however_many_bots_trade_there(
    started_bot: BotConfig,
) -> None:
    for number in range(3):
        BotConfig.objects.filter(pk=started_bot.pk).get()
        copy = BotConfig.objects.get(pk=started_bot.pk)
        copy.pk, copy.name = None, f"copy {number}"
        copy.save(force_insert=True)
        BotState.objects.create(bot=copy, state="pending")
    copy.pk, copy.symbol = started_bot.pk, "ETHUSDT"
    copy.save(update_fields=["symbol"])
    asked: list[tuple[Environment, Market, list[str]]] = []

    def read(environment: Environment, market: Market, symbols: Sequence[str]) -> datetime:
        asked.append((environment, market, list(symbols)))
        return NOW

    assert len(claim_due_bots(read)) == 4
    assert asked == [(Environment.DEMO, Market.SPOT, ["BTCUSDT", "ETHUSDT"])]
