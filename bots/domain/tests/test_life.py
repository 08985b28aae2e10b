"""The table of a bot's life, cell by cell."""

from __future__ import annotations

import pytest

from bots.domain.life import (
    IllegalMoveError,
    LifeEvent,
    after_tick,
    is_lifted_by_start,
    is_waiting_for_a_person,
    move,
)
from bots.domain.status import Reason, State, Status

# One line per state: what follows each event; "-" cannot happen.
EVENTS = ["start", "stop", "run", "wait", "limit", "fail", "reset"]
TABLE = {
    "stopped": "pending stopped - - - - stopped",
    "pending": "pending stopped running waiting paused error pending",
    "running": "running stopped running waiting paused error running",
    "waiting": "waiting stopped running waiting paused error waiting",
    "paused": "pending stopped paused paused paused error pending",
    "error": "pending stopped error error error error error",
    "error (price data)": "pending stopped running waiting paused error error",
}
CELLS = [
    (state, event, follows)
    for state, line in TABLE.items()
    for event, follows in zip(EVENTS, line.split(), strict=True)
]


def _status(words: str) -> Status:
    state, _, reason = words.partition(" (")
    return Status(State(state), Reason(reason.rstrip(")")))


@pytest.mark.parametrize(("words", "event", "follows"), CELLS)
def test_each_cell_of_the_table(words: str, event: str, follows: str) -> None:
    status = _status(words)
    if follows == "-":
        with pytest.raises(IllegalMoveError, match=words):
            move(status.state, LifeEvent(event), reason=status.reason)
    else:
        assert move(status.state, LifeEvent(event), reason=status.reason) is State(follows)


def test_the_table_knows_every_state_and_every_event() -> None:
    assert {_status(words).state for words in TABLE} == set(State)
    assert set(EVENTS) == set(LifeEvent)


def test_every_state_but_stopped_can_be_stopped_and_stopped_can_only_be_started() -> None:
    for state in State:
        assert move(state, LifeEvent.STOP) is State.STOPPED
    leads = {event for event in LifeEvent if _leads(State.STOPPED, event) not in (None, "stopped")}
    assert leads == {LifeEvent.START}


def _leads(state: State, event: LifeEvent) -> State | None:
    try:
        return move(state, event)
    except IllegalMoveError:
        return None


def test_a_pause_outlives_a_tick_that_found_nothing_wrong() -> None:
    paused = Status(State.PAUSED, Reason.MAX_DAILY_LOSS)
    assert after_tick(paused, Status(State.RUNNING)) == paused


def test_an_error_of_prices_is_ended_by_a_good_tick_and_no_other_error_is() -> None:
    running = Status(State.RUNNING)
    assert after_tick(Status(State.ERROR, Reason.PRICE_DATA), running) == running
    for reason in set(Reason) - {Reason.PRICE_DATA}:
        error = Status(State.ERROR, reason)
        assert after_tick(error, running) == error
        assert is_waiting_for_a_person(error)
    assert not is_waiting_for_a_person(Status(State.ERROR, Reason.PRICE_DATA))


def test_a_tick_that_fails_tells_its_own_reason() -> None:
    failed = Status(State.ERROR, Reason.KEY_DECRYPT_FAILED)
    assert after_tick(Status(State.ERROR, Reason.PRICE_DATA), failed) == failed
    assert after_tick(Status(State.RUNNING), failed) == failed


def test_no_tick_stops_a_bot_or_works_on_a_stopped_one() -> None:
    for found in (State.STOPPED, State.PENDING):
        with pytest.raises(IllegalMoveError):
            after_tick(Status(State.RUNNING), Status(found))
    with pytest.raises(IllegalMoveError):
        after_tick(Status(State.STOPPED), Status(State.RUNNING))


def test_a_start_lifts_a_pause_and_an_error_and_changes_nothing_on_a_bot_that_works() -> None:
    lifted = {state for state in State if is_lifted_by_start(state)}
    assert lifted == {State.STOPPED, State.PAUSED, State.ERROR}
