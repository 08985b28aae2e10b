"""What cannot be told of an order: asked again soon, an alarm when it lasts, no bar to an exit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import User
from bots.engine.reconciliation import LATE_AFTER_MS, VISIBILITY_MARGIN_MS
from bots.engine.showing import RETRY_AFTER, wait_after_failure
from bots.engine.tick import run_tick
from bots.engine.venue import is_futures, open_gateway
from bots.journal import close_incident
from bots.models import BotConfig, BotEvent, BotState, Incident, Order, Resolution
from bots.services import close_position
from bots.tests.engine.placing import BUY, PAIR, STOP, Desk, age_all, statuses
from exchange.demo.testing import RunningExchange
from exchange.domain.futures_setup import set_up_symbol

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

OCO = "POST /api/v3/orderList/oco"
NOT_FOUND: dict[str, Any] = {
    "when": "before",
    "action": "error",
    "status": 400,
    "code": -2013,
    "times": None,
}
NOW = datetime(2026, 1, 1, tzinfo=UTC)
HELD = PAIR[0].quantity * 9 / 10  # what can be sold of a purchase whose fee was taken from it


@pytest.fixture
def desk(bot: BotConfig, venue: RunningExchange) -> Desk:
    """Return a spot bot that has bought, in a market that stands at 100000."""
    venue.set_price("BTCUSDT", "100000")
    desk = Desk(bot)
    desk.place(BUY)
    return desk


@pytest.fixture
def futures_desk(bot: BotConfig, venue: RunningExchange) -> Desk:
    """Return a futures bot without a position."""
    venue.set_price("BTCUSDT", "100000")
    BotConfig.objects.filter(pk=bot.pk).update(position_type="futures", stop_loss_perc=2)
    desk = Desk(bot)
    gateway = open_gateway(desk.bot)
    assert is_futures(gateway)
    set_up_symbol(gateway, "BTCUSDT", leverage=10)
    return desk


def _lost_pair(desk: Desk, venue: RunningExchange) -> list[Order]:
    venue.set_fault(endpoint=OCO, when="after", action="drop", times=1)
    return desk.place(*(replace(each, quantity=HELD) for each in PAIR), slot=2)


def test_orders_of_a_list_that_the_venue_knows_and_never_shows_become_an_alarm(
    desk: Desk, venue: RunningExchange
) -> None:
    _lost_pair(desk, venue)
    venue.set_fault(endpoint="GET /api/v3/order", **NOT_FOUND)
    age_all(by_ms=5000 + VISIBILITY_MARGIN_MS)
    for _ in range(3):
        assert not desk.reconcile().settled
    assert not Incident.objects.exists()
    age_all(by_ms=LATE_AFTER_MS)
    assert not desk.reconcile().settled
    messages = list(Incident.objects.values_list("message", flat=True))
    assert len(messages) == 2
    assert all("knows the list that it is of" in each for each in messages)
    assert set(Order.objects.filter(slot=2).values_list("status", flat=True)) == {"unknown"}

    venue.clear_faults()
    assert desk.reconcile().settled
    assert statuses() == {"e": "filled", "s": "open", "t": "open"}
    assert {each.resolution for each in Incident.objects.all()} == {"gone"}


def test_an_order_of_a_list_that_was_seen_once_is_never_given_up_as_never_placed(
    desk: Desk, venue: RunningExchange
) -> None:
    stop, target = _lost_pair(desk, venue)
    Order.objects.filter(pk=target.pk).update(status="canceled", venue_order_id="77")
    age_all(by_ms=LATE_AFTER_MS + VISIBILITY_MARGIN_MS)
    venue.set_fault(endpoint="GET /api/v3/order", **NOT_FOUND)
    venue.set_fault(endpoint="GET /api/v3/orderList", **NOT_FOUND)
    for _ in range(4):
        assert not desk.reconcile().settled
    stop.refresh_from_db()
    assert (stop.status, stop.not_found_looks) == ("unknown", 0)

    close_incident(Incident.objects.get(), Resolution.DISMISSED)
    assert desk.reconcile().settled
    stop.refresh_from_db()
    assert (stop.status, stop.closed_reason) == ("expired", "given up")


def test_a_stop_that_one_stale_look_did_not_show_is_in_doubt_until_the_next_one_shows_it(
    desk: Desk, venue: RunningExchange
) -> None:
    (stop,) = desk.place(replace(STOP, quantity=HELD), slot=2)
    looked = "GET /api/v3/openOrders"
    venue.set_fault(endpoint=looked, when="before", action="status", status=200, body="[]", times=1)
    venue.set_fault(endpoint="GET /api/v3/order", **NOT_FOUND | {"times": 1})
    assert not desk.reconcile().settled
    stop.refresh_from_db()
    assert (stop.status, stop.not_found_looks) == ("open", 1)
    assert desk.reconcile().settled
    stop.refresh_from_db()
    assert (stop.status, stop.not_found_looks) == ("open", 0)
    assert not Incident.objects.exists()


def test_an_order_that_was_taken_and_cannot_be_asked_about_is_a_question_and_no_failure(
    futures_desk: Desk, venue: RunningExchange
) -> None:
    trades = "GET /fapi/v1/userTrades"
    venue.set_fault(endpoint=trades, when="before", action="status", status=503, times=None)
    (order,) = futures_desk.place(BUY)
    assert order.status == "unknown"
    assert BotEvent.objects.filter(kind="order_unknown").count() == 1
    venue.clear_faults()
    assert futures_desk.reconcile().settled
    order.refresh_from_db()
    assert (order.status, order.filled_quantity) == ("filled", BUY.quantity)


def test_a_cancel_that_cannot_be_asked_about_leaves_its_order_in_doubt_and_fails_nothing(
    desk: Desk, venue: RunningExchange
) -> None:
    (stop,) = desk.place(replace(STOP, quantity=HELD), slot=2)
    trades = "GET /api/v3/myTrades"
    venue.set_fault(endpoint=trades, when="before", action="status", status=503, times=None)
    assert not desk.cancel(stop)
    stop.refresh_from_db()
    assert stop.status == "open"
    assert stop.message.startswith("A cancel was sent")
    venue.clear_faults()
    assert desk.reconcile().settled
    stop.refresh_from_db()
    assert stop.status == "canceled"


def _in_doubt(desk: Desk, venue: RunningExchange) -> None:
    """Let the position rest with stops that the venue does not show any more."""
    run_tick(desk.bot.pk)
    assert Order.objects.get(leg="s").status == "open"
    for asked in ("GET /fapi/v1/algoOrder", "GET /api/v3/order"):
        venue.set_fault(endpoint=asked, **NOT_FOUND)
    for looked in ("GET /fapi/v1/openAlgoOrders", "GET /api/v3/openOrders"):
        venue.set_fault(
            endpoint=looked, when="before", action="status", status=200, body="[]", times=None
        )
    run_tick(desk.bot.pk)
    assert not BotState.objects.get().bot.orders.filter(leg="x").exists()


@pytest.mark.parametrize("is_stopped", [False, True], ids=["running", "stopped"])
def test_a_futures_position_is_closed_for_a_person_beside_a_stop_in_doubt(
    futures_desk: Desk, venue: RunningExchange, trader: User, *, is_stopped: bool
) -> None:
    futures_desk.place(BUY)
    _in_doubt(futures_desk, venue)
    if is_stopped:
        BotConfig.objects.update(is_active=False)
    close_position(bot_id=futures_desk.bot.pk, actor=trader)
    run_tick(futures_desk.bot.pk)
    close = Order.objects.get(leg="x")
    assert (close.status, close.reduces_only) == ("filled", True)
    state = BotState.objects.get()
    assert not state.in_position
    assert state.close_requested_at is None


def test_a_close_beside_a_stop_in_doubt_is_tried_once(
    futures_desk: Desk, venue: RunningExchange, trader: User
) -> None:
    futures_desk.place(BUY)
    _in_doubt(futures_desk, venue)
    place = "POST /fapi/v1/order"
    venue.set_fault(
        endpoint=place, when="before", action="error", status=400, code=-2022, times=None
    )
    close_position(bot_id=futures_desk.bot.pk, actor=trader)
    for _ in range(3):
        run_tick(futures_desk.bot.pk)
    assert [order.status for order in Order.objects.filter(leg="x")] == ["rejected"]
    assert BotState.objects.get().close_requested_at is not None


def test_a_spot_position_whose_stop_is_in_doubt_may_have_been_sold_and_is_not_sold_twice(
    desk: Desk, venue: RunningExchange, trader: User
) -> None:
    BotConfig.objects.update(stop_loss_perc=2)
    _in_doubt(desk, venue)
    close_position(bot_id=desk.bot.pk, actor=trader)
    run_tick(desk.bot.pk)
    assert not Order.objects.filter(leg="x").exists()

    venue.clear_faults()
    run_tick(desk.bot.pk)
    assert Order.objects.get(leg="x").status == "filled"


@pytest.mark.parametrize(
    ("check", "in_position", "claimed", "due"),
    [
        (3600, False, None, timedelta(minutes=5)),
        (60, False, None, timedelta(seconds=60)),
        (3600, True, None, RETRY_AFTER),
        (30, True, None, timedelta(seconds=30)),
        # Claimed a minute later, while the bot itself could not read the time.
        (3600, True, timedelta(minutes=6), timedelta(minutes=1) + RETRY_AFTER),
        (60, False, timedelta(minutes=6), timedelta(minutes=6)),
    ],
)
def test_a_turn_that_failed_is_repeated_before_the_next_kline_is_missed(
    check: int, claimed: timedelta | None, due: timedelta, *, in_position: bool
) -> None:
    bot = BotConfig(timeframe="5m", check_interval_seconds=check)
    state = BotState(bot=bot, in_position=in_position, last_market_time=NOW)
    wait_after_failure(state, now=NOW, claimed=None if claimed is None else NOW + claimed)
    assert state.next_due_at == NOW + due
