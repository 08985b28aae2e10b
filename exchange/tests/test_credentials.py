"""Secrets at rest on real PostgreSQL: every way of writing, copying, rotating and leaking them."""

from __future__ import annotations

import json
import pickle
import re

import pytest
from django.core import serializers
from django.core.exceptions import FieldError, ValidationError
from django.db import IntegrityError, connection, transaction
from django.forms.models import model_to_dict
from django.test import override_settings
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from exchange.credentials import Credentials, CredentialsDecryptError, credentials, seal
from exchange.demo.testing import TEST_KEY, TEST_SECRET
from exchange.models import APIKey, ExchangeAccount
from exchange.sealing import Ciphertext
from exchange.tests.conftest import SECOND_KEY, SECOND_SECRET, unsaved_key

pytestmark = pytest.mark.django_db

FIRST = Credentials(key=TEST_KEY, secret=TEST_SECRET)
SECOND = Credentials(key=SECOND_KEY, secret=SECOND_SECRET)


def opened(api_key: APIKey) -> Credentials:
    return credentials(APIKey.objects.get(pk=api_key.pk))


def raw_columns(api_key: APIKey) -> list[bytes]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT encrypted_key, encrypted_secret FROM exchange_apikey WHERE id = %s",
            [api_key.pk],
        )
        return [bytes(column) for column in cursor.fetchone()]


def test_secrets_written_by_save_read_back_equal(account: ExchangeAccount) -> None:
    api_key = unsaved_key(account, label="a")
    api_key.save()

    assert opened(api_key) == FIRST
    loaded = APIKey.objects.get(pk=api_key.pk)
    loaded.set_credentials(key=SECOND_KEY, secret=SECOND_SECRET)
    loaded.save()
    assert opened(api_key) == SECOND
    assert loaded.key_hint == SECOND_KEY[-4:]


def test_secrets_written_by_update_read_back_equal(stored_key: APIKey) -> None:
    binding = {"owner_id": stored_key.owner_id, "record_id": stored_key.pk}

    APIKey.objects.filter(pk=stored_key.pk).update(
        encrypted_key=seal(SECOND_KEY, **binding),
        encrypted_secret=Ciphertext.of(seal(SECOND_SECRET, **binding)),
    )

    assert opened(stored_key) == SECOND


def test_secrets_written_by_bulk_create_read_back_equal(account: ExchangeAccount) -> None:
    keys = [unsaved_key(account, label="a"), unsaved_key(account, label="b")]
    keys[1].set_credentials(key=SECOND_KEY, secret=SECOND_SECRET)

    APIKey.objects.bulk_create(keys)

    assert [opened(key) for key in keys] == [FIRST, SECOND]


def test_secrets_written_by_bulk_update_read_back_equal(account: ExchangeAccount) -> None:
    keys = [unsaved_key(account, label="a"), unsaved_key(account, label="b")]
    APIKey.objects.bulk_create(keys)
    keys[0].set_credentials(key=SECOND_KEY, secret=SECOND_SECRET)
    plain_binding = {"owner_id": keys[1].owner_id, "record_id": keys[1].pk}
    keys[1].encrypted_key = seal(SECOND_KEY, **plain_binding)
    keys[1].encrypted_secret = seal(SECOND_SECRET, **plain_binding)

    APIKey.objects.bulk_update(keys, ["encrypted_key", "encrypted_secret"])

    assert [opened(key) for key in keys] == [SECOND, SECOND]


def test_the_database_holds_no_plain_text_whatever_was_written(account: ExchangeAccount) -> None:
    api_key = unsaved_key(account, label="a")
    api_key.encrypted_key = seal(TEST_KEY, owner_id=api_key.owner_id, record_id=api_key.pk)
    api_key.save()

    columns = raw_columns(api_key)
    assert all(column.startswith(b"gAAAA") for column in columns)
    assert not any(TEST_KEY.encode() in column for column in columns)


def test_saving_a_loaded_row_changes_no_stored_byte(stored_key: APIKey) -> None:
    before = raw_columns(stored_key)

    stored_key.label = "renamed"
    stored_key.full_clean()
    stored_key.save()

    assert raw_columns(stored_key) == before
    assert opened(stored_key) == FIRST


def test_a_ciphertext_copied_into_another_row_does_not_open(account: ExchangeAccount) -> None:
    first, second = unsaved_key(account, label="a"), unsaved_key(account, label="b")
    APIKey.objects.bulk_create([first, second])

    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE exchange_apikey SET encrypted_key = source.encrypted_key, "
            "encrypted_secret = source.encrypted_secret "
            "FROM exchange_apikey source WHERE source.id = %s AND exchange_apikey.id = %s",
            [first.pk, second.pk],
        )

    assert raw_columns(first) == raw_columns(second)
    assert opened(first) == FIRST
    with pytest.raises(CredentialsDecryptError, match="another record or owner"):
        opened(second)


