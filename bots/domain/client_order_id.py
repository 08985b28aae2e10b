"""The name that an order carries at the venue, ours and deterministic.

`tb` + installation (4) + bot + source + slot + leg + attempt, numbers in base 36:
`tb4f2a-1t-qz1x2k-e1`. Only [a-z0-9-], at most 32 characters, so that the orders of a list can
append `-e`, `-s` and `-t` within the venue's 36. The list itself is named like an entry when it
begins with one, and with `p`, which is no leg, when it is a pair of exits.
"""

from __future__ import annotations

import re
from typing import Final

MAX_LENGTH: Final = 32
PAIR: Final = "p"  # in the name of a list of exits, in the place of a leg
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_INSTALLATION: Final = re.compile(r"[a-z0-9]{4}")


def base36(number: int) -> str:
    """Write a whole number of zero or more in base 36."""
    if number < 0:
        raise ValueError(f"{number} is negative")
    digits = ""
    while True:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
        if not number:
            return digits


def client_order_id(
    *, installation: str, bot_id: int, source: str, slot: int, leg: str, attempt: int
) -> str:
    """Return the id; ValueError when it would not fit or `installation` is malformed."""
    if not _INSTALLATION.fullmatch(installation):
        raise ValueError(f"installation must be four of [a-z0-9], not {installation!r}")
    name = f"tb{installation}-{base36(bot_id)}{source}-{base36(slot)}-{leg}{base36(attempt)}"
    if len(name) > MAX_LENGTH:
        raise ValueError(f"client order id {name} is longer than {MAX_LENGTH} characters")
    return name


def order_id_in_list(list_client_order_id: str, leg: str) -> str:
    """Return the name of the order of one leg within a list."""
    return f"{list_client_order_id}-{leg}"


def is_ours(name: str, *, installation: str) -> bool:
    """Say whether this installation names its orders so; the row alone proves that it is ours."""
    return name.startswith(f"tb{installation}-")
