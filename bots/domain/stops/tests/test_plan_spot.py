"""Spot: one request guards what is held."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bots.domain.decision import IntentReason, Leg, Route
from bots.domain.stops import (
    EntryInFlight,
    Standing,
    StopsPlan,
    StopStep,
    is_worth_a_move,
    plan_stops,
    protection_of,
)
from bots.domain.stops.tests.worlds import HELD, SPOT, oco, spot, stop, target
from bots.domain.tests.builders import rules

D = Decimal


def _steps(plan: StopsPlan) -> list[StopStep]:
    return [action.step for action in plan.actions]


def test_a_position_without_a_stop_gets_one_over_all_that_is_held() -> None:
    plan = plan_stops(spot())
    (action,) = plan.actions
    (intent,) = action.intents
    assert action.step is StopStep.PLACE
    assert (intent.leg, intent.type, intent.route) == (Leg.STOP, "STOP_LOSS", Route.ORDER)
    assert (intent.quantity, intent.trigger_price, intent.price) == (HELD, D(98), None)
    assert (intent.side, intent.reason) == ("SELL", IntentReason.PROTECTION)
    assert plan.obstacle == ""


def test_a_stop_and_a_target_are_one_pair() -> None:
    (action,) = plan_stops(spot(take_profit=D(104))).actions
    first, second = action.intents
    assert action.step is StopStep.PLACE
    assert (first.leg, first.trigger_price, first.route) == (Leg.STOP, D(98), Route.LIST)
    assert (second.leg, second.type, second.price) == (Leg.TARGET, "LIMIT_MAKER", D(104))
    assert first.quantity == second.quantity == HELD


def test_a_target_alone_is_a_limit_order() -> None:
    (action,) = plan_stops(spot(stop_loss=None, take_profit=D(104))).actions
    (intent,) = action.intents
    assert (intent.leg, intent.type, intent.price) == (Leg.TARGET, "LIMIT", D(104))
    assert (intent.route, intent.time_in_force) == (Route.ORDER, "GTC")


def test_nothing_is_done_when_everything_rests_as_it_should() -> None:
    assert plan_stops(spot(resting=(stop("98"),))) == StopsPlan()
    both = spot(take_profit=D(104), resting=oco("98", "104"))
    assert plan_stops(both) == StopsPlan()
    assert plan_stops(spot(stop_loss=None)) == StopsPlan()


def test_the_tighter_of_stop_loss_and_trailing_stop_is_placed() -> None:
    (action,) = plan_stops(spot(trailing_stop=D(99))).actions
    assert action.intents[0].trigger_price == D(99)
    (action,) = plan_stops(spot(trailing_stop=D(97))).actions
    assert action.intents[0].trigger_price == D(98)


def test_quantity_is_floored_to_what_the_venue_takes() -> None:
    (action,) = plan_stops(spot(quantity=D("0.500009"))).actions
    assert action.intents[0].quantity == D("0.50000")


def test_a_single_stop_is_replaced_by_one_request() -> None:
    (action,) = plan_stops(spot(trailing_stop=D(99), resting=(stop("98"),))).actions
    assert (action.step, action.cancels) == (StopStep.REPLACE, (1,))
    assert action.intents[0].reason is IntentReason.PROTECTION_MOVED


def test_a_pair_is_canceled_and_placed_anew() -> None:
    view = spot(trailing_stop=D(99), take_profit=D(104), resting=oco("98", "104"))
    (action,) = plan_stops(view).actions
    assert (action.step, action.cancels) == (StopStep.MOVE, (1, 2))
    assert [intent.leg for intent in action.intents] == [Leg.STOP, Leg.TARGET]


def test_a_move_smaller_than_the_least_is_not_worth_it() -> None:
    rests = (stop("98"),)
    assert plan_stops(spot(trailing_stop=D("98.04"), resting=rests)) == StopsPlan()
    assert _steps(plan_stops(spot(trailing_stop=D("98.05"), resting=rests))) == [StopStep.REPLACE]


def test_a_stop_is_loosened_only_when_entry_or_settings_changed() -> None:
    rests = (stop("98"),)
    assert plan_stops(spot(stop_loss=D(96), resting=rests)) == StopsPlan()
    (action,) = plan_stops(spot(stop_loss=D(96), resting=rests, basis_changed=True)).actions
    assert action.intents[0].trigger_price == D(96)


def test_a_stop_keeps_its_tighter_level_when_only_the_quantity_changed() -> None:
    rests = (stop("98.5", quantity=D("0.4")),)
    (action,) = plan_stops(spot(resting=rests)).actions
    assert action.intents[0].trigger_price == D("98.5")
    # It is too small for what is held, so this is protection and no halt holds it back.
    assert action.intents[0].reason is IntentReason.PROTECTION


def test_a_target_follows_an_edit_and_disappears_when_switched_off() -> None:
    view = spot(take_profit=D(105), resting=oco("98", "104"), basis_changed=True)
    (action,) = plan_stops(view).actions
    assert [intent.trigger_price or intent.price for intent in action.intents] == [D(98), D(105)]
    (action,) = plan_stops(spot(resting=oco("98", "104"))).actions
    assert action.step is StopStep.MOVE
    assert [intent.leg for intent in action.intents] == [Leg.STOP]


def test_what_is_not_configured_any_more_is_canceled() -> None:
    (action,) = plan_stops(spot(stop_loss=None, resting=(stop("98"),))).actions
    assert (action.step, action.cancels, action.intents) == (StopStep.CANCEL, (1,), ())


def test_nothing_held_leaves_nothing_resting() -> None:
    for quantity in (D(0), D("0.000009")):
        (action,) = plan_stops(spot(quantity=quantity, resting=(target("104"),))).actions
        assert (action.step, action.cancels) == (StopStep.CANCEL, (2,))
    assert plan_stops(spot(quantity=D(0))) == StopsPlan()


@pytest.mark.parametrize("standing", [Standing.UNKNOWN, Standing.HANGS, Standing.ACTS])
def test_nothing_is_placed_beside_a_stop_that_may_still_act(standing: Standing) -> None:
    plan = plan_stops(spot(trailing_stop=D(99), resting=(stop("98", standing=standing),)))
    assert plan.actions == ()
    assert "a stop rests, but" in plan.obstacle


def test_what_a_target_that_fills_in_part_leaves_gets_its_stop() -> None:
    # At the venue the first fill of one order of a pair ends the other.
    rests = (target("104", quantity=D("0.3"), standing=Standing.ACTS, list_id="p1"),)
    view = spot(quantity=D("0.3"), take_profit=D(104), resting=rests)
    (action,) = plan_stops(view).actions
    assert (action.step, action.cancels) == (StopStep.MOVE, (2,))
    assert {intent.quantity for intent in action.intents} == {D("0.3")}
    assert action.intents[0].reason is IntentReason.PROTECTION


def test_a_halt_moves_nothing_and_still_protects() -> None:
    moved = plan_stops(spot(trailing_stop=D(99), resting=(stop("98"),), is_halted=True))
    assert moved.actions == ()
    assert moved.notes == ("halted: what rests stays where it is",)
    assert _steps(plan_stops(spot(is_halted=True))) == [StopStep.PLACE]
    off = spot(stop_loss=None, resting=(stop("98"),), is_halted=True)
    assert plan_stops(off).actions == ()


def test_a_stop_that_would_trigger_at_once_closes_at_the_market() -> None:
    view = spot(price=D(98), resting=(target("104"),), take_profit=D(104))
    (action,) = plan_stops(view).actions
    (intent,) = action.intents
    assert (action.step, action.cancels) == (StopStep.CLOSE, (2,))
    assert (intent.leg, intent.type, intent.reason) == (Leg.EXIT, "MARKET", "stop_loss")
    assert intent.quantity == HELD
    trailing = plan_stops(spot(price=D("98.9"), trailing_stop=D(99))).actions[0].intents[0]
    assert trailing.reason is IntentReason.TRAILING_STOP


def test_a_stop_that_rests_is_left_to_act_when_the_price_has_reached_a_tighter_one() -> None:
    plan = plan_stops(spot(price=D("98.5"), trailing_stop=D(99), resting=(stop("98"),)))
    assert plan.actions == ()


def test_a_stop_that_was_edited_to_beyond_the_price_closes_whatever_rests() -> None:
    edited = spot(stop_loss=D(101), resting=(stop("95"),), basis_changed=True)
    (action,) = plan_stops(edited).actions
    assert (action.step, action.cancels) == (StopStep.CLOSE, (1,))
    assert action.intents[0].reason is IntentReason.STOP_LOSS
    assert plan_stops(replace(edited, is_halted=True)).actions == ()


def test_during_a_halt_only_the_policy_closes_at_a_crossed_stop() -> None:
    (action,) = plan_stops(spot(price=D(97), is_halted=True)).actions
    assert action.intents[0].reason is IntentReason.UNPROTECTED
    kept = plan_stops(spot(price=D(97), is_halted=True, closes_unprotected=False))
    assert kept.actions == ()
    assert "has reached the stop 98" in kept.obstacle


def test_a_symbol_without_pairs_gets_the_stop_alone() -> None:
    plan = plan_stops(
        spot(take_profit=D(104), rules=rules(allows_oco=False, order_types=SPOT.order_types))
    )
    assert [intent.leg for intent in plan.actions[0].intents] == [Leg.STOP]
    assert "the bot itself watches the target 104" in plan.notes[0]


def test_a_target_that_is_reached_is_not_placed_and_not_taken_away() -> None:
    plan = plan_stops(spot(price=D(105), take_profit=D(104)))
    assert [intent.leg for intent in plan.actions[0].intents] == [Leg.STOP]
    resting = spot(price=D(105), take_profit=D(104), resting=oco("98", "104"))
    assert plan_stops(resting) == StopsPlan()


def test_a_target_that_was_refused_takes_no_stop_down_with_it() -> None:
    wanted = spot(take_profit=D(104), refused_target=D(104), failures=1)
    plan = plan_stops(wanted)
    assert [intent.leg for intent in plan.actions[0].intents] == [Leg.STOP]
    assert plan_stops(replace(wanted, resting=(stop("98"),))).actions == ()
    resting = replace(wanted, resting=oco("98", "104"))
    assert plan_stops(resting).actions == ()


def test_a_symbol_that_takes_no_stops_is_an_obstacle_with_its_reason() -> None:
    plan = plan_stops(spot(rules=rules(order_types=("LIMIT", "MARKET"))))
    assert plan.actions == ()
    assert "cannot be placed: BTCUSDT takes no STOP_LOSS orders" in plan.obstacle


def test_a_symbol_that_takes_no_orders_is_waited_for() -> None:
    view = spot(rules=rules(status="BREAK", is_trading=False), naked_seconds=D(90))
    plan = plan_stops(view)
    assert (plan.actions, plan.obstacle) == ((), "BTCUSDT takes no orders now")


@pytest.mark.parametrize("limits", [{"failures": 3}, {"failures": 1, "naked_seconds": D(60)}])
def test_the_policy_decides_when_a_stop_could_not_be_placed(limits: dict[str, Any]) -> None:
    (action,) = plan_stops(spot(**limits)).actions
    assert action.step is StopStep.CLOSE
    assert action.intents[0].reason is IntentReason.UNPROTECTED
    assert "closes what it cannot protect" in action.why
    kept = plan_stops(spot(closes_unprotected=False, **limits))
    assert kept.needs_person
    assert _steps(kept) == [StopStep.PLACE]


def test_below_the_limits_it_is_tried_again() -> None:
    plan = plan_stops(spot(failures=2, naked_seconds=D("59.9")))
    assert _steps(plan) == [StopStep.PLACE]
    assert not plan.needs_person


def test_after_an_outage_a_stop_is_tried_before_the_policy_decides() -> None:
    assert _steps(plan_stops(spot(naked_seconds=D(600)))) == [StopStep.PLACE]
    no_stops = spot(naked_seconds=D(600), rules=rules(order_types=("LIMIT", "MARKET")))
    (action,) = plan_stops(no_stops).actions
    assert action.step is StopStep.CLOSE
    assert "takes no STOP_LOSS orders" in action.why


def test_more_than_one_order_takes_is_told() -> None:
    plan = plan_stops(spot(rules=replace(SPOT, max_quantity=D("0.3"))))
    assert plan.actions[0].intents[0].quantity == D("0.3")
    assert plan.notes == ("one order takes 0.3 at most; 0.2 are watched by the bot",)


def test_the_policy_sells_nothing_while_a_stop_is_in_doubt() -> None:
    rests = (stop("98", standing=Standing.UNKNOWN),)
    assert plan_stops(spot(naked_seconds=D(120), resting=rests)).actions == ()


def test_an_entry_with_its_exits_is_waited_for_and_then_cut_short() -> None:
    young = EntryInFlight(order_ids=(5, 6, 7), age_seconds=D("9.9"), is_certain=True)
    assert plan_stops(spot(entry=young)).actions == ()
    old = EntryInFlight(order_ids=(5, 6, 7), age_seconds=D(10), is_certain=True)
    (action,) = plan_stops(spot(entry=old)).actions
    assert (action.step, action.cancels) == (StopStep.CANCEL, (5, 6, 7))
    lost = EntryInFlight(order_ids=(5, 6, 7), age_seconds=D(99), is_certain=False)
    assert plan_stops(spot(entry=lost)).actions == ()


def test_a_residue_needs_no_stop_and_keeps_the_one_it_has() -> None:
    tiny = D("0.04")
    plan = plan_stops(spot(quantity=tiny))
    assert plan.actions == ()
    assert plan.notes == ("what is held (0.04) is too little to be sold",)
    assert plan_stops(spot(quantity=tiny, resting=(stop("98", quantity=tiny),))).actions == ()
    (action,) = plan_stops(spot(quantity=tiny, resting=(stop("98"),))).actions
    assert action.step is StopStep.CANCEL


def test_a_level_is_worth_a_move_from_a_twentieth_of_a_percent_on() -> None:
    assert not is_worth_a_move(D(98), D("98.049"), price=D(100))
    assert is_worth_a_move(D(98), D("97.95"), price=D(100))
    assert not is_worth_a_move(D(98), D("98.05"), price=D(100), increment=D("0.1"))
    assert not is_worth_a_move(D(98), D(98), price=D(0))


@pytest.mark.parametrize("resting", [(stop("98"),), oco("98", "104")], ids=["stop", "pair"])
def test_dust_that_adds_up_to_an_increment_moves_nothing(resting: Any) -> None:
    few = HELD + SPOT.quantity_increment
    assert few * D(100) - HELD * D(100) < SPOT.min_notional
    view = spot(quantity=few, resting=resting, take_profit=D(104) if len(resting) > 1 else None)
    assert plan_stops(view).actions == ()
    assert protection_of(view).is_there


def test_what_could_be_sold_by_itself_is_not_left_without_a_stop() -> None:
    view = spot(quantity=HELD + SPOT.min_notional / D(100), resting=(stop("98"),))
    assert _steps(plan_stops(view)) == [StopStep.REPLACE]
    assert not protection_of(view).is_there


def test_a_stop_over_more_than_is_held_is_never_left() -> None:
    view = spot(quantity=HELD - SPOT.quantity_increment, resting=(stop("98"),))
    assert _steps(plan_stops(view)) == [StopStep.REPLACE]
