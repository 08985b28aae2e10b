"""What a futures bot sets up at the venue before it opens, over HTTP against the demo exchange."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bots import journal
from bots.domain.decide import decide
from bots.domain.decision import Intent, IntentReason, Leg
from bots.domain.tests.builders import ENTRY, futures_snapshot, holding
from bots.engine.execution import submit_orders
from bots.engine.leverage import prepare_entry
from bots.engine.tick import run_tick
from bots.locks import bot_lock
from bots.models import BotConfig, BotEvent, BotState, EventKind, Order, OrderSource, Tick
from bots.services import start_bot
from bots.tests.engine.conftest import AT_BUY, GoTo
from exchange.demo.testing import RunningExchange
from exchange.domain.types import Side
from exchange.registry import futures_gateway_for

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
    assert Order.objects.count() == 0
    state = BotState.objects.get(pk=futures_bot.pk)
    assert (state.leverage_reported, state.in_position) == (20, False)
    refusal = "Did not buy: BTCUSDT has leverage 20 at the venue, above the 10 configured."
    assert state.last_sentence == Tick.objects.get().sentence == refusal
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


@pytest.mark.parametrize(
    ("endpoint", "code", "answer"),
    [
        ("GET /fapi/v1/symbolConfig", -1001, "Price data not available"),
        ("POST /fapi/v1/marginType", -1003, "Price data not available"),
        ("POST /fapi/v1/leverage", -1003, "Price data not available"),
        ("POST /fapi/v1/leverage", -2015, "Refused by the venue"),
    ],
)
def test_no_order_is_written_down_when_the_venue_does_not_say_how_the_symbol_is_set_up(
    futures_bot: BotConfig,
    go_to: GoTo,
    venue: RunningExchange,
    endpoint: str,
    code: int,
    answer: str,
) -> None:
    venue.set_fault(endpoint=endpoint, action="error", code=code, times=None)
    go_to(AT_BUY)

    assert run_tick(futures_bot.pk) == answer

    assert Order.objects.count() == 0
    assert f"code {code}" in Tick.objects.get().error
    assert venue.ledger()["futures_orders"] == []
    assert BotState.objects.get(pk=futures_bot.pk).leverage_reported is None


def test_after_a_read_that_failed_once_the_same_signal_is_traded(
    futures_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    venue.set_fault(endpoint="GET /fapi/v1/symbolConfig", action="error", code=-1001, times=None)
    go_to(AT_BUY)
    run_tick(futures_bot.pk)
    venue.clear_faults()

    assert run_tick(futures_bot.pk) == "Done"

    assert [one["status"] for one in venue.ledger()["futures_orders"]] == ["FILLED"]


def test_a_lost_answer_counts_as_what_the_venue_then_reports(
    futures_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    venue.set_fault(endpoint="POST /fapi/v1/marginType", when="after", action="drop")
    venue.set_fault(endpoint="POST /fapi/v1/leverage", when="after", action="drop")
    go_to(AT_BUY)

    assert run_tick(futures_bot.pk) == "Done"

    assert [one["status"] for one in venue.ledger()["futures_orders"]] == ["FILLED"]
    assert BotState.objects.get(pk=futures_bot.pk).leverage_reported == 10


def test_a_refused_entry_is_told_once_and_its_signal_stands(
    futures_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    refuse_leverage(venue)
    for tick in range(4):
        go_to(AT_BUY + timedelta(seconds=15 * tick))
        run_tick(futures_bot.pk)

    assert Order.objects.count() == 0
    assert len(events_about_leverage(futures_bot)) == 1
    assert Tick.objects.get().repeats == 4
    venue.clear_faults()
    run_tick(futures_bot.pk)
    assert [one["status"] for one in venue.ledger()["futures_orders"]] == ["FILLED"]


def test_margin_that_cannot_be_isolated_is_never_traded_with(
    futures_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    venue.set_fault(endpoint="POST /fapi/v1/marginType", action="error", code=-4047)
    go_to(AT_BUY)

    run_tick(futures_bot.pk)

    assert venue.ledger()["futures_orders"] == []
    assert Order.objects.count() == 0
    sentence = BotState.objects.get(pk=futures_bot.pk).last_sentence
    assert sentence == "Did not buy: BTCUSDT is margined CROSSED, not ISOLATED."
    (event,) = events_about_leverage(futures_bot)
    assert "margin type ISOLATED was asked for, CROSSED is reported" in event.message
    assert "-4047" in event.message


def test_of_the_most_that_may_be_configured_fifty_is_asked_for(
    futures_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    BotConfig.objects.filter(pk=futures_bot.pk).update(leverage=125)
    go_to(AT_BUY)

    run_tick(futures_bot.pk)

    assert futures_bot.api_key is not None
    config = futures_gateway_for(futures_bot.api_key).symbol_config("BTCUSDT")
    assert config.leverage == BotState.objects.get(pk=futures_bot.pk).leverage_reported == 50


def test_in_hedge_mode_nothing_is_changed_and_nothing_traded(
    futures_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    assert futures_bot.api_key is not None
    gateway = futures_gateway_for(futures_bot.api_key)
    gateway.set_hedge_mode(is_on=True)
    go_to(AT_BUY)

    run_tick(futures_bot.pk)

    assert venue.ledger()["futures_orders"] == []
    assert Order.objects.count() == 0
    assert "hedge mode" in BotState.objects.get(pk=futures_bot.pk).last_sentence
    config = gateway.symbol_config("BTCUSDT")
    assert (config.margin_type, config.leverage) == ("CROSSED", 20)


def test_setting_up_costs_two_requests_more_once_everything_is_so(
    futures_bot: BotConfig, venue: RunningExchange
) -> None:
    state = BotState.objects.select_related("bot__api_key__account").get(pk=futures_bot.pk)
    assert state.bot.api_key is not None
    gateway = futures_gateway_for(state.bot.api_key)
    now = futures_snapshot(ENTRY)
    gateway.symbol_config("BTCUSDT")  # the clock is measured
    counted: list[str] = []
    session = gateway._calls.client.session  # type: ignore[attr-defined]
    session.hooks["response"].append(
        lambda response, **_: counted.append(f"{response.request.method} {response.url}")
    )
    try:
        prepare_entry(state, now, decide(now), gateway=gateway)
        assert [_path(one) for one in counted] == [
            "GET accountConfig",
            "GET symbolConfig",
            "POST marginType",
            "POST leverage",
        ]
        counted.clear()
        prepare_entry(state, now, decide(now), gateway=gateway)
        assert [_path(one) for one in counted] == ["GET accountConfig", "GET symbolConfig"]
        counted.clear()
        held = replace(now, position=holding())
        prepare_entry(state, held, decide(held), gateway=gateway)
        assert counted == []
    finally:
        session.hooks["response"].pop()
    assert len(events_about_leverage(futures_bot)) == 1


def _path(asked: str) -> str:
    method, url = asked.split()
    return f"{method} {url.split('?')[0].rsplit('/', 1)[-1]}"


def test_what_closes_a_futures_position_is_sent_reduce_only(
    futures_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    run_tick(futures_bot.pk)
    assert futures_bot.api_key is not None
    gateway = futures_gateway_for(futures_bot.api_key)
    bought = Order.objects.get()
    exits = journal.record_intents(
        BotConfig.objects.select_related("api_key").get(pk=futures_bot.pk),
        [
            Intent(
                leg=Leg.EXIT,
                side=Side.SELL,
                quantity=bought.quantity,
                reason=IntentReason.EXIT_SIGNAL,
                reduces_only=True,
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


def test_an_entry_whose_executions_cannot_be_read_is_adopted_and_never_sent_again(
    futures_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    # The reply to a futures order carries none: between it and them anything may happen.
    venue.set_fault(endpoint="GET /fapi/v1/userTrades", action="error", code=-1001, times=None)
    go_to(AT_BUY)
    run_tick(futures_bot.pk)

    order = Order.objects.get()
    assert order.status in {"sent", "unknown"}
    assert not order.fills.exists()
    assert not BotState.objects.get(pk=futures_bot.pk).in_position

    venue.clear_faults()
    run_tick(futures_bot.pk)

    order.refresh_from_db()
    assert order.status == "filled"
    (placed,) = venue.ledger()["futures_orders"]
    assert placed["clientOrderId"] == order.client_order_id
    state = BotState.objects.get(pk=futures_bot.pk)
    assert (state.in_position, state.current_position_size_coins) == (True, order.quantity)
    assert order.filled_quote_quantity == Decimal(placed["cumQuote"])
