"""Who may ask a venue next: priorities, permits, and how long a caller is ready to wait.

Everything asked inside `asking_for(priority)` counts with that priority. The seconds lost to
waiting and to attempts that failed add up over the block, so that a tick of many calls
is held up once and not by every call anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final


class Priority(IntEnum):
    """What a request is for. The lower number goes first when the venue's limit is near."""

    EXIT = 0  # exits, protection, reconciliation
    ENTRY = 1
    PAGE = 2


# Seconds that all calls of one `asking_for` block may lose together. A tick has 30 s.
PATIENCE: Final = MappingProxyType({Priority.EXIT: 10.0, Priority.ENTRY: 5.0, Priority.PAGE: 1.0})


class Asking:
    """One block of requests: its priority, and the time that waiting has cost it."""

    def __init__(self, priority: Priority = Priority.ENTRY, patience: float | None = None) -> None:
        self.priority: Final = priority
        self._most = PATIENCE[priority] if patience is None else patience
        self._lost: list[float] = [0.0]

    def within(self, outer: Asking) -> Asking:
        """Return this block as part of `outer`: what was lost there is lost here."""
        self._lost = outer._lost
        return self

    @property
    def patience(self) -> float:
        """Return the seconds that may still be lost."""
        return max(self._most - self._lost[0], 0.0)

    def lose(self, seconds: float) -> None:
        """Count time that was waited, or spent on an attempt that failed."""
        self._lost[0] += seconds


_asking: ContextVar[Asking | None] = ContextVar("asking", default=None)


@contextmanager
def asking_for(priority: Priority, *, patience: float | None = None) -> Iterator[None]:
    """Let everything that a gateway asks inside count with `priority`.

    patience   seconds, where what the priority would be ready to wait is too long
    """
    asking, outer = Asking(priority, patience), _asking.get()
    token = _asking.set(asking.within(outer) if outer else asking)
    try:
        yield
    finally:
        _asking.reset(token)


@contextmanager
def one_asking() -> Iterator[None]:
    """Let the steps of one call share one patience, also outside of any `asking_for`."""
    token = _asking.set(current_asking())
    try:
        yield
    finally:
        _asking.reset(token)


def current_asking() -> Asking:
    """Return the block that runs now; outside of any, a new one for an entry."""
    return _asking.get() or Asking()


@dataclass(slots=True)
class OrderPermit:
    """Leave to create `orders` orders with one request, taken before that request is signed."""

    orders: int
    reservation: Any = None  # the budget's own
    give_back: Callable[[], None] | None = field(default=None, repr=False)
    is_spent: bool = False

    def spend(self) -> Any:
        """Return the reservation to the one request that uses it; ValueError for a second."""
        if self.is_spent:
            raise ValueError("this order permit has been used")
        self.is_spent = True
        return self.reservation

    def release(self) -> None:
        """Give back what was not used; after a use, or twice, this changes nothing."""
        if not self.is_spent:
            self.is_spent = True
            if self.give_back:
                self.give_back()
