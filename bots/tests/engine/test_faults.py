"""Promises 2 and 3: at most one order per intent, whatever is lost on the way."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest

from bots.engine.reconciliation import VISIBILITY_MARGIN_MS
from bots.engine.tick import run_tick
from bots.models import BotConfig, BotEvent, BotState, EventKind, Fill, Order
from bots.services import stop_bot
from bots.tests.engine.conftest import AT_BUY, AT_SELL, GoTo
from exchange.demo.testing import RunningExchange

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
    assert kinds[-2:] == [EventKind.ORDER_UNKNOWN, EventKind.ORDER_ADOPTED]


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
    venue.set_fault(endpoint="GET /api/v3/myTrades", when="before", action="drop", times=1)
    assert run_tick(started_bot.pk) == "Price data not available"
    assert Order.objects.get().status == "unknown"
    assert Fill.objects.count() == 0
    run_tick(started_bot.pk)
    assert Order.objects.get().status == "filled"
    bought = sum((fill.quantity for fill in Fill.objects.all()), Decimal(0))
    assert bought == Order.objects.get().filled_quantity


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
