"""What a futures bot sets up at the venue before it opens, over HTTP against the demo exchange."""

from __future__ import annotations

import logging
from decimal import Decimal

import pytest

from bots import journal
from bots.domain.decision import Intent, IntentReason, Leg
from bots.engine.execution import submit_orders
from bots.engine.tick import run_tick
from bots.locks import bot_lock
from bots.models import BotConfig, BotEvent, BotState, EventKind, Order, OrderSource
from bots.services import start_bot
from bots.tests.engine.conftest import AT_BUY, GoTo
from exchange.demo.testing import RunningExchange
from exchange.domain.types import Market, Side
from exchange.registry import futures_gateway_for, gateway_for

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


@pytest.fixture
def futures_bot(bot: BotConfig) -> BotConfig:
    """Return a started futures bot; the forms do not offer one yet."""
    BotConfig.objects.filter(pk=bot.pk).update(position_type="futures", leverage=10)
    return start_bot(bot_id=bot.pk, actor=None)


def events_about_leverage(bot: BotConfig) -> list[BotEvent]:
    return list(BotEvent.objects.filter(bot=bot, kind=EventKind.LEVERAGE))


def refuse_leverage(venue: RunningExchange) -> None:
    venue.set_fault(
        endpoint="POST /fapi/v1/leverage",
        action="error",
        code=-4161,
        message="Leverage reduction is not supported in Isolated Margin Mode with open positions.",
        times=None,
    )


def test_an_entry_sets_isolated_margin_and_the_configured_leverage_first(
    futures_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)

    run_tick(futures_bot.pk)

    (order,) = venue.ledger()["futures_orders"]
    assert (order["side"], order["status"], order["reduceOnly"]) == ("BUY", "FILLED", False)
    assert futures_bot.api_key is not None
    config = futures_gateway_for(futures_bot.api_key).symbol_config("BTCUSDT")
    assert (config.margin_type, config.leverage) == ("ISOLATED", 10)
    assert BotState.objects.get(pk=futures_bot.pk).leverage_reported == 10
    (event,) = events_about_leverage(futures_bot)
    assert event.message == "BTCUSDT: leverage 10 at the venue, 10 wanted, ISOLATED margin."


def test_a_venue_that_keeps_a_higher_leverage_gets_no_order_and_the_bot_says_so(
    futures_bot: BotConfig, go_to: GoTo, venue: RunningExchange, caplog: pytest.LogCaptureFixture
) -> None:
    refuse_leverage(venue)
    go_to(AT_BUY)

    with caplog.at_level(logging.WARNING):
        run_tick(futures_bot.pk)

    assert venue.ledger()["futures_orders"] == []
    order = Order.objects.get()
    assert (order.status, order.closed_reason) == ("denied", "set-up refused")
    assert order.message == "BTCUSDT has leverage 20 at the venue, above the 10 configured"
    state = BotState.objects.get(pk=futures_bot.pk)
    assert (state.leverage_reported, state.in_position) == (20, False)
    assert order.message in state.last_sentence
    (event,) = events_about_leverage(futures_bot)
    assert event.data["leverage"] == 20
    assert event.data["wanted"] == 10
    assert "wanted leverage 10, has 20" in caplog.text


def test_a_lower_leverage_than_configured_is_noted_and_traded_with(
    futures_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    assert futures_bot.api_key is not None
    gateway = futures_gateway_for(futures_bot.api_key)
    gateway.set_leverage("BTCUSDT", 5)
    refuse_leverage(venue)
    go_to(AT_BUY)

    run_tick(futures_bot.pk)

    assert [one["status"] for one in venue.ledger()["futures_orders"]] == ["FILLED"]
    assert BotState.objects.get(pk=futures_bot.pk).leverage_reported == 5


def test_what_closes_a_futures_position_is_sent_reduce_only(
    futures_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    run_tick(futures_bot.pk)
    assert futures_bot.api_key is not None
    gateway = gateway_for(futures_bot.api_key, Market.FUTURES)
    bought = Order.objects.get()
    exits = journal.record_intents(
        BotConfig.objects.select_related("api_key").get(pk=futures_bot.pk),
        [
            Intent(
                leg=Leg.EXIT,
                side=Side.SELL,
                quantity=bought.quantity,
                reason=IntentReason.EXIT_SIGNAL,
            )
        ],
        source=OrderSource.MANUAL,
        slot=1,
        signed_at_ms=gateway.signing_time_ms(),
        recv_window_ms=5000,
    )

    with bot_lock(futures_bot.pk):
        submit_orders(exits, gateway=gateway)

    _, sold = venue.ledger()["futures_orders"]
    assert (sold["side"], sold["status"], sold["reduceOnly"]) == ("SELL", "FILLED", True)
    assert Decimal(sold["executedQty"]) == bought.quantity
    assert venue.ledger()["positions"] == []
