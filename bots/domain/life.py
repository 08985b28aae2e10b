"""The life of a bot: which state follows which, by what. One table, and nothing beside it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from bots.domain.status import Reason, State, Status


class LifeEvent(StrEnum):
    """What can move a bot from one state to another."""

    START = "start"  # a person
    STOP = "stop"  # a person
    RUN = "run"  # a tick that decided
    WAIT = "wait"  # a tick that could not buy for want of size or money
    LIMIT = "limit"  # a tick that found a daily limit reached
    FAIL = "fail"  # a tick that could not finish
    RESET = "reset"  # the trading day began anew


class IllegalMoveError(Exception):
    """No bot in this state can meet this event: whoever says so is mistaken."""


# What a tick may find out about a bot that works.
_BY_TICK: Final = {
    LifeEvent.RUN: State.RUNNING,
    LifeEvent.WAIT: State.WAITING,
    LifeEvent.LIMIT: State.PAUSED,
    LifeEvent.FAIL: State.ERROR,
}
_TABLE: Final[Mapping[State, Mapping[LifeEvent, State]]] = MappingProxyType(
    {
        State.STOPPED: {
            LifeEvent.START: State.PENDING,
            LifeEvent.STOP: State.STOPPED,
            LifeEvent.RESET: State.STOPPED,
        },
        State.PENDING: {
            LifeEvent.START: State.PENDING,
            LifeEvent.STOP: State.STOPPED,
            LifeEvent.RESET: State.PENDING,
            **_BY_TICK,
        },
        State.RUNNING: {
            LifeEvent.START: State.RUNNING,
            LifeEvent.STOP: State.STOPPED,
            LifeEvent.RESET: State.RUNNING,
            **_BY_TICK,
        },
        State.WAITING: {
            LifeEvent.START: State.WAITING,
            LifeEvent.STOP: State.STOPPED,
            LifeEvent.RESET: State.WAITING,
            **_BY_TICK,
        },
        State.PAUSED: {
            LifeEvent.START: State.PENDING,  # a person lifts it
            LifeEvent.STOP: State.STOPPED,
            LifeEvent.RESET: State.PENDING,
            # Only a person or a new day ends a pause; exits and stops go on meanwhile.
            LifeEvent.RUN: State.PAUSED,
            LifeEvent.WAIT: State.PAUSED,
            LifeEvent.LIMIT: State.PAUSED,
            LifeEvent.FAIL: State.ERROR,
        },
        State.ERROR: {
            LifeEvent.START: State.PENDING,
            LifeEvent.STOP: State.STOPPED,
            LifeEvent.RESET: State.ERROR,  # with its message, until the next start
            LifeEvent.RUN: State.ERROR,
            LifeEvent.WAIT: State.ERROR,
            LifeEvent.LIMIT: State.ERROR,
            LifeEvent.FAIL: State.ERROR,
        },
    }
)
# Missing prices and rate limits, which are shown as them, end by themselves.
HEALS_BY_ITSELF: Final = frozenset({Reason.PRICE_DATA})
_EVENT_OF: Final = {
    State.RUNNING: LifeEvent.RUN,
    State.WAITING: LifeEvent.WAIT,
    State.PAUSED: LifeEvent.LIMIT,
    State.ERROR: LifeEvent.FAIL,
}


def move(state: State, event: LifeEvent, *, reason: Reason = Reason.NONE) -> State:
    """Return the state that follows; IllegalMoveError for a tick of a stopped bot.

    reason   of `state`: an error of prices or of a rate limit is ended by the next good tick, any
             other one only by a person
    """
    if state is State.ERROR and reason in HEALS_BY_ITSELF and event in _BY_TICK:
        return _BY_TICK[event]
    target = _TABLE[state].get(event)
    if target is None:
        raise IllegalMoveError(f"a bot that is {state} cannot meet {event!r}")
    return target


def after_tick(before: Status, found: Status) -> Status:
    """Return what a bot shows after a tick that found `found`; IllegalMoveError when stopped.

    A pause or an error that lasts keeps its own reason; a failed tick tells its newest one.
    """
    event = _EVENT_OF.get(found.state)
    if event is None:
        raise IllegalMoveError(f"no tick makes a bot {found.state}")
    target = move(before.state, event, reason=before.reason)
    return found if target is found.state else before


def is_waiting_for_a_person(status: Status) -> bool:
    """Say whether no tick will change the state: an error that does not heal by itself."""
    return status.state is State.ERROR and status.reason not in HEALS_BY_ITSELF


def is_lifted_by_start(state: State) -> bool:
    """Say whether starting an active bot changes something: it is paused or has failed."""
    return move(state, LifeEvent.START) is not state
