"""Let a bot recover from what happened to it, and hold it to the common promises afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.utils import timezone

from bots.domain.status import State
from bots.tests.faults.promises import assert_at_most_once, assert_promises
from bots.tests.faults.stage import Stage

MOST_TICKS: Final = 9
Check = Callable[[Stage], bool]


def recover(stage: Stage, *, until: Check = lambda _: True) -> int:
    """Heal what was broken and tick until nothing is in doubt and `until` holds; return how often.

    The first tick keeps the honest waits, so that whatever may still arrive is waited for; then
    they count as over. At no time may the venue have an order twice. AssertionError when it does
    not come to rest, or does not stay at rest.
    """
    stage.venue.clear_faults()
    stage.forget_waits()
    for count in range(1, MOST_TICKS + 1):
        _turn(stage)
        if _is_calm(stage) and until(stage):
            _assert_it_stays(stage)
            assert_promises(stage)
            return count
        stage.let_nothing_arrive()
    raise AssertionError(f"no rest after {MOST_TICKS} ticks: {_words(stage)}")


def _turn(stage: Stage) -> None:
    stage.pass_time()
    assert stage.tick(), f"the bot was not due: {_words(stage)}"
    assert_at_most_once(stage)


def _is_calm(stage: Stage) -> bool:
    state = stage.state
    if stage.doubtful() or state.state in (State.ERROR, State.PENDING):
        return False
    return state.unprotected_since is None or bool(state.unprotected_reason)


def _assert_it_stays(stage: Stage) -> None:
    before = _orders(stage)
    _turn(stage)
    assert _orders(stage) == before, f"a calm bot acted: {_words(stage)}"


def _orders(stage: Stage) -> list[tuple[object, ...]]:
    ledger = stage.ledger()
    spot = [(one["clientOrderId"], one["status"]) for one in ledger["orders"]]
    futures = [(one["clientOrderId"], one["status"]) for one in ledger["futures_orders"]]
    algos = [(one["clientAlgoId"], one["algoStatus"]) for one in ledger["algo_orders"]]
    return [*spot, *futures, *algos]


def _words(stage: Stage) -> str:
    state = stage.state
    orders = [f"{one.leg}:{one}" for one in stage.bot.orders.order_by("pk")]
    naked = (
        f"naked since {state.unprotected_since} ({state.unprotected_reason})"
        if state.unprotected_since
        else "covered"
    )
    return (
        f"{state.status}; {state.last_sentence}; {state.last_error_message}; {naked}; "
        f"answers {stage.answers}; orders {orders}; wall {timezone.now()}"
    )
