"""The admin: every page opens, facts cannot be edited, services do the work."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.models import User
from bots.models import BotConfig, BotEvent, BotState
from bots.tests.views.conftest import MakeBot, stored_key
from exchange.models import APIKey

READ_ONLY = [
    *("botstate", "order", "fill", "trade", "tick", "botevent"),
    *("haltchange", "entrylock", "incident", "fundingpayment"),
]
NEW_BOT = {
    "name": "Newcomer",
    "symbol": "btcusdt",
    "timeframe": "5m",
    "strategy": "ema",
    "position_type": "spot",
    "check_interval_seconds": "30",
    "initial_capital": "1000",
    "position_size_fixed": "100",
    "order_cooldown_seconds": "0",
    "ema_fast": "9",
    "ema_slow": "21",
    "rsi_period": "14",
    "rsi_oversold": "30",
    "rsi_overbought": "70",
    "leverage": "10",
    "direction": "long",
    "unprotected_policy": "close",
    "stop_loss_guard_minutes": "1440",
    "stop_loss_guard_lock_minutes": "60",
    "max_drawdown_minutes": "1440",
    "max_drawdown_lock_minutes": "240",
    "exchange_error_minutes": "10",
    "exchange_error_lock_minutes": "10",
}


def _page(client: Client, name: str, *args: Any, **options: Any) -> str:
    answer = client.get(reverse(f"admin:{name}", args=args), **options)
    assert answer.status_code == 200, name
    return answer.content.decode()


def test_every_list_and_every_row_opens(busy_bot: BotConfig, as_operator: Client) -> None:
    opened = 0
    for model in apps.get_app_config("bots").get_models():
        assert model in admin.site._registry, model
        row = model._default_manager.first()
        assert row is not None, model
        name = f"bots_{model._meta.model_name}"
        _page(as_operator, f"{name}_changelist")
        _page(as_operator, f"{name}_changelist", query_params={"q": "Busy"})
        _page(as_operator, f"{name}_change", row.pk)
        opened += 1
    assert opened == 12
    _page(as_operator, "bots_botconfig_add")
    _page(as_operator, "index")


@pytest.mark.parametrize("model", READ_ONLY)
def test_facts_can_be_neither_added_nor_changed_nor_deleted(
    model: str, busy_bot: BotConfig, as_operator: Client
) -> None:
    row = apps.get_model("bots", model)._default_manager.first()
    assert row is not None
    add = reverse(f"admin:bots_{model}_add")
    change = reverse(f"admin:bots_{model}_change", args=[row.pk])
    delete = reverse(f"admin:bots_{model}_delete", args=[row.pk])
    assert as_operator.get(add).status_code == 403
    assert as_operator.post(change, {"message": "forged"}).status_code == 403
    assert as_operator.post(delete, {"post": "yes"}).status_code == 403
    assert type(row)._default_manager.filter(pk=row.pk).exists()


def test_recorded_inputs_are_shown_indented(busy_bot: BotConfig, as_operator: Client) -> None:
    tick = busy_bot.ticks.first()
    assert tick is not None
    page = _page(as_operator, "bots_tick_change", tick.pk)
    assert "{\n  &quot;price&quot;: &quot;100000&quot;\n}" in page


def test_amounts_are_written_as_people_write_them(busy_bot: BotConfig, as_operator: Client) -> None:
    trade = busy_bot.trades.first()
    assert trade is not None
    type(trade).objects.filter(pk=trade.pk).update(
        price="104278.860000000000000000", realized_pnl="-8.142049304983000000"
    )
    pages = [
        _page(as_operator, "bots_trade_changelist"),
        _page(as_operator, "bots_trade_change", trade.pk),
    ]
    for page in pages:
        assert "104278.86<" in page
        assert "-8.142049304983<" in page
        assert "00000000000" not in page
    _page(as_operator, "bots_trade_changelist", query_params={"o": "5"})  # still sortable


def test_times_are_written_to_the_second_with_their_zone(
    busy_bot: BotConfig, as_operator: Client
) -> None:
    event = busy_bot.events.first()
    assert event is not None
    page = _page(as_operator, "bots_botevent_changelist")
    assert f"{event.created_at:%Y-%m-%d %H:%M:%S} UTC" in page


def test_the_error_of_a_custom_value_is_not_folded_away(trader: User, as_operator: Client) -> None:
    form = {**NEW_BOT, "user": trader.pk, "custom_ema_fast": "50"}
    page = as_operator.post(reverse("admin:bots_botconfig_add"), form).content.decode()
    before, found, _ = page.partition("Must be below ema_slow (21), was 50.")
    assert found
    assert before.count("<details") == before.count("</details")


def test_a_second_bot_of_the_same_name_is_refused_in_words(
    busy_bot: BotConfig, as_operator: Client
) -> None:
    form = {**NEW_BOT, "user": busy_bot.user_id, "name": busy_bot.name}
    answer = as_operator.post(reverse("admin:bots_botconfig_add"), form)
    assert answer.context["adminform"].form.errors["name"] == [
        "This user has a bot with this name."
    ]


def test_bots_cannot_be_deleted(busy_bot: BotConfig, as_operator: Client) -> None:
    address = reverse("admin:bots_botconfig_delete", args=[busy_bot.pk])
    assert as_operator.post(address, {"post": "yes"}).status_code == 403
    assert BotConfig.objects.filter(pk=busy_bot.pk).exists()


def test_the_admin_never_reads_or_shows_a_secret(
    busy_bot: BotConfig, as_operator: Client, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(30) as queries:
        page = _page(as_operator, "bots_botconfig_changelist")
    assert "s" * 64 not in page
    assert not any("encrypted" in query["sql"] for query in queries.captured_queries)


@pytest.mark.django_db(transaction=True, databases=["default", "journal"])
def test_a_new_bot_is_stopped_and_has_a_state_and_a_journal(
    trader: User, as_operator: Client
) -> None:
    key = stored_key(trader)
    form = {**NEW_BOT, "user": trader.pk, "api_key": str(key.pk), "is_active": "on"}
    answer = as_operator.post(reverse("admin:bots_botconfig_add"), form)
    assert answer.status_code == 302
    bot = BotConfig.objects.get()
    assert (bot.symbol, bot.is_active) == ("BTCUSDT", False)
    assert BotState.objects.get(pk=bot.pk).status == "stopped"
    event = BotEvent.objects.get()
    assert event.kind == "created"
    assert event.actor is not None
    assert event.actor.username == "olga"


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("symbol", "", "symbol"),
        ("timeframe", "7m", "timeframe"),
        ("strategy", "magic", "strategy"),
        ("initial_capital", "-5", "initial_capital"),
        ("position_size_fixed", "", "position_size_perc"),
        ("leverage", "126", "leverage"),
        ("check_interval_seconds", "5", "check_interval_seconds"),
        ("ema_fast", "1", "ema_fast"),
        ("rsi_overbought", "101", "rsi_overbought"),
        ("position_type", "margin", "position_type"),
        ("direction", "short", "direction"),
    ],
)
def test_what_cannot_work_is_refused_at_its_field(
    field: str, value: str, named: str, trader: User, as_operator: Client
) -> None:
    key = stored_key(trader)
    form = {**NEW_BOT, "user": trader.pk, "api_key": str(key.pk), field: value}
    answer = as_operator.post(reverse("admin:bots_botconfig_add"), form)
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [named]
    assert BotConfig.objects.count() == 0


def test_a_key_of_somebody_else_is_refused(
    trader: User, stranger: User, as_operator: Client
) -> None:
    foreign: APIKey = stored_key(stranger)
    form = {**NEW_BOT, "user": trader.pk, "api_key": str(foreign.pk)}
    answer = as_operator.post(reverse("admin:bots_botconfig_add"), form)
    assert answer.context["adminform"].form.errors["api_key"] == [
        "This key belongs to another user."
    ]
    assert BotConfig.objects.count() == 0


@pytest.mark.django_db(transaction=True, databases=["default", "journal"])
def test_an_edit_does_not_turn_the_switch_of_a_bot_that_was_started_meanwhile(
    trader: User, make_bot: MakeBot, as_operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot = make_bot(trader, "Racer")
    original = BotConfig.full_clean

    def start_meanwhile(self: BotConfig, **options: Any) -> None:
        BotConfig.objects.filter(pk=self.pk).update(is_active=True)
        original(self, **options)

    monkeypatch.setattr(BotConfig, "full_clean", start_meanwhile)
    form = {**NEW_BOT, "user": trader.pk, "api_key": str(bot.api_key_id), "name": "Renamed"}
    as_operator.post(reverse("admin:bots_botconfig_change", args=[bot.pk]), form)
    bot.refresh_from_db()
    assert (bot.name, bot.is_active) == ("Renamed", True)


@pytest.mark.django_db(transaction=True, databases=["default", "journal"])
def test_actions_start_and_stop_through_the_services(bot: BotConfig, as_operator: Client) -> None:
    address = reverse("admin:bots_botconfig_changelist")
    chosen = {"_selected_action": [bot.pk]}
    as_operator.post(address, {"action": "start_selected", **chosen})
    assert BotState.objects.get(pk=bot.pk).status == "pending"
    as_operator.post(address, {"action": "stop_selected", **chosen})
    assert BotState.objects.get(pk=bot.pk).status == "stopped"
    assert list(BotEvent.objects.order_by("id").values_list("kind", flat=True)) == [
        "created",
        "started",
        "stopped",
    ]


@pytest.mark.django_db(transaction=True, databases=["default", "journal"])
def test_an_action_says_which_bot_did_not_start_and_why(
    trader: User, make_bot: MakeBot, as_operator: Client
) -> None:
    bot = make_bot(trader, "Keyless")
    BotConfig.objects.update(api_key=None)
    address = reverse("admin:bots_botconfig_changelist")
    form = {"action": "start_selected", "_selected_action": [bot.pk]}
    page = as_operator.post(address, form, follow=True).content.decode()
    assert "Keyless did not start: This bot has no usable API key." in page
    assert not BotConfig.objects.get(pk=bot.pk).is_active
