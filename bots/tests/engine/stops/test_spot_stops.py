"""Stops of spot positions against the demo exchange over HTTP."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from bots.domain.stops.record import replay_stops
from bots.engine.stops import release_stops
from bots.engine.venue import open_gateway
from bots.locks import bot_lock
from bots.models import BotConfig, BotEvent, BotState, EventKind, Halt, Incident, Order, Trade
from bots.tests.engine.stops.conftest import configure
from bots.tests.engine.stops.turns import (
    legs,
    list_entry,
    market_entry,
    move_price,
    open_at_spot,
    state_of,
    turn,
)
from exchange.demo.testing import RunningExchange
from exchange.domain.orders import MarketOrderRequest
from exchange.domain.types import Side

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

D = Decimal


OCO = "POST /api/v3/orderList/oco"
ORDER = "POST /api/v3/order"
BOTH = [("LIMIT_MAKER", "0.00999", "104005.2"), ("STOP_LOSS", "0.00999", "98004.9")]


def _events(kind: EventKind) -> list[str]:
    return list(BotEvent.objects.filter(kind=kind).order_by("pk").values_list("message", flat=True))


def _follow(bot: BotConfig, *, highest: str) -> None:
    """Remember a price as the decision of a tick would have done."""
    BotState.objects.filter(pk=bot.pk).update(max_price_since_entry=D(highest))


def _refuse(
    venue: RunningExchange, endpoint: str, code: int = -2010, times: int | None = None
) -> None:
    venue.set_fault(
        endpoint=endpoint, when="before", action="error", code=code, message="no.", times=times
    )


def test_an_entry_brings_its_stop_and_target_along_and_nothing_is_left_to_do(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    kept = turn(spot_bot, enter=list_entry(spot_bot, "0.01"))
    state = state_of(spot_bot)
    assert state.in_position
    assert open_at_spot(venue) == [
        ("LIMIT_MAKER", "0.00999", "104000"),
        ("STOP_LOSS", "0.00999", "98000"),
    ]
    assert (state.resting_stop_price, state.resting_target_price) == (D(98000), D(104000))
    assert kept.orders == []
    assert (state.unprotected_since, state.unprotected_seconds) == (None, D(0))
    assert turn(spot_bot, slot=2).orders == []


def test_an_entry_at_the_market_gets_its_pair_right_after_the_fill_over_what_the_fee_left(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    turn(spot_bot, enter=market_entry("0.01"))
    assert open_at_spot(venue) == BOTH
    state = state_of(spot_bot)
    assert state.unprotected_since is None
    assert 0 < state.unprotected_seconds < 10
    assert _events(EventKind.UNPROTECTED) == []
    (placed,) = _events(EventKind.STOPS)
    assert placed == (
        "Placed stop of 0.00999 at 98004.9, target of 0.00999 at 104005.2: nothing rests."
    )
    assert turn(spot_bot, slot=2).orders == []
    assert len(venue.ledger()["orders"]) == 3


@pytest.mark.parametrize(
    ("exits", "rests"),
    [
        ({"take_profit_perc": None}, [("STOP_LOSS", "0.00999", "98004.9")]),
        ({"stop_loss_perc": None}, [("LIMIT", "0.00999", "104005.2")]),
        ({"take_profit_perc": None, "stop_loss_perc": None}, []),
    ],
)
def test_a_stop_alone_or_a_target_alone_rests_as_well(
    spot_bot: BotConfig,
    venue: RunningExchange,
    exits: dict[str, None],
    rests: list[tuple[str, str, str]],
) -> None:
    configure(spot_bot, **exits)
    turn(spot_bot, enter=market_entry("0.01"))
    assert open_at_spot(venue) == rests
    assert turn(spot_bot, slot=2).orders == []


def test_a_single_stop_follows_the_price_by_cancel_and_replace(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    configure(spot_bot, take_profit_perc=None, trailing_stop_perc=D(1), trailing_stop_active=True)
    turn(spot_bot, enter=market_entry("0.01"))
    move_price(venue, "103000")
    _follow(spot_bot, highest="103000")
    turn(spot_bot, slot=2)
    assert open_at_spot(venue) == [("STOP_LOSS", "0.00999", "101970")]
    assert legs() == [("s", "canceled", "99004.95"), ("s", "open", "101970")]
    assert _events(EventKind.STOPS)[-1].startswith("Moved to stop of 0.00999 at 101970")
    # The state has forgotten how far the stop had come, and the venue has not.
    BotState.objects.update(max_price_since_entry=None, trailing_stop_price=None)
    assert turn(spot_bot, slot=3).orders == []
    assert state_of(spot_bot).trailing_stop_price == D(101970)


def test_a_pair_is_moved_by_canceling_it_and_the_naked_seconds_are_counted(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    trailing = configure(spot_bot, trailing_stop_perc=D(1), trailing_stop_active=True)
    turn(spot_bot, enter=list_entry(trailing, "0.01"))
    assert state_of(spot_bot).unprotected_seconds == D(0)
    move_price(venue, "102000")
    _follow(spot_bot, highest="102000")
    turn(spot_bot, slot=2)
    assert [level for _, _, level in open_at_spot(venue)] == ["104005.2", "100980"]
    state = state_of(spot_bot)
    assert 0 < state.unprotected_seconds < 10
    assert state.unprotected_since is None
    assert len({o["orderListId"] for o in venue.ledger()["orders"]}) == 2


def test_an_edit_is_applied_by_the_next_turn_also_when_it_loosens(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    turn(spot_bot, enter=market_entry("0.01"))
    configure(spot_bot, stop_loss_perc=D(5), take_profit_perc=D(10))
    assert state_of(spot_bot).resting_stop_price == D("98004.9")
    turn(spot_bot, slot=2)
    assert [level for _, _, level in open_at_spot(venue)] == ["110005.5", "95004.75"]
    configure(spot_bot, stop_loss_perc=None, take_profit_perc=None)
    turn(spot_bot, slot=3)
    assert open_at_spot(venue) == []
    assert state_of(spot_bot).resting_stop_price is None


def test_a_stop_that_fills_ends_the_position_and_its_target(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    turn(spot_bot, enter=market_entry("0.01"))
    move_price(venue, "97000")
    turn(spot_bot, slot=2)
    state = state_of(spot_bot)
    assert not state.in_position
    assert open_at_spot(venue) == []
    assert (state.resting_stop_price, state.unprotected_seconds) == (None, D(0))
    assert [status for _, status, _ in legs()] == ["filled", "expired"]
    assert Trade.objects.latest("pk").reason == "stop_loss"


def test_a_target_that_fills_ends_the_position_and_its_stop(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    turn(spot_bot, enter=list_entry(spot_bot, "0.01"))
    move_price(venue, "105000")
    turn(spot_bot, slot=2)
    assert not state_of(spot_bot).in_position
    assert [status for _, status, _ in legs()] == ["expired", "filled"]
    assert Trade.objects.latest("pk").reason == "take_profit"


def test_stops_that_a_person_canceled_are_placed_again(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    turn(spot_bot, enter=market_entry("0.01"))
    gateway = open_gateway(spot_bot)
    gateway.cancel_order("BTCUSDT", Order.objects.get(leg="s").client_order_id)
    assert open_at_spot(venue) == []
    turn(spot_bot, slot=2)
    assert open_at_spot(venue) == BOTH


def test_stops_whose_answer_was_lost_are_adopted_and_not_placed_twice(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    venue.set_fault(endpoint=OCO, when="after", action="drop", times=1)
    turn(spot_bot, enter=market_entry("0.01"))
    assert [status for _, status, _ in legs()] == ["unknown", "unknown"]
    state = state_of(spot_bot)
    assert state.unprotected_since is not None
    assert "has not said yet" in state.unprotected_reason
    assert state.stop_failures == 0
    turn(spot_bot, slot=2)
    assert open_at_spot(venue) == BOTH
    assert len(venue.ledger()["orders"]) == 3
    assert state_of(spot_bot).unprotected_since is None


def test_a_position_that_cannot_be_protected_is_closed_after_three_refusals(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    _refuse(venue, OCO)
    turn(spot_bot, enter=market_entry("0.01"))
    _refuse(venue, ORDER, times=2)  # the stop alone
    state = state_of(spot_bot)
    assert (state.stop_failures, state.next_due_at) == (1, None)
    (told,) = _events(EventKind.UNPROTECTED)
    assert "The position has no stop since" in told
    turn(spot_bot, slot=2)
    turn(spot_bot, slot=3)
    assert state_of(spot_bot).stop_failures == 3
    turn(spot_bot, slot=4)
    assert not state_of(spot_bot).in_position
    assert Order.objects.get(leg="x").intent_reason == "unprotected"
    assert len(_events(EventKind.UNPROTECTED)) == 1
    assert state_of(spot_bot).unprotected_since is None


def test_the_policy_to_keep_opens_an_incident_until_the_stop_rests(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    configure(spot_bot, unprotected_policy="keep")
    _refuse(venue, OCO)
    turn(spot_bot, enter=market_entry("0.01"))
    _refuse(venue, ORDER)
    for slot in range(2, 6):
        turn(spot_bot, slot=slot)
    assert state_of(spot_bot).in_position
    incident = Incident.objects.get()
    assert (incident.kind, incident.is_blocking, incident.closed_at) == ("unprotected", True, None)
    venue.clear_faults()
    turn(spot_bot, slot=6)
    assert open_at_spot(venue) == BOTH[1:]
    assert Incident.objects.get().resolution == "gone"
    assert "has its stop again, after" in _events(EventKind.UNPROTECTED)[-1]
    assert state_of(spot_bot).stop_failures == 0


def test_a_stop_behind_the_price_is_an_exit_at_the_market(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    configure(spot_bot, stop_loss_perc=None, take_profit_perc=None)
    turn(spot_bot, enter=market_entry("0.01"))
    move_price(venue, "97000")
    configure(spot_bot, stop_loss_perc=D(2))
    turn(spot_bot, slot=2)
    assert not state_of(spot_bot).in_position
    assert Order.objects.get(leg="x").intent_reason == "stop_loss"


def test_a_halt_of_everything_moves_nothing_and_still_protects(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    turn(spot_bot, enter=market_entry("0.01"))
    Halt.objects.update_or_create(account=None, bot=None, defaults={"level": "everything"})
    configure(spot_bot, stop_loss_perc=D(1))
    turn(spot_bot, slot=2)
    assert open_at_spot(venue) == BOTH
    gateway = open_gateway(spot_bot)
    gateway.cancel_order("BTCUSDT", Order.objects.get(leg="s").client_order_id)
    turn(spot_bot, slot=3)
    assert [level for _, _, level in open_at_spot(venue)] == ["104005.2", "99004.95"]
    Halt.objects.update(level="none")


def test_a_list_that_the_venue_refuses_is_entered_at_the_market_under_a_new_name(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    _refuse(venue, "POST /api/v3/orderList/opoco", code=-1013)
    turn(spot_bot, enter=list_entry(spot_bot, "0.01"))
    refused, filled = Order.objects.filter(leg="e").order_by("pk")
    assert (refused.status, filled.status, filled.order_type) == ("rejected", "filled", "MARKET")
    assert filled.client_order_id != refused.client_order_id
    assert open_at_spot(venue) == BOTH


def test_a_list_that_lacks_money_is_not_entered_at_the_market(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    turn(spot_bot, enter=list_entry(spot_bot, "0.5"))
    (entry,) = Order.objects.filter(leg="e")
    assert (entry.route, entry.status, entry.closed_reason) == ("list", "rejected", "code -2010")
    assert not state_of(spot_bot).in_position
    assert venue.ledger()["orders"] == []


def test_an_entry_that_does_not_fill_is_canceled_with_its_exits(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    entry, stop, target = list_entry(spot_bot, "0.01")
    resting = replace(entry, price=D(99000), time_in_force="GTC")
    turn(spot_bot, enter=(resting, stop, target))
    assert [o.status for o in Order.objects.order_by("pk")] == ["open", "open", "open"]
    assert state_of(spot_bot).unprotected_since is None
    turn(spot_bot, slot=2)
    assert Order.objects.filter(status="open").count() == 3
    Order.objects.update(sent_at=timezone.now() - timedelta(seconds=11))
    turn(spot_bot, slot=3)
    assert {o["status"] for o in venue.ledger()["orders"]} == {"CANCELED"}
    assert not state_of(spot_bot).in_position


def test_an_exit_gets_the_coins_and_says_when_they_were_sold_meanwhile(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    turn(spot_bot, enter=market_entry("0.01"))
    with bot_lock(spot_bot.pk) as state:
        assert release_stops(state, gateway=open_gateway(state.bot))
        assert release_stops(state, gateway=open_gateway(state.bot))
    assert open_at_spot(venue) == []
    turn(spot_bot, slot=2)
    assert open_at_spot(venue) == BOTH
    move_price(venue, "97000")
    with bot_lock(spot_bot.pk) as state:
        assert not release_stops(state, gateway=open_gateway(state.bot))


def test_an_exit_that_is_refused_after_the_stops_were_released_leaves_them_placed_again(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    turn(spot_bot, enter=market_entry("0.01"))
    before = state_of(spot_bot).unprotected_seconds
    with bot_lock(spot_bot.pk) as state:
        release_stops(state, gateway=open_gateway(state.bot))
        state.save()
    assert state_of(spot_bot).unprotected_since is not None
    turn(spot_bot, slot=2)
    assert open_at_spot(venue) == BOTH
    assert state_of(spot_bot).unprotected_seconds > before


def test_a_flat_bot_without_orders_is_not_looked_at(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    kept = turn(spot_bot)
    assert (kept.orders, kept.rounds, kept.record) == ([], [], {})


def test_what_was_seen_and_planned_can_be_planned_again_from_its_record(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    kept = turn(spot_bot, enter=market_entry("0.01"))
    record = json.loads(json.dumps(kept.record))
    plans = replay_stops(record)
    assert [len(recorded.actions) for recorded, _ in plans] == [1, 0]
    assert all(recorded == again for recorded, again in plans)


def test_a_wallet_that_holds_less_than_the_books_gets_a_stop_over_what_is_there(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    configure(spot_bot, stop_loss_perc=None, take_profit_perc=None)
    turn(spot_bot, enter=market_entry("0.01"))
    _sell_by_hand(spot_bot, "0.004")
    configure(spot_bot, stop_loss_perc=D(2))
    turn(spot_bot, slot=2)
    assert state_of(spot_bot).stop_failures == 1
    turn(spot_bot, slot=3)
    assert open_at_spot(venue) == [("STOP_LOSS", "0.00599", "98004.9")]


def _sell_by_hand(bot: BotConfig, quantity: str) -> None:
    gateway = open_gateway(bot)
    request = MarketOrderRequest(
        symbol="BTCUSDT",
        side=Side.SELL,
        quantity=D(quantity),
        client_order_id="by-hand",
        signed_at_ms=gateway.signing_time_ms(),
        recv_window_ms=5000,
    )
    gateway.place_market_order(request, permit=gateway.permit_orders())
