"""The demo on an empty database, and nothing on any other."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from bots.models import BotConfig, BotState
from conftest import DEMO_KEY, DEMO_SECRET
from exchange.demo.testing import RunningExchange
from exchange.models import APIKey

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


@pytest.fixture
def _passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_TRADER_PASSWORD", "trader password")
    monkeypatch.setenv("OPERATOR_PASSWORD", "operator password")
    monkeypatch.setenv("DEMO_API_KEY", DEMO_KEY)
    monkeypatch.setenv("DEMO_API_SECRET", DEMO_SECRET)


@pytest.mark.usefixtures("_passwords")
def test_an_empty_database_gets_people_a_key_and_a_running_bot(venue: RunningExchange) -> None:
    call_command("seed_demo")
    assert User.objects.get(username="demo").check_password("trader password")
    operator = User.objects.get(username="operator")
    assert (operator.is_superuser, operator.check_password("operator password")) == (True, True)
    bitcoin, ether = BotConfig.objects.order_by("name")
    assert (bitcoin.symbol, bitcoin.is_active) == ("BTCUSDT", True)
    assert (ether.symbol, ether.is_active) == ("ETHUSDT", False)
    assert BotState.objects.get(bot=bitcoin).status == "pending"


@pytest.mark.usefixtures("_passwords")
def test_seeding_again_changes_nothing(venue: RunningExchange) -> None:
    call_command("seed_demo")
    BotConfig.objects.filter(symbol="ETHUSDT").update(name="renamed by its owner")
    call_command("seed_demo")
    assert set(BotConfig.objects.values_list("name", flat=True)) == {
        "Bitcoin 5m",
        "renamed by its owner",
    }
    assert User.objects.count() == 2


@pytest.mark.usefixtures("_passwords")
def test_a_database_with_people_of_its_own_is_left_alone(
    venue: RunningExchange, trader: User
) -> None:
    call_command("seed_demo")
    assert list(User.objects.all()) == [trader]
    assert not APIKey.objects.exists()


@pytest.mark.usefixtures("_passwords")
def test_seeding_that_failed_half_way_is_finished_by_the_next_run(
    venue: RunningExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMO_API_KEY", "X" * 64)
    with pytest.raises(CommandError, match="demo key was not accepted"):
        call_command("seed_demo")
    monkeypatch.setenv("DEMO_API_KEY", DEMO_KEY)
    call_command("seed_demo")
    assert BotConfig.objects.filter(is_active=True).count() == 1


@pytest.mark.usefixtures("_passwords")
def test_a_missing_variable_is_named(
    venue: RunningExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPERATOR_PASSWORD")
    with pytest.raises(CommandError, match="OPERATOR_PASSWORD"):
        call_command("seed_demo")
