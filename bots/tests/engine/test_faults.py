"""Promises 2 and 3: at most one order per intent, whatever is lost on the way."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from bots.engine.reconciliation import VISIBILITY_MARGIN_MS
from bots.engine.schedule import claim_due_bots
from bots.engine.tick import run_tick
from bots.journal import close_incident
from bots.models import (
    BotConfig,
    BotEvent,
    BotState,
    EventKind,
    Fill,
    Incident,
    Order,
    Resolution,
    Trade,
)
from bots.services import start_bot, stop_bot
from bots.tasks import run_bot_task
from bots.tests.engine.conftest import AT_BUY, AT_SELL, GoTo
from bots.tests.engine.placing import BUY, Desk
from conftest import DEMO_KEY, DEMO_SECRET
from exchange.demo.testing import RunningExchange
from exchange.registry import close_gateways

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

PLACE = "POST /api/v3/order"
LOST_AFTER = [
    pytest.param({"action": "drop"}, id="connection cut"),
    pytest.param({"action": "html", "status": 502}, id="502 page"),
    pytest.param({"action": "garbage"}, id="unreadable 200"),
    pytest.param({"action": "error", "status": 400, "code": -1006}, id="-1006"),
    pytest.param({"action": "error", "status": 400, "code": -1007}, id="-1007"),
]


def _state(bot: BotConfig) -> BotState:
    return BotState.objects.get(pk=bot.pk)


def _age(order: Order, *, by_ms: int) -> None:
    """Let an order look as if it had been signed earlier."""
    Order.objects.filter(pk=order.pk).update(signed_at_ms=order.signed_at_ms - by_ms)


@pytest.mark.parametrize("fault", LOST_AFTER)
def test_an_order_whose_answer_was_lost_is_adopted_and_not_sent_again(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange, fault: dict[str, Any]
) -> None:
    go_to(AT_BUY)
    venue.set_fault(endpoint=PLACE, when="after", times=1, **fault)
    run_tick(started_bot.pk)
    assert Order.objects.get().status == "unknown"
    assert not _state(started_bot).in_position

    run_tick(started_bot.pk)
    order = Order.objects.get()
    assert order.status == "filled"
    assert len(venue.ledger()["orders"]) == 1
    assert Fill.objects.count() == len(venue.ledger()["fills"])
    assert _state(started_bot).in_position
    kinds = list(BotEvent.objects.order_by("id").values_list("kind", flat=True))
    assert kinds[-3:] == [EventKind.ORDER_UNKNOWN, EventKind.ORDER_ADOPTED, EventKind.TRADED]


def test_an_order_that_never_arrived_stays_unknown_until_the_venue_can_no_longer_take_it(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    venue.set_fault(endpoint=PLACE, when="before", action="drop", times=1)
    run_tick(started_bot.pk)
    for _ in range(3):
        run_tick(started_bot.pk)
    (order,) = Order.objects.all()
    assert (order.status, order.not_found_looks) == ("unknown", 0)
    assert "has not said yet" in _state(started_bot).last_sentence
    assert venue.ledger()["orders"] == []

    _age(order, by_ms=order.recv_window_ms + VISIBILITY_MARGIN_MS)
    run_tick(started_bot.pk)
    assert Order.objects.get().status == "unknown"  # the first of two looks
    run_tick(started_bot.pk)
    first, second = Order.objects.order_by("id")
    assert (first.status, first.closed_reason) == ("expired", "never placed")
    # The bot decided anew on the same kline, under a new name.
    assert second.status == "filled"
    assert second.client_order_id != first.client_order_id
    assert [o["clientOrderId"] for o in venue.ledger()["orders"]] == [second.client_order_id]


def test_a_venue_that_cannot_be_asked_never_ends_an_unknown_order(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    venue.set_fault(endpoint=PLACE, when="after", action="drop", times=1)
    run_tick(started_bot.pk)
    _age(Order.objects.get(), by_ms=10 * 60_000)
    venue.set_fault(endpoint="GET /api/v3/order", when="before", action="drop", times=None)
    for _ in range(3):
        assert run_tick(started_bot.pk) == "Price data not available"
    order = Order.objects.get()
    assert (order.status, order.not_found_looks) == ("unknown", 0)
    venue.clear_faults()
    run_tick(started_bot.pk)
    assert Order.objects.get().status == "filled"
    assert len(venue.ledger()["orders"]) == 1


def test_a_lost_exit_is_wanted_again_when_it_proves_never_to_have_arrived(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    run_tick(started_bot.pk)
    go_to(AT_SELL)
    venue.set_fault(endpoint=PLACE, when="before", action="drop", times=1)
    run_tick(started_bot.pk)
    lost = Order.objects.latest("id")
    assert (lost.leg, lost.status) == ("x", "unknown")
    _age(lost, by_ms=lost.recv_window_ms + VISIBILITY_MARGIN_MS)
    run_tick(started_bot.pk)
    run_tick(started_bot.pk)
    assert [o["side"] for o in venue.ledger()["orders"]] == ["BUY", "SELL"]
    assert not _state(started_bot).in_position


def test_a_refused_timestamp_is_signed_anew_once_on_the_same_order(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    venue.set_fault(endpoint=PLACE, when="before", action="error", code=-1021, times=1)
    run_tick(started_bot.pk)
    order = Order.objects.get()
    assert (order.status, order.resigned) == ("filled", True)
    assert [o["clientOrderId"] for o in venue.ledger()["orders"]] == [order.client_order_id]


def test_a_timestamp_that_is_refused_twice_is_not_sent_a_third_time(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    venue.set_fault(endpoint=PLACE, when="before", action="error", code=-1021, times=None)
    run_tick(started_bot.pk)
    order = Order.objects.get()
    assert (order.status, order.closed_reason) == ("rejected", "not delivered")
    assert [fault["hits"] for fault in venue.faults()] == [2]
    assert venue.ledger()["orders"] == []


def test_an_order_that_the_venue_rejects_is_not_tried_again_on_the_same_kline(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    venue.set_fault(
        endpoint=PLACE,
        when="before",
        action="error",
        status=400,
        code=-1013,
        message="Filter failure: NOTIONAL",
        times=None,
    )
    for _ in range(3):
        run_tick(started_bot.pk)
    order = Order.objects.get()
    assert (order.status, order.closed_reason) == ("rejected", "code -1013")
    assert "NOTIONAL" in order.message


def test_an_order_found_intended_is_closed_and_never_sent(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    run_tick(started_bot.pk)
    filled = Order.objects.get()
    filled.pk, filled.slot, filled.client_order_id = None, filled.slot + 1, "tbtest-left-behind"
    filled.status, filled.sent_at, filled.venue_order_id = "intended", None, ""
    filled.save(force_insert=True)
    run_tick(started_bot.pk)
    left = Order.objects.get(client_order_id="tbtest-left-behind")
    assert (left.status, left.closed_reason, left.sent_at) == ("denied", "never sent", None)
    assert len(venue.ledger()["orders"]) == 1


def test_fills_that_the_reply_did_not_carry_are_fetched_before_the_order_counts_as_filled(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    venue.set_fault(endpoint=PLACE, when="after", action="drop", times=1)
    run_tick(started_bot.pk)
    always = settings.BINANCE_RETRY_MAX_ATTEMPTS
    venue.set_fault(endpoint="GET /api/v3/myTrades", when="before", action="drop", times=always)
    assert run_tick(started_bot.pk) == "Price data not available"
    assert Order.objects.get().status == "unknown"
    assert Fill.objects.count() == 0
    run_tick(started_bot.pk)
    assert Order.objects.get().status == "filled"
    bought = sum((fill.quantity for fill in Fill.objects.all()), Decimal(0))
    assert bought == Order.objects.get().filled_quantity


def test_an_order_is_not_given_up_within_the_margin_that_the_two_clocks_may_differ(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    venue.set_fault(endpoint=PLACE, when="before", action="drop", times=1)
    run_tick(started_bot.pk)
    order = Order.objects.get()
    _age(order, by_ms=order.recv_window_ms + VISIBILITY_MARGIN_MS - 5000)
    run_tick(started_bot.pk)
    assert (Order.objects.get().status, Order.objects.get().not_found_looks) == ("unknown", 0)


def test_an_order_that_the_venue_has_shown_once_is_never_given_up(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    venue.set_fault(endpoint=PLACE, when="before", action="drop", times=1)
    run_tick(started_bot.pk)
    _age(Order.objects.get(), by_ms=10 * 60_000)
    Order.objects.update(status="partially_filled")
    for _ in range(3):
        run_tick(started_bot.pk)
    order = Order.objects.get()
    assert (order.status, order.not_found_looks) == ("partially_filled", 3)
    assert "has not said yet" in _state(started_bot).last_sentence
    assert not Incident.objects.exists()  # replies may lag behind
    for _ in range(3):
        run_tick(started_bot.pk)
    assert Order.objects.get().status == "partially_filled"
    incident = Incident.objects.get()
    assert (incident.kind, incident.key) == ("order_trouble", order.client_order_id)
    assert "does not find it any more" in incident.message
    assert venue.ledger()["orders"] == []


def test_an_order_that_nobody_can_tell_of_ends_when_a_person_says_so(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    venue.set_fault(endpoint=PLACE, when="before", action="drop", times=1)
    run_tick(started_bot.pk)
    Order.objects.update(status="open")
    for _ in range(5):
        run_tick(started_bot.pk)
    close_incident(Incident.objects.get(), Resolution.DISMISSED, note="canceled by hand")
    run_tick(started_bot.pk)
    lost = Order.objects.order_by("id")[0]
    assert (lost.status, lost.closed_reason) == ("expired", "given up")
    assert Incident.objects.get().resolution == "dismissed"


def test_an_order_whose_executions_lag_behind_is_not_done_before_they_are_all_there(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    venue.set_fault(endpoint=PLACE, when="after", action="drop", times=1)
    run_tick(started_bot.pk)
    trades = "GET /api/v3/myTrades"
    venue.set_fault(endpoint=trades, when="before", action="status", status=200, body="[]")
    run_tick(started_bot.pk)
    assert Order.objects.get().status == "partially_filled"
    assert Fill.objects.count() == 0
    assert "has not said yet" in _state(started_bot).last_sentence
    run_tick(started_bot.pk)
    assert Order.objects.get().status == "filled"
    assert _state(started_bot).in_position
    assert len(venue.ledger()["orders"]) == 1


def test_a_stop_that_comes_while_a_tick_is_under_way_keeps_its_entry_from_being_sent(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange, worker_thread: Any
) -> None:
    go_to(AT_BUY)
    venue.set_fault(endpoint="GET /api/v3/account", when="before", action="delay", seconds=2)
    ticking = worker_thread(lambda: run_tick(started_bot.pk))
    time.sleep(0.7)
    stop_bot(bot_id=started_bot.pk, actor=None)
    ticking.result(timeout=20)
    assert venue.ledger()["orders"] == []
    assert (Order.objects.get().status, Order.objects.get().closed_reason) == (
        "denied",
        "never sent",
    )
    assert _state(started_bot).status == "stopped"
    started_bot.refresh_from_db()
    assert not started_bot.is_active


def _reply(*, status: str, executed: str) -> str:
    """Return what the venue says of a market order that ended at once."""
    fill = {
        "price": "104000.00",
        "qty": executed,
        "commission": "0.00000100",
        "commissionAsset": "BTC",
        "tradeId": 990001,
    }
    order = {
        "symbol": "BTCUSDT",
        "orderId": 990,
        "orderListId": -1,
        "clientOrderId": "as asked",
        "transactTime": int(AT_BUY.timestamp() * 1000),
        "updateTime": int(AT_BUY.timestamp() * 1000),
        "origQty": "0.00950000",
        "executedQty": executed,
        "cummulativeQuoteQty": str(Decimal(executed) * 104000),
        "origQuoteOrderQty": "0.00000000",
        "price": "0.00000000",
        "status": status,
        "timeInForce": "GTC",
        "type": "MARKET",
        "side": "BUY",
        "fills": [fill] if Decimal(executed) else [],
    }
    return json.dumps(order)


def test_a_market_order_that_expires_half_done_is_booked_with_what_it_did(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    body = _reply(status="EXPIRED", executed="0.00400000")
    venue.set_fault(endpoint=PLACE, when="before", action="status", status=200, body=body)
    run_tick(started_bot.pk)
    assert Order.objects.get().status == "expired"
    assert Trade.objects.get().quantity_filled == Decimal("0.004")
    state = _state(started_bot)
    assert state.in_position
    assert state.current_position_size_coins == Decimal("0.003999")
    run_tick(started_bot.pk)
    assert Order.objects.count() == 1


def test_an_order_that_ends_without_a_further_execution_still_becomes_a_trade(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    executed = "0.00400000"
    answers = {"when": "before", "action": "status", "status": 200}
    body = _reply(status="PARTIALLY_FILLED", executed=executed)
    venue.set_fault(endpoint=PLACE, body=body, **answers)
    run_tick(started_bot.pk)
    assert Order.objects.get().status == "partially_filled"
    assert Trade.objects.count() == 0
    assert _state(started_bot).current_position_size_coins == Decimal("0.003999")

    known = {"id": 990001, "price": "104000.00", "qty": executed, "quoteQty": "416.00"}
    paid = {"commission": "0.00000100", "commissionAsset": "BTC"}
    trades = [{**known, **paid, "time": int(AT_BUY.timestamp() * 1000)}]
    venue.set_fault(endpoint="GET /api/v3/myTrades", body=json.dumps(trades), **answers)
    body = _reply(status="EXPIRED", executed=executed)
    venue.set_fault(endpoint="GET /api/v3/order", body=body, **answers)
    run_tick(started_bot.pk)
    assert Order.objects.get().status == "expired"
    assert Trade.objects.get().quantity_filled == Decimal(executed)
    assert Fill.objects.count() == 1


def test_a_market_order_that_expires_unfilled_is_not_tried_again_on_the_same_kline(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    body = _reply(status="EXPIRED", executed="0.00000000")
    venue.set_fault(
        endpoint=PLACE, when="before", action="status", status=200, body=body, times=None
    )
    for _ in range(3):
        run_tick(started_bot.pk)
    assert Order.objects.get().status == "expired"
    assert not _state(started_bot).in_position


def test_while_an_outcome_is_unknown_the_venue_is_asked_without_waiting_for_the_next_check(
    bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    BotConfig.objects.update(check_interval_seconds=3600)
    start_bot(bot_id=bot.pk, actor=None)
    go_to(AT_BUY)
    venue.set_fault(endpoint=PLACE, when="before", action="drop", times=1)
    run_tick(bot.pk)
    run_tick(bot.pk)
    assert "has not said yet" in _state(bot).last_sentence
    assert [claim.bot_id for claim in claim_due_bots(lambda *_: AT_BUY)] == [bot.pk]


def test_an_exit_that_the_venue_refuses_is_wanted_again_but_not_every_second(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    BotConfig.objects.update(check_interval_seconds=3600)
    go_to(AT_BUY)
    run_tick(started_bot.pk)
    go_to(AT_SELL)
    venue.set_fault(
        endpoint=PLACE, when="before", action="error", status=400, code=-2010, times=None
    )
    for second in range(30):
        if claim_due_bots(lambda *_, second=second: AT_SELL + timedelta(seconds=second)):
            run_tick(started_bot.pk)
    assert Order.objects.filter(leg="x").count() == 1
    assert claim_due_bots(lambda *_: AT_SELL + timedelta(seconds=31))
    run_tick(started_bot.pk)
    assert Order.objects.filter(leg="x", status="rejected").count() == 2


def test_a_venue_that_cannot_be_asked_is_not_asked_every_second(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    venue.set_fault(endpoint=PLACE, when="after", action="drop", times=1)
    run_tick(started_bot.pk)
    venue.set_fault(
        endpoint="GET /api/v3/order",
        when="before",
        action="error",
        status=429,
        code=-1003,
        times=None,
    )
    much_later = AT_BUY + timedelta(minutes=10)  # market time goes on, the bot's own stands still
    for _ in range(5):
        if claim_due_bots(lambda *_: much_later):
            run_tick(started_bot.pk)
    assert venue.faults()[1]["hits"] == 1


def test_a_bot_that_starts_while_the_venue_is_down_does_not_ask_every_second(
    started_bot: BotConfig, venue: RunningExchange
) -> None:
    ticker = "GET /api/v3/ticker/24hr"
    venue.set_fault(endpoint=ticker, when="before", action="drop", times=None)
    for _ in range(5):
        if claim_due_bots(lambda *_: None):
            assert run_tick(started_bot.pk) == "Price data not available"
    assert venue.faults()[0]["hits"] == settings.BINANCE_RETRY_MAX_ATTEMPTS  # of one tick
    # As soon as there is a market time again the bot is due.
    assert claim_due_bots(lambda *_: AT_BUY)


def test_a_timestamp_refused_twice_while_reading_heals_by_itself(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    venue.set_fault(
        endpoint="GET /api/v3/account", when="before", action="error", code=-1021, times=2
    )
    run_tick(started_bot.pk)
    assert _state(started_bot).status == "error (price data)"
    assert run_tick(started_bot.pk) == "Done"
    assert _state(started_bot).in_position


def test_a_venue_that_counts_its_trades_anew_is_noticed_instead_of_losing_a_fill(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    run_tick(started_bot.pk)
    account = f"{DEMO_KEY}:{DEMO_SECRET}:USDT=10000"
    with RunningExchange(accounts=[account], is_paused=True, start=AT_BUY) as anew:
        urls = replace(settings.EXCHANGE_URLS["demo"], spot=anew.url, futures=anew.url)
        with override_settings(EXCHANGE_URLS={**settings.EXCHANGE_URLS, "demo": urls}):
            desk = Desk(started_bot)
            (order,) = desk.place(BUY)
            incident = Incident.objects.get()
            assert incident.kind == "order_trouble"
            assert "trade 1 of BTCUSDT is known" in incident.message
            for _ in range(2):
                # The order is not taken for settled, and the bot does not decide.
                assert not desk.reconcile().settled
                assert run_bot_task(started_bot.pk) == "Done"
            order.refresh_from_db()
            assert (order.status, order.filled_quantity) == ("unknown", 0)
            assert (Fill.objects.count(), len(anew.ledger()["orders"])) == (1, 1)
            close_incident(incident, Resolution.DISMISSED, note="the venue was set up anew")
            assert desk.reconcile().settled
            order.refresh_from_db()
            assert (order.status, order.closed_reason) == ("expired", "given up")
            close_gateways()


def test_a_tick_that_ends_after_the_bot_was_switched_off_shows_it_as_stopped(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange, worker_thread: Any
) -> None:
    go_to(AT_BUY)
    venue.set_fault(endpoint="GET /api/v3/account", when="before", action="delay", seconds=1)
    ticking = worker_thread(lambda: run_tick(started_bot.pk))
    time.sleep(0.4)
    # As `stop_bot` leaves it when the tick outlasts its patience.
    BotConfig.objects.update(is_active=False)
    ticking.result(timeout=20)
    assert _state(started_bot).status == "stopped"
    assert venue.ledger()["orders"] == []
