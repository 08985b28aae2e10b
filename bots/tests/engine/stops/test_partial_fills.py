"""Orders so large that a minute of the market does not fill them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from bots.models import BotConfig, Order
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

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

D = Decimal
LARGE = "40"


@pytest.fixture
def rich_bot(spot_bot: BotConfig, venue: RunningExchange) -> BotConfig:
    """Return the bot on an account that can pay for anything."""
    venue.control("deposits", {"key_number": 1, "asset": "USDT", "amount": "50000000"})
    return spot_bot


def test_an_entry_that_fills_in_part_is_cut_short_and_what_was_bought_gets_its_pair(
    rich_bot: BotConfig, venue: RunningExchange
) -> None:
    entry, stop, target = list_entry(rich_bot, LARGE)
    turn(rich_bot, enter=(replace(entry, price=D(99900), time_in_force="GTC"), stop, target))
    move_price(venue, "99800", pass_seconds=60)
    turn(rich_bot, slot=2)
    state = state_of(rich_bot)
    bought = Order.objects.get(leg="e").filled_quantity
    assert 0 < bought < D(LARGE)
    assert state.in_position
    assert "not filled yet" in state.unprotected_reason
    assert Order.objects.get(leg="e").status == "partially_filled"

    Order.objects.update(sent_at=timezone.now() - timedelta(seconds=11))
    turn(rich_bot, slot=3)
    state = state_of(rich_bot)
    assert Order.objects.get(leg="e").status == "canceled"
    held = state.current_position_size_coins.quantize(D("0.00001"), rounding="ROUND_DOWN")
    assert [(kind, D(quantity)) for kind, quantity, _ in open_at_spot(venue)] == [
        ("LIMIT_MAKER", held),
        ("STOP_LOSS", held),
    ]
    assert state.unprotected_since is None
    assert state.unprotected_seconds > 0


def test_what_a_target_leaves_is_guarded_anew(rich_bot: BotConfig, venue: RunningExchange) -> None:
    turn(rich_bot, enter=market_entry(LARGE))
    before = state_of(rich_bot).current_position_size_coins
    move_price(venue, "104100", pass_seconds=60)
    turn(rich_bot, slot=2)
    state = state_of(rich_bot)
    assert 0 < state.current_position_size_coins < before
    held = state.current_position_size_coins.quantize(D("0.00001"), rounding="ROUND_DOWN")
    stops = [(kind, D(quantity)) for kind, quantity, _ in open_at_spot(venue)]
    assert ("STOP_LOSS", held) in stops
    assert state.unprotected_since is None
    assert turn(rich_bot, slot=3).orders == []
    assert legs()[0][:2] == ("s", "expired")
