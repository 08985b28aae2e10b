"""Transfers in the admin: to be read, and to be asked about."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import constants
from django.test import Client
from django.urls import reverse

from accounts.models import User
from exchange import transfer_journal
from exchange.admin import transfer_words
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange
from exchange.domain.transfers import TransferDirection
from exchange.models import APIKey, Transfer, TransferStage
from exchange.services import add_api_key, revoke_api_key
from exchange.tests.transfer_steps import HISTORY, HUNDRED, SENDING, move

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

LIST = "admin:exchange_transfer_changelist"
ASK = "ask_the_venue"
BUTTON = "exchange_transfer_ask_about_this"


@pytest.fixture
def operator() -> Client:
    """Return the browser of an operator."""
    user = User.objects.create_superuser("root", "root@example.org", "correct horse")
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def api_key(owner: User, demo: RunningExchange) -> APIKey:
    """Return a key of the demo exchange that was added like any other."""
    return add_api_key(
        owner=owner, environment="demo", label="main", key=TEST_KEY, secret=TEST_SECRET
    )


@pytest.fixture
def in_doubt(demo: RunningExchange, api_key: APIKey) -> Transfer:
    """Return a transfer that was made and whose answer was lost."""
    demo.set_fault(endpoint=SENDING, when="after", action="drop")
    return move(api_key, purpose="for a bot")


def page_of(row: Transfer) -> str:
    return reverse("admin:exchange_transfer_change", args=[row.pk])


def ask(operator: Client, *rows: Transfer) -> str:
    """Run the action on the chosen rows and return the page with its messages."""
    chosen = {"action": ASK, "_selected_action": [str(row.pk) for row in rows]}
    return operator.post(reverse(LIST), chosen, follow=True).content.decode()


def press(operator: Client, row: Transfer) -> tuple[str, list[tuple[int, str]]]:
    """Press the button of a transfer's page; return the page and its messages with their levels."""
    answer = operator.post(page_of(row), {BUTTON: ""}, follow=True)
    assert answer.redirect_chain == [(page_of(row), 302)]
    told = [(one.level, str(one)) for one in answer.context["messages"]]
    return answer.content.decode(), told


def test_transfers_are_listed_shown_and_found_under_their_account(
    operator: Client, in_doubt: Transfer
) -> None:
    account = reverse("admin:exchange_exchangeaccount_change", args=[in_doubt.account_id])

    listed = operator.get(reverse(LIST)).content.decode()
    shown = operator.get(page_of(in_doubt)).content.decode()
    under_account = operator.get(account).content.decode()

    for page in (listed, shown, under_account):
        assert "100 USDT" in page
        assert "spot to futures" in page
        assert "100.000000" not in page
    assert "Only the venue&#x27;s history tells" in shown
    assert page_of(in_doubt) in under_account
    assert "Ask the venue what became of it" in listed


@pytest.mark.parametrize(
    "query", ["status__exact=unknown", "direction__exact=UMFUTURE_MAIN", "q=for+a+bot"]
)
def test_the_list_can_be_filtered_and_searched(
    operator: Client, in_doubt: Transfer, query: str
) -> None:
    answer = operator.get(f"{reverse(LIST)}?{query}")

    assert answer.status_code == 200
    assert (page_of(in_doubt) in answer.content.decode()) == ("MAIN" not in query)


def test_nobody_adds_edits_or_deletes_one(operator: Client, in_doubt: Transfer) -> None:
    delete = reverse("admin:exchange_transfer_delete", args=[in_doubt.pk])

    assert operator.get(reverse("admin:exchange_transfer_add")).status_code == 403
    assert operator.post(page_of(in_doubt), {"status": "done"}).status_code == 403
    assert operator.post(delete, {"post": "yes"}).status_code == 403
    ask_to_delete = {"action": "delete_selected", "_selected_action": [str(in_doubt.pk)]}
    operator.post(reverse(LIST), ask_to_delete)

    assert Transfer.objects.get().status == TransferStage.UNKNOWN


def test_the_venue_is_asked_on_demand_only(
    operator: Client, in_doubt: Transfer, demo: RunningExchange
) -> None:
    demo.clear_faults()
    demo.set_fault(endpoint="*", when="before", action="drop", times=None)
    operator.get(reverse(LIST))
    operator.get(page_of(in_doubt))
    operator.get(reverse(LIST), {"action": ASK, "_selected_action": str(in_doubt.pk)})
    assert demo.faults()[0]["hits"] == 0
    demo.clear_faults()

    page = ask(operator, in_doubt)

    assert "100 USDT from spot to futures, done" in page
    assert Transfer.objects.get().status == TransferStage.DONE
    assert "every transfer is settled" in ask(operator, in_doubt)


