"""The governor's permit comes before an order's timestamp, and without one nothing is sent."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from bots.engine.showing import RETRY_AFTER
from bots.engine.tick import run_tick
from bots.journal import Leave, Sent
from bots.models import BotConfig, BotEvent, BotState, EventKind, Order
from bots.tests.engine.conftest import AT_BUY, AT_SELL, BEFORE_BUY, GoTo
from exchange.binance.clock import wall_milliseconds
from exchange.binance.governor import Governor, Reservation
from exchange.demo.testing import RunningExchange
from exchange.domain.budget import Priority, asking_for, current_asking
from exchange.domain.types import Market
from exchange.models import APIKey
from exchange.shared_budget import governor

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

PLACE = "POST /api/v3/order"


def _account_governor(venue: RunningExchange, api_key: APIKey) -> Governor:
    return governor(venue.url, Market.SPOT).for_account(api_key.account.uid)


class Permits:
    """Lets the real governor work and notes what orders took of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.taken: list[tuple[Priority, int]] = []
        self.taken_at_ms: list[int] = []
        self.statuses: list[str] = []
        real = Governor.take

        def take(governor: Governor, **wanted: Any) -> Reservation:
            reservation = real(governor, **wanted)
            if wanted.get("orders"):
                self.taken.append((current_asking().priority, wanted["orders"]))
                self.taken_at_ms.append(wall_milliseconds())
                self.statuses.append(Order.objects.using("journal").latest("id").status)
            return reservation

        monkeypatch.setattr(Governor, "take", take)


@pytest.fixture
def permits(monkeypatch: pytest.MonkeyPatch) -> Permits:
    return Permits(monkeypatch)


def test_an_order_without_a_permit_is_never_sent_and_the_journal_says_why(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange, api_key: APIKey
) -> None:
    go_to(BEFORE_BUY)
    run_tick(started_bot.pk)
    go_to(AT_BUY)
    _account_governor(venue, api_key).stop_orders(60)

    assert run_tick(started_bot.pk) == "Done"

    order = Order.objects.get()
    assert (order.status, order.closed_reason) == ("denied", "rate limited")
    assert order.sent_at is None
    words = order.message.partition(" until ")[0]
    assert words == "not asked: the venue takes no orders from us"
    event = BotEvent.objects.get(kind=EventKind.ORDER_NEVER_SENT)
    assert "was not sent: not asked" in event.message
    assert venue.ledger()["orders"] == []
    state = BotState.objects.get(pk=started_bot.pk)
    assert not state.in_position
    assert state.last_sentence.endswith(f"But: {order.message}")
    # Not at once, or a long shortage would write an order a second.
    assert state.last_market_time is not None
    assert state.next_due_at == state.last_market_time + RETRY_AFTER


def test_the_bot_decides_anew_when_there_is_room_again(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange, api_key: APIKey, clean_redis: Any
) -> None:
    go_to(AT_BUY)
    _account_governor(venue, api_key).stop_orders(60)
    run_tick(started_bot.pk)
    _account_governor(venue, api_key)._ledger._alone._budgets.clear()  # type: ignore[attr-defined]
    clean_redis.flushdb()

    run_tick(started_bot.pk)

    first, second = Order.objects.order_by("id")
    assert (first.status, second.status) == ("denied", "filled")
    assert first.client_order_id != second.client_order_id
    assert [o["clientOrderId"] for o in venue.ledger()["orders"]] == [second.client_order_id]


def test_a_permit_is_taken_before_the_timestamp_is_committed(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange, permits: Permits
) -> None:
    go_to(AT_BUY)
    run_tick(started_bot.pk)

    order = Order.objects.get()
    assert permits.statuses == ["intended"]
    assert order.signed_at_ms >= permits.taken_at_ms[0] - 2  # the measured clock may differ a bit
    assert order.status == "filled"


def test_signing_anew_takes_a_new_permit_before_the_new_timestamp(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange, permits: Permits
) -> None:
    go_to(AT_BUY)
    venue.set_fault(endpoint=PLACE, when="before", action="error", code=-1021, times=1)
    run_tick(started_bot.pk)

    order = Order.objects.get()
    assert (order.status, order.resigned) == ("filled", True)
    assert permits.statuses == ["intended", "sent"]
    assert order.signed_at_ms >= permits.taken_at_ms[1] - 2
    assert len(venue.ledger()["orders"]) == 1


