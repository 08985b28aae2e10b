"""The stops as the last step of a whole tick."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from bots.domain.stops.record import replay_stops
from bots.engine.tick import run_tick
from bots.models import BotConfig, Order, Tick
from bots.tests.engine.conftest import AT_BUY, AT_SELL, GoTo
from bots.tests.engine.stops.conftest import EXITS
from bots.tests.engine.stops.turns import open_at_spot, state_of
from exchange.demo.testing import RunningExchange

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


@pytest.fixture
def guarded_bot(started_bot: BotConfig) -> BotConfig:
    """Return a started bot with a stop-loss of 2 % and a target of 4 %."""
    BotConfig.objects.filter(pk=started_bot.pk).update(**EXITS)
    return started_bot


def test_a_tick_that_enters_leaves_a_protected_position(
    guarded_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    run_tick(guarded_bot.pk)
    state = state_of(guarded_bot)
    assert state.in_position
    assert [kind for kind, _, _ in open_at_spot(venue)] == ["LIMIT_MAKER", "STOP_LOSS"]
    assert state.unprotected_since is None
    assert {o.order_type for o in Order.objects.all()} == {"LIMIT", "LIMIT_MAKER", "STOP_LOSS"}
    ((recorded, again),) = replay_stops(Tick.objects.latest("pk").stops)
    assert recorded == again
    assert recorded.actions == ()


def test_a_tick_that_exits_by_its_signal_takes_the_stops_back_first(
    guarded_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    run_tick(guarded_bot.pk)
    go_to(AT_SELL)
    run_tick(guarded_bot.pk)
    assert not state_of(guarded_bot).in_position
    assert open_at_spot(venue) == []
    assert Order.objects.get(leg="x").status == "filled"


def test_a_tick_follows_an_edit_of_the_stop(
    guarded_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    run_tick(guarded_bot.pk)
    before = state_of(guarded_bot).resting_stop_price
    BotConfig.objects.filter(pk=guarded_bot.pk).update(stop_loss_perc=Decimal(3))
    go_to(AT_BUY + timedelta(seconds=40))
    run_tick(guarded_bot.pk)
    after = state_of(guarded_bot)
    assert before is not None
    assert after.resting_stop_price == after.stop_loss_price
    assert after.resting_stop_price is not None
    assert after.resting_stop_price < before
