"""Transfers in the admin: to be read, and to be asked about."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from exchange import transfer_journal
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange
from exchange.domain.transfers import TransferDirection
from exchange.models import APIKey, Transfer, TransferStage
from exchange.services import add_api_key, revoke_api_key
from exchange.tests.transfer_steps import HISTORY, HUNDRED, SENDING, move

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

LIST = "admin:exchange_transfer_changelist"
ASK = "ask_the_venue"


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


def test_a_stranger_sees_none(owner: User, in_doubt: Transfer) -> None:
    client = Client()
    client.force_login(owner)

    assert client.get(reverse(LIST)).status_code == 302  # to the sign-in page
    assert client.post(reverse(LIST), {"action": ASK}).status_code == 302
