"""Generated keys and passwords of one installation, kept in secrets.json (0600)."""

from __future__ import annotations

import base64
import json
import secrets
import string
from dataclasses import asdict, dataclass, fields

from tradebot_site.embedded.errors import FrontDoorError
from tradebot_site.embedded.layout import Layout, write_private

ALPHABET = string.ascii_letters + string.digits
TRADER = "demo"
OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What `up` generates once.

    fernet_keys        comma separated, newest first
    demo_api_key       64 letters and digits, as the venue issues them; the same for the secret
    """

    secret_key: str
    fernet_keys: str
    postgres_password: str
    valkey_password: str
    demo_trader_password: str
    operator_password: str
    demo_api_key: str
    demo_api_secret: str

    def __repr__(self) -> str:
        return "Credentials(...)"


def load_or_create(layout: Layout) -> Credentials:
    """Return the credentials of the data directory, generating them on first use.

    Raises FrontDoorError when the file is gone but a database encrypted with it is there:
    new keys could never read the old rows.
    """
    try:
        text = layout.secrets_file.read_text()
    except FileNotFoundError:
        return _create(layout)
    return _parse(layout, text)


def _create(layout: Layout) -> Credentials:
    if layout.postgres.exists():
        raise FrontDoorError(
            f"{layout.secrets_file} is missing, but {layout.postgres} holds a database whose "
            "password and keys were in it. Restore the file from a backup; nothing was touched."
        )
    credentials = Credentials(
        secret_key=secrets.token_urlsafe(48),
        fernet_keys=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        postgres_password=random_text(32),
        valkey_password=random_text(32),
        demo_trader_password=random_text(16),
        operator_password=random_text(16),
        demo_api_key=random_text(64),
        demo_api_secret=random_text(64),
    )
    write_private(layout.secrets_file, json.dumps(asdict(credentials), indent=2) + "\n")
    return credentials


def _parse(layout: Layout, text: str) -> Credentials:
    try:
        values = json.loads(text)
        return Credentials(**{field.name: str(values[field.name]) for field in fields(Credentials)})
    except (ValueError, TypeError) as e:
        raise FrontDoorError(f"{layout.secrets_file} is not readable as JSON: {e}") from e
    except KeyError as e:
        raise FrontDoorError(f"{layout.secrets_file} lacks {e}; restore it from a backup.") from e


def random_text(length: int) -> str:
    """Return letters and digits from the system's secure source; safe in URLs and files."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
