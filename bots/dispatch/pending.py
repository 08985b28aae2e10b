"""Hints that wait: for the tick that holds their bot, or for their bot's next turn."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Final

from django.db import transaction

from bots.engine.hints import Hint, hints_of, wake
from bots.engine.schedule import Claim, claim_bots
from exchange.domain.types import Environment, Market
from exchange.feed.announcing import AccountNews
from exchange.market_data import market_time

# Wall time. A tick that lasts longer has been killed, and the bot's next check finds everything.
GIVEN_UP_SECONDS: Final = 60.0
MOST_UNREAD: Final = 10_000  # events, while PostgreSQL is away
PAUSE_SECONDS: Final = 1.0  # between two ticks of one bot that hints have asked for


# Name and status of an order, and whether it is an echo. Of those with the same the one that goes
# furthest is kept: an order of thousands of fills is one reason to look.
_Reason = tuple[tuple[str, str] | None, bool]


class PendingHints:
    """What was told of accounts and has not been looked at, together for every bot.

    Kept in memory alone: what is lost with it is found by the bot's next check.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._unread: deque[tuple[AccountNews, datetime]] = deque(maxlen=MOST_UNREAD)
        self._hints: dict[int, dict[_Reason, Hint]] = defaultdict(dict)
        self._since: dict[int, float] = {}
        self._woken_at: dict[int, float] = {}

    def __bool__(self) -> bool:
        """Say whether anything waits to be looked at again."""
        return bool(self._unread or self._hints)

    @property
    def size(self) -> int:
        """Return how many reasons to look are kept."""
        return sum(len(hints) for hints in self._hints.values())

    def note(self, news: Iterable[AccountNews], *, heard_at: datetime) -> None:
        """Take events; `heard_at` is wall time."""
        self._unread += [(one, heard_at) for one in news]

    def claim(self) -> list[Claim]:
        """Make the bots due that have a reason to look and are free to, and claim them."""
        self._read()
        self._forget_what_is_old()
        asking = {
            bot_id: list(hints.values())
            for bot_id, hints in self._hints.items()
            if bot_id not in self._woken_at
        }
        if not asking:
            return []
        woken = wake(asking)
        claims = self._claim(woken.due)
        for bot_id in woken.due | woken.done:
            del self._hints[bot_id], self._since[bot_id]
        return claims

    def _read(self) -> None:
        now = self._clock()
        for hint in hints_of(self._unread) if self._unread else ():
            of_bot, reason = self._hints[hint.bot_id], _reason(hint)
            of_bot[reason] = _further(of_bot.get(reason), hint)
            self._since[hint.bot_id] = now
        self._unread.clear()

    def _forget_what_is_old(self) -> None:
        now = self._clock()
        for bot_id in [one for one, at in self._since.items() if now - at > GIVEN_UP_SECONDS]:
            del self._hints[bot_id], self._since[bot_id]
        self._woken_at = {
            bot_id: at for bot_id, at in self._woken_at.items() if now - at < PAUSE_SECONDS
        }

    def _claim(self, bot_ids: Collection[int]) -> list[Claim]:
        places: dict[tuple[Environment, Market], list[int]] = defaultdict(list)
        for bot_id in bot_ids:
            self._woken_at[bot_id] = self._clock()
            hint = next(iter(self._hints[bot_id].values()))
            places[hint.environment, hint.market].append(bot_id)
        times = {place: market_time(*place) for place in places}
        with transaction.atomic():  # all or none: a claim that reaches nobody keeps its bot waiting
            return [
                claim
                for place, together in places.items()
                for claim in claim_bots(together, market_time=times[place]).claims
            ]


def _reason(hint: Hint) -> _Reason:
    told = hint.told
    return (told.name, told.status) if told else None, hint.is_echo


def _further(known: Hint | None, new: Hint) -> Hint:
    if known is None or known.told is None or new.told is None:
        return new
    before, now = known.told.filled_quantity, new.told.filled_quantity
    return known if before is not None and (now is None or now < before) else new
