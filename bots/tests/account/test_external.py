"""Orders of others in a bot's books: booked once, and closed by nobody's guess."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.conf import settings

from accounts.models import User
from bots import journal
from bots.domain.decision import IntentReason, Leg
from bots.domain.direction import Direction
from bots.engine.incidents import Look
from bots.journal import External, external_name
from bots.models import BotConfig, BotEvent, EventKind, Fill, Order, Trade
from bots.services import adopt_incident
from bots.services import incidents as service
from bots.tests.account.conftest import Hand, incidents, look, state_of, trade
from exchange.domain.orders import MarketOrderRequest
from exchange.domain.types import Side

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

AT = datetime(2026, 1, 1, tzinfo=UTC)


def external(name: str = "x1-1") -> External:
    return External(
        name=name,
        side=Side.BUY,
        leg=Leg.ENTRY,
        reason=IntentReason.ADOPTED,
        direction=Direction.LONG,
        quantity=Decimal("0.5"),
        message="Adopted: a position.",
    )


def book(bot: BotConfig, one: External) -> Order | None:
    return journal.book_made_up(bot, one, price=Decimal(200), at=AT, quote_asset="USDT")


def test_a_made_up_order_is_filled_once_under_a_number_that_no_venue_gives(
    spot_bot: BotConfig,
) -> None:
    order = book(spot_bot, external())
    assert order is not None
    assert book(spot_bot, external()) is None

    (row,) = Order.objects.all()
    assert (row.status, row.filled_quantity, row.filled_quote_quantity) == (
        "filled",
        Decimal("0.5"),
        Decimal(100),
    )
    assert row.message == "Adopted: a position."
    (fill,) = Fill.objects.all()
    assert (fill.trade_id, fill.commission, fill.market_time) == (f"-{order.pk}", 0, AT)


def test_orders_that_share_slot_and_leg_get_attempts_of_their_own(spot_bot: BotConfig) -> None:
    book(spot_bot, external("x1-1"))
    book(spot_bot, external("x1-2"))
    journal.follow_external(spot_bot, replace(external("web_1"), venue_order_id="77"))

    rows = Order.objects.order_by("pk").values_list("slot", "attempt", "status")
    assert list(rows) == [(-1, 1, "filled"), (-1, 2, "filled"), (-77, 1, "sent")]


def test_names_of_the_venues_orders_are_short_and_differ_by_bot() -> None:
    assert len(external_name(10**9, str(2**63))) <= 36
    assert external_name(1, "35") == "x1-z"
    assert external_name(2, "35") == "x2-z"


def test_an_order_that_a_restored_database_has_lost_is_booked_by_its_real_executions(
    futures_bot: BotConfig, futures_hand: Hand
) -> None:
    trade(futures_bot, Side.BUY, "0.003")
    look(futures_bot)
    gateway = futures_hand.gateway
    request = MarketOrderRequest(
        symbol="BTCUSDT",
        side=Side.SELL,
        quantity=Decimal("0.003"),
        client_order_id=f"tb{settings.INSTALLATION_ID}-1t-zz-x1",
        signed_at_ms=gateway.signing_time_ms(),
        recv_window_ms=5000,
        reduces_only=True,
    )
    gateway.place_market_order(request, permit=gateway.permit_orders())

    look(futures_bot)

    assert not state_of(futures_bot).in_position
    event = BotEvent.objects.get(kind=EventKind.RECONCILED)
    assert event.message.startswith("An order of this installation that its books have lost sold")


class WorkerKilledError(BaseException):
    """Stands for a process that ends here."""


def test_a_worker_that_dies_after_booking_books_nothing_twice(
    futures_bot: BotConfig, futures_hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    trade(futures_bot, Side.BUY, "0.003")
    look(futures_bot)
    futures_hand.market(Side.SELL, "0.003")

    def die(*_: object, **__: object) -> None:
        raise WorkerKilledError

    with monkeypatch.context() as patch:
        patch.setattr(Look, "keep", die)
        with pytest.raises(WorkerKilledError):
            look(futures_bot)
    assert state_of(futures_bot).in_position

    look(futures_bot)

    assert not state_of(futures_bot).in_position
    assert Order.objects.filter(leg=Leg.EXIT).count() == 1
    assert Trade.objects.filter(order__leg=Leg.EXIT).count() == 1
    assert BotEvent.objects.filter(kind=EventKind.RECONCILED).count() == 1
    assert incidents(futures_bot) == []


def test_an_adoption_that_dies_after_booking_is_finished_by_the_next_look(
    futures_bot: BotConfig,
    futures_hand: Hand,
    trader: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    futures_hand.market(Side.BUY, "0.003")
    look(futures_bot)
    look(futures_bot)
    (incident,) = incidents(futures_bot)

    def die(*_: object, **__: object) -> None:
        raise WorkerKilledError

    with monkeypatch.context() as patch:
        patch.setattr(service, "fold_books", die)
        with pytest.raises(WorkerKilledError):
            adopt_incident(incident.pk, actor=trader)

    look(futures_bot)

    assert state_of(futures_bot).current_position_size_coins == Decimal("0.003")
    assert Order.objects.count() == 1
    assert [one.resolution for one in incidents(futures_bot)] == ["gone"]
