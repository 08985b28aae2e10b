from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.test import override_settings

from accounts.models import User
from exchange.binance.tests.conftest import loopback_urls
from exchange.credentials import Credentials, credentials
from exchange.demo.accounts import DEFAULT_FLAGS
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange
from exchange.models import APIKey, ExchangeAccount
from exchange.services import add_api_key, check_api_key, revoke_api_key
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
    assert stored.permissions == {
        "can_read": True,
        "can_trade": True,
        "can_withdraw": False,
        "can_use_futures": True,
        "can_transfer": True,
        "is_ip_restricted": False,
        "is_account_open": True,
    }
    assert stored.warnings == []
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


@pytest.fixture
def live(demo: RunningExchange) -> Iterator[RunningExchange]:
    """Let the running exchange play the live venue; its first key is the one that is added."""
    urls = {**settings.EXCHANGE_URLS, "live": loopback_urls(demo.url)}
    with override_settings(EXCHANGE_URLS=urls):
        yield demo
    demo.control("keys", {"key_number": 1, **DEFAULT_FLAGS})


def restrict(venue: RunningExchange, **flags: bool) -> None:
    venue.control("keys", {"key_number": 1, **flags})


def test_a_live_key_that_may_withdraw_is_refused_with_what_to_do(
    live: RunningExchange, owner: User
) -> None:
    restrict(live, enableWithdrawals=True, ipRestrict=True)

    problems = refusal(lambda: add(owner, environment="live"))

    assert list(problems) == ["key"]
    assert "may withdraw" in problems["key"][0]
    assert "switch off “Enable Withdrawals”" in problems["key"][0]
    assert ExchangeAccount.objects.count() == 0


def test_a_demo_key_may_have_any_permission_for_there_is_nothing_to_steal(
    live: RunningExchange, owner: User
) -> None:
    restrict(live, enableWithdrawals=True)

    api_key = add(owner)

    assert api_key.permissions["can_withdraw"] is True
    assert api_key.warnings == []


def test_a_key_that_cannot_read_is_refused_everywhere(live: RunningExchange, owner: User) -> None:
    restrict(live, enableReading=False)

    problems = refusal(lambda: add(owner))

    assert list(problems) == ["key"]
    assert ExchangeAccount.objects.count() == 0


@pytest.mark.parametrize(
    ("flags", "warnings"),
    [
        ({"ipRestrict": True}, []),
        ({"ipRestrict": False}, ["The key can be used from any address."]),
        ({"ipRestrict": True, "enableSpotAndMarginTrading": False}, ["The key cannot trade"]),
        ({"ipRestrict": True, "canTrade": False}, ["The venue does not let this account trade"]),
        (
            {"ipRestrict": False, "enableSpotAndMarginTrading": False},
            ["The key can be used from any address.", "The key cannot trade"],
        ),
    ],
)
def test_an_unwise_live_key_is_stored_with_its_warnings(
    live: RunningExchange, owner: User, flags: dict[str, bool], warnings: list[str]
) -> None:
    restrict(live, **flags)

    found = add(owner, environment="live").warnings

    assert len(found) == len(warnings)
    for warning, start in zip(found, warnings, strict=True):
        assert warning.startswith(start)


