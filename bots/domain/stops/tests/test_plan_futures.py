"""Futures: conditional orders that can only reduce; the new one first, then the old one goes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from bots.domain.decision import IntentReason, Leg, Route
from bots.domain.stops import Standing, StopsPlan, StopStep, plan_stops, protection_of
from bots.domain.stops.tests.worlds import (
    HELD,
    SHORT_FUTURES,
    algo,
    algo_target,
    futures,
)

D = Decimal


def test_stop_and_target_are_two_requests() -> None:
    first, second = plan_stops(futures()).actions
    (stop,), (target,) = first.intents, second.intents
    assert (first.step, second.step) == (StopStep.PLACE, StopStep.PLACE)
    assert (stop.type, stop.trigger_price, stop.route) == ("STOP_MARKET", D(98), Route.ALGO)
    assert (target.type, target.trigger_price) == ("TAKE_PROFIT_MARKET", D(104))
    assert stop.reduces_only
    assert target.reduces_only
    assert (stop.side, stop.quantity) == ("SELL", HELD)


def test_a_short_position_is_guarded_by_buys() -> None:
    first, second = plan_stops(SHORT_FUTURES).actions
    assert [each.intents[0].side for each in (first, second)] == ["BUY", "BUY"]
    assert (first.intents[0].trigger_price, second.intents[0].trigger_price) == (D(102), D(96))
    tighter = replace(SHORT_FUTURES, trailing_stop=D(101))
    assert plan_stops(tighter).actions[0].intents[0].trigger_price == D(101)


def test_the_new_stop_is_placed_before_the_old_one_goes() -> None:
    view = futures(trailing_stop=D(99), resting=(algo("98"), algo_target("104")))
    (action,) = plan_stops(view).actions
    assert (action.step, action.cancels) == (StopStep.PLACE_THEN_CANCEL, (1,))
    assert action.intents[0].reason is IntentReason.PROTECTION_MOVED


def test_a_second_stop_that_a_dead_worker_left_is_canceled() -> None:
    view = futures(
        trailing_stop=D(99), resting=(algo("98"), algo("99", order_id=3), algo_target("104"))
    )
    (action,) = plan_stops(view).actions
    assert (action.step, action.cancels, action.intents) == (StopStep.CANCEL, (1,), ())


def test_the_other_leg_is_canceled_when_one_has_filled() -> None:
    (action,) = plan_stops(futures(quantity=D(0), resting=(algo_target("104"),))).actions
    assert (action.step, action.cancels) == (StopStep.CANCEL, (2,))


def test_a_stop_that_triggers_is_left_alone_and_so_is_its_target() -> None:
    rests = (algo("98", standing=Standing.ACTS), algo_target("104"))
    assert plan_stops(futures(resting=rests)).actions == ()


def test_a_hanging_stop_is_not_doubled_but_the_policy_may_close_beside_it() -> None:
    rests = (algo("98", standing=Standing.HANGS), algo_target("104"))
    plan = plan_stops(futures(resting=rests))
    assert plan.actions == ()
    assert "nothing came of it" in plan.obstacle
    assert not protection_of(futures(resting=rests)).is_there
    (action,) = plan_stops(futures(resting=rests, naked_seconds=D(60))).actions
    assert (action.step, action.cancels) == (StopStep.CLOSE, ())
    assert action.intents[0].reduces_only


def test_the_policy_closes_nothing_beside_an_order_that_is_being_filled() -> None:
    for each in (algo("98", standing=Standing.ACTS), algo_target("104", standing=Standing.ACTS)):
        plan = plan_stops(futures(resting=(each,), naked_seconds=D(61), failures=4))
        assert plan.actions == ()


def test_a_stop_of_unknown_outcome_does_not_hold_back_the_target() -> None:
    plan = plan_stops(futures(resting=(algo("98", standing=Standing.UNKNOWN),)))
    assert [action.intents[0].leg for action in plan.actions] == [Leg.TARGET]
    assert "has not said yet" in plan.obstacle


def test_the_mark_price_tells_whether_a_stop_would_trigger_at_once() -> None:
    last_is_low = futures(price=D(97))
    assert plan_stops(last_is_low).actions[0].step is StopStep.PLACE
    (action,) = plan_stops(futures(mark_price=D(98))).actions
    assert action.step is StopStep.CLOSE
    assert action.intents[0].reason is IntentReason.STOP_LOSS


def test_the_last_price_tells_whether_a_target_is_reached_already() -> None:
    _, target = plan_stops(futures(mark_price=D("104.5"))).actions
    assert target.intents[0].trigger_price == D(104)
    (stop,) = plan_stops(futures(price=D("104.5"))).actions
    assert stop.intents[0].leg is Leg.STOP


def test_a_target_that_was_refused_is_left_to_the_bot_until_its_level_is_another() -> None:
    plan = plan_stops(futures(refused_target=D(104), resting=(algo("98"), algo_target("103"))))
    assert [(each.step, each.cancels) for each in plan.actions] == [(StopStep.CANCEL, (2,))]
    assert "the bot itself watches the target 104: the venue has refused it" in plan.notes
    assert len(plan_stops(futures(refused_target=D(103))).actions) == 2


def test_a_halt_keeps_what_rests_and_places_what_is_missing() -> None:
    view = futures(trailing_stop=D(99), resting=(algo("98"),), is_halted=True)
    (action,) = plan_stops(view).actions
    assert action.intents[0].leg is Leg.TARGET
    assert "halted" in plan_stops(view).notes[0]


def test_a_halt_lets_a_stop_that_guards_too_little_grow() -> None:
    grown = futures(take_profit=None, is_halted=True, resting=(algo("98", quantity=D("0.2")),))
    (action,) = plan_stops(grown).actions
    assert (action.step, action.cancels) == (StopStep.PLACE_THEN_CANCEL, (1,))
    assert action.intents[0].quantity == HELD
    assert action.intents[0].reason is IntentReason.PROTECTION


def test_a_position_of_any_value_is_guarded() -> None:
    first, _ = plan_stops(futures(quantity=D("0.001"))).actions
    assert first.intents[0].quantity == D("0.001")


def test_everything_as_it_should_be_means_no_action() -> None:
    assert plan_stops(futures(resting=(algo("98"), algo_target("104")))) == StopsPlan()
