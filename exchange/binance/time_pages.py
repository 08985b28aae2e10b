"""Histories that the venue answers oldest first, so many rows at once, from a time on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol, TypeVar

from exchange.domain.errors import UnavailableError

MAX_ROWS: Final = 1000


class Dated(Protocol):
    """A row of a history."""

    @property
    def market_time(self) -> datetime: ...


Row = TypeVar("Row", bound=Dated)


def read_all(
    page: Callable[[datetime], list[Row]], *, start: datetime, limit: int = MAX_ROWS
) -> list[Row]:
    """Return every row from `start` on, oldest first.

    page   the first `limit` rows at or after a time, in any order

    A page may end among rows of one moment, so the next one begins with that moment again.
    UnavailableError, for good, when one moment has more rows than a page.
    """
    found: list[Row] = []
    while True:
        rows = sorted(page(start), key=lambda row: row.market_time)
        if len(rows) < limit:
            return found + rows
        newest = rows[-1].market_time
        if rows[0].market_time == newest:
            raise UnavailableError(f"{limit} rows or more at {newest}", is_lasting=True)
        found += [row for row in rows if row.market_time < newest]
        start = newest