def test_a_venue_that_does_not_answer_is_an_error_message(
    operator: Client, in_doubt: Transfer, demo: RunningExchange
) -> None:
    demo.set_fault(endpoint=HISTORY, action="error", code=-1016, times=None)

    assert "the venue could not be asked" in ask(operator, in_doubt)
    assert Transfer.objects.get().status == TransferStage.UNKNOWN


def test_without_a_usable_key_the_message_says_so(
    operator: Client, in_doubt: Transfer, api_key: APIKey
) -> None:
    revoke_api_key(api_key=api_key)

    assert "has no usable key" in ask(operator, in_doubt)


def test_accounts_are_asked_about_once_however_many_of_their_transfers_are_chosen(
    operator: Client, in_doubt: Transfer
) -> None:
    second = transfer_journal.record_intent(
        in_doubt.account,
        direction=TransferDirection.TO_SPOT,
        asset="USDT",
        amount=HUNDRED,
        signed_at_ms=1,
        recv_window_ms=5000,
        requested_by=None,
        purpose="",
        evidence={},
    )

    page = ask(operator, in_doubt, second)

    assert page.count("100 USDT from spot to futures, done") == 1
    assert page.count("100 USDT from futures to spot, never made") == 1


@pytest.mark.parametrize(
    ("status", "tone"),
    [
        ("intended", "warning"),
        ("sent", "warning"),
        ("unknown", "warning"),
        ("done", "gain"),
        ("failed", "loss"),
        ("rejected", "loss"),
        ("never_made", "stopped"),
    ],
)
def test_the_status_is_a_chip_and_what_is_open_has_a_colour_of_its_own(
    status: str, tone: str
) -> None:
    row = Transfer(status=status)

    assert transfer_words.chip(row) == (
        f'<span class="tb-chip" data-tone="{tone}">{row.get_status_display()}</span>'
    )
    assert row.is_unsettled == (tone == "warning")


@pytest.mark.parametrize(
    ("status", "level"),
    [
        ("done", constants.SUCCESS),
        ("never_made", constants.INFO),
        ("failed", constants.WARNING),
        ("rejected", constants.WARNING),
        ("unknown", constants.WARNING),
        ("sent", constants.WARNING),
    ],
)
def test_only_money_that_has_moved_is_told_in_green(status: str, level: int) -> None:
    assert transfer_words.level_of(Transfer(status=status)) == level


def test_the_list_shows_the_reason_below_the_status_and_figures_of_one_width(
    operator: Client, in_doubt: Transfer
) -> None:
    page = operator.get(reverse(LIST)).content.decode()

    assert "css/admin.css" in page
    assert 'data-tone="warning">unknown</span><div class="tb-note">Only the venue' in page
    assert '<div class="tb-cell tb-amount"><span class="tb-figure">100 USDT</span>' in page
    assert "not settled yet" in page
    for column in ("transaction_id", "requested_by", "purpose", "direction"):
        assert f"column-{column}" not in page


def test_one_that_says_nothing_yet_is_explained_by_its_stage() -> None:
    assert "not sent" in transfer_words.reason(Transfer(status="intended"))
    assert "Given to the venue" in transfer_words.reason(Transfer(status="sent"))
    assert transfer_words.reason(Transfer(status="sent", message="Odd.")) == "Odd."


def test_the_page_of_one_has_readable_times_and_evidence_and_no_raw_data(
    operator: Client, in_doubt: Transfer
) -> None:
    Transfer.objects.update(
        signed_at_ms=1_792_678_803_123,
        looks=2,
        evidence={
            "known_before": ["41"],
            "seen": ["42"],
            "spot_free_before": "10000.50000000",
            "spot_free_after": "9900.5",
        },
    )

    page = operator.get(page_of(in_doubt)).content.decode()

    assert "2026-10-22 14:20:03.123 UTC; refused by the venue when it arrives more than 5 s" in page
    assert "so not this one: number 41." in page
    assert "as possibly this one: number 42." in page
    assert "read in vain 2 times after" in page
    assert "Free in the spot wallet before it was sent: 10000.5 USDT." in page
    assert "Free in the spot wallet at the last look: 9900.5 USDT." in page
    for raw in ("1792678803123", "known_before", "spot_free", "{&quot;"):
        assert raw not in page


