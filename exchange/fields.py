"""An encrypted column that opens lazily and survives every way of writing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import fernet_fields
from django.db import models

from exchange.sealing import Ciphertext

# Marks a ciphertext in dumpdata's output, where it must not be taken for a plaintext.
TOKEN_PREFIX: Final = "fernet:"  # noqa: S105  # no secret

if TYPE_CHECKING:  # the library has no types
    _Base = models.TextField[Ciphertext | str, Ciphertext]
else:
    _Base = fernet_fields.EncryptedTextField


class EncryptedTextField(_Base):
    """Text that the database holds encrypted under the newest of settings.FERNET_KEYS.

    Write a str (encrypted on its way) or a Ciphertext (stored as it is); read a Ciphertext.
    Loading a row never decrypts, so a list of rows costs nothing and one that does not open
    breaks no page; saving such a row writes the same bytes back.
    """

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        """Encrypt plain text; the library would encrypt the SQL text of bulk_update's CASE."""
        if value is None or hasattr(value, "as_sql"):
            return value
        return connection.Database.Binary(_ciphertext(value).token)

    def from_db_value(self, value: Any, *_: Any) -> Ciphertext | None:
        """Wrap the stored bytes without opening them."""
        return None if value is None else Ciphertext(bytes(value))

    def to_python(self, value: Any) -> Any:
        """Leave a Ciphertext alone; the inherited str() would replace it with its repr."""
        if isinstance(value, str) and value.startswith(TOKEN_PREFIX):
            return Ciphertext(value.removeprefix(TOKEN_PREFIX).encode())
        return value

    def value_to_string(self, obj: models.Model) -> str:
        """Return the ciphertext for dumpdata, never a plaintext."""
        return TOKEN_PREFIX + _ciphertext(self.value_from_object(obj)).token.decode()


def _ciphertext(value: Any) -> Ciphertext:
    return value if isinstance(value, Ciphertext) else Ciphertext.of(str(value))
