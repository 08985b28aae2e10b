from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from exchange.credentials import Credentials, credentials
from exchange.demo.testing import TEST_KEY, TEST_SECRET
from exchange.models import APIKey, ExchangeAccount
from exchange.tests.conftest import unsaved_key

pytestmark = pytest.mark.django_db
PLAIN = Credentials(key=TEST_KEY, secret=TEST_SECRET)


def rotate(*options: str) -> str:
    output = StringIO()
    call_command("rotate_keys", *options, stdout=output)
    return output.getvalue().strip()


@pytest.fixture
def old_keys(account: ExchangeAccount) -> list[APIKey]:
    """Return two keys that were stored under an old key."""
    with override_settings(FERNET_KEYS=["old"]):
        keys = [unsaved_key(account, label=label) for label in "ab"]
        APIKey.objects.bulk_create(keys)
    return keys


def test_rotation_makes_every_row_readable_with_the_new_key_alone(old_keys: list[APIKey]) -> None:
    with override_settings(FERNET_KEYS=["new", "old"]):
        assert rotate() == "2 rotated, 0 already current."
        assert rotate() == "0 rotated, 2 already current."

    with override_settings(FERNET_KEYS=["new"]):
        assert [credentials(key) for key in APIKey.objects.all()] == [PLAIN, PLAIN]


def test_a_rotation_that_was_interrupted_goes_on_where_it_stopped(old_keys: list[APIKey]) -> None:
    with override_settings(FERNET_KEYS=["new", "old"]):
        old_keys[0].set_credentials(key=TEST_KEY, secret=TEST_SECRET)
        old_keys[0].save()

        assert json.loads(rotate("--json")) == {
            "rotated": 1,
            "current": 1,
            "unreadable": 0,
            "unreadable_ids": [],
        }


def test_a_row_that_no_key_opens_is_named_and_left_as_it_is(old_keys: list[APIKey]) -> None:
    with override_settings(FERNET_KEYS=["another"]):
        old_keys[0].set_credentials(key=TEST_KEY, secret=TEST_SECRET)
        old_keys[0].save()
    output = StringIO()

    both_keys = override_settings(FERNET_KEYS=["new", "old"])
    with both_keys, pytest.raises(CommandError, match=str(old_keys[0].pk)):
        call_command("rotate_keys", "--json", stdout=output)

    answer: dict[str, Any] = json.loads(output.getvalue())
    assert answer["rotated"] == 1
    assert answer["unreadable_ids"] == [str(old_keys[0].pk)]
    with override_settings(FERNET_KEYS=["another"]):
        assert credentials(APIKey.objects.get(pk=old_keys[0].pk)) == PLAIN


def test_without_rows_there_is_nothing_to_do(db: None) -> None:
    assert rotate() == "0 rotated, 0 already current."
