"""Futures positions that are not as the books say: proven and booked, or an incident."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import User
from bots.domain.decision import DenialCode, Leg
from bots.domain.direction import Direction
from bots.engine.account_watch import is_look_due, look_at_start, look_before_entry
from bots.engine.incidents import entry_blocks_of_account
from bots.engine.reconciliation import VenueView
from bots.engine.venue import open_gateway
from bots.models import BotConfig, BotEvent, BotState, EventKind, Fill, Order, Trade
from bots.services import BotError, adopt_incident, dismiss_incident
from bots.tests.account.conftest import (
    Hand,
    incidents,
    let_time_pass,
    look,
    state_of,
    trade,
)
from exchange.demo.testing import RunningExchange
from exchange.domain.types import Side

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


def venue_amount(venue: RunningExchange) -> list[str]:
    return [position["amount"] for position in venue.control("positions")]


def test_a_foreign_position_is_an_incident_after_two_looks_and_blocks_from_the_first(
    futures_bot: BotConfig, futures_hand: Hand, venue: RunningExchange
) -> None:
    futures_hand.market(Side.SELL, "0.003")

    look(futures_bot)
    assert incidents(futures_bot) == []
    (block,) = entry_blocks_of_account(state_of(futures_bot))
    assert block.code is DenialCode.FOREIGN
    assert block.detail.endswith("; it is looked at again")

    look(futures_bot)
    look(futures_bot)
    (incident,) = incidents(futures_bot)
    assert (incident.kind, incident.key) == ("foreign_position", "BTCUSDT:-0.003")
    assert "that is no bot's: -0.003 at" in incident.message
    assert len(entry_blocks_of_account(state_of(futures_bot))) == 1
    assert BotEvent.objects.filter(bot=futures_bot, kind=EventKind.INCIDENT).count() == 1
    assert venue_amount(venue) == ["-0.00300000"]
    assert Order.objects.count() == 0


def test_a_foreign_position_that_is_closed_elsewhere_is_gone(
    futures_bot: BotConfig, futures_hand: Hand
) -> None:
    futures_hand.market(Side.BUY, "0.003")
    look(futures_bot)
    look(futures_bot)
    futures_hand.market(Side.SELL, "0.003")

    look(futures_bot)

    assert [one.resolution for one in incidents(futures_bot)] == ["gone"]
    assert entry_blocks_of_account(state_of(futures_bot)) == ()


def test_an_adopted_position_is_the_bots_with_direction_and_the_venues_entry_price(
    futures_bot: BotConfig, futures_hand: Hand, venue: RunningExchange, trader: User
) -> None:
    futures_hand.market(Side.SELL, "0.003")
    look(futures_bot)
    look(futures_bot)

    adopt_incident(incidents(futures_bot)[0].pk, actor=trader)

    state = state_of(futures_bot)
    assert (state.in_position, state.direction) == (True, "short")
    assert state.current_position_size_coins == Decimal("0.003")
    (position,) = venue.control("positions")
    assert state.entry_price == Decimal(position["entry_price"])
    assert state.next_due_at is None
    (order,) = Order.objects.all()
    assert (order.leg, order.side, order.status) == ("e", "SELL", "filled")
    assert (order.intent_reason, order.actor) == ("adopted", trader)
    assert Fill.objects.get().commission == 0

    look(futures_bot)
    assert [one.resolution for one in incidents(futures_bot)] == ["adopted"]
    assert entry_blocks_of_account(state_of(futures_bot)) == ()


def test_a_position_in_a_direction_that_the_bot_does_not_trade_is_not_adopted(
    futures_bot: BotConfig, futures_hand: Hand, trader: User
) -> None:
    BotConfig.objects.filter(pk=futures_bot.pk).update(direction="long")
    futures_hand.market(Side.SELL, "0.003")
    look(futures_bot)
    look(futures_bot)

    with pytest.raises(BotError, match="is short, and this bot opens only long ones"):
        adopt_incident(incidents(futures_bot)[0].pk, actor=trader)

    assert Order.objects.count() == 0


def test_a_position_that_has_changed_since_is_not_adopted(
    futures_bot: BotConfig, futures_hand: Hand, trader: User
) -> None:
    futures_hand.market(Side.BUY, "0.003")
    look(futures_bot)
    look(futures_bot)
    futures_hand.market(Side.BUY, "0.001")

    with pytest.raises(BotError, match=r"Meanwhile the venue has 0\.004 and the books 0"):
        adopt_incident(incidents(futures_bot)[0].pk, actor=trader)


def test_a_dismissed_position_nets_with_the_bots_own_and_is_not_raised_again(
    futures_bot: BotConfig, futures_hand: Hand, trader: User
) -> None:
    futures_hand.market(Side.BUY, "0.003")
    look(futures_bot)
    look(futures_bot)
    dismiss_incident(incidents(futures_bot)[0].pk, actor=trader, note="My own.")

    look(futures_bot)
    assert entry_blocks_of_account(state_of(futures_bot)) == ()
    trade(futures_bot, Side.BUY, "0.002")
    look(futures_bot)
    look(futures_bot)

    assert [one.resolution for one in incidents(futures_bot)] == ["dismissed"]
    assert state_of(futures_bot).current_position_size_coins == Decimal("0.002")


def test_a_position_closed_by_hand_is_booked_with_its_real_executions(
    futures_bot: BotConfig, futures_hand: Hand, venue: RunningExchange
) -> None:
    trade(futures_bot, Side.BUY, "0.003")
    look(futures_bot)
    futures_hand.market(Side.SELL, "0.003")

    assert look(futures_bot) is True

    state = state_of(futures_bot)
    assert (state.in_position, state.current_position_size_coins) == (False, 0)
    closing = Order.objects.get(leg=Leg.EXIT)
    theirs = venue.ledger()["futures_orders"][-1]
    assert (closing.intent_reason, closing.status) == ("adopted", "filled")
    assert closing.venue_order_id == str(theirs["orderId"])
    assert {fill.trade_id for fill in Fill.objects.all()} == {
        str(fill["id"]) for fill in venue.ledger()["futures_fills"]
    }
    sold = Trade.objects.get(order=closing)
    assert sold.quantity_filled == Decimal("0.003")
    assert sold.realized_pnl is not None
    assert incidents(futures_bot) == []
    event = BotEvent.objects.get(bot=futures_bot, kind=EventKind.RECONCILED)
    assert event.message.startswith("Somebody else sold or bought back 0.003 of the position")

    assert look(futures_bot) is False
    assert Order.objects.count() == 2


def test_a_part_closed_by_hand_leaves_the_rest(futures_bot: BotConfig, futures_hand: Hand) -> None:
    trade(futures_bot, Side.SELL, "0.003", direction=Direction.SHORT)
    look(futures_bot)
    futures_hand.market(Side.BUY, "0.001")

    look(futures_bot)

    state = state_of(futures_bot)
    assert (state.direction, state.current_position_size_coins) == ("short", Decimal("0.002"))
    assert incidents(futures_bot) == []


def test_a_liquidation_is_booked_as_one(futures_bot: BotConfig, venue: RunningExchange) -> None:
    gateway = open_gateway(futures_bot)
    gateway.set_leverage("BTCUSDT", 50)  # type: ignore[union-attr]
    trade(futures_bot, Side.BUY, "0.003")
    look(futures_bot)
    assert state_of(futures_bot).liquidation_price is not None
    venue.set_price("BTCUSDT", "95000")
    let_time_pass(venue)
    assert venue_amount(venue) == []

    look(futures_bot)

    closing = Order.objects.get(leg=Leg.EXIT)
    assert closing.intent_reason == "liquidation"
    assert "autoclose-" in closing.message
    state = state_of(futures_bot)
    assert (state.in_position, state.liquidation_price) == (False, None)
    assert incidents(futures_bot) == []
    event = BotEvent.objects.get(bot=futures_bot, kind=EventKind.RECONCILED)
    assert event.message.startswith("The venue itself (liquidation or deleveraging) closed 0.003")


def test_more_at_the_venue_than_in_the_books_is_never_taken_for_the_bots(
    futures_bot: BotConfig, futures_hand: Hand, venue: RunningExchange, trader: User
) -> None:
    trade(futures_bot, Side.BUY, "0.003")
    look(futures_bot)
    let_time_pass(venue)
    futures_hand.market(Side.BUY, "0.002")
    look(futures_bot)
    look(futures_bot)
    (incident,) = incidents(futures_bot)
    assert (incident.kind, incident.key) == ("position_differs", "BTCUSDT:0.002")
    assert state_of(futures_bot).current_position_size_coins == Decimal("0.003")

    adopt_incident(incident.pk, actor=trader)

    state = state_of(futures_bot)
    (position,) = venue.control("positions")
    assert state.current_position_size_coins == Decimal("0.005")
    assert state.entry_price is not None
    assert abs(state.entry_price - Decimal(position["entry_price"])) < Decimal("1e-6")


def test_a_difference_that_the_history_does_not_explain_waits_for_a_person(
    futures_bot: BotConfig, futures_hand: Hand, trader: User
) -> None:
    trade(futures_bot, Side.BUY, "0.003")
    # No look has agreed yet, so no history says since when: nothing is flattened by guessing.
    futures_hand.market(Side.SELL, "0.001")

    look(futures_bot)
    look(futures_bot)

    (incident,) = incidents(futures_bot)
    assert (incident.kind, incident.key) == ("position_differs", "BTCUSDT:-0.001")
    assert state_of(futures_bot).current_position_size_coins == Decimal("0.003")
    assert Order.objects.count() == 1

    adopt_incident(incident.pk, actor=trader)
    state = state_of(futures_bot)
    assert state.current_position_size_coins == Decimal("0.002")
    written_off = Trade.objects.get(order__leg=Leg.EXIT)
    assert (written_off.pnl, written_off.price) == (0, state.entry_price)
    bought, left = Fill.objects.order_by("pk")
    assert left.market_time == bought.market_time + timedelta(milliseconds=1)
    assert state.position_opened_at == bought.market_time


def test_an_own_fill_that_is_not_in_the_books_yet_is_no_foreign_one(
    futures_bot: BotConfig,
) -> None:
    trade(futures_bot, Side.BUY, "0.003")
    look(futures_bot)
    closing = trade(futures_bot, Side.SELL, "0.003", leg=Leg.EXIT, fold=False)
    # As if the worker had died before the executions were written down.
    Fill.objects.filter(order=closing).delete()

    look(futures_bot)
    look(futures_bot)

    assert incidents(futures_bot) == []
    assert Order.objects.count() == 2


def test_the_position_is_looked_at_in_every_tick_that_holds_one_and_else_every_five_minutes(
    futures_bot: BotConfig, futures_hand: Hand
) -> None:
    look(futures_bot)
    state = state_of(futures_bot)
    assert not is_look_due(state)
    futures_hand.market(Side.BUY, "0.003")
    look(futures_bot, is_forced=False)
    assert entry_blocks_of_account(state_of(futures_bot)) == ()

    BotState.objects.filter(pk=futures_bot.pk).update(
        foreign_checked_at=timezone.now() - timedelta(minutes=5)
    )
    assert is_look_due(state_of(futures_bot))
    look(futures_bot, is_forced=False)
    assert len(entry_blocks_of_account(state_of(futures_bot))) == 1


def test_right_before_an_entry_the_first_sight_is_enough_to_wait(
    futures_bot: BotConfig, futures_hand: Hand
) -> None:
    look(futures_bot)
    gateway = open_gateway(futures_bot)
    view = VenueView(settled=True)
    assert look_before_entry(state_of(futures_bot), view, gateway=gateway) == ()
    assert look_at_start(state_of(futures_bot), gateway=gateway) == ()
    futures_hand.market(Side.BUY, "0.003")
    futures_hand.limit(Side.BUY, "0.01", "50000")

    blocks = look_before_entry(state_of(futures_bot), view, gateway=gateway)

    assert [block.code for block in blocks] == [DenialCode.FOREIGN] * 2
    assert len(look_at_start(state_of(futures_bot), gateway=gateway)) == 2


def test_with_an_order_in_doubt_nothing_is_concluded(
    futures_bot: BotConfig, futures_hand: Hand
) -> None:
    futures_hand.market(Side.BUY, "0.003")
    state = state_of(futures_bot)

    blocks = look_before_entry(state, VenueView(settled=False), gateway=open_gateway(futures_bot))

    assert blocks == ()
    assert state.account_look == {}
