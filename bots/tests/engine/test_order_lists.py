"""Stops, pairs and entries with their exits on spot: placed once, followed, taken back."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bots.domain.decision import IntentReason
from bots.domain.halting import HaltLevel
from bots.engine.reconciliation import VISIBILITY_MARGIN_MS
from bots.locks import HaltScope
from bots.models import BotConfig, BotEvent, Fill, Order
from bots.services import set_halt
from bots.tests.engine.placing import (
    BUY,
    LIMIT_BUY,
    PAIR,
    SIZE,
    STOP,
    TARGET,
    Desk,
    age_all,
    at_venue,
    statuses,
)
from exchange.demo.testing import RunningExchange

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

HELD = Decimal("0.009")  # what can be sold of a purchase whose fee was taken from it
OWN_PAIR = tuple(replace(intent, quantity=HELD) for intent in PAIR)
ENTRY_LIST = (LIMIT_BUY, *PAIR)
REQUESTS: dict[str, tuple[str, tuple[Any, ...], int]] = {
    "stop": ("POST /api/v3/order", (replace(STOP, quantity=HELD),), 1),
    "target": ("POST /api/v3/order", (replace(TARGET, quantity=HELD),), 1),
    "pair": ("POST /api/v3/orderList/oco", OWN_PAIR, 2),
    "entry with a stop": ("POST /api/v3/orderList/opo", ENTRY_LIST[:2], 2),
    "entry with both": ("POST /api/v3/orderList/opoco", ENTRY_LIST, 3),
}


@pytest.fixture
def desk(bot: BotConfig, venue: RunningExchange) -> Desk:
    """Return a bot that has bought, in a market that stands at 100000."""
    venue.set_price("BTCUSDT", "100000")
    desk = Desk(bot)
    desk.place(BUY)
    return desk


def _moved(venue: RunningExchange, price: int) -> None:
    venue.set_price("BTCUSDT", str(price))
    venue.set_clock(market_time=(venue.market_time() + timedelta(minutes=1)).isoformat())


@pytest.mark.parametrize("name", list(REQUESTS))
def test_a_request_is_placed_once_with_all_its_orders(
    desk: Desk, venue: RunningExchange, name: str
) -> None:
    _, intents, count = REQUESTS[name]
    orders = desk.place(*intents, slot=2)
    placed = at_venue(venue)
    assert len(placed) == 1 + count
    assert {order.client_order_id for order in orders} < set(placed)
    assert all(order.venue_order_id for order in orders)
    resting = [order for order in orders if order.leg in "st"]
    assert {order.status for order in resting} == {"open"}
    assert desk.reconcile().settled


@pytest.mark.parametrize("name", list(REQUESTS))
def test_a_request_whose_answer_was_lost_is_adopted_and_not_sent_again(
    desk: Desk, venue: RunningExchange, name: str
) -> None:
    endpoint, intents, count = REQUESTS[name]
    venue.set_fault(endpoint=endpoint, when="after", action="drop", times=1)
    orders = desk.place(*intents, slot=2)
    assert {order.status for order in orders} == {"unknown"}
    assert desk.reconcile().settled
    assert set(Order.objects.filter(slot=2).values_list("status", flat=True)) <= {"open", "filled"}
    assert len(at_venue(venue)) == 1 + count
    assert BotEvent.objects.filter(kind="order_adopted").count() == count
    assert Fill.objects.count() == len(venue.ledger()["fills"])


@pytest.mark.parametrize("name", list(REQUESTS))
def test_a_request_that_never_arrived_ends_as_a_whole_after_two_looks(
    desk: Desk, venue: RunningExchange, name: str
) -> None:
    endpoint, intents, count = REQUESTS[name]
    venue.set_fault(endpoint=endpoint, when="before", action="drop", times=1)
    desk.place(*intents, slot=2)
    assert not desk.reconcile().settled
    assert set(Order.objects.filter(slot=2).values_list("not_found_looks", flat=True)) == {0}
    age_all(by_ms=5000 + VISIBILITY_MARGIN_MS)
    assert not desk.reconcile().settled
    assert desk.reconcile().settled
    ended = Order.objects.filter(slot=2).values_list("status", "closed_reason")
    assert list(ended) == [("expired", "never placed")] * count
    assert len(at_venue(venue)) == 1


@pytest.mark.parametrize("name", list(REQUESTS))
def test_a_refused_timestamp_is_signed_anew_once_for_all_orders_of_a_request(
    desk: Desk, venue: RunningExchange, name: str
) -> None:
    endpoint, intents, count = REQUESTS[name]
    venue.set_fault(endpoint=endpoint, when="before", action="error", code=-1021, times=1)
    orders = desk.place(*intents, slot=2)
    assert {order.resigned for order in orders} == {True}
    assert not {order.status for order in orders} & {"unknown", "rejected", "sent"}
    assert len(at_venue(venue)) == 1 + count


@pytest.mark.parametrize("name", ["pair", "entry with both"])
def test_a_halt_that_comes_while_the_clock_is_resynced_keeps_a_list_from_going_out(
    desk: Desk,
    venue: RunningExchange,
    monkeypatch: pytest.MonkeyPatch,
    worker_thread: Callable[[Callable[[], Any]], Future[Any]],
    name: str,
) -> None:
    endpoint, intents, _ = REQUESTS[name]
    moved = tuple(replace(each, reason=IntentReason.PROTECTION_MOVED) for each in intents)
    real = type(desk.gateway).resync_clock

    def halt() -> None:
        set_halt(scope=HaltScope(), level=HaltLevel.EVERYTHING, reason="the news", actor=None)

    def halted_meanwhile(gateway: Any) -> None:
        worker_thread(halt).result(5)
        real(gateway)

    monkeypatch.setattr(type(desk.gateway), "resync_clock", halted_meanwhile)
    venue.set_fault(endpoint=endpoint, when="before", action="error", code=-1021, times=1)
    orders = desk.place(*moved, slot=2)
    ended = {(order.status, order.closed_reason) for order in orders}
    assert ended == {("rejected", "not delivered")}
    assert "halted" in orders[0].message
    assert len(at_venue(venue)) == 1


@pytest.mark.parametrize("name", list(REQUESTS))
def test_a_refused_request_is_refused_as_a_whole(
    desk: Desk, venue: RunningExchange, name: str
) -> None:
    endpoint, intents, _ = REQUESTS[name]
    venue.set_fault(endpoint=endpoint, when="before", action="error", status=400, code=-2010)
    orders = desk.place(*intents, slot=2)
    assert {(order.status, order.closed_reason) for order in orders} == {("rejected", "code -2010")}
    assert len(at_venue(venue)) == 1


def test_prices_that_no_pair_can_have_are_never_sent(desk: Desk, venue: RunningExchange) -> None:
    stop, target = OWN_PAIR
    crossed = (replace(stop, trigger_price=Decimal(105_000)), target)
    orders = desk.place(*crossed, slot=2)
    assert {(order.status, order.closed_reason) for order in orders} == {("denied", "malformed")}
    assert "must be below the target" in orders[0].message
    assert len(at_venue(venue)) == 1


def test_an_entry_that_fills_brings_its_exits_to_rest_over_what_was_bought(
    desk: Desk, venue: RunningExchange
) -> None:
    resting = replace(LIMIT_BUY, price=Decimal(99_500))
    stop, target = PAIR
    entry, stop_row, _ = desk.place(resting, stop, target, slot=2)
    assert entry.status == "open"
    assert (stop_row.status, stop_row.quantity) == ("open", SIZE)  # waits for the entry
    assert not desk.reconcile().settled  # an entry that waits may fill any moment

    _moved(venue, 99_000)
    view = desk.reconcile()
    assert view.settled
    assert statuses() == {"e": "filled", "s": "open", "t": "open"}
    fixed = {one["clientOrderId"]: Decimal(one["origQty"]) for one in venue.ledger()["orders"]}
    for row in Order.objects.filter(slot=2, leg__in="st"):
        assert row.quantity == fixed[row.client_order_id]
        assert 0 < row.quantity <= SIZE
    assert view.open_orders is not None
    assert {report.client_order_id for report in view.open_orders} == {
        row.client_order_id for row in Order.objects.filter(status="open")
    }


def test_an_entry_that_dies_unfilled_takes_its_exits_with_it(
    desk: Desk, venue: RunningExchange
) -> None:
    dear = replace(LIMIT_BUY, price=Decimal(99_500), time_in_force="FOK")
    desk.place(dear, *PAIR, slot=2)
    desk.reconcile()
    ended = set(Order.objects.filter(slot=2).values_list("status", flat=True))
    assert ended <= {"expired", "canceled"}
    assert Fill.objects.filter(order__slot=2).count() == 0


def test_of_a_pair_the_one_that_fills_ends_the_other(desk: Desk, venue: RunningExchange) -> None:
    desk.place(*OWN_PAIR, slot=2)
    _moved(venue, 97_000)
    view = desk.reconcile()
    assert view.settled
    assert statuses()["s"] == "filled"
    assert statuses()["t"] in ("expired", "canceled")
    assert Fill.objects.filter(order__leg="s").count() > 0
    assert view.open_orders == ()


def test_a_pair_is_taken_back_by_one_call_whichever_of_its_orders_is_named(
    desk: Desk, venue: RunningExchange
) -> None:
    stop, _ = desk.place(*OWN_PAIR, slot=2)
    assert desk.cancel(stop)
    assert statuses() == {"e": "filled", "s": "canceled", "t": "canceled"}
    assert all(order.cancel_sent_at for order in Order.objects.filter(slot=2))
    (event,) = BotEvent.objects.filter(kind="order_canceled")
    assert event.message.startswith("Canceled stop and target of BTCUSDT (")


@pytest.mark.parametrize(
    ("endpoint", "intents"),
    [
        ("DELETE /api/v3/order", (replace(STOP, quantity=HELD),)),
        ("DELETE /api/v3/orderList", OWN_PAIR),
    ],
    ids=["alone", "pair"],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_cancel_whose_answer_was_lost_is_told_by_the_orders_themselves(
    desk: Desk, venue: RunningExchange, endpoint: str, intents: tuple[Any, ...], when: str
) -> None:
    orders = desk.place(*intents, slot=2)
    venue.set_fault(endpoint=endpoint, when=when, action="drop", times=1)
    was_canceled = when == "after"
    assert desk.cancel(*orders) is was_canceled
    assert {order.status for order in orders} == {"canceled" if was_canceled else "open"}
    assert desk.reconcile().settled
    if not was_canceled:
        assert desk.cancel(*orders)
    assert {at_venue(venue)[order.client_order_id] for order in orders} == {"CANCELED"}


def test_a_stop_that_filled_before_its_cancel_came_is_booked(
    desk: Desk, venue: RunningExchange
) -> None:
    (stop,) = desk.place(replace(STOP, quantity=HELD), slot=2)
    _moved(venue, 97_000)
    assert desk.cancel(stop)
    assert stop.status == "filled"
    assert Fill.objects.filter(order=stop).exists()
    assert not BotEvent.objects.filter(kind="order_canceled").exists()


def test_an_order_that_was_not_sent_yet_is_taken_back_without_asking(
    desk: Desk, venue: RunningExchange
) -> None:
    orders = desk.record(*OWN_PAIR, slot=2)
    assert desk.cancel(*orders)
    assert {(order.status, order.closed_reason) for order in orders} == {("denied", "superseded")}
    assert len(at_venue(venue)) == 1


def test_what_rests_is_read_in_one_look_and_written_down_only_when_it_changes(
    desk: Desk, venue: RunningExchange
) -> None:
    desk.place(*OWN_PAIR, slot=2)
    desk.reconcile()
    before = list(Order.objects.values_list("updated_at", flat=True))
    # Whoever asks by name gets no answer.
    venue.set_fault(endpoint="GET /api/v3/order", when="before", action="drop", times=None)
    view = desk.reconcile()
    assert view.settled
    assert view.open_orders is not None
    assert len(view.open_orders) == 2
    assert view.open_algo_orders is None
    assert list(Order.objects.values_list("updated_at", flat=True)) == before


def test_nobody_looks_when_nothing_rests_unless_asked_to(desk: Desk) -> None:
    assert desk.reconcile().open_orders is None
    assert desk.reconcile(look=True).open_orders == ()


def test_a_list_whose_orders_are_late_to_show_is_not_given_up(
    desk: Desk, venue: RunningExchange
) -> None:
    endpoint = "POST /api/v3/orderList/oco"
    venue.set_fault(endpoint=endpoint, when="after", action="drop", times=1)
    desk.place(*OWN_PAIR, slot=2)
    age_all(by_ms=5000 + VISIBILITY_MARGIN_MS)
    order = "GET /api/v3/order"
    venue.set_fault(
        endpoint=order, when="before", action="error", status=400, code=-2013, times=None
    )
    for _ in range(3):
        assert not desk.reconcile().settled
    assert set(Order.objects.filter(slot=2).values_list("status", flat=True)) == {"unknown"}
    venue.clear_faults()
    assert desk.reconcile().settled
    assert statuses() == {"e": "filled", "s": "open", "t": "open"}


def test_an_order_that_the_venue_calls_canceled_and_empty_is_asked_for_its_executions(
    desk: Desk, venue: RunningExchange
) -> None:
    (stop,) = desk.place(replace(STOP, quantity=HELD), slot=2)
    _moved(venue, 97_000)
    (truth,) = [
        one for one in venue.ledger()["orders"] if one["clientOrderId"] == stop.client_order_id
    ]
    lie = truth | {"status": "CANCELED", "executedQty": "0", "cummulativeQuoteQty": "0"}
    venue.set_fault(
        endpoint="GET /api/v3/order",
        when="before",
        action="status",
        status=200,
        body=json.dumps(lie),
    )
    assert desk.reconcile().settled
    stop.refresh_from_db()
    assert (stop.status, stop.filled_quantity) == ("filled", HELD)
    assert sum(fill.quantity for fill in Fill.objects.filter(order=stop)) == HELD


def test_an_order_that_spot_has_archived_ended_without_a_fill(
    desk: Desk, venue: RunningExchange
) -> None:
    (stop,) = desk.place(replace(STOP, quantity=HELD), slot=2)
    desk.gateway.cancel_order("BTCUSDT", stop.client_order_id)
    venue.set_fault(
        endpoint="GET /api/v3/order", when="before", action="error", status=400, code=-2026
    )
    assert desk.reconcile().settled
    stop.refresh_from_db()
    assert (stop.status, stop.filled_quantity) == ("expired", 0)


def test_the_rules_are_known_before_a_list_is_signed(
    desk: Desk, venue: RunningExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    kind = type(desk.gateway)
    real_rules, real_time = kind.rules, kind.signing_time_ms

    def rules(gateway: Any, symbol: str, **wanted: Any) -> Any:
        steps.append("rules")
        return real_rules(gateway, symbol, **wanted)

    def signing_time_ms(gateway: Any) -> int:
        steps.append("signed")
        return real_time(gateway)

    monkeypatch.setattr(kind, "rules", rules)
    monkeypatch.setattr(kind, "signing_time_ms", signing_time_ms)
    orders = desk.record(*OWN_PAIR, slot=2)
    steps.clear()
    desk.submit(orders)
    assert steps[0] == "rules"
    assert "signed" in steps
    assert {order.status for order in orders} == {"open"}
