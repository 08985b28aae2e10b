"""Stops that the venue does not take, and wallets that lack the coins."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from bots.engine.venue import open_gateway
from bots.models import BotConfig, BotState, Incident, Order
from bots.tests.engine.stops.conftest import configure
from bots.tests.engine.stops.turns import (
    market_entry,
    move_price,
    open_algos,
    open_at_spot,
    state_of,
    turn,
)
from exchange.demo.testing import RunningExchange
from exchange.domain.orders import LimitOrderRequest, MarketOrderRequest
from exchange.domain.types import Side

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

D = Decimal
OCO = "POST /api/v3/orderList/oco"
ORDER = "POST /api/v3/order"
ALGO = "POST /fapi/v1/algoOrder"


def _refuse(venue: RunningExchange, endpoint: str, code: int = -2010) -> None:
    venue.set_fault(
        endpoint=endpoint, when="before", action="error", code=code, message="no.", times=None
    )


def _sell_by_hand(bot: BotConfig, quantity: str, *, price: str | None = None) -> None:
    gateway = open_gateway(bot)
    name, now, permit = (
        f"by-hand-{quantity[2:]}",
        gateway.signing_time_ms(),
        gateway.permit_orders(),
    )
    if price is None:
        request = MarketOrderRequest(
            symbol="BTCUSDT",
            side=Side.SELL,
            quantity=D(quantity),
            client_order_id=name,
            signed_at_ms=now,
            recv_window_ms=5000,
        )
        gateway.place_market_order(request, permit=permit)
        return
    resting = LimitOrderRequest(
        symbol="BTCUSDT",
        side=Side.SELL,
        quantity=D(quantity),
        price=D(price),
        client_order_id=name,
        signed_at_ms=now,
        recv_window_ms=5000,
    )
    gateway.place_limit_order(resting, permit=permit)


def test_coins_that_somebody_has_locked_leave_the_position_counted_as_unprotected(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    configure(spot_bot, stop_loss_perc=None, take_profit_perc=None, unprotected_policy="keep")
    turn(spot_bot, enter=market_entry("0.01"))
    _sell_by_hand(spot_bot, "0.00999", price="150000")
    configure(spot_bot, stop_loss_perc=D(2))
    for slot in range(2, 7):
        turn(spot_bot, slot=slot)
    state = state_of(spot_bot)
    assert state.unprotected_since is not None
    assert state.stop_failures >= 3
    assert Incident.objects.filter(kind="unprotected", closed_at=None).count() == 1
    assert not state_of(spot_bot).resting_stop_price


def test_a_stop_over_what_is_there_stays_where_the_books_say_more(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    configure(spot_bot, stop_loss_perc=None, take_profit_perc=None)
    turn(spot_bot, enter=market_entry("0.01"))
    _sell_by_hand(spot_bot, "0.004")
    configure(spot_bot, stop_loss_perc=D(2))
    for slot in range(2, 4):
        turn(spot_bot, slot=slot)
    rests = [("STOP_LOSS", "0.00599", "98004.9")]
    assert open_at_spot(venue) == rests
    for slot in range(4, 7):
        assert turn(spot_bot, slot=slot).orders == []
        assert open_at_spot(venue) == rests


def test_the_incident_of_a_missing_stop_goes_with_the_position(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    configure(spot_bot, unprotected_policy="keep", take_profit_perc=None)
    configure(spot_bot, stop_loss_perc=None)
    turn(spot_bot, enter=market_entry("0.01"))
    _refuse(venue, ORDER, code=-1013)
    configure(spot_bot, stop_loss_perc=D(2))
    for slot in range(2, 6):
        turn(spot_bot, slot=slot)
    assert Incident.objects.get().closed_at is None
    venue.clear_faults()
    configure(spot_bot, unprotected_policy="close", stop_loss_perc=D("0.0000001"))
    move_price(venue, "97000")
    turn(spot_bot, slot=6)
    assert not state_of(spot_bot).in_position
    assert Incident.objects.get().resolution == "gone"


def test_a_pair_that_is_refused_is_followed_by_the_stop_alone(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    _refuse(venue, OCO)
    turn(spot_bot, enter=market_entry("0.01"))
    turn(spot_bot, slot=2)
    rests = [("STOP_LOSS", "0.00999", "98004.9")]
    assert open_at_spot(venue) == rests
    for slot in range(3, 6):
        assert turn(spot_bot, slot=slot).orders == []
        assert open_at_spot(venue) == rests
    assert state_of(spot_bot).in_position
    # After a while the target is tried again.
    venue.clear_faults()
    Order.objects.filter(leg="t").update(created_at=timezone.now() - timedelta(minutes=16))
    turn(spot_bot, slot=6)
    assert [kind for kind, _, _ in open_at_spot(venue)] == ["LIMIT_MAKER", "STOP_LOSS"]


def test_a_futures_target_that_is_refused_is_not_tried_every_second(
    futures_bot: BotConfig, venue: RunningExchange
) -> None:
    turn(futures_bot, enter=market_entry("0.01"))
    assert len(open_algos(venue)) == 2
    _refuse(venue, ALGO)
    configure(futures_bot, take_profit_perc=D(6))
    due = venue.market_time() + timedelta(hours=1)
    BotState.objects.update(next_due_at=due, last_market_time=venue.market_time())
    for slot in range(2, 5):
        turn(futures_bot, slot=slot)
    assert ("STOP_MARKET", "0.01", "98004.9") in open_algos(venue)
    state = state_of(futures_bot)
    assert state.next_due_at == venue.market_time() + timedelta(seconds=30)
    assert state.stop_failures == 0
    assert Order.objects.filter(status="rejected").count() == 1


def test_a_close_that_is_refused_is_tried_again_but_not_every_second(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    configure(spot_bot, stop_loss_perc=None, take_profit_perc=None)
    turn(spot_bot, enter=market_entry("0.01"))
    _refuse(venue, ORDER, code=-1013)
    configure(spot_bot, stop_loss_perc=D(2))
    for slot in range(2, 5):
        turn(spot_bot, slot=slot)
        assert state_of(spot_bot).next_due_at is None
    now = venue.market_time()
    BotState.objects.update(next_due_at=now + timedelta(hours=1), last_market_time=now)
    turn(spot_bot, slot=5)
    assert Order.objects.get(leg="x").status == "rejected"
    state = state_of(spot_bot)
    assert state.next_due_at == now + timedelta(seconds=30)
    assert state.unprotected_since is not None
    venue.clear_faults()
    turn(spot_bot, slot=6)
    assert not state_of(spot_bot).in_position


def test_the_seconds_count_from_the_entry_also_where_a_worker_died_before_the_stop(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    configure(spot_bot, stop_loss_perc=None, take_profit_perc=None)
    turn(spot_bot, enter=market_entry("0.01"))
    configure(spot_bot, stop_loss_perc=D(2))
    now = timezone.now()
    Order.objects.update(sent_at=now - timedelta(seconds=40))
    BotState.objects.update(last_updated_at=now - timedelta(seconds=90))
    turn(spot_bot, slot=2)
    assert 40 <= state_of(spot_bot).unprotected_seconds < 60
    # Canceled by hand later than that: counted from when it was found, not from the entry.
    gateway = open_gateway(spot_bot)
    gateway.cancel_order("BTCUSDT", Order.objects.get(leg="s").client_order_id)
    turn(spot_bot, slot=3)
    assert 40 <= state_of(spot_bot).unprotected_seconds < 80


def test_the_seconds_are_kept_when_the_stop_is_switched_off(
    spot_bot: BotConfig, venue: RunningExchange
) -> None:
    configure(spot_bot, stop_loss_perc=None, take_profit_perc=None)
    turn(spot_bot, enter=market_entry("0.01"))
    since = timezone.now() - timedelta(seconds=30)
    BotState.objects.update(unprotected_since=since, unprotected_reason="no")
    turn(spot_bot, slot=2)
    state = state_of(spot_bot)
    assert state.unprotected_since is None
    assert state.unprotected_seconds >= 30
