"""Whether a position has its stop at the venue, and why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bots.domain.decision import Leg
from bots.domain.positions import is_dust
from bots.domain.residue import is_residue
from bots.domain.stops.view import Standing, StopsView
from bots.domain.stops.wanted import covering, wanted_exits

_DOUBTS: Final = {
    Standing.UNKNOWN: "the venue has not said yet what became of it",
    Standing.HANGS: "it has triggered, and nothing came of it yet",
    Standing.ACTS: "it is being filled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """is_needed: a stop is configured and there is something to protect. why: why it is missing."""

    is_needed: bool
    is_there: bool
    why: str = ""


def protection_of(view: StopsView) -> Protection:
    """Say whether the position has a stop of the right side and size at the venue."""
    if not holds_something(view) or is_residue(view.quantity, view.price, view.rules):
        return Protection(is_needed=False, is_there=False)
    wanted = wanted_exits(view)
    if wanted.stop is None:
        return Protection(is_needed=False, is_there=False)
    if covering(view, wanted.quantity) is not None:
        return Protection(is_needed=True, is_there=True)
    why = doubt(view, Leg.STOP) or wanted.obstacle or "no stop rests for all that is held"
    return Protection(is_needed=True, is_there=False, why=why)


def holds_something(view: StopsView) -> bool:
    """Say whether more than dust is held."""
    return not is_dust(view.quantity, view.rules.quantity_increment)


def doubt(view: StopsView, *legs: Leg) -> str:
    """Say which order of `legs` is in doubt or at work, so that none may be placed beside it.

    A target at work is in doubt on futures only: on spot it rests in the book, and what it leaves
    is to be guarded.
    """
    for each in view.resting:
        if each.leg not in legs or each.standing is Standing.WAITS:
            continue
        if each.standing is Standing.ACTS and each.leg is Leg.TARGET and not view.is_futures:
            continue
        name = "stop" if each.leg is Leg.STOP else "target"
        return f"a {name} rests, but {_DOUBTS[each.standing]}"
    return ""
