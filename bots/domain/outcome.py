"""What one half of a decision, guarding or entering, hands to `decide`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bots.domain.decision import Check, Denial, Intent, Levels

NO_LEVELS: Final = Levels()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The orders of one request or at most one denial, the words for it, and every rule's.

    words        without capital letter and full stop
    lacks_size   a quantity that the venue and the balance allow does not exist now
    """

    words: str
    checks: tuple[Check, ...]
    intents: tuple[Intent, ...] = ()
    denial: Denial | None = None
    levels: Levels = NO_LEVELS
    lacks_size: bool = False
