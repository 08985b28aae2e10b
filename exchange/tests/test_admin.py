from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.contrib import admin
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import User
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange
from exchange.models import APIKey, ExchangeAccount
from exchange.services import revoke_api_key

ADD = "admin:exchange_apikey_add"
CHECK = "exchange_apikey_check_this"  # the buttons' names
REVOKE = "exchange_apikey_revoke_this"
LIST = "admin:exchange_apikey_changelist"


@pytest.fixture
def operator(db: None) -> Client:
    """Return the browser of an operator."""
    user = User.objects.create_superuser("root", "root@example.org", "correct horse")
    client = Client()
    client.force_login(user)
    return client


def new_key(person: User, **changes: str) -> dict[str, str]:
    values = {
        "owner": str(person.pk),
        "label": "main",
        "environment": "demo",
        "key": TEST_KEY,
        "secret": TEST_SECRET,
    }
    return values | changes


def change_page(api_key: APIKey) -> str:
    return reverse("admin:exchange_apikey_change", args=[api_key.pk])


def test_an_operator_adds_a_key_through_the_service(
    operator: Client, owner: User, demo: RunningExchange
) -> None:
    page = operator.get(reverse(ADD))
    assert page.status_code == 200
    assert page.content.count(b'type="password"') == 2

    answer = operator.post(reverse(ADD), new_key(owner))

    assert answer.status_code == 302
    stored = APIKey.objects.get()
    assert (stored.owner, stored.label) == (owner, "main")
    assert stored.permissions["can_trade"] is True


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"key": "short"}, "this one has 5 characters"),
        ({"key": "x" * 64}, "The venue refuses this key"),
        ({"owner": ""}, "This field is required"),
        ({"environment": "moon"}, "Select a valid choice"),
    ],
)
def test_a_refused_key_comes_back_with_the_reason_and_without_its_secrets(
    operator: Client, owner: User, demo: RunningExchange, changes: dict[str, str], words: str
) -> None:
    answer = operator.post(reverse(ADD), new_key(owner, **changes))

    page = answer.content.decode()
    assert answer.status_code == 200
    assert words in page
    assert TEST_KEY not in page
    assert TEST_SECRET not in page
    assert not APIKey.objects.exists()


def test_an_unreachable_venue_is_an_error_of_the_form(
    operator: Client, owner: User, demo: RunningExchange
) -> None:
    demo.set_fault(endpoint="*", when="before", action="drop", times=None)

    answer = operator.post(reverse(ADD), new_key(owner))

    assert "could not be reached" in answer.content.decode()
    assert not APIKey.objects.exists()


def test_no_page_shows_a_secret_or_its_ciphertext(operator: Client, stored_key: APIKey) -> None:
    for address in (reverse(LIST), change_page(stored_key)):
        page = operator.get(address).content.decode()
        assert "main" in page
        assert TEST_KEY not in page
        assert TEST_SECRET not in page
        assert "gAAAA" not in page


def test_only_the_label_can_be_edited(
    operator: Client, stored_key: APIKey, other_person: User
) -> None:
    edited = {"label": "renamed", "environment": "live", "owner": str(other_person.pk)}

    answer = operator.post(change_page(stored_key), edited)

    assert answer.status_code == 302
    after = APIKey.objects.get()
    assert (after.label, after.environment, after.owner_id) == (
        "renamed",
        "demo",
        stored_key.owner_id,
    )
    assert after.encrypted_key == stored_key.encrypted_key


def test_a_label_in_use_is_refused_on_renaming(operator: Client, stored_key: APIKey) -> None:
    other = APIKey(
        owner=stored_key.owner, account=stored_key.account, label="taken", environment="demo"
    )
    other.set_credentials(key=TEST_KEY, secret=TEST_SECRET)
    other.save()

    answer = operator.post(change_page(stored_key), {"label": "taken"})

    assert "You have a key with this label" in answer.content.decode()
    assert APIKey.objects.get(pk=stored_key.pk).label == "main"


def test_a_key_is_revoked_from_its_page_and_from_the_list(
    operator: Client, stored_key: APIKey
) -> None:
    assert f'name="{REVOKE}"' in operator.get(change_page(stored_key)).content.decode()
    answer = operator.post(change_page(stored_key), {"label": "main", REVOKE: "1"})
    assert answer.status_code == 302
    first = APIKey.objects.get().revoked_at
    assert first is not None

    chosen = {"action": "revoke_selected", "_selected_action": str(stored_key.pk)}
    assert operator.post(reverse(LIST), chosen).status_code == 302
    assert APIKey.objects.get().revoked_at == first


def test_renaming_does_not_undo_a_revocation_of_the_same_moment(
    rf: RequestFactory, stored_key: APIKey, admin_user: User
) -> None:
    request = rf.post("/", {"label": "renamed"})
    request.user = admin_user
    stale = APIKey.objects.get()
    revoke_api_key(api_key=stored_key)

    stale.label = "renamed"
    admin.site.get_model_admin(APIKey).save_model(request, stale, form=None, change=True)

    after = APIKey.objects.get()
    assert (after.label, after.is_revoked) == ("renamed", True)