def test_without_evidence_the_page_says_so(operator: Client, in_doubt: Transfer) -> None:
    Transfer.objects.update(evidence={"known_before": []})
    page = operator.get(page_of(in_doubt)).content.decode()
    assert "showed no transfer of this direction" in page
    assert "spot wallet" not in page
    Transfer.objects.update(evidence={})
    assert "nothing" in operator.get(page_of(in_doubt)).content.decode()


def test_the_page_of_an_open_one_asks_the_venue_by_its_button(
    operator: Client, in_doubt: Transfer
) -> None:
    before = operator.get(page_of(in_doubt)).content.decode()
    assert f'name="{BUTTON}"' in before
    assert "Nobody knows yet whether the money has moved" in before

    page, told = press(operator, in_doubt)

    assert Transfer.objects.get().status == TransferStage.DONE
    assert [level for level, _ in told] == [constants.SUCCESS]
    assert "100 USDT from spot to futures, done" in told[0][1]
    assert f'name="{BUTTON}"' not in page
    assert "Nobody knows yet" not in page
    assert "What to do" not in page


def test_a_venue_that_is_silent_is_an_error_on_the_page_of_one_too(
    operator: Client, in_doubt: Transfer, demo: RunningExchange
) -> None:
    demo.set_fault(endpoint=HISTORY, action="error", code=-1016, times=None)

    _, told = press(operator, in_doubt)

    assert [level for level, _ in told] == [constants.ERROR]
    assert "the venue could not be asked" in told[0][1]


def test_one_that_was_never_sent_is_closed_by_its_button_and_not_in_green(
    operator: Client, in_doubt: Transfer
) -> None:
    Transfer.objects.update(status="intended", message="", evidence={})
    before = operator.get(page_of(in_doubt)).content.decode()
    assert "closes it" in before
    assert "--decide" not in before

    _, told = press(operator, in_doubt)

    assert [level for level, _ in told] == [constants.INFO]
    assert "never made" in told[0][1]


def test_where_several_fit_the_page_and_the_message_name_the_command_that_decides(
    operator: Client, in_doubt: Transfer, api_key: APIKey
) -> None:
    APIKey.objects.update(label="my key")
    Transfer.objects.update(evidence={"known_before": [], "seen": ["998", "999"]})
    command = (
        "./tradebotctl manage transfer_funds --key 'my key' "
        f"--decide {in_doubt.pk} --transaction NUMBER --user NAME"
    )
    row = Transfer.objects.get()
    assert transfer_words.decide_command(row) == command
    page = operator.get(page_of(in_doubt)).content.decode()
    assert "only a person can say which" in page
    assert f'<span class="tb-unbroken">--decide {in_doubt.pk}</span>' in page

    _, told = press(operator, in_doubt)

    assert [level for level, _ in told] == [constants.WARNING]
    assert told[0][1].endswith(f"Settle it by: {command}")


def test_the_button_asks_for_nobody_who_may_not_see_transfers(
    operator: Client, in_doubt: Transfer, other_person: User
) -> None:
    User.objects.filter(pk=other_person.pk).update(is_staff=True)
    client = Client()
    client.force_login(other_person)

    assert client.post(page_of(in_doubt), {BUTTON: ""}).status_code == 403
    assert Transfer.objects.get().status == TransferStage.UNKNOWN
    other_person.user_permissions.add(Permission.objects.get(codename="view_transfer"))
    assert client.post(page_of(in_doubt), {BUTTON: ""}).status_code == 302
    assert Transfer.objects.get().status == TransferStage.DONE


def test_the_button_of_a_transfer_that_is_not_there_asks_nobody(operator: Client) -> None:
    nowhere = reverse("admin:exchange_transfer_change", args=["999999"])

    assert operator.post(nowhere, {BUTTON: ""}).status_code == 404
    assert operator.get(nowhere).status_code == 302  # to the index, as everywhere in the admin


def test_the_button_is_refused_without_the_token_of_its_form(in_doubt: Transfer) -> None:
    root = User.objects.create_superuser("root", "root@example.org", "correct horse")
    client = Client(enforce_csrf_checks=True)
    client.force_login(root)

    assert client.post(page_of(in_doubt), {BUTTON: ""}).status_code == 403
    assert Transfer.objects.get().status == TransferStage.UNKNOWN


def test_a_stranger_sees_none(owner: User, in_doubt: Transfer) -> None:
    client = Client()
    client.force_login(owner)

    assert client.get(reverse(LIST)).status_code == 302  # to the sign-in page
    assert client.post(reverse(LIST), {"action": ASK}).status_code == 302
