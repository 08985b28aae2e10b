"""Which rows of the venue's history can be a transfer whose answer was lost. Asks nobody.

The venue keeps no id of ours. What is compared: direction, asset, exact amount, and the venue's
time of the row, which cannot lie before the transfer was signed nor long after its window closed.

The times are the venue's wall clock: `signed_at_ms` was taken from it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final, Protocol

from exchange.domain.clock import from_milliseconds, to_milliseconds
from exchange.domain.transfers import TransferReport

# The venue takes timestamps that lie one second ahead of it; our idea of its clock may be off too.
BEFORE_MS: Final = 5_000
# After signed_at + recvWindow the venue refuses the request. The rest is for one that was taken
# in time and shows late, in the history or in the history's own clock.
AFTER_MS: Final = 60_000
LOOKS_BEFORE_GIVING_UP: Final = 2
# Two looks at the same stale copy of the history are one look.
LOOKS_APART_MS: Final = 30_000


class Signed(Protocol):
    """A transfer as it was signed; `transaction_id` is empty until the venue's number is known."""

    direction: str
    asset: str
    amount: Decimal
    signed_at_ms: int
    recv_window_ms: int
    transaction_id: str


def first_moment(one: Signed) -> datetime:
    """Return the earliest time that the venue can have stamped the transfer with."""
    return from_milliseconds(one.signed_at_ms - BEFORE_MS)


def deadline_ms(one: Signed) -> int:
    """Return when the transfer, if it was made, is sure to be made and seen."""
    return one.signed_at_ms + one.recv_window_ms + AFTER_MS


def is_in_time(one: Signed, made_at: datetime) -> bool:
    """Say whether the venue can have made the transfer at `made_at`."""
    return first_moment(one) <= made_at <= from_milliseconds(deadline_ms(one))


def is_alike(one: Signed, report: TransferReport) -> bool:
    """Say whether a row of the history has the transfer's direction, asset, amount and time."""
    return (
        (report.direction, report.asset, report.amount) == (one.direction, one.asset, one.amount)
    ) and is_in_time(one, report.made_at)


def possible_rows(
    one: Signed,
    reports: Iterable[TransferReport],
    *,
    known_before: Collection[str],
    claims: Collection[Signed],
) -> list[TransferReport]:
    """Return the rows that can be the transfer.

    known_before   ids that the history showed before the transfer was sent
    claims         other transfers of the account with ids of theirs. One counts only where the
                   row lies in its own time: a demo set up anew gives old numbers to new rows
    """
    return [
        row
        for row in reports
        if is_alike(one, row)
        and row.transaction_id not in known_before
        and not any(_is_claimed_by(other, row) for other in claims)
    ]


def _is_claimed_by(other: Signed, row: TransferReport) -> bool:
    return other.transaction_id == row.transaction_id and is_in_time(other, row.made_at)


def age_text(moment: datetime) -> str:
    """Return a time of the venue's wall clock for a message, to the millisecond."""
    return f"{moment:%Y-%m-%d %H:%M:%S}.{to_milliseconds(moment) % 1000:03d} UTC"
