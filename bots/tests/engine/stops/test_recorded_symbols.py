"""Stops and targets of positions in recorded symbols obey the rules of each."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bots.domain.decision import Intent, Leg
from bots.domain.direction import Direction
from bots.domain.exits import exit_levels
from bots.domain.snapshot import PositionState
from bots.domain.stops import StopStep, StopsView, plan_stops, protection_of
from bots.domain.tests.builders import parameters
from exchange.binance.tests.test_rules_every_symbol import EVERY
from exchange.domain.rules import TradingRules
from exchange.domain.symbol_status import TRADING
from exchange.domain.types import Market

D = Decimal
# Every fifth of a thousand symbols, and the newest. As a market that trades, and with orders that
# older records do not list.
RULES: Final = [
    replace(each.rules, status=TRADING, order_types=(), allows_oco=True)
    for each in (*EVERY[::5], *EVERY[-3:])
]


@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    steps=st.integers(300, 10**7),
    value=st.decimals(20, 10**5, places=3),
    percents=st.tuples(*[st.decimals("0.2", "20", places=2)] * 2),
    direction=st.sampled_from(Direction),
    fee=st.sampled_from([D(0), D("0.001")]),
)
def test_what_is_placed_is_within_the_rules_and_leaves_no_sellable_rest(
    steps: int, value: Decimal, percents: tuple[Decimal, ...], direction: Direction, fee: Decimal
) -> None:
    for rules in RULES:
        view = _view(rules, steps, value=value, percents=percents, direction=direction, fee=fee)
        plan = plan_stops(view)
        stops = [i for a in plan.actions for i in a.intents if i.leg is Leg.STOP]
        for action in plan.actions:
            assert action.step in (StopStep.PLACE, StopStep.CLOSE), (rules.symbol, plan)
            for intent in action.intents:
                _obeys(view, intent)
        if protection_of(view).is_needed:
            assert stops or plan.obstacle, (rules.symbol, view)
        else:
            assert not stops


def _view(
    rules: TradingRules,
    steps: int,
    *,
    value: Decimal,
    percents: tuple[Decimal, ...],
    direction: Direction,
    fee: Decimal,
) -> StopsView:
    way = direction if rules.market is Market.FUTURES else Direction.LONG
    # The average entry lies between two steps of the price.
    entry = rules.price_origin + (rules.price_increment or D("0.01")) * (steps + D("0.37"))
    stop, target = percents
    levels = exit_levels(
        position=PositionState(quantity=D(1), entry_price=entry, direction=way),
        price=entry,
        klines=(),
        parameters=parameters(
            stop_loss_perc=stop, take_profit_perc=target, trailing_stop_perc=None
        ),
        price_increment=rules.price_increment,
    )
    return StopsView(
        rules=rules,
        direction=way,
        quantity=rules.floor_quantity(value / entry) * (1 - fee),
        price=entry,
        mark_price=entry if rules.market is Market.FUTURES else None,
        stop_loss=levels.stop_loss,
        take_profit=levels.take_profit,
    )


def _obeys(view: StopsView, intent: Intent) -> None:
    rules, at = view.rules, (view.rules.symbol, intent)
    assert 0 < intent.quantity <= view.quantity, at
    assert rules.floor_quantity(intent.quantity) == intent.quantity, at
    level = intent.trigger_price or intent.price
    if level is None:
        return
    assert rules.price_violation("level", level) is None, at
    wanted = view.stop_loss if intent.leg is Leg.STOP else view.take_profit
    assert wanted is not None
    # Away from zero for a long position, towards it for a short one, by less than one step.
    assert 0 <= view.direction.sign * (level - wanted) < (rules.price_increment or D(1)), at
    is_below = level < view.price
    assert is_below is ((intent.leg is Leg.STOP) is (view.direction is Direction.LONG)), at
    limits = rules.market_size if intent.leg is Leg.STOP else rules.priced_size
    if not limits.max_quantity and not limits.max_notional:
        assert view.quantity - intent.quantity < max(rules.quantity_increment, D("1e-12")), at
