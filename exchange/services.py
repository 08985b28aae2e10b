"""What a person may do with keys: add one, check it again, revoke one."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from exchange.credentials import Credentials, CredentialsDecryptError
from exchange.domain.budget import Priority, asking_for
from exchange.domain.errors import (
    CredentialsError,
    GatewayError,
    RateLimitedError,
    TimestampError,
    UnavailableError,
)
from exchange.domain.gateway import ExchangeGateway
from exchange.domain.types import Environment, Market
from exchange.models import LABEL_LENGTH, APIKey, EnvironmentChoices, ExchangeAccount
from exchange.permissions import as_stored, reason_to_refuse
from exchange.registry import (
    ClientInitError,
    KeyRevokedError,
    gateway_for,
    temporary_gateway,
)

if TYPE_CHECKING:
    from accounts.models import User

# What the venue issues for HMAC signatures; other kinds of keys are not supported yet.
KEY_LENGTH: Final = 64
KEY_PATTERN: Final = re.compile(rf"[A-Za-z0-9]{{{KEY_LENGTH}}}")


# Code of the ValidationError of a venue that did not answer: asking about other keys is no use.
UNREACHABLE: Final = "unreachable"


class _Found(NamedTuple):
    """What the venue says about a key: the number of its account, and what the key may do."""

    uid: str
    flags: dict[str, bool | None]


def add_api_key(*, owner: User, environment: str, label: str, key: str, secret: str) -> APIKey:
    """Check the key at the venue and store it encrypted.

    ValidationError, by field, when something is malformed, the venue refuses the key or cannot
    be reached, the account belongs to another person, the key cannot read, or it is a live key
    that may withdraw. Nothing is stored then. What else is unwise about a key is told by
    `APIKey.warnings`. The venue is asked outside of any transaction of this function.
    """
    plain = Credentials(key=key.strip(), secret=secret.strip())
    _check_form(environment=environment, label=label.strip(), plain=plain)
    _check_label_is_free(owner, label.strip())
    venue = Environment(environment)
    found = _ask_about_new_key(venue, plain)
    if refusal := reason_to_refuse(venue, found.flags):
        raise ValidationError({"key": refusal})
    with transaction.atomic():
        account = _account_of(owner, venue, found.uid)
        return _store(account=account, label=label.strip(), plain=plain, flags=found.flags)


def check_api_key(*, api_key: APIKey, now: datetime | None = None) -> APIKey:
    """Ask the venue again what the key may do and store it; `APIKey.warnings` tells the dangers.

    ValidationError in plain words when the key was revoked here (the venue is not asked then),
    cannot be decrypted, is refused by the venue, or the venue cannot be reached. What was
    known before stays then, with its date. Safe to repeat.
    """
    found = _ask_about_stored_key(api_key)
    if found.uid != api_key.account.uid:
        raise ValidationError("The venue says that this key opens another account now.")
    APIKey.objects.filter(pk=api_key.pk, revoked_at__isnull=True).update(
        permissions=found.flags, last_checked_at=now or timezone.now()
    )
    api_key.refresh_from_db(fields=["permissions", "last_checked_at", "revoked_at"])
    return api_key


def revoke_api_key(*, api_key: APIKey, now: datetime | None = None) -> APIKey:
    """Make the key unusable here, for good. Revoking twice keeps the first date.

    The venue is not told: only a person can delete the key there.
    """
    when = now or timezone.now()
    APIKey.objects.filter(pk=api_key.pk, revoked_at__isnull=True).update(revoked_at=when)
    api_key.refresh_from_db(fields=["revoked_at"])
    return api_key


def _check_form(*, environment: str, label: str, plain: Credentials) -> None:
    problems: dict[str, str] = {}
    if environment not in EnvironmentChoices.values:
        known = ", ".join(EnvironmentChoices.values)
        problems["environment"] = f"Choose one of {known}."
    if not label:
        problems["label"] = "Give the key a label, so that you recognise it."
    if len(label) > LABEL_LENGTH:
        problems["label"] = f"The label is longer than {LABEL_LENGTH} characters."
    for name, value in (("key", plain.key), ("secret", plain.secret)):
        if problem := _malformed(value):
            problems[name] = f"The {name} must be {KEY_LENGTH} letters and digits; {problem}."
    if problems:
        raise ValidationError(problems)


def _malformed(value: str) -> str | None:
    if len(value) != KEY_LENGTH:
        return f"this one has {len(value)} characters"
    return None if KEY_PATTERN.fullmatch(value) else "this one has other characters"


def _check_label_is_free(owner: User, label: str) -> None:
    if APIKey.objects.filter(owner=owner, label=label).exists():
        raise ValidationError({"label": "You have a key with this label."})


def _ask_about_new_key(environment: Environment, plain: Credentials) -> _Found:
    try:
        with temporary_gateway(environment, Market.SPOT, plain) as gateway:
            return _ask_venue(gateway)
    except ClientInitError as error:
        raise ValidationError({"environment": str(error)}) from None
    except CredentialsError as error:
        raise ValidationError({"key": _refused_key(error)}) from None
    except GatewayError as error:
        raise ValidationError(_plain_words(error)) from None


def _ask_about_stored_key(api_key: APIKey) -> _Found:
    try:
        return _ask_venue(gateway_for(api_key, Market.SPOT))
    except KeyRevokedError:
        _refuse("The key was revoked here; the venue is not asked about it.")
    except CredentialsDecryptError:
        _refuse("The stored key cannot be decrypted with the FERNET_KEYS of this installation.")
    except ClientInitError as error:
        _refuse(str(error))
    except CredentialsError as error:
        _refuse(_refused_key(error))
    except UnavailableError as error:
        _refuse(_plain_words(error), code=UNREACHABLE)
    except GatewayError as error:
        _refuse(_plain_words(error))


def _refuse(words: str, *, code: str = "refused") -> NoReturn:
    raise ValidationError(words, code=code) from None


def _ask_venue(gateway: ExchangeGateway) -> _Found:
    with asking_for(Priority.PAGE):  # a person waits, bots come first
        info = gateway.account()
        permissions = gateway.key_permissions()
    return _Found(info.uid, as_stored(permissions, is_account_open=info.can_trade))


def _refused_key(error: CredentialsError) -> str:
    return f"The venue refuses this key. It says: {error}"


def _plain_words(error: GatewayError) -> str:
    if isinstance(error, RateLimitedError):
        seconds = round(error.retry_after)
        return f"The venue asks to wait {seconds} s before the next request. Try again then."
    if isinstance(error, UnavailableError):
        return f"The venue could not be reached, nothing was stored. Try again. ({error})"
    if isinstance(error, TimestampError):
        return "The clock of this machine differs from the venue's. Check its synchronisation."
    return f"The venue refuses the request. It says: {error}"


def _account_of(owner: User, environment: Environment, uid: str) -> ExchangeAccount:
    account, _ = ExchangeAccount.objects.get_or_create(
        environment=environment.value, uid=uid, defaults={"owner": owner}
    )
    if account.owner_id != owner.pk:
        raise ValidationError({"key": "This key opens an account of another user here."})
    return account


def _store(
    *, account: ExchangeAccount, label: str, plain: Credentials, flags: dict[str, bool | None]
) -> APIKey:
    api_key = APIKey(
        owner=account.owner,
        account=account,
        label=label,
        environment=account.environment,
        permissions=flags,
        last_checked_at=timezone.now(),
    )
    api_key.set_credentials(key=plain.key, secret=plain.secret)
    try:
        with transaction.atomic():
            api_key.save(force_insert=True)
    except IntegrityError:
        # The same form sent twice at once: the other request took the label after our look.
        raise ValidationError({"label": "You have a key with this label."}) from None
    return api_key
