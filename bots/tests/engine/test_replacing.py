"""One stop in the place of another: what came of each half stands on its own order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError, transaction

from bots.domain.decision import IntentReason
from bots.domain.halting import HaltLevel
from bots.engine.cancellation import cancel_orders
from bots.engine.replacing import replace_stop
from bots.models import BotConfig, BotEvent, BotState, Fill, Halt, Order
from bots.tests.engine.placing import BUY, STOP, Desk, at_venue
from exchange.demo.testing import RunningExchange

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

ENDPOINT = "POST /api/v3/order/cancelReplace"
LOW = replace(STOP, quantity=Decimal("0.009"))
HIGH = replace(LOW, trigger_price=Decimal(99_000), reason=IntentReason.PROTECTION_MOVED)


@pytest.fixture
def desk(bot: BotConfig, venue: RunningExchange) -> Desk:
    """Return a bot that has bought, in a market that stands at 100000."""
    venue.set_price("BTCUSDT", "100000")
    desk = Desk(bot)
    desk.place(BUY)
    return desk


@pytest.fixture
def old(desk: Desk) -> Order:
    """Return the stop that rests."""
    (order,) = desk.place(LOW, slot=2)
    return order


def _truth(venue: RunningExchange, *orders: Order) -> list[str | None]:
    known = at_venue(venue)
    return [known.get(order.client_order_id) for order in orders]


def test_the_new_stop_rests_and_the_old_one_is_gone(
    desk: Desk, venue: RunningExchange, old: Order
) -> None:
    is_done, new = desk.replace(old, HIGH)
    assert is_done
    assert (old.status, new.status, new.attempt) == ("canceled", "open", 2)
    assert old.cancel_sent_at is not None
    assert _truth(venue, old, new) == ["CANCELED", "NEW"]
    assert BotEvent.objects.filter(kind="order_canceled").count() == 1
    assert desk.reconcile().settled


def test_a_stop_that_has_filled_is_not_replaced(
    desk: Desk, venue: RunningExchange, old: Order
) -> None:
    venue.set_price("BTCUSDT", "97000")
    venue.set_clock(market_time=(venue.market_time() + timedelta(minutes=1)).isoformat())
    is_done, new = desk.replace(old, replace(HIGH, trigger_price=Decimal(96_000)))
    assert not is_done
    assert old.status == "filled"
    assert Fill.objects.filter(order=old).exists()
    assert (new.status, new.closed_reason) == ("rejected", "not delivered")
    assert _truth(venue, old, new) == ["FILLED", None]


def test_a_new_stop_that_is_refused_leaves_the_old_one_canceled_and_says_why(
    desk: Desk, venue: RunningExchange, old: Order
) -> None:
    # It would trigger at once.
    is_done, new = desk.replace(old, replace(HIGH, trigger_price=Decimal(101_000)))
    assert not is_done
    assert (old.status, new.status) == ("canceled", "rejected")
    assert new.closed_reason == "code -2010"
    assert _truth(venue, old) == ["CANCELED"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_halves_whose_answer_was_lost_are_told_by_the_orders_themselves(
    desk: Desk, venue: RunningExchange, old: Order, when: str
) -> None:
    venue.set_fault(endpoint=ENDPOINT, when=when, action="drop", times=1)
    is_done, new = desk.replace(old, HIGH)
    has_acted = when == "after"
    assert not is_done
    assert new.status == "unknown"
    assert old.status == ("canceled" if has_acted else "open")
    assert desk.reconcile().settled is has_acted
    new.refresh_from_db()
    assert new.status == ("open" if has_acted else "unknown")
    assert _truth(venue, old, new) == (["CANCELED", "NEW"] if has_acted else ["NEW", None])


@pytest.mark.parametrize(
    "fault",
    [{"code": -1021, "times": None}, {"status": 400, "code": -1013, "times": 1}],
    ids=["timestamp refused twice", "refused as a whole"],
)
def test_a_request_that_was_refused_as_a_whole_changes_nothing(
    desk: Desk, venue: RunningExchange, old: Order, fault: dict[str, Any]
) -> None:
    venue.set_fault(endpoint=ENDPOINT, when="before", action="error", **fault)
    is_done, new = desk.replace(old, HIGH)
    assert not is_done
    assert (old.status, new.status) == ("open", "rejected")
    assert _truth(venue, old, new) == ["NEW", None]
    assert desk.reconcile().settled


def test_a_halt_of_everything_keeps_the_stop_where_it_is(
    desk: Desk, venue: RunningExchange, old: Order
) -> None:
    Halt.objects.filter(bot=None, account=None).update(level=HaltLevel.EVERYTHING)
    is_done, new = desk.replace(old, HIGH)
    assert not is_done
    assert (old.status, old.cancel_sent_at) == ("open", None)
    assert (new.status, new.closed_reason) == ("denied", "halted")
    assert _truth(venue, old, new) == ["NEW", None]


def test_a_stop_without_a_trigger_is_never_sent(
    desk: Desk, venue: RunningExchange, old: Order
) -> None:
    is_done, new = desk.replace(old, replace(HIGH, trigger_price=None))
    assert not is_done
    assert (new.status, new.closed_reason) == ("denied", "malformed")
    assert _truth(venue, old) == ["NEW"]


def test_a_worker_that_has_lost_the_lock_neither_cancels_nor_places(
    desk: Desk, venue: RunningExchange, old: Order
) -> None:
    (new,) = desk.record(HIGH, slot=2)
    BotState.objects.all().delete()
    with transaction.atomic(), pytest.raises(OperationalError, match="lock"):
        replace_stop(old, new, gateway=desk.gateway)
    with transaction.atomic(), pytest.raises(OperationalError, match="lock"):
        cancel_orders([old], gateway=desk.gateway)
    assert (old.status, old.cancel_sent_at, new.status) == ("open", None, "intended")
    assert _truth(venue, old, new) == ["NEW", None]
