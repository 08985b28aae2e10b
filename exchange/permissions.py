"""What a key may do, as the venue told it: kept on the key, said in words, judged for danger.

A stolen key that can withdraw empties the account, and one that any address may use is the easier
to steal; neither is needed to trade. A bot asks for reading and trading alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from exchange.domain.types import Environment, KeyPermissions

# By the names of KeyPermissions, and `is_account_open`; None or missing is "not told".
Flags = Mapping[str, bool | None]

_WORDS: Final = {
    "can_read": ("reads balances and orders", "cannot read"),
    "can_trade": ("trades spot", "cannot trade spot"),
    "can_use_futures": ("trades futures", "cannot trade futures"),
    "can_transfer": ("moves funds between wallets", "cannot move funds between wallets"),
    "can_withdraw": ("CAN WITHDRAW", "cannot withdraw"),
    "is_ip_restricted": ("usable from listed addresses only", "usable from any address"),
}
_CANNOT_READ: Final = (
    "This key may not read the account. Switch on “Enable Reading” for it at the venue"
    " and add it again."
)
_CAN_WITHDRAW: Final = (
    "This key may withdraw, which no bot needs and a thief would use. Edit the key's restrictions"
    " at the venue, switch off “Enable Withdrawals”, and add it again; or create another key."
)
_STILL_CAN_WITHDRAW: Final = (
    "The key may withdraw, which no bot needs and a thief would use. Switch off"
    " “Enable Withdrawals” at the venue, then check the permissions again."
)
_CANNOT_TRADE: Final = (
    "The key cannot trade: bots that use it only look. Switch on “Enable Spot & Margin Trading”"
    " at the venue, then check the permissions again."
)
_ACCOUNT_CLOSED: Final = (
    "The venue does not let this account trade, whatever its keys may do. Ask the venue why, then"
    " check the permissions again."
)
_ANY_ADDRESS: Final = (
    "The key can be used from any address. Restrict it at the venue to the address of this"
    " server, so that it is worth nothing elsewhere."
)
_WITHDRAWAL_NOT_TOLD: Final = (
    "The venue did not say whether the key may withdraw. Look at the key's restrictions there."
)


def as_stored(permissions: KeyPermissions, *, is_account_open: bool) -> dict[str, bool | None]:
    """Return what a key keeps of `permissions`.

    is_account_open   whether the venue lets the account itself trade, whatever its keys may do
    """
    return asdict(permissions) | {"is_account_open": is_account_open}


def reason_to_refuse(environment: Environment, flags: Flags) -> str | None:
    """Return why a new key must not be stored, None when it may be."""
    if flags.get("can_read") is False:
        return _CANNOT_READ
    if environment is Environment.LIVE and flags.get("can_withdraw"):
        return _CAN_WITHDRAW
    return None


def warnings_about(environment: Environment, flags: Flags) -> list[str]:
    """Return what a person should put right about a stored key, the most dangerous first."""
    found = []
    if environment is Environment.LIVE:
        found += _dangers(flags)
    if flags.get("can_read") is False:
        found.append(_CANNOT_READ)
    if flags.get("is_account_open") is False:
        found.append(_ACCOUNT_CLOSED)
    if flags.get("can_trade") is False:
        found.append(_CANNOT_TRADE)
    return found


def in_words(flags: Flags) -> list[str]:
    """Return one phrase for each permission that the venue told something about."""
    told = ((name, flags.get(name)) for name in _WORDS)
    return [_WORDS[name][0 if value else 1] for name, value in told if value is not None]


def _dangers(flags: Flags) -> list[str]:
    found = []
    if flags.get("can_withdraw"):
        found.append(_STILL_CAN_WITHDRAW)
    elif flags.get("can_withdraw") is None:
        found.append(_WITHDRAWAL_NOT_TOLD)
    if flags.get("is_ip_restricted") is False:
        found.append(_ANY_ADDRESS)
    return found
