from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from django.test import override_settings
from fernet_fields.hkdf import derive_fernet_key
from hypothesis import given
from hypothesis import strategies as st

from exchange.sealing import Ciphertext, CredentialsDecryptError, seal, unseal


@given(plaintext=st.text(), owner=st.integers(), record=st.uuids())
def test_what_is_sealed_opens_for_its_owner_and_record(
    plaintext: str, owner: int, record: object
) -> None:
    sealed = seal(plaintext, owner_id=owner, record_id=record)

    assert unseal(sealed, owner_id=owner, record_id=str(record)) == plaintext


@pytest.mark.parametrize(("owner", "record"), [(2, "a"), (1, "b"), (2, "b"), (None, "a")])
def test_it_opens_for_nobody_else(owner: object, record: str) -> None:
    sealed = seal("hunter2", owner_id=1, record_id="a")

    with pytest.raises(CredentialsDecryptError, match="another record or owner") as caught:
        unseal(sealed, owner_id=owner, record_id=record)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("garbage", ["", "hunter2", "[]", "7", "{}", '{"value": 7}'])
def test_what_was_never_sealed_does_not_open_and_is_not_quoted(garbage: str) -> None:
    with pytest.raises(CredentialsDecryptError) as caught:
        unseal(garbage, owner_id=1, record_id="a")

    assert str(caught.value) == "the value is not a sealed secret"
    assert caught.value.__context__ is None


def test_a_ciphertext_shows_nothing_and_opens_with_its_key() -> None:
    ciphertext = Ciphertext.of("hunter2")

    assert repr(ciphertext) == "Ciphertext()"
    assert b"hunter2" not in ciphertext.token
    assert ciphertext.decrypt() == "hunter2"


def test_another_installations_key_does_not_open_it() -> None:
    with override_settings(FERNET_KEYS=["theirs"]):
        ciphertext = Ciphertext.of("hunter2")

    with pytest.raises(CredentialsDecryptError, match="no key of FERNET_KEYS"):
        ciphertext.decrypt()


@pytest.mark.parametrize("token", [b"", b"x", "gAAAAA-ü".encode(), bytes(range(256))])
def test_damaged_bytes_do_not_open(token: bytes) -> None:
    with pytest.raises(CredentialsDecryptError):
        Ciphertext(token).decrypt()


def test_the_newest_key_encrypts_and_older_ones_still_open() -> None:
    with override_settings(FERNET_KEYS=["old"]):
        before = Ciphertext.of("hunter2")
    with override_settings(FERNET_KEYS=["new", "old"]):
        after = Ciphertext.of(before.decrypt())
        assert not before.is_under_newest_key()
        assert after.is_under_newest_key()
    with override_settings(FERNET_KEYS=["new"]):
        assert after.decrypt() == "hunter2"
        with pytest.raises(CredentialsDecryptError):
            before.decrypt()


@override_settings(FERNET_KEYS=["k"])
def test_the_bytes_are_those_of_django_fernet_fields() -> None:
    assert Fernet(derive_fernet_key("k")).decrypt(Ciphertext.of("hunter2").token) == b"hunter2"