def test_looking_at_a_key_revokes_nothing(operator: Client, stored_key: APIKey) -> None:
    operator.get(change_page(stored_key))
    operator.get(change_page(stored_key), {REVOKE: "1"})

    assert not APIKey.objects.get().is_revoked


def test_keys_and_accounts_are_not_deleted_by_hand(operator: Client, stored_key: APIKey) -> None:
    account = ExchangeAccount.objects.get()

    for name, pk in (("apikey", stored_key.pk), ("exchangeaccount", account.pk)):
        address = reverse(f"admin:exchange_{name}_delete", args=[pk])
        assert operator.post(address, {"post": "yes"}).status_code == 403

    assert APIKey.objects.count() == ExchangeAccount.objects.count() == 1


def test_accounts_are_read_only(operator: Client, stored_key: APIKey) -> None:
    account = ExchangeAccount.objects.get()
    address = reverse("admin:exchange_exchangeaccount_change", args=[account.pk])

    assert "1001" in operator.get(address).content.decode()
    assert operator.get(reverse("admin:exchange_exchangeaccount_changelist")).status_code == 200
    assert operator.post(address, {"uid": "2002"}).status_code == 403
    assert operator.get(reverse("admin:exchange_exchangeaccount_add")).status_code == 403
    assert ExchangeAccount.objects.get().uid == "1001"


def test_a_stranger_cannot_add_a_key(owner: User) -> None:
    client = Client()
    client.force_login(owner)

    assert client.post(reverse(ADD), new_key(owner)).status_code == 302  # to the sign-in page
    assert not APIKey.objects.exists()


def test_what_a_key_may_do_is_shown_in_words_and_no_page_asks_the_venue(
    operator: Client, stored_key: APIKey, demo: RunningExchange
) -> None:
    stored_key.permissions = {"can_trade": False, "is_ip_restricted": None}
    stored_key.save()
    demo.set_fault(endpoint="*", when="before", action="drop", times=None)

    page = operator.get(change_page(stored_key)).content.decode()
    listed = operator.get(reverse(LIST)).content.decode()
    operator.get(change_page(stored_key), {CHECK: "1"})

    assert "cannot trade spot" in page
    assert "The key cannot trade: bots that use it only look." in page
    assert "any address" not in page
    assert "Check permissions of selected keys again" in listed
    assert "The key cannot trade: bots that use it only look" in listed
    assert demo.faults()[0]["hits"] == 0

    revoke_api_key(api_key=stored_key)
    assert "The key cannot trade" not in operator.get(reverse(LIST)).content.decode()


def test_a_key_of_old_shows_that_its_permissions_are_not_known(
    operator: Client, stored_key: APIKey
) -> None:
    assert "not known yet" in operator.get(change_page(stored_key)).content.decode()


def test_an_operator_checks_permissions_again_from_the_list_and_revoked_keys_are_left_alone(
    operator: Client, owner: User, demo: RunningExchange
) -> None:
    operator.post(reverse(ADD), new_key(owner))
    operator.post(reverse(ADD), new_key(owner, label="old"))
    revoke_api_key(api_key=APIKey.objects.get(label="old"))
    APIKey.objects.update(permissions={}, last_checked_at=None)
    chosen = [str(pk) for pk in APIKey.objects.values_list("pk", flat=True)]

    answer = operator.post(
        reverse(LIST), {"action": "check_selected", "_selected_action": chosen}, follow=True
    )

    page = answer.content.decode()
    assert "trades spot" in page
    assert "was revoked here" in page
    assert APIKey.objects.get(label="main").permissions["can_trade"] is True
    assert APIKey.objects.get(label="old").permissions == {}


def test_an_operator_checks_permissions_again_from_the_page_of_the_key(
    operator: Client,
    owner: User,
    demo: RunningExchange,
    django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[object]],
) -> None:
    operator.post(reverse(ADD), new_key(owner))
    api_key = APIKey.objects.get()
    APIKey.objects.update(permissions={})

    with django_capture_on_commit_callbacks(execute=True):
        operator.post(change_page(api_key), {"label": "main", CHECK: "1"})
        # Not while Django holds the transaction of the form open.
        assert APIKey.objects.get().permissions == {}

    assert APIKey.objects.get().permissions["can_read"] is True


def test_a_check_that_fails_is_an_error_message(
    operator: Client, owner: User, demo: RunningExchange
) -> None:
    operator.post(reverse(ADD), new_key(owner))
    operator.post(reverse(ADD), new_key(owner, label="second"))
    demo.set_fault(endpoint="*", when="before", action="drop", times=None)
    chosen = [str(pk) for pk in APIKey.objects.values_list("pk", flat=True)]

    answer = operator.post(
        reverse(LIST), {"action": "check_selected", "_selected_action": chosen}, follow=True
    )

    page = answer.content.decode()
    assert page.count("could not be reached") == 1
    assert page.count("was not checked") == 1  # it would only have been waited for again
    assert [key.permissions["can_trade"] for key in APIKey.objects.all()] == [True, True]
