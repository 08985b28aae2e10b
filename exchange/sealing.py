"""Secrets at rest: encrypted with Fernet, and bound to the row they belong to.

What is encrypted is not the bare secret but a wrapping that names its owner and its record, so
that a ciphertext copied into another row does not open there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Self

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from fernet_fields.hkdf import derive_fernet_key


class CredentialsDecryptError(Exception):
    """Stored credentials do not open: another FERNET_KEYS, another row's, or damaged."""


def fernet() -> MultiFernet:
    """Return the cipher of settings.FERNET_KEYS, newest first, read at every call.

    The keys are derived as django-fernet-fields does, so that its columns stay readable.
    """
    return MultiFernet([Fernet(derive_fernet_key(key)) for key in settings.FERNET_KEYS])


@dataclass(frozen=True, slots=True)
class Ciphertext:
    """An encrypted text as the database holds it; opened only where it is needed."""

    token: bytes = field(repr=False)

    @classmethod
    def of(cls, plaintext: str) -> Self:
        """Encrypt `plaintext` under the newest key."""
        return cls(fernet().encrypt(plaintext.encode()))

    def decrypt(self) -> str:
        """Return the plaintext; CredentialsDecryptError when no key opens it."""
        try:
            return fernet().decrypt(self.token).decode()
        except (InvalidToken, UnicodeDecodeError):
            pass
        raise CredentialsDecryptError("no key of FERNET_KEYS opens this value")

    def is_under_newest_key(self) -> bool:
        """Say whether the first of settings.FERNET_KEYS alone opens this."""
        try:
            Fernet(derive_fernet_key(settings.FERNET_KEYS[0])).decrypt(self.token)
        except InvalidToken:
            return False
        return True


def seal(plaintext: str, *, owner_id: object, record_id: object) -> str:
    """Wrap `plaintext` with the ids of its owner and record; not encrypted yet."""
    return json.dumps({"owner": str(owner_id), "record": str(record_id), "value": plaintext})


def unseal(sealed: str, *, owner_id: object, record_id: object) -> str:
    """Return what `seal` wrapped; CredentialsDecryptError when it belongs elsewhere."""
    try:
        content = json.loads(sealed)
    except ValueError:
        content = None  # the error would quote the secret
    expected = {"owner": str(owner_id), "record": str(record_id)}
    if not isinstance(content, dict) or not isinstance(content.get("value"), str):
        raise CredentialsDecryptError("the value is not a sealed secret")
    if {name: content.get(name) for name in expected} != expected:
        raise CredentialsDecryptError("the value was sealed for another record or owner")
    return str(content["value"])
