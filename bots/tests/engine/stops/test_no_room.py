"""While the venue takes no orders from us nothing that guards a position is canceled."""

from __future__ import annotations

from decimal import Decimal

import pytest

from accounts.models import User
from bots.domain.decision import IntentReason, Leg
from bots.engine.tick import run_tick
from bots.models import BotConfig, Order
from bots.services import close_position
from bots.tests.engine.stops.conftest import configure
from bots.tests.engine.stops.turns import market_entry, open_at_spot, state_of, turn
from exchange.demo.testing import RunningExchange
from exchange.domain.types import Market
from exchange.models import APIKey
from exchange.shared_budget import governor

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


@pytest.fixture
def crowded(spot_bot: BotConfig, venue: RunningExchange, api_key: APIKey) -> BotConfig:
    """Return a bot that holds a position with its pair, on an account without room for orders."""
    turn(spot_bot, enter=market_entry("0.01"))
    assert len(open_at_spot(venue)) == 2
    governor(venue.url, Market.SPOT).for_account(api_key.account.uid).stop_orders(60)
    return spot_bot


def test_a_pair_is_not_moved_without_room_for_the_new_one(
    crowded: BotConfig, venue: RunningExchange
) -> None:
    before = open_at_spot(venue)
    configure(crowded, stop_loss_perc=Decimal(5))
    turn(crowded, slot=2)
    assert open_at_spot(venue) == before
    assert state_of(crowded).unprotected_since is None
    assert not Order.objects.filter(slot=2).exists()


@pytest.mark.parametrize("is_active", [True, False], ids=["running", "stopped"])
def test_a_position_keeps_its_stop_while_its_close_has_to_wait(
    crowded: BotConfig, venue: RunningExchange, trader: User, *, is_active: bool
) -> None:
    before = open_at_spot(venue)
    BotConfig.objects.update(is_active=is_active)
    close_position(bot_id=crowded.pk, actor=trader)
    run_tick(crowded.pk)
    assert open_at_spot(venue) == before
    close = Order.objects.get(leg=Leg.EXIT)
    assert (close.status, close.closed_reason) == ("denied", "rate limited")
    assert close.intent_reason == IntentReason.CLOSE_REQUEST
    state = state_of(crowded)
    assert state.unprotected_since is None
    assert state.close_requested_at is not None


def test_a_symbol_that_has_just_stopped_taking_orders_keeps_its_stops(
    spot_bot: BotConfig, venue: RunningExchange, trader: User
) -> None:
    turn(spot_bot, enter=market_entry("0.01"))
    before = open_at_spot(venue)
    BotConfig.objects.update(is_active=True)
    run_tick(spot_bot.pk)  # the rules are known now, as of a symbol that is traded
    close_position(bot_id=spot_bot.pk, actor=trader)
    venue.control("symbols", {"symbol": "BTCUSDT", "status": "CANCEL_ONLY"})
    run_tick(spot_bot.pk)
    assert open_at_spot(venue) == before
    close = Order.objects.get(leg=Leg.EXIT)
    assert (close.status, close.closed_reason) == ("denied", "superseded")
    assert state_of(spot_bot).close_requested_at is not None
