"""Whatever rests and whatever happens: acting on the plan leads to one right stop, once."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bots.domain.decision import Intent, Leg, Route
from bots.domain.direction import Direction
from bots.domain.exits import exit_levels, guarding_stop
from bots.domain.snapshot import PositionState
from bots.domain.stops import (
    RestingOrder,
    Standing,
    StopsPlan,
    StopStep,
    StopsView,
    plan_stops,
    protection_of,
)
from bots.domain.stops.record import replay_stops, stops_from_record, stops_to_record
from bots.domain.stops.tests.worlds import FUTURES, SPOT
from bots.domain.tests.builders import parameters

D = Decimal
prices = st.decimals(min_value=D(80), max_value=D(120), places=2)
levels = st.none() | prices


def _resting(*, is_futures: bool) -> st.SearchStrategy[tuple[RestingOrder, ...]]:
    one = st.builds(
        RestingOrder,
        order_id=st.just(0),
        leg=st.sampled_from([Leg.STOP, Leg.TARGET]),
        route=st.just(Route.ALGO) if is_futures else st.sampled_from([Route.ORDER, Route.LIST]),
        quantity=st.sampled_from([D("0.2"), D("0.5")]),
        level=prices,
        list_id=st.just("") if is_futures else st.sampled_from(["", "p1"]),
        standing=st.sampled_from(list(Standing)),
    )
    return st.lists(one, max_size=3).map(
        lambda orders: tuple(replace(each, order_id=i) for i, each in enumerate(orders, 1))
    )


@st.composite
def views(draw: st.DrawFn) -> StopsView:
    is_futures = draw(st.booleans())
    return StopsView(
        rules=FUTURES if is_futures else SPOT,
        direction=draw(st.sampled_from(Direction)) if is_futures else Direction.LONG,
        quantity=draw(st.sampled_from([D(0), D("0.000001"), D("0.2"), D("0.5")])),
        price=draw(prices),
        mark_price=draw(prices) if is_futures else None,
        stop_loss=draw(levels),
        trailing_stop=draw(levels),
        take_profit=draw(levels),
        resting=draw(_resting(is_futures=is_futures)),
        is_halted=draw(st.booleans()),
        basis_changed=draw(st.booleans()),
        failures=draw(st.integers(0, 4)),
        naked_seconds=draw(st.sampled_from([D(0), D(61)])),
        closes_unprotected=draw(st.booleans()),
    )


def _acted(view: StopsView, plan: StopsPlan) -> StopsView:
    """Return the view after a venue that does everything that is asked of it."""
    resting, quantity = list(view.resting), view.quantity
    for action in plan.actions:
        resting = [each for each in resting if each.order_id not in action.cancels]
        for intent in action.intents:
            if action.step is StopStep.CLOSE:
                quantity -= intent.quantity
            else:
                resting.append(_rests(intent, len(resting) + 100))
    return replace(view, resting=tuple(resting), quantity=quantity)


def _rests(intent: Intent, order_id: int) -> RestingOrder:
    return RestingOrder(
        order_id=order_id,
        leg=intent.leg,
        route=intent.route,
        quantity=intent.quantity,
        level=intent.trigger_price or intent.price or D(0),
        list_id="p2" if intent.route is Route.LIST else "",
    )


@given(views())
def test_after_acting_there_is_nothing_more_to_do(view: StopsView) -> None:
    once = _acted(view, plan_stops(view))
    twice = _acted(once, plan_stops(once))
    thrice = plan_stops(twice)
    assert thrice.actions == ()


@given(views())
def test_there_is_never_a_second_stop_and_never_one_beside_a_doubtful_one(view: StopsView) -> None:
    plan = plan_stops(view)
    places_stop = any(
        intent.leg is Leg.STOP for action in plan.actions for intent in action.intents
    )
    doubtful = [e for e in view.resting if e.leg is Leg.STOP and e.standing is not Standing.WAITS]
    if places_stop:
        assert not doubtful
        assert len(_acted(view, plan).waiting(Leg.STOP)) == 1


@given(views())
def test_what_is_placed_closes_and_is_never_more_than_what_is_held(view: StopsView) -> None:
    for action in plan_stops(view).actions:
        for intent in action.intents:
            assert intent.side is view.direction.exit_side
            assert 0 < intent.quantity <= view.quantity
            assert intent.reduces_only is view.is_futures


@given(views())
def test_a_halt_never_takes_a_stop_away_from_a_position(view: StopsView) -> None:
    halted = replace(view, is_halted=True)
    before = protection_of(halted)
    after = _acted(halted, plan_stops(halted))
    if before.is_there:
        assert protection_of(after).is_there
        assert after.waiting(Leg.STOP)[0].level == halted.waiting(Leg.STOP)[0].level or (
            view.is_futures
        )


@given(views())
def test_without_another_basis_no_stop_is_loosened(view: StopsView) -> None:
    same = replace(view, basis_changed=False)
    rests = [each.level for each in same.waiting(Leg.STOP)]
    for action in plan_stops(same).actions:
        for intent in action.intents:
            if intent.leg is Leg.STOP and intent.trigger_price is not None and rests:
                tightest = same.tighter(*rests)
                assert same.tighter(intent.trigger_price, tightest) == intent.trigger_price


@given(views())
def test_a_recorded_plan_is_made_again(view: StopsView) -> None:
    record = stops_to_record(((view, plan_stops(view)),))
    assert stops_from_record(record) == ((view, plan_stops(view)),)
    ((recorded, again),) = replay_stops(record)
    assert recorded == again


@given(
    st.lists(prices, min_size=1, max_size=30),
    st.sampled_from(Direction),
    st.sets(st.integers(0, 29)),
)
def test_the_trailing_stop_at_the_venue_only_tightens_whatever_is_forgotten(
    path: list[Decimal], direction: Direction, restarts: set[int]
) -> None:
    """Walk a price path; at a restart the remembered levels are lost and only the venue knows."""
    settings = parameters(stop_loss_perc=D(5), trailing_stop_perc=D(2), take_profit_perc=None)
    rules_ = SPOT if direction is Direction.LONG else FUTURES
    position = PositionState(quantity=D("0.5"), entry_price=path[0], direction=direction)
    rests: tuple[RestingOrder, ...] = ()
    seen: list[Decimal] = []
    for i, price in enumerate(path):
        if i in restarts:
            position = PositionState(quantity=D("0.5"), entry_price=path[0], direction=direction)
        levels_now = exit_levels(
            position=position,
            price=price,
            klines=(),
            parameters=settings,
            price_increment=rules_.price_increment,
        )
        position = replace(
            position,
            trailing_stop_price=levels_now.trailing_stop,
            max_price_since_entry=levels_now.max_price_since_entry,
            min_price_since_entry=levels_now.min_price_since_entry,
        )
        view = StopsView(
            rules=rules_,
            direction=direction,
            quantity=D("0.5"),
            price=price,
            mark_price=price if rules_ is FUTURES else None,
            stop_loss=levels_now.stop_loss,
            trailing_stop=levels_now.trailing_stop,
            resting=rests,
        )
        after = _acted(view, plan_stops(view))
        if after.quantity != view.quantity:
            break
        rests = after.resting
        (order,) = rests
        seen.append(order.level)
        if not restarts:
            wanted = guarding_stop(levels_now, direction)
            assert wanted is not None
            assert abs(order.level - wanted) < max(price * D("0.0005"), rules_.price_increment)
    assert seen == sorted(seen, reverse=direction is Direction.SHORT)
