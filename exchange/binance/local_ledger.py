"""Request budgets of one process: the ledger of tests, and of a process that has lost Redis."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from exchange.binance.clock import wall_milliseconds
from exchange.binance.ledgers import (
    FLIGHT_MS,
    GUARD_MS,
    SHORTLY_MS,
    WAITS_MS,
    Counted,
    Draw,
    Granted,
    Refused,
    Seen,
    Settlement,
    Unanswered,
    cap_of,
)
from exchange.domain.budget import Priority


@dataclass(slots=True)
class _Count:
    seen: int = 0
    as_of: int = 0  # the newest reservation that this count cannot know of


@dataclass(slots=True)
class _Budget:
    counts: defaultdict[int, _Count] = field(default_factory=lambda: defaultdict(_Count))
    flight: dict[str, tuple[int, int]] = field(default_factory=dict)  # id -> expires at, amount
    waiting: dict[str, tuple[int, int]] = field(default_factory=dict)  # id -> until, priority
    number: int = 0
    banned_until: int = 0

    def in_flight(self) -> int:
        return sum(amount for _, amount in self.flight.values())

    def expire(self, now: int, windows: range) -> None:
        for name, (expires_at, amount) in list(self.flight.items()):
            if expires_at <= now:
                del self.flight[name]
                self.add(windows, amount)
        for window in [window for window in self.counts if window < windows.start]:
            del self.counts[window]
        self.waiting = {name: w for name, w in self.waiting.items() if w[0] > now}

    def add(self, windows: range, amount: int) -> None:
        for window in windows:
            self.counts[window].seen += amount
            self.counts[window].as_of = self.number


class LocalLedger:
    """Keeps budgets in memory; serves the threads of one process.

    share             part of each limit that this process may take
    lets_exits_pass   whether exits are refused by nothing but a ban
    """

    def __init__(self, *, share: float = 1.0, lets_exits_pass: bool = False) -> None:
        self._share = share
        self._lets_exits_pass = lets_exits_pass
        self._budgets: defaultdict[tuple[str, str], _Budget] = defaultdict(_Budget)
        self._limits: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def reserve(
        self,
        base: str,
        request_id: str,
        draws: Sequence[Draw],
        *,
        priority: int,
        fraction: float,
        clock_ms: int | None,
    ) -> Granted | Refused:
        """Reserve all of `draws`, or nothing."""
        now = _now(clock_ms)
        with self._lock:
            share = 0.0
            for draw in draws:
                refused, used = self._look(base, draw, now, priority, fraction)
                if refused:
                    self._note_waiting(base, request_id, refused, now, priority)
                    return refused
                share = max(share, used)
            numbers = tuple(self._enter(base, request_id, draw, now) for draw in draws)
        return Granted(now, numbers, share)

    def settle(
        self,
        base: str,
        request_id: str,
        draws: Sequence[Draw],
        granted: Granted,
        settlements: Sequence[Settlement],
        *,
        clock_ms: int | None,
    ) -> None:
        """End a reservation with what came of it."""
        now = _now(clock_ms)
        with self._lock:
            for draw, number, settlement in zip(draws, granted.numbers, settlements, strict=True):
                if not isinstance(settlement, Unanswered):
                    budget = self._budgets[base, draw.name]
                    was_in_flight = budget.flight.pop(request_id, None) is not None
                    _count(
                        budget,
                        draw,
                        settlement,
                        amount=draw.amount if was_in_flight else 0,
                        number=number,
                        reserved_at=granted.at_ms,
                        now=now,
                    )

    def ban(self, base: str, name: str, milliseconds: int, *, clock_ms: int | None) -> None:
        """Refuse everything that draws on `name` for a time; a longer ban stays."""
        with self._lock:
            budget = self._budgets[base, name]
            budget.banned_until = max(budget.banned_until, _now(clock_ms) + milliseconds)

    def banned(self, base: str, draws: Sequence[Draw], *, clock_ms: int | None) -> Refused | None:
        """Return the ban that forbids `draws`, if there is one."""
        now = _now(clock_ms)
        with self._lock:
            for draw in draws:
                left = self._budgets[base, draw.name].banned_until - now
                if left > 0:
                    return Refused(left, draw.name, is_ban=True)
        return None

    def learn(self, base: str, limits: Mapping[str, int]) -> None:
        """Take over the venue's own limits, by label."""
        with self._lock:
            self._limits |= {(base, label): limit for label, limit in limits.items()}

    def _look(
        self, base: str, draw: Draw, now: int, priority: int, fraction: float
    ) -> tuple[Refused | None, float]:
        budget, length = self._budgets[base, draw.name], draw.window.length_ms
        windows = _windows(now, now, length)
        budget.expire(now, windows)
        if budget.banned_until > now:
            return Refused(budget.banned_until - now, draw.name, is_ban=True), 0.0
        limit = self._limits.get((base, draw.window.label), draw.window.limit)
        limit = max(cap_of(limit, self._share), 1)
        used = budget.in_flight() + draw.amount
        fullest = max(budget.counts[window].seen for window in windows)
        if not (self._lets_exits_pass and priority == Priority.EXIT):
            if any(rank < priority for _, rank in budget.waiting.values()):
                return Refused(SHORTLY_MS, draw.name), 0.0
            cap = cap_of(limit, fraction)
            if used + fullest > cap:
                return Refused(_wait(budget, draw, now, cap), draw.name), 0.0
        return None, (used + fullest) / limit

    def _note_waiting(
        self, base: str, request_id: str, refused: Refused, now: int, priority: int
    ) -> None:
        if not refused.is_ban and priority < Priority.PAGE:
            self._budgets[base, refused.name].waiting[request_id] = (now + WAITS_MS, priority)

    def _enter(self, base: str, request_id: str, draw: Draw, now: int) -> int:
        budget = self._budgets[base, draw.name]
        budget.number += 1
        budget.flight[request_id] = (now + FLIGHT_MS, draw.amount)
        budget.waiting.pop(request_id, None)
        return budget.number


def _count(
    budget: _Budget,
    draw: Draw,
    settlement: Settlement,
    *,
    amount: int,
    number: int,
    reserved_at: int,
    now: int,
) -> None:
    windows = _windows(reserved_at, now, draw.window.length_ms)
    running = _windows(now, now, draw.window.length_ms)
    if isinstance(settlement, Counted):
        budget.add(range(max(windows.start, running.start), windows.stop), amount)
    if not isinstance(settlement, Seen):
        return
    count = budget.counts[windows.start]
    if len(windows) == 1:
        # Reserved after everything else had been answered: the count may also have gone down.
        is_newer = number > count.as_of
        count.seen = settlement.count if is_newer else max(count.seen, settlement.count)
        count.as_of = budget.number
        return
    # The older window's count or the newer's: too much in either of them is the safe side.
    count.seen = max(count.seen, settlement.count)
    budget.add(range(max(windows.start + 1, running.start), windows.stop), amount)


def _windows(first_ms: int, last_ms: int, length: int) -> range:
    return range((first_ms - GUARD_MS) // length, (last_ms + GUARD_MS) // length + 1)


def _wait(budget: _Budget, draw: Draw, now: int, cap: int) -> int:
    length = draw.window.length_ms
    full = [w for w in _windows(now, now, length) if budget.counts[w].seen + draw.amount > cap]
    return (full[-1] + 1) * length + GUARD_MS - now if full else SHORTLY_MS


def _now(clock_ms: int | None) -> int:
    return wall_milliseconds() if clock_ms is None else clock_ms
