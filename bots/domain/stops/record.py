"""What a tick leaves behind about the stops, so that the plan can be made again and compared."""

from __future__ import annotations

from collections.abc import Mapping

from bots.domain.codec import Record, decode, encode
from bots.domain.stops.plan import plan_stops
from bots.domain.stops.view import StopsPlan, StopsView


def stops_to_record(rounds: tuple[tuple[StopsView, StopsPlan], ...]) -> Record:
    """Return what was seen and planned, one round after the other, as JSON-able values.

    Empty when there was nothing to look at.
    """
    if not rounds:
        return {}
    return {"rounds": [{"view": encode(view), "plan": encode(plan)} for view, plan in rounds]}


def stops_from_record(record: Mapping[str, object]) -> tuple[tuple[StopsView, StopsPlan], ...]:
    """Return the rounds that were recorded; ValueError names the place that does not fit."""
    rounds = record.get("rounds", [])
    if not isinstance(rounds, list):
        raise ValueError(f"stops.rounds: expected a list, found {rounds!r}")
    return tuple(
        (
            decode(StopsView, each.get("view"), path=f"stops.rounds[{i}].view"),
            decode(StopsPlan, each.get("plan"), path=f"stops.rounds[{i}].plan"),
        )
        for i, each in enumerate(rounds)
    )


def replay_stops(record: Mapping[str, object]) -> tuple[tuple[StopsPlan, StopsPlan], ...]:
    """Return each recorded plan together with the one that the same view gives now."""
    return tuple((plan, plan_stops(view)) for view, plan in stops_from_record(record))
