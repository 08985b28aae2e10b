"""Stops and targets that rest at the venue: what should rest, and what to do about it."""

from __future__ import annotations

from bots.domain.stops.entries import entry_intents, market_entry
from bots.domain.stops.plan import MAX_FAILURES, plan_stops
from bots.domain.stops.protection import Protection, protection_of
from bots.domain.stops.view import (
    EntryInFlight,
    RestingOrder,
    Standing,
    StopAction,
    StopsPlan,
    StopStep,
    StopsView,
)
from bots.domain.stops.wanted import is_worth_a_move, rests_as_wanted

__all__ = [
    "MAX_FAILURES",
    "EntryInFlight",
    "Protection",
    "RestingOrder",
    "Standing",
    "StopAction",
    "StopStep",
    "StopsPlan",
    "StopsView",
    "entry_intents",
    "is_worth_a_move",
    "market_entry",
    "plan_stops",
    "protection_of",
    "rests_as_wanted",
]
