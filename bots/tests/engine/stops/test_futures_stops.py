"""Stops of futures positions against the demo exchange over HTTP."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from bots.domain.direction import Direction
from bots.engine.stops import release_stops
from bots.engine.venue import open_gateway
from bots.locks import bot_lock
from bots.models import BotConfig, BotState, Order, Trade
from bots.tests.engine.stops.conftest import configure
from bots.tests.engine.stops.turns import (
    legs,
    market_entry,
    move_price,
    open_algos,
    state_of,
    turn,
)
from exchange.demo.testing import RunningExchange

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

D = Decimal
PLACE = "POST /fapi/v1/algoOrder"


def test_a_position_gets_a_stop_and_a_target_that_can_only_reduce(
    futures_bot: BotConfig, venue: RunningExchange
) -> None:
    turn(futures_bot, enter=market_entry("0.01"))
    state = state_of(futures_bot)
    stop, target = open_algos(venue)
    assert (stop[:2], target[:2]) == (("STOP_MARKET", "0.01"), ("TAKE_PROFIT_MARKET", "0.01"))
    assert (D(stop[2]), D(target[2])) == (state.stop_loss_price, state.take_profit_price)
    algos = venue.ledger()["algo_orders"]
    assert {each["reduceOnly"] for each in algos} == {True}
    assert [each["workingType"] for each in algos] == ["MARK_PRICE", "CONTRACT_PRICE"]
    assert state.unprotected_since is None
    assert turn(futures_bot, slot=2).orders == []


def test_a_short_position_is_guarded_from_above(
    futures_bot: BotConfig, venue: RunningExchange
) -> None:
    turn(futures_bot, enter=market_entry("0.01", Direction.SHORT))
    state = state_of(futures_bot)
    assert state.direction == "short"
    stop, target = open_algos(venue)
    assert D(target[2]) < D(100000) < D(stop[2])
    move_price(venue, "102500")
    turn(futures_bot, slot=2)
    assert not state_of(futures_bot).in_position
    assert open_algos(venue) == []
    assert Trade.objects.latest("pk").reason == "stop_loss"


def test_when_the_stop_has_filled_the_target_is_canceled(
    futures_bot: BotConfig, venue: RunningExchange
) -> None:
    turn(futures_bot, enter=market_entry("0.01"))
    move_price(venue, "97000")
    turn(futures_bot, slot=2)
    state = state_of(futures_bot)
    assert not state.in_position
    assert [(leg, status) for leg, status, _ in legs()] == [("s", "filled"), ("t", "canceled")]
    assert open_algos(venue) == []
    assert Order.objects.get(leg="s").child_venue_order_id
    assert (state.resting_stop_price, state.resting_target_price) == (None, None)


def test_when_the_target_has_filled_the_stop_is_canceled(
    futures_bot: BotConfig, venue: RunningExchange
) -> None:
    turn(futures_bot, enter=market_entry("0.01"))
    move_price(venue, "105000")
    turn(futures_bot, slot=2)
    assert not state_of(futures_bot).in_position
    assert [(leg, status) for leg, status, _ in legs()] == [("s", "canceled"), ("t", "filled")]
    assert Trade.objects.latest("pk").reason == "take_profit"


def test_a_stop_is_moved_by_placing_the_new_one_first_and_is_never_missing(
    futures_bot: BotConfig, venue: RunningExchange
) -> None:
    configure(futures_bot, trailing_stop_perc=D(1), trailing_stop_active=True)
    turn(futures_bot, enter=market_entry("0.01"))
    before = state_of(futures_bot).unprotected_seconds
    move_price(venue, "103000")
    BotState.objects.update(max_price_since_entry=D(103000))
    turn(futures_bot, slot=2)
    assert open_algos(venue)[0][2] == "101970"
    old, new = Order.objects.filter(leg="s").order_by("pk")
    assert [old.status, new.status] == ["canceled", "open"]
    assert new.sent_at is not None
    assert old.cancel_sent_at is not None
    assert new.sent_at < old.cancel_sent_at
    assert state_of(futures_bot).unprotected_seconds == before


def test_a_new_stop_that_is_refused_leaves_the_old_one(
    futures_bot: BotConfig, venue: RunningExchange
) -> None:
    turn(futures_bot, enter=market_entry("0.01"))
    rests = open_algos(venue)
    configure(futures_bot, stop_loss_perc=D(1))
    venue.set_fault(endpoint=PLACE, when="before", action="error", code=-4045, times=1)
    turn(futures_bot, slot=2)
    assert open_algos(venue) == rests
    state = state_of(futures_bot)
    assert (state.unprotected_since, state.stop_failures) == (None, 0)
    turn(futures_bot, slot=3)
    assert open_algos(venue)[0][2] > rests[0][2]


def test_an_old_stop_that_could_not_be_canceled_is_gone_after_the_next_turn(
    futures_bot: BotConfig, venue: RunningExchange
) -> None:
    turn(futures_bot, enter=market_entry("0.01"))
    configure(futures_bot, stop_loss_perc=D(1))
    venue.set_fault(
        endpoint="DELETE /fapi/v1/algoOrder", when="before", action="error", code=-1001, times=None
    )
    turn(futures_bot, slot=2)
    assert len([each for each in open_algos(venue) if each[0] == "STOP_MARKET"]) == 2
    venue.clear_faults()
    turn(futures_bot, slot=3)
    stops = [each for each in open_algos(venue) if each[0] == "STOP_MARKET"]
    assert len(stops) == 1
    assert D(stops[0][2]) > D(98500)


def test_a_lost_answer_is_adopted_and_no_second_stop_is_placed(
    futures_bot: BotConfig, venue: RunningExchange
) -> None:
    venue.set_fault(endpoint=PLACE, when="after", action="drop", times=1)
    turn(futures_bot, enter=market_entry("0.01"))
    assert ("s", "unknown") in [(leg, status) for leg, status, _ in legs()]
    turn(futures_bot, slot=2)
    assert [kind for kind, _, _ in open_algos(venue)] == ["STOP_MARKET", "TAKE_PROFIT_MARKET"]
    assert state_of(futures_bot).unprotected_since is None


def test_a_position_that_grows_gets_a_stop_over_all_of_it(
    futures_bot: BotConfig, venue: RunningExchange
) -> None:
    turn(futures_bot, enter=market_entry("0.01"))
    turn(futures_bot, slot=2, enter=market_entry("0.005"))
    assert [quantity for _, quantity, _ in open_algos(venue)] == ["0.015", "0.015"]


def test_a_stop_that_hangs_is_not_doubled_and_closed_after_a_minute(
    futures_bot: BotConfig, venue: RunningExchange
) -> None:
    turn(futures_bot, enter=market_entry("0.01"))
    stop = Order.objects.get(leg="s")
    venue.control("algo", {"on_trigger": "stuck"})
    move_price(venue, "97000")
    turn(futures_bot, slot=2)
    assert Order.objects.filter(leg="s").count() == 1
    state = state_of(futures_bot)
    assert state.in_position
    assert state.unprotected_since is not None
    long_ago = timezone.now() - timedelta(seconds=61)
    Order.objects.filter(pk=stop.pk).update(triggering_since=long_ago)
    BotState.objects.update(unprotected_since=long_ago)
    turn(futures_bot, slot=3)
    assert not state_of(futures_bot).in_position
    assert Order.objects.get(leg="x").intent_reason == "unprotected"


def test_an_exit_on_futures_needs_no_coins_free(
    futures_bot: BotConfig, venue: RunningExchange
) -> None:
    turn(futures_bot, enter=market_entry("0.01"))
    with bot_lock(futures_bot.pk) as state:
        assert release_stops(state, gateway=open_gateway(state.bot))
    assert len(open_algos(venue)) == 2


def test_refused_stops_close_the_position_by_an_order_that_can_only_reduce(
    futures_bot: BotConfig, venue: RunningExchange
) -> None:
    venue.set_fault(endpoint=PLACE, when="before", action="error", code=-4120, times=None)
    turn(futures_bot, enter=market_entry("0.01"))
    for slot in range(2, 5):
        turn(futures_bot, slot=slot)
    assert not state_of(futures_bot).in_position
    (close,) = (o for o in venue.ledger()["futures_orders"] if o["side"] == "SELL")
    assert (close["reduceOnly"], close["status"]) == (True, "FILLED")