def test_a_venue_that_does_not_say_leaves_the_flags_open(
    live: RunningExchange, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As spot's testnet, which has no sapi.
    monkeypatch.setattr("exchange.binance.urls.HOSTS_WITHOUT_SAPI", frozenset({"127.0.0.1"}))

    api_key = add(owner, environment="live")

    assert api_key.permissions == {
        "can_read": None,
        "can_trade": True,
        "can_withdraw": None,
        "can_use_futures": None,
        "can_transfer": None,
        "is_ip_restricted": None,
        "is_account_open": True,
    }
    assert api_key.permissions_in_words == ["trades spot"]
    assert [warning[:21] for warning in api_key.warnings] == ["The venue did not say"]


def test_a_check_stores_what_the_venue_says_now(live: RunningExchange, owner: User) -> None:
    restrict(live, ipRestrict=True)
    api_key = add(owner, environment="live")
    restrict(live, enableWithdrawals=True, enableFutures=False)

    later = datetime(2030, 1, 1, tzinfo=UTC)
    check_api_key(api_key=api_key, now=later)

    stored = APIKey.objects.get()
    assert stored.permissions["can_withdraw"] is True
    assert stored.permissions["can_use_futures"] is False
    assert stored.last_checked_at == api_key.last_checked_at == later
    assert [warning[:20] for warning in stored.warnings] == ["The key may withdraw"]
    assert stored.permissions_in_words == [
        "reads balances and orders",
        "trades spot",
        "cannot trade futures",
        "moves funds between wallets",
        "CAN WITHDRAW",
        "usable from listed addresses only",
    ]


def test_a_failed_check_keeps_what_was_known(demo: RunningExchange, owner: User) -> None:
    before = add(owner)
    demo.set_fault(endpoint="*", when="before", action="drop", times=None)

    with pytest.raises(ValidationError, match="could not be reached"):
        check_api_key(api_key=before)

    after = APIKey.objects.get()
    assert (after.permissions, after.last_checked_at) == (
        before.permissions,
        before.last_checked_at,
    )


def test_a_key_that_the_venue_refuses_now_is_told_and_keeps_what_was_known(
    demo: RunningExchange, owner: User
) -> None:
    before = add(owner)
    demo.set_fault(
        endpoint="GET /api/v3/account",
        when="before",
        action="error",
        status=401,
        code=-2015,
        message="Invalid API-key, IP, or permissions for action.",
        times=None,
    )

    with pytest.raises(ValidationError, match=r"refuses this key.*code -2015"):
        check_api_key(api_key=before)

    assert APIKey.objects.get().permissions == before.permissions


def test_a_revoked_key_is_never_asked_about(demo: RunningExchange, owner: User) -> None:
    api_key = revoke_api_key(api_key=add(owner))
    before = APIKey.objects.get().last_checked_at
    demo.set_fault(endpoint="*", when="before", action="drop", times=None)

    with pytest.raises(ValidationError, match="was revoked here"):
        check_api_key(api_key=api_key)

    assert demo.faults()[0]["hits"] == 0
    assert APIKey.objects.get().last_checked_at == before


def test_a_key_that_opens_another_account_now_keeps_what_was_known(
    demo: RunningExchange, owner: User
) -> None:
    api_key = add(owner)
    known = api_key.last_checked_at
    ExchangeAccount.objects.update(uid="another")
    api_key = APIKey.objects.get()

    with pytest.raises(ValidationError, match="opens another account now"):
        check_api_key(api_key=api_key)

    assert APIKey.objects.get().last_checked_at == known


def test_a_key_revoked_during_its_check_keeps_what_was_known(
    demo: RunningExchange, owner: User
) -> None:
    api_key = add(owner)
    stale = APIKey.objects.get()
    known = APIKey.objects.get().last_checked_at
    revoke_api_key(api_key=api_key)

    check_api_key(api_key=stale)  # loaded before the revocation

    assert APIKey.objects.get().last_checked_at == known
    assert stale.is_revoked


FAULTS = [
    ({"action": "drop"}, "could not be reached"),
    ({"action": "html"}, "could not be reached"),
    ({"action": "garbage"}, "could not be reached"),
    ({"action": "error", "code": -1021, "message": "Late."}, "clock of this machine"),
    ({"action": "error", "code": -1100, "message": "Illegal."}, "It says: Illegal."),
]


@pytest.mark.parametrize(("fault", "words"), FAULTS)
def test_trouble_at_the_venue_is_told_in_plain_words_and_nothing_is_stored(
    demo: RunningExchange, owner: User, fault: dict[str, Any], words: str
) -> None:
    demo.set_fault(endpoint="GET /api/v3/account", when="before", times=None, **fault)

    problems = refusal(lambda: add(owner))

    assert list(problems) in ([""], ["__all__"])
    assert words in next(iter(problems.values()))[0]
    assert ExchangeAccount.objects.count() == 0


def test_a_limit_at_the_venue_is_told_with_the_seconds_to_wait(owner: User) -> None:
    # An exchange of its own: what it forbids this machine to ask holds for tests to come, too.
    with RunningExchange(accounts=[f"{TEST_KEY}:{TEST_SECRET}:USDT=1"], is_paused=True) as busy:
        busy.set_fault(
            endpoint="GET /api/v3/account",
            when="before",
            action="error",
            status=429,
            code=-1003,
            message="Slow.",
        )
        urls = {**settings.EXCHANGE_URLS, "demo": loopback_urls(busy.url)}
        with override_settings(EXCHANGE_URLS=urls):
            problems = refusal(lambda: add(owner))

    assert re.search(r"asks to wait \d+ s", next(iter(problems.values()))[0])


def test_a_revoked_key_stays_revoked_since_the_first_time(stored_key: APIKey) -> None:
    first, second = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)

    assert not stored_key.is_revoked
    revoke_api_key(api_key=stored_key, now=first)
    revoke_api_key(api_key=stored_key, now=second)

    assert APIKey.objects.get().revoked_at == first
    assert stored_key.revoked_at == first
    assert stored_key.is_revoked
