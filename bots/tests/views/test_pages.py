"""The pages: who sees what, what they say, and how many queries that takes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from bots.domain.edits import entry_settings
from bots.models import BotConfig, BotState
from bots.selectors.bot_view import BotView
from bots.tests.views.conftest import WALL_TIME, MakeBot, add_history, hold_position

BOT_PAGES = ["bot-detail", "bot-history", "bot-chart", "bot-holds"]


def _text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("name", BOT_PAGES)
def test_a_bot_opens_to_its_owner_and_to_staff_and_to_nobody_else(
    name: str,
    busy_bot: BotConfig,
    as_trader: Client,
    as_stranger: Client,
    as_operator: Client,
    client: Client,
) -> None:
    address = reverse(name, args=[busy_bot.pk])
    opens = {200, 503}  # the chart answers 503 without a venue
    assert as_trader.get(address).status_code in opens
    assert as_operator.get(address).status_code in opens
    assert as_stranger.get(address).status_code == 404
    anonymous = Client().get(address)
    assert anonymous.status_code == 302
    assert anonymous["Location"] == f"/sign-in/?next={address}"


@pytest.mark.django_db
def test_the_overview_asks_for_a_sign_in(client: Client) -> None:
    assert client.get("/")["Location"] == "/sign-in/?next=/"


def test_the_overview_shows_only_the_bots_of_its_reader(
    busy_bot: BotConfig, stranger: User, make_bot: MakeBot, as_trader: Client
) -> None:
    make_bot(stranger, "Secret plan")
    page = _text(as_trader, "/")
    assert "Busy" in page
    assert "Secret plan" not in page
    assert "5,010.00" in page  # 5000 of capital and 10 of unrealized profit
    assert "+10.00" in page
    assert "recorded BTCUSDT prices of <span data-demo-month>May 2025" in page


def test_an_overview_without_bots_says_what_to_do(as_stranger: Client, as_operator: Client) -> None:
    assert "No bots yet" in _text(as_stranger, "/")
    assert reverse("admin:bots_botconfig_add") not in _text(as_stranger, "/")
    assert reverse("admin:bots_botconfig_add") in _text(as_operator, "/")


def test_paper_money_and_currencies_are_never_added_up(
    trader: User, make_bot: MakeBot, as_trader: Client
) -> None:
    make_bot(trader, "Dollars", initial_capital=Decimal(100))
    make_bot(trader, "Coins", symbol="ETHBTC", initial_capital=Decimal(2))
    page = _text(as_trader, "/")
    assert 'data-group="demo-USDT">100.00<' in page
    assert 'data-group="demo-BTC">2.00000000<' in page
    assert "102.00" not in page


def test_the_number_of_queries_does_not_grow_with_the_bots(
    trader: User,
    make_bot: MakeBot,
    as_trader: Client,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    bots = [make_bot(trader, f"Bot {number}") for number in range(4)]
    for bot in bots:
        add_history(bot)
        hold_position(bot)
    with django_assert_num_queries(3):  # session, user, bots
        as_trader.get("/")
    # And bot, trades, ticks, events, why; halts, locks, incidents, bots that could take over.
    with django_assert_num_queries(12):
        as_trader.get(bots[0].get_absolute_url())
    with django_assert_num_queries(7):
        as_trader.get(reverse("bot-history", args=[bots[0].pk]))


def test_pages_do_not_read_the_secrets_of_a_key(
    busy_bot: BotConfig, as_trader: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(12) as queries:
        as_trader.get(busy_bot.get_absolute_url())
    assert not any("encrypted" in query["sql"] for query in queries.captured_queries)


def test_a_bot_page_shows_status_position_limits_and_history(
    busy_bot: BotConfig, as_trader: Client
) -> None:
    page = _text(as_trader, busy_bot.get_absolute_url())
    for text in (
        "<span data-chip-word>running</span>",
        " (demo mode)",
        "100,000.00",  # entry
        "98,000.00",  # stop
        "\N{MINUS SIGN}2.97 %",  # of the price 101000
        "104,000.00",  # target
        "of +2 %",
        "of 4",
        "Did not buy, reason 1.",
        "Started by hand.",
        "entry signal",
        '≈<span class="figure" data-speed>60</span>× real time',
    ):
        assert text in page, text
    assert "Nothing closes this position" in page
    assert 'data-when="unguarded" hidden' in page
    assert "stop not placed yet" in page


def test_the_page_answers_why_a_stopped_bot_does_not_trade(
    busy_bot: BotConfig, as_trader: Client
) -> None:
    BotState.objects.filter(pk=busy_bot.pk).update(state="stopped", status="stopped")
    page = _text(as_trader, busy_bot.get_absolute_url())
    answer = "It is stopped; what it holds is kept, and no stop is set."
    assert f"Why is it not trading, or what is it doing?</span> {answer}" in page


def test_a_kept_position_without_a_stop_at_the_venue_is_called_so(
    busy_bot: BotConfig, as_trader: Client
) -> None:
    BotConfig.objects.filter(pk=busy_bot.pk).update(is_active=False)
    page = _text(as_trader, busy_bot.get_absolute_url())
    assert 'data-when="unguarded" hidden' not in page
    BotState.objects.filter(pk=busy_bot.pk).update(resting_stop_price=98000)
    page = _text(as_trader, busy_bot.get_absolute_url())
    assert 'data-when="unguarded" hidden' in page
    assert "stop rests at the venue" in page


def test_a_position_without_its_stop_says_since_when_and_why_and_needs_a_person(
    busy_bot: BotConfig, as_trader: Client
) -> None:
    BotState.objects.filter(pk=busy_bot.pk).update(
        unprotected_since=WALL_TIME,
        unprotected_reason="the venue refused it",
        unprotected_seconds=200,
    )
    page = _text(as_trader, busy_bot.get_absolute_url())
    assert 'data-when="is_unprotected" hidden' not in page
    assert "the venue refused it" in page
    assert ">3 min 20 s<" in page
    assert 'data-total="attention">1<' in _text(as_trader, "/")


def test_edits_that_are_not_in_force_yet_are_shown_with_both_values(
    busy_bot: BotConfig, as_trader: Client
) -> None:
    BotState.objects.filter(pk=busy_bot.pk).update(
        resting_stop_price=97000, entry_settings=entry_settings(busy_bot)
    )
    BotConfig.objects.filter(pk=busy_bot.pk).update(ema_fast=12)
    page = _text(as_trader, busy_bot.get_absolute_url())
    assert 'Pending at the venue: stop <span class="figure">97000 → 98000<' in page
    assert 'Waits for the next entry: fast EMA <span class="figure">9 → 12<' in page


def test_a_short_position_is_drawn_from_its_stop_above_to_its_target_below(
    busy_bot: BotConfig,
) -> None:
    BotState.objects.filter(pk=busy_bot.pk).update(
        direction="short", stop_loss_price=102000, take_profit_price=96000, last_price=99000
    )
    view = BotView(BotConfig.objects.select_related("state", "api_key").get(pk=busy_bot.pk))
    assert view.side_word == "short"
    assert view.track == {
        "entry": "33.33",
        "now": "50.00",
        "from": "33.33",
        "width": "16.67",
        "result": "won",
    }


def test_a_deleted_bot_is_shown_to_nobody(
    busy_bot: BotConfig, as_trader: Client, as_operator: Client
) -> None:
    BotConfig.objects.filter(pk=busy_bot.pk).update(deleted_at=WALL_TIME)
    assert "Busy" not in _text(as_trader, "/")
    assert as_trader.get(busy_bot.get_absolute_url()).status_code == 404
    assert as_operator.get(busy_bot.get_absolute_url()).status_code == 404
    assert "Busy" not in _text(as_operator, reverse("admin:bots_botconfig_changelist"))


def test_a_bot_whose_state_is_missing_is_shown_as_stopped(
    busy_bot: BotConfig, as_trader: Client
) -> None:
    BotState.objects.filter(pk=busy_bot.pk).delete()
    assert "<span data-chip-word>stopped</span>" in _text(as_trader, "/")
    assert "stopped" in _text(as_trader, busy_bot.get_absolute_url())


def test_words_of_people_are_escaped(trader: User, make_bot: MakeBot, as_trader: Client) -> None:
    bot = make_bot(trader, "</script><script>alert(1)</script>")
    assert "<script>alert" not in _text(as_trader, "/")
    assert "<script>alert" not in _text(as_trader, bot.get_absolute_url())


def test_staff_who_may_not_change_bots_see_no_buttons(
    busy_bot: BotConfig, stranger: User, as_stranger: Client
) -> None:
    User.objects.filter(pk=stranger.pk).update(is_staff=True)
    assert 'data-control="stop"' not in _text(as_stranger, busy_bot.get_absolute_url())
    answer = as_stranger.post(reverse("bot-stop", args=[busy_bot.pk]))
    assert answer.status_code == 403
    assert "Not allowed" in answer.content.decode()
    assert BotConfig.objects.get(pk=busy_bot.pk).is_active


@pytest.mark.django_db
def test_a_wrong_password_is_said_in_words(trader: User, client: Client) -> None:
    answer = client.post("/sign-in/", {"username": "alice", "password": "wrong"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert 'role="alert"' in page
    assert 'value="alice"' in page
    assert "wrong" not in page


@pytest.mark.django_db
def test_signing_in_leads_on_and_signing_out_back(trader: User, client: Client) -> None:
    answer = client.post("/sign-in/", {"username": "ALICE", "password": "correct horse"})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.post("/sign-out/")["Location"] == "/sign-in/"
    assert client.get("/").status_code == 302


@pytest.mark.django_db
def test_an_unknown_address_gets_our_own_page(as_stranger: Client) -> None:
    answer = as_stranger.get("/nowhere/")
    assert answer.status_code == 404
    assert "Nothing here" in answer.content.decode()


def test_the_page_of_a_crash_needs_nothing_else(
    as_trader: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise ValueError("boom")

    monkeypatch.setattr("bots.views.overview.bots_of", crash)
    as_trader.raise_request_exception = False
    answer = as_trader.get("/")
    page = answer.content.decode()
    assert answer.status_code == 500
    assert "This page broke" in page
    assert "boom" not in page
    assert "/static/" not in page
