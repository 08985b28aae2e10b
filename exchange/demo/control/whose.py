"""Whose account a control request means: `key_number` counts from 1, `uid` is the venue's."""

from __future__ import annotations

from typing import Final

from exchange.demo.accounts import Account
from exchange.demo.control.fields import Fields
from exchange.demo.venue import Venue

WHOSE: Final = ("key_number", "uid")


def chosen_account(venue: Venue, fields: Fields) -> Account:
    """Return the account that exactly one of the two fields names; FieldError when it does not."""
    name = "uid" if fields.has("uid") else "key_number"
    if name == "uid" and fields.has("key_number"):
        raise fields.wrong("key_number", "uid says already whose it is")
    wanted = fields.whole(name, least=1)
    for number, account in enumerate(venue.accounts.values(), start=1):
        if wanted == (account.uid if name == "uid" else number):
            return account
    raise fields.wrong(name, f"there is none; {len(venue.accounts)} keys are open")