def test_an_order_that_may_not_be_signed_anew_is_closed_as_not_delivered(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_to(AT_BUY)
    venue.set_fault(endpoint=PLACE, when="before", action="error", code=-1021, times=None)
    real = Governor.settle

    def settle(governor: Governor, reservation: Reservation, aftermath: Any) -> None:
        real(governor, reservation, aftermath)
        if len(reservation.draws) > 1:  # the order's: after its refusal there is no room left
            governor.stop_orders(60)

    monkeypatch.setattr(Governor, "settle", settle)
    run_tick(started_bot.pk)

    order = Order.objects.get()
    assert (order.status, order.closed_reason) == ("rejected", "not delivered")
    assert not order.resigned
    assert [fault["hits"] for fault in venue.faults()] == [1]
    assert venue.ledger()["orders"] == []


def test_an_entry_asks_as_an_entry_and_an_exit_as_an_exit(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange, permits: Permits
) -> None:
    go_to(AT_BUY)
    run_tick(started_bot.pk)
    go_to(AT_SELL)
    run_tick(started_bot.pk)

    assert len(venue.ledger()["orders"]) == 2
    assert permits.taken == [(Priority.ENTRY, 1), (Priority.EXIT, 1)]


def test_a_permit_that_was_not_used_is_given_back(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_to(AT_BUY)
    released: list[Reservation] = []
    not_mine = Sent(leave=Leave.NOT_MINE)
    monkeypatch.setattr("bots.journal.mark_sent", lambda *_, **__: not_mine)
    monkeypatch.setattr(Governor, "release", lambda _, reservation: released.append(reservation))
    run_tick(started_bot.pk)

    assert len(released) == 1
    assert venue.ledger()["orders"] == []


@pytest.fixture
def shortage(venue: RunningExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let others of this address use 95 % of the weight: more than entries may, not all."""
    impatient = {Priority.EXIT: 10.0, Priority.ENTRY: 0.1, Priority.PAGE: 0.1}
    monkeypatch.setattr("exchange.domain.budget.PATIENCE", impatient)
    with asking_for(Priority.EXIT):
        governor(venue.url, Market.SPOT).take(weight=5_700)


def test_in_a_shortage_a_bot_that_holds_nothing_does_not_buy(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange, shortage: None
) -> None:
    go_to(AT_BUY)

    assert run_tick(started_bot.pk) == "Price data not available"

    assert venue.ledger()["orders"] == []
    assert "no room for more requests" in BotState.objects.get(pk=started_bot.pk).last_error_message


def test_in_a_shortage_a_bot_that_holds_something_still_sells(
    started_bot: BotConfig,
    go_to: GoTo,
    venue: RunningExchange,
    request: pytest.FixtureRequest,
) -> None:
    go_to(AT_BUY)
    run_tick(started_bot.pk)
    request.getfixturevalue("shortage")
    go_to(AT_SELL)

    assert run_tick(started_bot.pk) == "Done"

    assert [o["side"] for o in venue.ledger()["orders"]] == ["BUY", "SELL"]


def test_in_a_shortage_the_chart_says_so_instead_of_waiting(
    client: Client, started_bot: BotConfig, venue: RunningExchange, shortage: None
) -> None:
    client.force_login(started_bot.user)

    reply = client.get(reverse("bot-chart", args=[started_bot.pk]))

    assert reply.status_code == 503
    assert reply.json()["retry"] is True


def test_in_a_shortage_what_became_of_a_sent_order_is_still_found_out(
    started_bot: BotConfig,
    go_to: GoTo,
    venue: RunningExchange,
    request: pytest.FixtureRequest,
) -> None:
    go_to(AT_BUY)
    venue.set_fault(endpoint=PLACE, when="after", action="drop", times=1)
    run_tick(started_bot.pk)
    assert Order.objects.get().status == "unknown"
    request.getfixturevalue("shortage")

    run_tick(started_bot.pk)

    assert Order.objects.get().status == "filled"


def test_a_permit_for_signing_anew_that_was_not_used_is_given_back(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_to(AT_BUY)
    venue.set_fault(endpoint=PLACE, when="before", action="error", code=-1021, times=None)
    released: list[Reservation] = []
    monkeypatch.setattr("bots.journal.mark_resigned", lambda *_, **__: False)
    monkeypatch.setattr(Governor, "release", lambda _, reservation: released.append(reservation))
    run_tick(started_bot.pk)

    assert len(released) == 1
    assert [fault["hits"] for fault in venue.faults()] == [1]
    order = Order.objects.get()
    assert (order.status, order.closed_reason) == ("rejected", "not delivered")
