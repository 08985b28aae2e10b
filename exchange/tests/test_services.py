from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.test import override_settings

from accounts.models import User
from exchange.binance.tests.conftest import loopback_urls
from exchange.credentials import Credentials, credentials
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange
from exchange.models import APIKey, ExchangeAccount
from exchange.services import add_api_key, revoke_api_key
from exchange.tests.conftest import SECOND_KEY, SECOND_SECRET

pytestmark = pytest.mark.django_db


def add(owner: User, **changes: Any) -> APIKey:
    values: dict[str, Any] = {
        "environment": "demo",
        "label": "main",
        "key": TEST_KEY,
        "secret": TEST_SECRET,
    }
    return add_api_key(owner=owner, **(values | changes))


def refusal(call: Callable[[], object]) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        call()
    assert APIKey.objects.count() == 0
    for secret in (TEST_KEY, TEST_SECRET):
        assert secret not in str(caught.value)
    if hasattr(caught.value, "error_dict"):
        return caught.value.message_dict
    return {"": caught.value.messages}


def test_an_added_key_is_stored_with_its_account(demo: RunningExchange, owner: User) -> None:
    api_key = add(owner, label="  main ", key=f" {TEST_KEY}\n")

    stored = APIKey.objects.get()
    assert stored == api_key
    assert (stored.label, stored.environment, stored.key_hint) == ("main", "demo", "key0")
    assert stored.permissions == {"can_trade": True}
    assert stored.last_checked_at is not None
    assert credentials(stored) == Credentials(key=TEST_KEY, secret=TEST_SECRET)
    assert (stored.account.owner, stored.account.environment) == (owner, "demo")
    assert stored.account.uid in demo.ledger()["balances"]


def test_two_keys_of_one_account_share_it(demo: RunningExchange, owner: User) -> None:
    add(owner)
    add(owner, label="again")
    add(owner, label="second account", key=SECOND_KEY, secret=SECOND_SECRET)

    assert APIKey.objects.count() == 3
    assert ExchangeAccount.objects.count() == 2


def test_a_key_to_another_persons_account_is_refused(
    demo: RunningExchange, owner: User, other_person: User
) -> None:
    add(owner)

    with pytest.raises(ValidationError, match="opens an account of another user"):
        add(other_person)

    assert list(APIKey.objects.values_list("owner", flat=True)) == [owner.pk]


@pytest.mark.parametrize(
    ("changes", "field", "problem"),
    [
        ({"key": "short"}, "key", "must be 64 letters and digits; this one has 5 characters"),
        ({"key": "x" * 65}, "key", "this one has 65 characters"),
        ({"key": "x" * 63 + "-"}, "key", "this one has other characters"),
        ({"secret": ""}, "secret", "this one has 0 characters"),
        ({"secret": "ü" * 64}, "secret", "this one has other characters"),
        ({"label": "   "}, "label", "Give the key a label"),
        ({"label": "x" * 65}, "label", "longer than 64"),
        ({"environment": "moon"}, "environment", "Choose one of demo, testnet, live"),
    ],
)
def test_malformed_input_is_refused_by_field_and_never_sent(
    owner: User, changes: dict[str, Any], field: str, problem: str
) -> None:
    nowhere = {**settings.EXCHANGE_URLS, "demo": loopback_urls("http://127.0.0.1:1")}
    with override_settings(EXCHANGE_URLS=nowhere):
        problems = refusal(lambda: add(owner, **changes))

    assert list(problems) == [field]
    assert problem in problems[field][0]


def test_all_malformed_fields_are_named_at_once(owner: User) -> None:
    problems = refusal(lambda: add(owner, key="a", secret="b", label=""))

    assert sorted(problems) == ["key", "label", "secret"]


def test_a_label_in_use_is_refused_before_the_venue_is_asked(
    demo: RunningExchange, owner: User
) -> None:
    add(owner)
    demo.set_fault(endpoint="*", when="before", action="drop")

    with pytest.raises(ValidationError, match="You have a key with this label"):
        add(owner)

    assert demo.faults()[0]["hits"] == 0


def test_a_form_sent_twice_at_once_stores_one_key(
    demo: RunningExchange, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(owner)
    # The second request looked before the first one stored.
    monkeypatch.setattr("exchange.services._check_label_is_free", lambda *_: None)

    with pytest.raises(ValidationError, match="You have a key with this label"):
        add(owner)

    assert APIKey.objects.count() == 1


def test_a_key_that_the_venue_refuses_is_not_stored(demo: RunningExchange, owner: User) -> None:
    problems = refusal(lambda: add(owner, key="x" * 64))

    assert list(problems) == ["key"]
    assert "code -2015" in problems["key"][0]
    assert "IP restriction" in problems["key"][0]
    assert ExchangeAccount.objects.count() == 0


FAULTS = [
    ({"action": "drop"}, "could not be reached"),
    ({"action": "html"}, "could not be reached"),
    ({"action": "garbage"}, "could not be reached"),
    ({"action": "error", "status": 429, "code": -1003, "message": "Slow."}, "asks to wait 60 s"),
    ({"action": "error", "code": -1021, "message": "Late.", "times": 2}, "clock of this machine"),
    ({"action": "error", "code": -1100, "message": "Illegal."}, "It says: Illegal."),
]


@pytest.mark.parametrize(("fault", "words"), FAULTS)
def test_trouble_at_the_venue_is_told_in_plain_words_and_nothing_is_stored(
    demo: RunningExchange, owner: User, fault: dict[str, Any], words: str
) -> None:
    demo.set_fault(endpoint="GET /api/v3/account", when="before", **fault)

    problems = refusal(lambda: add(owner))

    assert list(problems) in ([""], ["__all__"])
    assert words in next(iter(problems.values()))[0]
    assert ExchangeAccount.objects.count() == 0


def test_a_revoked_key_stays_revoked_since_the_first_time(stored_key: APIKey) -> None:
    first, second = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)

    assert not stored_key.is_revoked
    revoke_api_key(api_key=stored_key, now=first)
    revoke_api_key(api_key=stored_key, now=second)

    assert APIKey.objects.get().revoked_at == first
    assert stored_key.revoked_at == first
    assert stored_key.is_revoked
