"""An adopted order that waits to be filled is no doubt: what is held can still be left."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from accounts.models import User
from bots.domain.decision import DenialCode
from bots.engine.blocks import entry_blocks
from bots.engine.tick import run_tick
from bots.engine.venue import open_gateway
from bots.locks import bot_lock
from bots.models import BotConfig, Order
from bots.services import adopt_incident, close_position, stop_bot
from bots.tests.account.conftest import Hand, incidents, let_time_pass, look, state_of
from bots.tests.engine.placing import Desk
from exchange.demo.testing import RunningExchange
from exchange.domain.types import Environment, Side

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

LARGE = "40"  # so much that a minute of the market does not fill it


@pytest.fixture
def adopter(
    spot_bot: BotConfig, spot_hand: Hand, venue: RunningExchange, trader: User
) -> BotConfig:
    """Return a bot that has adopted a large order to buy below the market."""
    venue.set_price("BTCUSDT", "100000")
    venue.control("deposits", {"key_number": 1, "asset": "USDT", "amount": "50000000"})
    BotConfig.objects.filter(pk=spot_bot.pk).update(stop_loss_perc=Decimal(50))
    spot_hand.limit(Side.BUY, LARGE, "99900")
    look(spot_bot)
    adopt_incident(incidents(spot_bot)[0].pk, actor=trader)
    return spot_bot


@pytest.fixture
def holder(adopter: BotConfig, venue: RunningExchange) -> BotConfig:
    """Return the bot when part of that order has been filled."""
    venue.set_price("BTCUSDT", "99800")
    let_time_pass(venue)
    run_tick(adopter.pk)
    entry = Order.objects.get(leg="e")
    assert entry.status == "partially_filled"
    assert 0 < entry.filled_quantity < Decimal(LARGE)
    return adopter


def test_a_bot_decides_while_its_adopted_entry_waits_but_opens_nothing_beside_it(
    adopter: BotConfig,
) -> None:
    assert Desk(adopter).reconcile().settled
    assert _orders_open(adopter) == ["web_1 still waits to be filled"]


def _orders_open(bot: BotConfig) -> list[str]:
    now = datetime.now(UTC)
    with bot_lock(bot.pk) as state:
        blocks = entry_blocks(state, environment=Environment.DEMO, now=now, market_time=now)
    return [each.detail for each in blocks if each.code is DenialCode.ORDERS_OPEN]


def test_what_an_adopted_entry_has_bought_is_guarded_while_the_rest_waits(
    holder: BotConfig, venue: RunningExchange
) -> None:
    state = state_of(holder)
    assert state.in_position
    stop = Order.objects.get(leg="s")
    assert stop.status == "open"
    assert stop.quantity == state.current_position_size_coins.quantize(
        Decimal("0.00001"), rounding="ROUND_DOWN"
    )
    assert "has not said" not in state.last_sentence
    # Were the rest of the position too little to be one, nothing is bought beside the order.
    assert _orders_open(holder) == ["web_1 still waits to be filled"]


@pytest.mark.parametrize("is_stopped", [False, True], ids=["running", "stopped"])
def test_a_close_takes_the_rest_of_an_adopted_entry_back_first(
    holder: BotConfig, venue: RunningExchange, trader: User, *, is_stopped: bool
) -> None:
    if is_stopped:
        stop_bot(bot_id=holder.pk, actor=trader, close=True)
    else:
        close_position(bot_id=holder.pk, actor=trader)
    run_tick(holder.pk)
    run_tick(holder.pk)
    assert Order.objects.get(leg="e").status == "canceled"
    assert Order.objects.get(leg="s").status == "canceled"
    (exit_order,) = Order.objects.filter(leg="x")
    assert exit_order.intent_reason == "close_request"
    assert exit_order.filled_quantity > 0
    names = {order.client_order_id for order in open_gateway(holder).open_orders("BTCUSDT")}
    assert "web_1" not in names
