"""Closing, halting, lifting, settling and deleting by the forms of a bot's page."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from bots.domain.decision import DenialCode
from bots.models import (
    BotConfig,
    BotEvent,
    BotState,
    EntryLock,
    Halt,
    HaltChange,
    Incident,
    IncidentKind,
)
from bots.tests.views.conftest import MARKET_TIME, MakeBot

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


def _post(client: Client, name: str, bot: BotConfig, *args: int, **data: str) -> str:
    """Send a form; return the page that it leads to."""
    address = reverse(name, args=[bot.pk, *args])
    answer = client.post(address, data, follow=True)
    assert answer.status_code == 200, name
    return answer.content.decode()


def _lock(bot: BotConfig, **columns: Any) -> EntryLock:
    facts = {
        "kind": DenialCode.STOP_LOSS_GUARD,
        "reason": "2 stop-losses",
        "starts_at": MARKET_TIME,
        "ends_at": MARKET_TIME + timedelta(hours=1),
    }
    return EntryLock.objects.create(bot=bot, **(facts | columns))


def _incident(bot: BotConfig) -> Incident:
    return Incident.objects.create(
        bot=bot, kind=IncidentKind.FOREIGN_ORDER, key="order:2", message="A stranger's order."
    )


def test_the_owner_halts_the_bot_and_lifts_it_again(busy_bot: BotConfig, as_trader: Client) -> None:
    page = _post(as_trader, "bot-halt", busy_bot, level="entries", reason="odd fills")
    assert "Entries are halted for this bot since" in page
    assert "by alice: odd fills." in page
    halt = Halt.objects.get(bot=busy_bot)
    assert (halt.level, halt.account_id) == ("entries", None)
    page = _post(as_trader, "bot-lift-halt", busy_bot, scope="bot")
    assert "The halt is lifted." in page
    assert Halt.objects.get(bot=busy_bot).level == "none"
    changes = HaltChange.objects.filter(halt=halt, actor__username="alice").order_by("id")
    assert list(changes.values_list("level_before", "level")) == [
        ("none", "entries"),
        ("entries", "none"),
    ]


def test_a_halt_of_the_account_concerns_its_other_bots_too(
    busy_bot: BotConfig, trader: User, make_bot: MakeBot, as_trader: Client
) -> None:
    other = make_bot(trader, "Other")
    _post(as_trader, "bot-halt", busy_bot, scope="account", level="everything", reason="stop it")
    assert "Everything is halted for the account" in _page(as_trader, other)
    assert not Halt.objects.filter(account=None, bot=None).exists()


def _page(client: Client, bot: BotConfig) -> str:
    return client.get(bot.get_absolute_url()).content.decode()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"level": "entries", "reason": " "}, "Say why"),
        ({"level": "none", "reason": "x"}, "Choose what to halt"),
        ({"level": "all of it", "reason": "x"}, "Choose what to halt"),
    ],
)
def test_a_halt_without_level_or_reason_is_refused_in_words(
    data: dict[str, str], words: str, busy_bot: BotConfig, as_trader: Client
) -> None:
    assert words in _post(as_trader, "bot-halt", busy_bot, **data)
    assert not Halt.objects.exclude(level="none").exists()


def test_a_standing_lock_is_shown_until_it_ends_and_can_be_lifted(
    busy_bot: BotConfig, as_trader: Client
) -> None:
    lock = _lock(busy_bot)
    past = _lock(busy_bot, kind=DenialCode.MAX_DRAWDOWN, ends_at=MARKET_TIME, reason="drawdown")
    breaker = _lock(
        busy_bot,
        kind=DenialCode.EXCHANGE_ERRORS,
        reason="5 refusals",
        is_wall_time=True,
        starts_at=timezone.now() - timedelta(minutes=2),
        ends_at=timezone.now() - timedelta(minutes=1),
    )
    page = _page(as_trader, busy_bot)
    assert "2 stop-losses, until" in page
    assert past.reason not in page
    assert breaker.reason not in page
    assert "The lock is lifted." in _post(as_trader, "bot-lift-lock", busy_bot, lock.pk)
    lock.refresh_from_db()
    assert lock.lifted_by is not None
    assert lock.lifted_by.username == "alice"
    assert "2 stop-losses, until" not in _page(as_trader, busy_bot)


@pytest.mark.parametrize(
    ("kind", "is_offered"), [("foreign_order", True), ("order_trouble", False)]
)
def test_adopting_is_offered_only_for_what_can_be_adopted(
    busy_bot: BotConfig, as_trader: Client, kind: str, *, is_offered: bool
) -> None:
    incident = _incident(busy_bot)
    Incident.objects.filter(pk=incident.pk).update(kind=kind)
    adopt = reverse("bot-adopt", args=[busy_bot.pk, incident.pk])
    for page in ("bot-detail", "bot-holds"):
        shown = as_trader.get(reverse(page, args=[busy_bot.pk])).content.decode()
        assert (adopt in shown) is is_offered
        assert reverse("bot-dismiss", args=[busy_bot.pk, incident.pk]) in shown


def test_a_liquidation_price_is_shown_only_of_a_position_that_is_held(
    busy_bot: BotConfig, as_trader: Client
) -> None:
    BotConfig.objects.filter(pk=busy_bot.pk).update(position_type="futures")
    BotState.objects.filter(pk=busy_bot.pk).update(liquidation_price=Decimal("87654.3"))
    address = reverse("bot-detail", args=[busy_bot.pk])
    assert "87,654.3" in as_trader.get(address).content.decode()
    BotState.objects.filter(pk=busy_bot.pk).update(in_position=False)
    shown = as_trader.get(address).content.decode()
    assert "87,654.3" not in shown
    assert "87654.3" not in shown  # nor in what the browser paints from


def test_an_incident_is_dismissed_with_a_note(busy_bot: BotConfig, as_trader: Client) -> None:
    incident = _incident(busy_bot)
    assert "A stranger&#x27;s order." in _page(as_trader, busy_bot)
    assert "Say in a few words" in _post(as_trader, "bot-dismiss", busy_bot, incident.pk)
    _post(as_trader, "bot-dismiss", busy_bot, incident.pk, note="mine, by hand")
    incident.refresh_from_db()
    assert (incident.resolution, incident.note) == ("dismissed", "mine, by hand")
    assert "A stranger&#x27;s order." not in _fragment(as_trader, busy_bot)


def _fragment(client: Client, bot: BotConfig) -> str:
    return client.get(reverse("bot-holds", args=[bot.pk])).content.decode()


def test_the_fragment_holds_what_the_page_holds(busy_bot: BotConfig, as_trader: Client) -> None:
    assert "No halt, no lock" in _fragment(as_trader, busy_bot)
    _lock(busy_bot)
    fragment = _fragment(as_trader, busy_bot)
    assert "<html" not in fragment
    assert "2 stop-losses" in fragment


def test_a_close_is_asked_for_once_and_the_button_is_gone(
    busy_bot: BotConfig, as_trader: Client
) -> None:
    BotState.objects.update(next_due_at=timezone.now())
    page = _post(as_trader, "bot-close", busy_bot)
    assert 'data-when="can_close" hidden' in page
    state = BotState.objects.get(pk=busy_bot.pk)
    asked_at = state.close_requested_at
    assert (state.close_source, state.next_due_at) == ("m", None)
    assert state.close_requested_by is not None
    _post(as_trader, "bot-close", busy_bot)
    assert BotState.objects.get(pk=busy_bot.pk).close_requested_at == asked_at
    assert BotEvent.objects.filter(kind="close_requested").count() == 1


def test_a_flat_bot_has_nothing_to_close(
    trader: User, make_bot: MakeBot, as_trader: Client
) -> None:
    bot = make_bot(trader, "Flat")
    assert "There is no position to close." in _post(as_trader, "bot-close", bot)
    assert BotState.objects.get(pk=bot.pk).close_requested_at is None


@pytest.mark.parametrize(("choice", "asked"), [("keep", 0), ("close", 1)])
def test_a_stop_keeps_or_closes_the_position_as_asked(
    choice: str, asked: int, busy_bot: BotConfig, as_trader: Client
) -> None:
    _post(as_trader, "bot-stop", busy_bot, position=choice)
    state = BotState.objects.select_related("bot").get(pk=busy_bot.pk)
    assert (state.status, state.bot.is_active) == ("stopped", False)
    assert BotState.objects.exclude(close_requested_at=None).count() == asked


def test_only_a_stopped_and_flat_bot_is_deleted(
    busy_bot: BotConfig, trader: User, make_bot: MakeBot, as_trader: Client
) -> None:
    assert "Stop the bot first." in _post(as_trader, "bot-delete", busy_bot)
    _post(as_trader, "bot-stop", busy_bot)
    assert "hand it over to another bot" in _post(as_trader, "bot-delete", busy_bot)
    bot = make_bot(trader, "Short life")
    assert "Short life is deleted." in _post(as_trader, "bot-delete", bot)
    bot.refresh_from_db()
    assert bot.deleted_at is not None
    assert BotEvent.objects.filter(bot=bot, kind="deleted").count() == 1
    assert make_bot(trader, "Short life").pk != bot.pk  # the name is free again


NAMES = ["bot-halt", "bot-lift-halt", "bot-close", "bot-delete", "bot-hand-over", "bot-return"]


@pytest.mark.parametrize("name", NAMES)
def test_strangers_and_onlookers_change_nothing(
    name: str, busy_bot: BotConfig, stranger: User, as_stranger: Client
) -> None:
    data = {"level": "everything", "reason": "x", "heir": str(busy_bot.pk)}
    address = reverse(name, args=[busy_bot.pk])
    assert as_stranger.post(address, data).status_code == 404
    assert Client().post(address, data).status_code == 302
    User.objects.filter(pk=stranger.pk).update(is_staff=True)
    assert as_stranger.post(address, data).status_code == 403
    assert as_stranger.get(address).status_code == 405
    assert not Halt.objects.exclude(level="none").exists()
    assert BotState.objects.get(pk=busy_bot.pk).close_requested_at is None
    assert BotConfig.objects.get(pk=busy_bot.pk).deleted_at is None


def test_locks_and_incidents_of_another_bot_are_not_found(
    busy_bot: BotConfig, trader: User, make_bot: MakeBot, as_trader: Client
) -> None:
    other = make_bot(trader, "Other")
    lock, incident = _lock(other), _incident(other)
    names = (("bot-lift-lock", lock.pk), ("bot-adopt", incident.pk), ("bot-dismiss", incident.pk))
    for name, number in names:
        address = reverse(name, args=[busy_bot.pk, number])
        assert as_trader.post(address, {"note": "x"}).status_code == 404, name
    lock.refresh_from_db()
    incident.refresh_from_db()
    assert (lock.lifted_at, incident.closed_at) == (None, None)


def test_the_operator_halts_everything_in_the_admin_and_lifts_it(
    busy_bot: BotConfig, as_operator: Client, as_trader: Client
) -> None:
    add = reverse("admin:bots_halt_add")
    empty = {"account": "", "bot": "", "level": "none", "reason": ""}
    answer = as_operator.post(add, empty)
    assert set(answer.context["adminform"].form.errors) == {"level", "reason"}
    chosen = {"account": "", "bot": "", "level": "everything", "reason": "venue is mad"}
    for _ in range(2):  # the row is there already the second time
        assert as_operator.post(add, chosen).status_code == 302
    assert "Everything is halted for the whole installation" in _page(as_trader, busy_bot)
    assert "Lift the halt" not in _page(as_trader, busy_bot)
    halt = Halt.objects.get(account=None, bot=None)
    form = {"action": "lift_selected", "_selected_action": [halt.pk]}
    as_operator.post(reverse("admin:bots_halt_changelist"), form)
    halt.refresh_from_db()
    assert halt.level == "none"
    assert HaltChange.objects.filter(halt=halt).count() == 2


def test_the_operator_halts_closes_and_deletes_chosen_bots(
    busy_bot: BotConfig, trader: User, make_bot: MakeBot, as_operator: Client
) -> None:
    flat = make_bot(trader, "Flat")
    address = reverse("admin:bots_botconfig_changelist")

    def act(name: str) -> str:
        form = {"action": name, "_selected_action": [busy_bot.pk, flat.pk]}
        return as_operator.post(address, form, follow=True).content.decode()

    act("halt_entries")
    assert set(Halt.objects.filter(level="entries").values_list("bot__name", flat=True)) == {
        "Busy",
        "Flat",
    }
    act("lift_halts")
    assert not Halt.objects.exclude(level="none").exists()
    assert "Flat is not closed: There is no position to close." in act("close_selected")
    assert BotState.objects.get(pk=busy_bot.pk).close_requested_at is not None
    assert "Busy is not deleted: Stop the bot first." in act("delete_selected_bots")
    assert BotConfig.objects.get(name="Flat").deleted_at is not None


def test_the_operator_lifts_locks_and_dismisses_incidents(
    busy_bot: BotConfig, as_operator: Client
) -> None:
    lock, incident = _lock(busy_bot), _incident(busy_bot)
    for model, name, row in (
        ("entrylock", "lift_selected", lock),
        ("incident", "dismiss_selected", incident),
    ):
        form = {"action": name, "_selected_action": [row.pk]}
        as_operator.post(reverse(f"admin:bots_{model}_changelist"), form)
        row.refresh_from_db()
    assert lock.lifted_at is not None
    assert incident.resolution == "dismissed"
