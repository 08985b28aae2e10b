"""Conditional orders of futures: placed once, followed through their child, taken back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from bots.domain.decision import Intent
from bots.engine.reconciliation import FORGOTTEN_AFTER_MS, VISIBILITY_MARGIN_MS
from bots.engine.requests import futures
from bots.journal import close_incident
from bots.models import BotConfig, BotEvent, Fill, Incident, Order, Resolution
from bots.tests.engine.placing import (
    ALGO_STOP,
    ALGO_TARGET,
    BUY,
    SELL,
    SIZE,
    STOP,
    Desk,
    age_all,
    statuses,
)
from exchange.demo.testing import RunningExchange
from exchange.domain.futures_setup import set_up_symbol
from exchange.domain.types import Side

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

PLACE = "POST /fapi/v1/algoOrder"
ASK = "GET /fapi/v1/algoOrder"
LOOK = "GET /fapi/v1/openAlgoOrders"


@pytest.fixture
def desk(bot: BotConfig, venue: RunningExchange) -> Desk:
    """Return a futures bot that is long, in a market that stands at 100000."""
    venue.set_price("BTCUSDT", "100000")
    BotConfig.objects.filter(pk=bot.pk).update(position_type="futures")
    desk = Desk(bot)
    set_up_symbol(futures(desk.gateway), "BTCUSDT", leverage=10)
    (bought,) = desk.place(BUY)
    assert bought.status == "filled"
    return desk


@pytest.fixture
def stop(desk: Desk) -> Order:
    """Return the stop that waits."""
    (order,) = desk.place(ALGO_STOP, slot=2)
    return order


def _moved(venue: RunningExchange, price: int, *, minutes: int = 1) -> None:
    venue.set_price("BTCUSDT", str(price))
    _pass(venue, minutes=minutes)


def _pass(venue: RunningExchange, *, minutes: int) -> None:
    venue.set_clock(market_time=(venue.market_time() + timedelta(minutes=minutes)).isoformat())


def _algos(venue: RunningExchange) -> dict[str, str]:
    return {one["clientAlgoId"]: one["algoStatus"] for one in venue.ledger()["algo_orders"]}


def _again(order: Order) -> Order:
    order.refresh_from_db()
    return order


@pytest.mark.parametrize("intent", [ALGO_STOP, ALGO_TARGET], ids=["stop", "target"])
def test_a_conditional_order_rests_under_its_name(
    desk: Desk, venue: RunningExchange, intent: Intent
) -> None:
    (order,) = desk.place(intent, slot=2)
    assert (order.status, order.route, order.reduces_only) == ("open", "algo", True)
    assert _algos(venue) == {order.client_order_id: "NEW"}
    (truth,) = venue.ledger()["algo_orders"]
    assert truth["reduceOnly"]
    assert truth["workingType"] == ("MARK_PRICE" if intent is ALGO_STOP else "CONTRACT_PRICE")
    view = desk.reconcile()
    assert view.settled
    assert view.open_orders == ()
    assert view.open_algo_orders is not None
    assert [report.client_order_id for report in view.open_algo_orders] == [order.client_order_id]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_conditional_order_whose_answer_was_lost_is_there_once_or_not_at_all(
    desk: Desk, venue: RunningExchange, when: str
) -> None:
    venue.set_fault(endpoint=PLACE, when=when, action="drop", times=1)
    (order,) = desk.place(ALGO_STOP, slot=2)
    assert order.status == "unknown"
    if when == "after":
        assert desk.reconcile().settled
        assert _again(order).status == "open"
        assert len(_algos(venue)) == 1
        return
    assert not desk.reconcile().settled
    age_all(by_ms=5000 + VISIBILITY_MARGIN_MS)
    assert not desk.reconcile().settled
    assert desk.reconcile().settled
    assert (_again(order).status, order.closed_reason) == ("expired", "never placed")
    assert _algos(venue) == {}


def test_a_stop_that_triggers_is_filled_by_its_child(
    desk: Desk, venue: RunningExchange, stop: Order
) -> None:
    _moved(venue, 97_000)
    assert desk.reconcile().settled
    assert (_again(stop).status, stop.filled_quantity) == ("filled", SIZE)
    _, child = venue.ledger()["futures_orders"]
    assert stop.child_venue_order_id == str(child["orderId"])
    assert stop.venue_order_id not in ("", stop.child_venue_order_id)
    assert stop.filled_quote_quantity == Decimal(child["cumQuote"])
    fills = Fill.objects.filter(order=stop)
    assert sum(fill.quantity for fill in fills) == SIZE
    assert sum(fill.venue_realized_pnl or 0 for fill in fills) < 0
    assert venue.ledger()["positions"] == []
    desk.reconcile()
    assert Fill.objects.filter(order=stop).count() == len(fills)


def test_when_one_has_filled_the_other_is_there_to_be_canceled(
    desk: Desk, venue: RunningExchange, stop: Order
) -> None:
    (target,) = desk.place(ALGO_TARGET, slot=2)
    _moved(venue, 105_000)
    desk.reconcile()
    assert (_again(target).status, _again(stop).status) == ("filled", "open")
    assert desk.cancel(stop)
    assert stop.status == "canceled"
    assert _algos(venue)[stop.client_order_id] == "CANCELED"
    assert venue.ledger()["positions"] == []


def test_one_that_hangs_in_triggering_is_noticed_once_and_stays_open(
    desk: Desk, venue: RunningExchange, stop: Order
) -> None:
    venue.control("algo", {"symbol": "BTCUSDT", "on_trigger": "stuck"})
    _moved(venue, 97_000)
    assert desk.reconcile().settled
    since = _again(stop).triggering_since
    assert since is not None
    assert stop.status == "open"
    assert not BotEvent.objects.filter(kind="stops").exists()
    assert not desk.cancel(stop)  # -2011
    Order.objects.filter(pk=stop.pk).update(triggering_since=timezone.now() - timedelta(seconds=11))
    for _ in range(2):
        desk.reconcile()
    assert BotEvent.objects.filter(kind="stops").count() == 1
    assert _again(stop).status == "open"
    # Nothing keeps the position from being left, and the late child finds nothing to close.
    (leaving,) = desk.place(SELL, slot=3)
    assert leaving.status == "filled"
    venue.control("algo", method="DELETE")
    _pass(venue, minutes=1)
    desk.reconcile()
    assert _again(stop).status in ("expired", "canceled", "rejected")
    assert venue.ledger()["positions"] == []


def test_a_child_that_the_venue_does_not_show_yet_leaves_the_stop_in_doubt(
    desk: Desk, venue: RunningExchange, stop: Order
) -> None:
    venue.control("algo", {"symbol": "BTCUSDT", "on_trigger": "missing", "seconds": 600})
    _moved(venue, 97_000)
    for _ in range(5):
        assert not desk.reconcile().settled
    assert _again(stop).status == "open"
    incident = Incident.objects.get()
    assert (incident.kind, incident.key) == ("order_trouble", stop.client_order_id)
    _pass(venue, minutes=15)
    assert desk.reconcile().settled
    assert (_again(stop).status, stop.filled_quantity) == ("filled", SIZE)
    incident.refresh_from_db()
    assert incident.resolution == "gone"


def test_a_stop_whose_child_is_still_in_the_book_is_in_doubt(
    desk: Desk, venue: RunningExchange, stop: Order
) -> None:
    _moved(venue, 97_000)
    _, child = venue.ledger()["futures_orders"]
    works = child | {"status": "NEW", "executedQty": "0", "cumQuote": "0", "avgPrice": "0"}
    venue.set_fault(
        endpoint="GET /fapi/v1/order",
        when="before",
        action="status",
        status=200,
        body=json.dumps(works),
        times=1,
    )
    assert not desk.reconcile().settled
    assert (_again(stop).status, stop.child_venue_order_id) == ("open", str(child["orderId"]))
    assert desk.reconcile().settled
    assert _again(stop).status == "filled"


def test_a_child_that_the_venue_refuses_ends_the_stop(
    desk: Desk, venue: RunningExchange, stop: Order
) -> None:
    venue.control("algo", {"symbol": "BTCUSDT", "on_trigger": "refuse"})
    _moved(venue, 97_000)
    assert desk.reconcile().settled
    assert _again(stop).status == "rejected"
    assert "refused the order that came of it" in stop.message
    assert BotEvent.objects.filter(kind="order_rejected").count() == 1
    assert len(venue.ledger()["positions"]) == 1


def test_a_stop_that_somebody_has_canceled_is_seen(
    desk: Desk, venue: RunningExchange, stop: Order
) -> None:
    futures(desk.gateway).cancel_algo_order(stop.client_order_id)
    assert desk.reconcile().settled
    assert _again(stop).status == "canceled"
    assert not Fill.objects.filter(order=stop).exists()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_cancel_whose_answer_was_lost_is_told_by_the_stop_itself(
    desk: Desk, venue: RunningExchange, stop: Order, when: str
) -> None:
    venue.set_fault(endpoint="DELETE /fapi/v1/algoOrder", when=when, action="drop", times=1)
    was_canceled = when == "after"
    assert desk.cancel(stop) is was_canceled
    assert _again(stop).status == ("canceled" if was_canceled else "open")
    assert _algos(venue)[stop.client_order_id] == ("CANCELED" if was_canceled else "NEW")


def test_a_stop_that_has_triggered_before_its_cancel_came_is_booked(
    desk: Desk, venue: RunningExchange, stop: Order
) -> None:
    _moved(venue, 97_000)
    assert desk.cancel(stop)
    assert (stop.status, stop.filled_quantity) == ("filled", SIZE)
    assert not BotEvent.objects.filter(kind="order_canceled").exists()


def test_a_stop_that_the_venue_does_not_find_any_more_is_an_alarm_and_never_a_second_stop(
    desk: Desk, venue: RunningExchange, stop: Order
) -> None:
    gone: dict[str, Any] = {"when": "before", "times": None}
    venue.set_fault(endpoint=ASK, action="error", status=400, code=-2013, **gone)
    venue.set_fault(endpoint=LOOK, action="status", status=200, body="[]", **gone)
    for _ in range(4):
        assert not desk.reconcile().settled
    assert not Incident.objects.exists()
    assert not desk.reconcile().settled
    assert "does not find it any more" in Incident.objects.get().message
    assert _again(stop).status == "open"
    venue.clear_faults()
    assert desk.reconcile().settled
    assert Incident.objects.get().resolution == "gone"
    assert _again(stop).not_found_looks == 0


def test_a_doubt_that_a_person_dismisses_ends_the_order(
    desk: Desk, venue: RunningExchange, stop: Order
) -> None:
    gone: dict[str, Any] = {"when": "before", "times": None}
    venue.set_fault(endpoint=ASK, action="error", status=400, code=-2013, **gone)
    venue.set_fault(endpoint=LOOK, action="status", status=200, body="[]", **gone)
    for _ in range(5):
        desk.reconcile()
    close_incident(Incident.objects.get(), Resolution.DISMISSED)
    assert desk.reconcile().settled
    assert (_again(stop).status, stop.closed_reason) == ("expired", "given up")


def test_an_unknown_order_that_futures_may_have_forgotten_is_left_to_a_person(
    desk: Desk, venue: RunningExchange
) -> None:
    venue.set_fault(endpoint=PLACE, when="before", action="drop", times=1)
    (order,) = desk.place(ALGO_STOP, slot=2)
    age_all(by_ms=FORGOTTEN_AFTER_MS + 60_000)
    for _ in range(3):
        assert not desk.reconcile().settled
    assert _again(order).status == "unknown"
    assert "forgets what is so old" in Incident.objects.get().message


@pytest.mark.parametrize("intent", [STOP, replace(ALGO_STOP, trigger_price=None)])
def test_what_the_futures_market_cannot_place_is_never_sent(
    desk: Desk, venue: RunningExchange, intent: Intent
) -> None:
    (order,) = desk.place(intent, slot=2)
    assert (order.status, order.closed_reason) == ("denied", "malformed")
    assert _algos(venue) == {}


def test_a_short_position_has_its_stop_above(desk: Desk, venue: RunningExchange) -> None:
    desk.place(replace(SELL, quantity=SIZE), slot=2)
    desk.place(replace(BUY, side="SELL"), slot=3)  # type: ignore[arg-type]
    above = replace(ALGO_STOP, side=Side.BUY, trigger_price=Decimal(102_000))
    (stop,) = desk.place(above, slot=4)
    _moved(venue, 103_000)
    desk.reconcile()
    assert _again(stop).status == "filled"
    assert venue.ledger()["positions"] == []
    assert statuses()["s"] == "filled"
