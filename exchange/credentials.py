"""Opening a stored API key, in the few moments when its plain text is needed."""

from __future__ import annotations

from dataclasses import dataclass, field

from exchange.models import APIKey
from exchange.sealing import Ciphertext, CredentialsDecryptError, seal, unseal

__all__ = ["Credentials", "CredentialsDecryptError", "credentials", "reseal", "seal", "unseal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Key and secret in plain text; keep it in a local variable and out of every log."""

    key: str = field(repr=False)
    secret: str = field(repr=False)

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("plain credentials are not written anywhere")


def credentials(api_key: APIKey) -> Credentials:
    """Return the plain key and secret; CredentialsDecryptError when they do not open."""
    return Credentials(
        key=_open(api_key, api_key.encrypted_key), secret=_open(api_key, api_key.encrypted_secret)
    )


def reseal(api_key: APIKey) -> bool:
    """Encrypt under the newest key what is still under an older one; say whether it was.

    Saves nothing. CredentialsDecryptError when no key of FERNET_KEYS opens the row.
    """
    if _is_current(api_key.encrypted_key) and _is_current(api_key.encrypted_secret):
        return False
    plain = credentials(api_key)
    api_key.set_credentials(key=plain.key, secret=plain.secret)
    return True


def _open(api_key: APIKey, stored: Ciphertext | str) -> str:
    sealed = stored.decrypt() if isinstance(stored, Ciphertext) else stored
    return unseal(sealed, owner_id=api_key.owner_id, record_id=api_key.pk)


def _is_current(stored: Ciphertext | str) -> bool:
    return isinstance(stored, Ciphertext) and stored.is_under_newest_key()
