"""Closed klines that were announced, until the bots that trade on them are claimed."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

from django.db import transaction

from bots.engine.schedule import Claim, claim_market
from exchange.domain.streams import KlineStream
from exchange.domain.types import Environment, Market
from exchange.market_data import ClosedKline, market_time

# A bot whose tick is at work when its kline closes is looked at again this long, wall time.
# Longer would find nothing that the round of every second does not.
PATIENCE_SECONDS: Final = 5.0

_Place = tuple[Environment, Market]


class Closes:
    """What has closed and is not done with, together for every market of every venue."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting: dict[_Place, dict[KlineStream, _Close]] = defaultdict(dict)

    def __bool__(self) -> bool:
        """Say whether anything waits to be looked at again."""
        return any(self._waiting.values())

    def note(self, closed: Iterable[ClosedKline]) -> None:
        """Take announcements; the newest of a series stands for all before it."""
        for one in closed:
            here = self._waiting[one.series.environment, one.series.market]
            known = here.get(one.series.stream)
            if known is None or known.closed_at < one.closed_at:
                here[one.series.stream] = _Close(one.closed_at, self._clock())

    def claim(self) -> list[Claim]:
        """Claim the bots that are due by what has closed, with one look at every market.

        All of them or, when Redis or PostgreSQL is away, none: a claim that reaches nobody keeps
        its bot from ticking.
        """
        times = {place: _now(place, closes) for place, closes in self._waiting.items() if closes}
        with transaction.atomic():
            looks = {
                place: claim_market(*place, list(self._waiting[place]), market_time=now)
                for place, now in times.items()
            }
        for place, look in looks.items():
            self._forget(place, is_at_work=look.at_work)
        return [claim for look in looks.values() for claim in look.claims]

    def _forget(self, place: _Place, *, is_at_work: bool) -> None:
        oldest = self._clock() - PATIENCE_SECONDS
        self._waiting[place] = {
            stream: close
            for stream, close in self._waiting[place].items()
            if is_at_work and close.heard_at >= oldest
        }


def _now(place: _Place, closes: Mapping[KlineStream, _Close]) -> datetime:
    closed_at = max(close.closed_at for close in closes.values())
    noted = market_time(*place)
    return closed_at if noted is None else max(noted, closed_at)


class _Close:
    __slots__ = ("closed_at", "heard_at")

    def __init__(self, closed_at: datetime, heard_at: float) -> None:
        self.closed_at = closed_at
        self.heard_at = heard_at
