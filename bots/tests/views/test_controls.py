"""Start and stop by the buttons of the pages, against a real demo exchange."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from bots.models import BotConfig, BotEvent, BotState
from exchange.models import APIKey
from exchange.services import revoke_api_key

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])
HTMX = {"HX-Request": "true"}


def _press(client: Client, name: str, bot: BotConfig, **options: object) -> tuple[int, str]:
    answer = client.post(reverse(name, args=[bot.pk]), **options)  # type: ignore[arg-type]
    return answer.status_code, answer.get("Location", "") or answer.content.decode()


def test_start_and_stop_work_without_javascript(bot: BotConfig, as_trader: Client) -> None:
    assert _press(as_trader, "bot-start", bot) == (302, bot.get_absolute_url())
    assert BotState.objects.get(pk=bot.pk).status == "pending"
    assert "Bitcoin starts." in as_trader.get(bot.get_absolute_url()).content.decode()
    assert _press(as_trader, "bot-stop", bot, data={"next": "/"}) == (302, "/")
    assert BotState.objects.get(pk=bot.pk).status == "stopped"
    assert list(BotEvent.objects.order_by("id").values_list("kind", "actor__username")) == [
        ("created", "alice"),
        ("started", "alice"),
        ("stopped", "alice"),
    ]


def test_with_htmx_the_answer_is_new_buttons_and_the_new_status(
    bot: BotConfig, as_trader: Client
) -> None:
    status, fragment = _press(as_trader, "bot-start", bot, headers=HTMX)
    assert status == 200
    assert "<html" not in fragment
    assert 'hx-swap-oob="true"' in fragment
    assert "<span data-chip-word>pending</span>" in fragment


def test_a_bot_that_cannot_start_says_why_and_stays_stopped(
    bot: BotConfig, api_key: APIKey, as_trader: Client
) -> None:
    revoke_api_key(api_key=api_key)
    _, fragment = _press(as_trader, "bot-start", bot, headers=HTMX)
    assert "no usable API key" in fragment
    assert not BotConfig.objects.get(pk=bot.pk).is_active
    _press(as_trader, "bot-start", bot)
    page = as_trader.get(bot.get_absolute_url()).content.decode()
    assert "Bitcoin did not start: This bot has no usable API key." in page


@pytest.mark.parametrize("name", ["bot-start", "bot-stop"])
def test_strangers_and_passers_by_move_nothing(
    name: str, bot: BotConfig, as_trader: Client, as_stranger: Client
) -> None:
    BotConfig.objects.filter(pk=bot.pk).update(is_active=name == "bot-stop")
    before = BotEvent.objects.count()
    assert _press(as_stranger, name, bot)[0] == 404
    assert _press(Client(), name, bot)[0] == 302
    assert as_trader.get(reverse(name, args=[bot.pk])).status_code == 405
    assert BotConfig.objects.get(pk=bot.pk).is_active is (name == "bot-stop")
    assert BotEvent.objects.count() == before


def test_a_forged_form_is_refused(bot: BotConfig, as_trader: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = as_trader.cookies
    assert _press(strict, "bot-start", bot)[0] == 403
    assert not BotConfig.objects.get(pk=bot.pk).is_active


def test_a_redirect_never_leaves_the_site(bot: BotConfig, as_trader: Client) -> None:
    data = {"next": "https://example.org/"}
    assert _press(as_trader, "bot-stop", bot, data=data)[1] == bot.get_absolute_url()


def test_the_operator_may_stop_a_bot_of_somebody_else(
    bot: BotConfig, as_trader: Client, as_operator: Client
) -> None:
    _press(as_trader, "bot-start", bot)
    assert _press(as_operator, "bot-stop", bot)[0] == 302
    assert not BotConfig.objects.get(pk=bot.pk).is_active
    assert BotEvent.objects.latest("id").actor.username == "olga"  # type: ignore[union-attr]
