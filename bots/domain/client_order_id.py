"""The name that an order carries at the venue, ours and deterministic.

`tb` + installation (4) + bot + source + slot + leg + attempt, numbers in base 36:
`tb4f2a-1t-qz1x2k-e1`. Only [a-z0-9-], at most 32 characters, so that a list's legs can
append `-s` and `-t` within the venue's 36.
"""

from __future__ import annotations

import re
from typing import Final

MAX_LENGTH: Final = 32
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