def test_a_row_handed_to_another_owner_does_not_open(
    stored_key: APIKey, other_person: User
) -> None:
    APIKey.objects.filter(pk=stored_key.pk).update(owner=other_person)

    with pytest.raises(CredentialsDecryptError, match="another record or owner"):
        opened(stored_key)


def test_a_row_that_does_not_open_breaks_neither_lists_nor_saving(stored_key: APIKey) -> None:
    before = raw_columns(stored_key)
    with override_settings(FERNET_KEYS=["another installation's"]):
        (listed,) = APIKey.objects.all()
        assert str(listed) == "main (Demo, …key0)"
        with pytest.raises(CredentialsDecryptError, match="no key of FERNET_KEYS"):
            credentials(listed)
        listed.label = "still here"
        listed.save()

    assert raw_columns(stored_key) == before
    assert opened(stored_key) == FIRST


def test_a_list_of_keys_decrypts_nothing(
    stored_key: APIKey, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    # Without any key even one decryption would fail.
    with override_settings(FERNET_KEYS=[]), django_assert_num_queries(1):
        assert [key.label for key in APIKey.objects.all()] == ["main"]


def test_after_rotation_the_new_key_alone_reads(account: ExchangeAccount) -> None:
    with override_settings(FERNET_KEYS=["old"]):
        api_key = unsaved_key(account, label="a")
        api_key.save()
    with override_settings(FERNET_KEYS=["new", "old"]):
        loaded = APIKey.objects.get(pk=api_key.pk)
        plain = credentials(loaded)
        loaded.set_credentials(key=plain.key, secret=plain.secret)
        loaded.save()
    with override_settings(FERNET_KEYS=["new"]):
        assert opened(api_key) == FIRST
    with override_settings(FERNET_KEYS=["old"]), pytest.raises(CredentialsDecryptError):
        opened(api_key)


def test_nothing_that_shows_a_key_shows_its_secrets(account: ExchangeAccount) -> None:
    fresh = unsaved_key(account, label="main")
    fresh.save()
    loaded = APIKey.objects.get(pk=fresh.pk)

    for api_key in (fresh, loaded):
        shown = " ".join(
            [
                str(api_key),
                repr(api_key),
                str(vars(api_key)),
                str(pickle.dumps(api_key)),
                json.dumps(model_to_dict(api_key), default=str),
                serializers.serialize("json", [api_key]),
            ]
        )
        assert TEST_KEY not in shown
        assert TEST_SECRET not in shown


def test_the_name_of_a_key_is_label_environment_and_hint(stored_key: APIKey) -> None:
    assert str(stored_key) == "main (Demo, …key0)"
    assert repr(stored_key) == "<APIKey main (Demo, …key0)>"


def test_dumped_data_load_again_and_open(stored_key: APIKey) -> None:
    dump = serializers.serialize("json", [stored_key])
    APIKey.objects.all().delete()

    (restored,) = serializers.deserialize("json", dump)
    restored.save()

    assert opened(stored_key) == FIRST


def test_plain_credentials_hide_themselves_and_are_not_pickled() -> None:
    assert not re.search("testkey0|testsec0", repr(FIRST) + str(FIRST))
    with pytest.raises(TypeError, match="not written anywhere"):
        pickle.dumps(FIRST)


def test_an_encrypted_column_cannot_be_searched() -> None:
    with pytest.raises(FieldError, match="does not support lookups"):
        APIKey.objects.filter(encrypted_key="x").exists()


def test_a_label_is_used_once_per_owner(account: ExchangeAccount) -> None:
    unsaved_key(account, label="main").save()

    with pytest.raises(IntegrityError), transaction.atomic():
        unsaved_key(account, label="main").save()


@pytest.mark.parametrize("model", [APIKey, ExchangeAccount])
def test_the_database_knows_three_environments(
    model: type[APIKey | ExchangeAccount], stored_key: APIKey
) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        model._default_manager.update(environment="moon")


def test_an_account_is_there_once_per_venue(account: ExchangeAccount, other_person: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ExchangeAccount.objects.create(environment="demo", uid="1001", owner=other_person)

    ExchangeAccount.objects.create(environment="live", uid="1001", owner=other_person)


def test_a_key_of_another_persons_or_environments_account_is_not_clean(
    stored_key: APIKey, other_person: User
) -> None:
    stored_key.account.environment = "live"
    with pytest.raises(ValidationError, match="another environment"):
        stored_key.clean()

    stored_key.account.environment = "demo"
    stored_key.account.owner = other_person
    with pytest.raises(ValidationError, match="another person"):
        stored_key.clean()
