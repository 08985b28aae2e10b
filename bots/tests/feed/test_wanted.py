"""What the feed is told to listen to."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from bots.domain.status import State
from bots.models import BotConfig, BotState
from bots.selectors.feed import wanted_streams
from bots.services import create_bot
from exchange.domain.streams import Series
from exchange.domain.types import Environment, Market
from exchange.market_data import note_wanted
from exchange.models import APIKey
from exchange.services import revoke_api_key

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])
BTC = Series(Environment.DEMO, Market.SPOT, "BTCUSDT", "5m")


def at_work(bot: BotConfig, **state: Any) -> None:
    BotConfig.objects.filter(pk=bot.pk).update(is_active=True)
    BotState.objects.filter(pk=bot.pk).update(**({"state": State.RUNNING} | state))


def another(bot: BotConfig, **changes: Any) -> BotConfig:
    """Return a bot like `bot` that works."""
    values = {
        field.attname: getattr(bot, field.attname)
        for field in BotConfig._meta.concrete_fields
        if not field.primary_key
    }
    made = create_bot(BotConfig(**(values | {"name": "another"} | changes)), actor=bot.user)
    at_work(made)
    return made


def test_a_bot_that_rests_wants_nothing(bot: BotConfig) -> None:
    found = wanted_streams()
    assert (found.series, found.accounts) == (frozenset(), frozenset())


def test_a_bot_at_work_wants_its_series_and_the_events_of_its_account(
    bot: BotConfig, api_key: APIKey
) -> None:
    at_work(bot)

    found = wanted_streams()

    assert found.series == {BTC}
    (line,) = found.accounts
    assert (line.environment, line.market) == (Environment.DEMO, Market.SPOT)
    assert (line.account_id, line.api_key_id) == (api_key.account_id, api_key.pk)


def test_a_stopped_bot_that_holds_something_is_listened_for(bot: BotConfig) -> None:
    BotState.objects.filter(pk=bot.pk).update(
        in_position=True, entry_price=Decimal(100), current_position_size_coins=Decimal(1)
    )
    assert wanted_streams().series == {BTC}


def test_a_bot_in_error_is_listened_for_and_a_deleted_one_is_not(bot: BotConfig) -> None:
    at_work(bot, state=State.ERROR)
    assert wanted_streams().series == {BTC}
    BotConfig.objects.filter(pk=bot.pk).update(deleted_at=timezone.now())
    assert wanted_streams().series == frozenset()


def test_a_bot_without_a_state_or_without_a_key_wants_nothing(bot: BotConfig) -> None:
    BotState.objects.filter(pk=bot.pk).delete()
    assert wanted_streams().series == frozenset()
    BotConfig.objects.filter(pk=bot.pk).update(is_active=True, api_key=None)
    assert wanted_streams().series == frozenset()


def test_bots_on_one_market_share_a_series_and_a_line(bot: BotConfig) -> None:
    at_work(bot)
    another(bot)
    another(bot, name="third", symbol="ETHUSDT", timeframe="1h")

    found = wanted_streams()

    assert found.series == {BTC, Series(Environment.DEMO, Market.SPOT, "ETHUSDT", "1h")}
    assert len(found.accounts) == 1


def test_futures_of_an_account_are_a_line_of_their_own(bot: BotConfig) -> None:
    at_work(bot)
    BotConfig.objects.filter(pk=another(bot).pk).update(position_type=Market.FUTURES)

    found = wanted_streams()

    assert found.series == {BTC, replace(BTC, market=Market.FUTURES)}
    assert {line.market for line in found.accounts} == set(Market)


def test_of_two_keys_the_older_listens_until_it_is_revoked(bot: BotConfig, api_key: APIKey) -> None:
    at_work(bot)
    second = APIKey(
        owner=api_key.owner, account=api_key.account, label="second", environment="demo"
    )
    second.set_credentials(key="k" * 64, secret="s" * 64)
    second.save()
    another(bot, api_key_id=second.pk)
    assert {line.api_key_id for line in wanted_streams().accounts} == {api_key.pk}

    revoke_api_key(api_key=api_key)

    assert {line.api_key_id for line in wanted_streams().accounts} == {second.pk}
    revoke_api_key(api_key=second)
    assert wanted_streams().accounts == frozenset()
    assert wanted_streams().series == {BTC}


def test_replaced_credentials_make_another_line(bot: BotConfig, api_key: APIKey) -> None:
    at_work(bot)
    before = wanted_streams().accounts
    assert wanted_streams().accounts == before

    api_key.set_credentials(key="n" * 64, secret="m" * 64)
    api_key.save()

    assert wanted_streams().accounts.isdisjoint(before)


def test_what_a_page_shows_is_listened_to(db: None, clean_redis: object) -> None:
    shown = Series(Environment.LIVE, Market.SPOT, "BNBUSDT", "1d")
    note_wanted(shown)
    assert wanted_streams().series == {shown}


def test_the_question_costs_three_statements(
    bot: BotConfig, django_assert_num_queries: Any
) -> None:
    at_work(bot)
    another(bot)
    with django_assert_num_queries(3):
        wanted_streams()
