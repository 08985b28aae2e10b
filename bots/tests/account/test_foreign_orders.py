"""Orders of somebody else: shown, blocking, never touched, adopted or dismissed by a person."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.conf import settings

from accounts.models import User
from bots.domain.decision import DenialCode, Leg
from bots.engine.account_watch import look_at_start
from bots.engine.incidents import entry_blocks_of_account
from bots.engine.venue import open_gateway
from bots.models import BotConfig, BotEvent, EventKind, Order
from bots.services import BotError, adopt_incident, dismiss_incident
from bots.tests.account.conftest import Hand, incidents, let_time_pass, look, state_of, trade
from exchange.demo.testing import RunningExchange
from exchange.domain.algo_orders import AlgoOrderRequest, AlgoOrderType
from exchange.domain.types import Side
from exchange.registry import futures_gateway_for

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


def open_at_venue(venue: RunningExchange) -> list[str]:
    return [
        order["clientOrderId"]
        for order in venue.ledger()["orders"]
        if order["status"] in ("NEW", "PARTIALLY_FILLED")
    ]


def test_a_foreign_order_blocks_entries_is_told_once_and_is_never_touched(
    spot_bot: BotConfig, spot_hand: Hand, venue: RunningExchange
) -> None:
    name = spot_hand.limit(Side.BUY, "0.001", "50000")

    look(spot_bot)
    look(spot_bot)

    (incident,) = incidents(spot_bot)
    assert (incident.kind, incident.is_blocking, incident.closed_at) == (
        "foreign_order",
        True,
        None,
    )
    assert incident.message == (
        f"An open order on BTCUSDT is not the bot's: BUY 0.001 LIMIT at 50000 ({name})."
    )
    assert incident.account_id == spot_bot.api_key.account_id  # type: ignore[union-attr]
    (block,) = entry_blocks_of_account(state_of(spot_bot))
    assert block.code is DenialCode.FOREIGN
    assert name in block.detail
    assert block.detail.endswith("adopt or dismiss it on the bot's page")
    assert BotEvent.objects.filter(bot=spot_bot, kind=EventKind.INCIDENT).count() == 1
    assert open_at_venue(venue) == [name]
    assert Order.objects.count() == 0


def test_a_foreign_order_that_is_gone_blocks_no_longer_and_blocks_again_when_another_comes(
    spot_bot: BotConfig, spot_hand: Hand
) -> None:
    name = spot_hand.limit(Side.BUY, "0.001", "50000")
    look(spot_bot)
    spot_hand.gateway.cancel_order("BTCUSDT", name)

    look(spot_bot)
    assert entry_blocks_of_account(state_of(spot_bot)) == ()
    assert [one.resolution for one in incidents(spot_bot)] == ["gone"]

    spot_hand.limit(Side.BUY, "0.001", "50000")
    look(spot_bot)
    assert [one.resolution for one in incidents(spot_bot)] == ["gone", ""]


def test_a_look_without_the_open_orders_concludes_nothing_from_their_absence(
    spot_bot: BotConfig, spot_hand: Hand
) -> None:
    spot_hand.limit(Side.BUY, "0.001", "50000")
    look(spot_bot)

    look(spot_bot, is_forced=False)

    assert incidents(spot_bot)[0].closed_at is None


def test_a_dismissed_order_stays_dismissed_although_it_still_rests(
    spot_bot: BotConfig, spot_hand: Hand, trader: User
) -> None:
    spot_hand.limit(Side.BUY, "0.001", "50000")
    look(spot_bot)
    (incident,) = incidents(spot_bot)

    with pytest.raises(BotError, match="Say in a few words"):
        dismiss_incident(incident.pk, actor=trader, note="  ")
    dismiss_incident(incident.pk, actor=trader, note="My own ladder.")
    look(spot_bot)

    (again,) = incidents(spot_bot)
    assert (again.resolution, again.note, again.closed_by) == (
        "dismissed",
        "My own ladder.",
        trader,
    )
    assert again.last_seen_at is not None
    assert incident.last_seen_at is not None
    assert again.last_seen_at > incident.last_seen_at
    assert entry_blocks_of_account(state_of(spot_bot)) == ()
    kinds = list(BotEvent.objects.filter(bot=spot_bot).values_list("kind", flat=True))
    assert kinds.count(EventKind.INCIDENT) == kinds.count(EventKind.INCIDENT_CLOSED) == 1
    with pytest.raises(BotError, match="closed already: dismissed by a person"):
        dismiss_incident(incident.pk, actor=trader, note="Again.")


def test_an_order_with_an_id_like_ours_but_no_row_is_foreign(
    spot_bot: BotConfig, spot_hand: Hand
) -> None:
    name = f"tb{settings.INSTALLATION_ID}-1t-zz-e1"
    spot_hand.limit(Side.BUY, "0.001", "50000", name=name)

    look(spot_bot)

    (incident,) = incidents(spot_bot)
    assert "has an id like ours but no row" in incident.message


def test_an_adopted_buy_is_followed_and_becomes_the_bots_position(
    spot_bot: BotConfig, spot_hand: Hand, venue: RunningExchange, trader: User
) -> None:
    name = spot_hand.limit(Side.BUY, "0.001", "50000")
    look(spot_bot)

    adopt_incident(incidents(spot_bot)[0].pk, actor=trader)

    order = Order.objects.get()
    assert (order.client_order_id, order.leg, order.status) == (name, "e", "open")
    assert (order.intent_reason, order.actor) == ("adopted", trader)
    assert (order.price, order.reserve) == (Decimal(50000), Decimal(50))
    assert incidents(spot_bot)[0].resolution == "adopted"

    venue.set_price("BTCUSDT", "49900")
    let_time_pass(venue)
    look(spot_bot)
    state = state_of(spot_bot)
    assert (state.in_position, state.entry_price) == (True, Decimal(50000))
    assert entry_blocks_of_account(state) == ()
    assert len(incidents(spot_bot)) == 1


def test_a_sale_that_would_close_nothing_cannot_be_adopted(
    spot_bot: BotConfig, spot_hand: Hand, trader: User
) -> None:
    spot_hand.market(Side.BUY, "0.01")
    spot_hand.limit(Side.SELL, "0.001", "200000")
    look(spot_bot)

    with pytest.raises(BotError, match="holds nothing that the order could close"):
        adopt_incident(incidents(spot_bot)[0].pk, actor=trader)

    assert Order.objects.count() == 0
    assert incidents(spot_bot)[0].closed_at is None


def test_a_sale_above_the_position_becomes_its_target_unless_it_is_larger(
    spot_bot: BotConfig, spot_hand: Hand, trader: User
) -> None:
    trade(spot_bot, Side.BUY, "0.002")
    spot_hand.market(Side.BUY, "0.01")
    spot_hand.limit(Side.SELL, "0.001", "200000")
    spot_hand.limit(Side.SELL, "0.005", "201000")
    look(spot_bot)
    fits, too_large = incidents(spot_bot)

    adopt_incident(fits.pk, actor=trader)
    with pytest.raises(BotError, match=r"over 0\.005, and the bot holds 0\.001998"):
        adopt_incident(too_large.pk, actor=trader)

    target = Order.objects.get(leg=Leg.TARGET)
    assert (target.status, target.quantity, target.intent_reason) == (
        "open",
        Decimal("0.001"),
        "adopted",
    )


def test_an_order_that_was_canceled_meanwhile_cannot_be_adopted(
    spot_bot: BotConfig, spot_hand: Hand, trader: User
) -> None:
    name = spot_hand.limit(Side.BUY, "0.001", "50000")
    look(spot_bot)
    spot_hand.gateway.cancel_order("BTCUSDT", name)

    with pytest.raises(BotError, match="not open at the venue any more"):
        adopt_incident(incidents(spot_bot)[0].pk, actor=trader)

    assert Order.objects.count() == 0


def test_the_orders_of_another_bot_of_the_account_are_not_foreign(
    spot_bot: BotConfig, spot_hand: Hand, make_bot: object, trader: User
) -> None:
    assert callable(make_bot)
    other = make_bot("Other")
    spot_hand.limit(Side.BUY, "0.001", "50000")
    look(other)
    adopt_incident(incidents(other)[0].pk, actor=trader)

    look(spot_bot)

    assert incidents(spot_bot) == []


def test_a_foreign_algo_order_is_found_adopted_as_stop_and_followed(
    futures_bot: BotConfig, trader: User
) -> None:
    assert futures_bot.api_key is not None
    trade(futures_bot, Side.BUY, "0.002")
    gateway = futures_gateway_for(futures_bot.api_key)
    request = AlgoOrderRequest(
        symbol="BTCUSDT",
        side=Side.SELL,
        type=AlgoOrderType.STOP_MARKET,
        client_order_id="web_stop",
        signed_at_ms=gateway.signing_time_ms(),
        recv_window_ms=5000,
        closes_position=True,
        trigger_price=Decimal(60000),
    )
    gateway.place_algo_order(request, permit=gateway.permit_orders())

    look(futures_bot)
    (incident,) = incidents(futures_bot)
    assert incident.message == (
        "An open order on BTCUSDT is not the bot's: SELL all STOP_MARKET at 60000 (web_stop)."
    )

    adopt_incident(incident.pk, actor=trader)
    look(futures_bot)
    stop = Order.objects.get(client_order_id="web_stop")
    assert (stop.leg, stop.route, stop.status) == ("s", "algo", "open")
    assert (stop.quantity, stop.trigger_price) == (Decimal("0.002"), Decimal(60000))
    assert entry_blocks_of_account(state_of(futures_bot)) == ()


def test_a_start_is_told_of_foreign_orders_by_one_look(
    spot_bot: BotConfig, spot_hand: Hand
) -> None:
    gateway = open_gateway(spot_bot)
    assert look_at_start(state_of(spot_bot), gateway=gateway) == ()
    spot_hand.limit(Side.BUY, "0.001", "50000")

    (block,) = look_at_start(state_of(spot_bot), gateway=gateway)

    assert block.code is DenialCode.FOREIGN
