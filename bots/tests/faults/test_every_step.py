"""Promise 3: whatever dies or is cut off at whatever step of a tick, the next ticks mend it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

import pytest

from bots.models import Incident, Order
from bots.tests.engine.conftest import AT_SELL
from bots.tests.faults.conftest import MakeStage
from bots.tests.faults.promises import placed_by_us
from bots.tests.faults.recovery import recover
from bots.tests.faults.scenarios import PRODUCT, Action, Scenario
from bots.tests.faults.stage import Stage
from bots.tests.faults.table import Row

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "journal"]),
    pytest.mark.long,
]


def _about_to_enter(make_stage: MakeStage, scenario: Scenario) -> Stage:
    return make_stage(scenario.market)


def _about_to_place(make_stage: MakeStage, scenario: Scenario) -> Stage:
    # At the market, so that the stop is a request of its own.
    return make_stage(scenario.market, entry_slippage_perc=None)


def _in_position(make_stage: MakeStage, scenario: Scenario) -> Stage:
    stage = make_stage(scenario.market)
    assert stage.tick()
    assert stage.state.in_position
    stage.place_foreign()
    return stage


def _about_to_exit(make_stage: MakeStage, scenario: Scenario) -> Stage:
    stage = _in_position(make_stage, scenario)
    stage.go_to(AT_SELL)
    return stage


def _about_to_move(make_stage: MakeStage, scenario: Scenario) -> Stage:
    stage = _in_position(make_stage, scenario)
    stage.configure(trailing_stop_active=True)
    stage.move_price(_up(stage))
    return stage


def _up(stage: Stage) -> Decimal:
    entry = stage.state.entry_price
    assert entry is not None
    return Decimal(entry * Decimal("1.03")).quantize(Decimal(1))


_BEGIN: Final[dict[Action, Callable[[MakeStage, Scenario], Stage]]] = {
    Action.ENTRY: _about_to_enter,
    Action.PLACE: _about_to_place,
    Action.EXIT: _about_to_exit,
    Action.MOVE: _about_to_move,
}


def _is_done(stage: Stage, action: Action) -> bool:
    """Say whether it has ended as if nothing had happened."""
    state = stage.state
    if action is Action.EXIT:
        return not state.in_position
    if action is Action.MOVE:
        return state.resting_stop_price is not None and state.resting_stop_price > (
            state.entry_price or 0
        )
    return bool(state.in_position and state.resting_stop_price and state.resting_target_price)


def _traded(stage: Stage) -> list[str]:
    """Return the side of everything that the venue has filled, oldest first."""
    ours = [one for one in placed_by_us(stage.venue.ledger()) if one.filled]
    assert len(ours) == Order.objects.filter(filled_quantity__gt=0).count()
    return [one.side for one in ours]


@pytest.mark.parametrize(
    "scenario", PRODUCT, ids=lambda one: f"{one.market}-{one.name}".replace(" ", "-")
)
def test_a_tick_that_is_struck_is_mended_by_the_next_ones(
    scenario: Scenario, make_stage: MakeStage, row: Row
) -> None:
    row.name, row.did = scenario.name, scenario.did
    stage = _BEGIN[scenario.action](make_stage, scenario)
    stage.strike(scenario.point, scenario.blow)
    row.ticks = recover(stage, until=lambda one: _is_done(one, scenario.action))
    expected = ["BUY", "SELL"] if scenario.action is Action.EXIT else ["BUY"]
    assert _traded(stage) == expected
    if stage.foreign is not None:
        (incident,) = Incident.objects.all()
        assert (incident.kind, incident.is_blocking, incident.closed_at) == (
            "foreign_order",
            True,
            None,
        )
