"""What may go wrong, where, and how often: drawn from the dice of one seed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from bots.simulation.chance import Dice
from bots.simulation.trace import Trace


class Peril(StrEnum):
    """One thing that goes wrong at one point."""

    LOST_BEFORE = "lost before the venue saw it"
    LOST_AFTER = "reply lost"
    LATE = "reply lost, delivered later"
    BAD_GATEWAY = "502 page instead of the reply"
    GARBAGE = "unreadable reply"
    BUSY = "503 before the venue acted"
    TOO_MANY = "429"
    TIMESTAMP = "-1021"
    STALE = "stale reply"
    KILLED_BEFORE = "worker killed before the request"
    KILLED_AFTER = "worker killed after the request"
    MEANWHILE = "somebody acts meanwhile"
    LOCK_LOST = "lock lost, and somebody acts meanwhile"
    KILLED_AT_STATEMENT = "worker killed before a statement"
    CUT_BEFORE = "database connection cut before a statement"
    CUT_AFTER = "database connection cut after a statement"


OF_READS: Final = (
    *(Peril.LOST_BEFORE, Peril.GARBAGE, Peril.BUSY, Peril.TOO_MANY, Peril.TIMESTAMP),
    *(Peril.STALE, Peril.STALE, Peril.KILLED_BEFORE, Peril.MEANWHILE, Peril.LOCK_LOST),
)
OF_WRITES: Final = (
    *(Peril.LOST_BEFORE, Peril.LOST_AFTER, Peril.LOST_AFTER, Peril.LATE, Peril.LATE),
    *(Peril.BAD_GATEWAY, Peril.GARBAGE, Peril.BUSY, Peril.TOO_MANY, Peril.TIMESTAMP),
    *(Peril.KILLED_BEFORE, Peril.KILLED_AFTER, Peril.KILLED_AFTER),
    *(Peril.MEANWHILE, Peril.LOCK_LOST),
)
OF_STATEMENTS: Final = (
    *(Peril.KILLED_AT_STATEMENT, Peril.KILLED_AT_STATEMENT),
    *(Peril.CUT_BEFORE, Peril.CUT_AFTER),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """How probable a peril is at one point of each kind."""

    of_read: float = 0.0
    of_write: float = 0.0
    of_statement: float = 0.0


NO_PERILS: Final = Odds()
# From seeds in which little happens to seeds in which hardly anything works.
MIXTURES: Final = (
    Odds(of_read=0.003, of_write=0.10, of_statement=0.0005),
    Odds(of_read=0.01, of_write=0.25, of_statement=0.001),
    Odds(of_read=0.02, of_write=0.40, of_statement=0.003),
    Odds(of_read=0.0, of_write=0.0, of_statement=0.008),
    Odds(of_read=0.06, of_write=0.20, of_statement=0.001),
)


@dataclass(slots=True)
class Perils:
    """The perils of one run. They strike only while `is_armed`.

    suppressed   numbers of perils that are drawn and then left out: how a failing run is shrunk
    struck       numbers of those that struck so far
    """

    dice: Dice
    odds: Odds
    trace: Trace
    suppressed: Collection[int] = ()
    is_armed: bool = False
    drawn: int = 0
    struck: list[int] = field(default_factory=list)

    def of_request(self, endpoint: str, *, changes: bool) -> Peril | None:
        """Return what befalls one request, if anything does."""
        odds, kinds = (self.odds.of_write, OF_WRITES) if changes else (self.odds.of_read, OF_READS)
        return self._draw(odds, kinds, endpoint)

    def of_statement(self, words: str) -> Peril | None:
        """Return what befalls one statement of the database, if anything does."""
        return self._draw(self.odds.of_statement, OF_STATEMENTS, words)

    def _draw(self, odds: float, kinds: tuple[Peril, ...], place: str) -> Peril | None:
        if not self.is_armed or self.dice.random() >= odds:
            return None
        peril = self.dice.choice(kinds)
        self.drawn += 1
        if self.drawn in self.suppressed:
            return None
        self.struck.append(self.drawn)
        self.trace.note(f"PERIL {self.drawn}: {peril} ({place})")
        return peril
