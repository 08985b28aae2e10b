"""Each invariant by itself: a sound run passes, and one thing put wrong by hand is named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import QuerySet

from bots.journal import JOURNAL
from bots.models import BotState, Fill, Order
from bots.simulation import strangers, venue_events
from bots.simulation.errors import InvariantError
from bots.simulation.perils import NO_PERILS
from bots.simulation.quiet import calm_down
from bots.simulation.stage import Stage
from bots.simulation.steps import open_house, work_round
from bots.simulation.world import World
from exchange.demo.trading.asked import CancelTarget
from exchange.domain.types import Market
from exchange.models import ExchangeAccount

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "journal"]),
    pytest.mark.long,
]

_ROUNDS = 40


@pytest.fixture
def in_position(stage: Stage) -> Iterator[World]:
    """Return a quiet run on the spot market in which a bot holds something with a stop."""
    for seed in range(1, 20):
        world = World(stage, seed, markets=(Market.SPOT,), bots=(2, 2), odds=NO_PERILS)
        with world.answering():
            open_house(world)
            for _ in range(_ROUNDS):
                work_round(world)
                if _guarded().exists():
                    world.check()
                    yield world
                    world.close()
                    return
        world.close()
    pytest.fail("no seed brought a bot into a position")


def _guarded() -> QuerySet[BotState]:
    return BotState.objects.filter(in_position=True, bot__stop_loss_perc__isnull=False)


def _refused(world: World, words: str, *, is_quiet: bool = False) -> None:
    with pytest.raises(InvariantError, match=words):
        world.check(is_quiet=is_quiet)


def test_a_position_that_differs_from_its_executions_is_named(in_position: World) -> None:
    state = BotState.objects.filter(in_position=True).latest("pk")
    BotState.objects.filter(pk=state.pk).update(
        current_position_size_coins=state.current_position_size_coins + Decimal("0.00000001")
    )
    _refused(in_position, "its executions come to")


def test_a_commission_that_differs_in_the_last_digit_is_named(in_position: World) -> None:
    fill = Fill.objects.using(JOURNAL).latest("pk")
    Fill.objects.using(JOURNAL).filter(pk=fill.pk).update(
        commission=fill.commission + Decimal("0.00000001")
    )
    _refused(in_position, "at the venue")


def test_an_execution_that_was_never_applied_is_named(in_position: World) -> None:
    Fill.objects.using(JOURNAL).latest("pk").delete(using=JOURNAL)
    _refused(in_position, "are missing")


def test_money_that_the_books_do_not_explain_is_named(in_position: World) -> None:
    calm_down(in_position)
    in_position.check(is_quiet=True)
    ledger = in_position.venue.engine.ledger
    uid = in_position.players[0].uid
    with ledger.booking():
        ledger.add(uid, "USDT", Decimal("-0.00000001"))
        ledger.add(in_position.players[1].uid, "USDT", Decimal("0.00000001"))
    _refused(in_position, "our books explain", is_quiet=True)


def test_an_order_of_a_stranger_that_was_canceled_is_named(in_position: World) -> None:
    while not in_position.promises.foreign:
        strangers.place_foreign_order(in_position)
    in_position.check()
    _cancel(in_position, in_position.promises.foreign[0])
    _refused(in_position, "is not ours, and it is CANCELED now")


def test_an_entry_after_a_stop_is_named(in_position: World) -> None:
    state = BotState.objects.filter(in_position=True).latest("pk")
    entry = state.bot.orders.filter(leg="e", status="filled").latest("pk")
    assert entry.sent_at is not None
    in_position.promises.stopped[state.pk] = entry.sent_at
    in_position.check()  # at the same moment is not after it
    in_position.promises.stopped[state.pk] = entry.created_at.replace(year=2025)
    _refused(in_position, "had been stopped")


def test_a_position_without_a_stop_and_without_a_reason_is_named(in_position: World) -> None:
    state = _guarded().latest("pk")
    in_position.promises.ticked[state.pk] = "Done"
    for order in list(in_position.venue.engine.orders.all_orders()):
        if order.is_open:
            target = CancelTarget(order_id=order.order_id)
            at_ms = in_position.clock.market_ms
            in_position.venue.engine.cancel(order.uid, order.symbol, target, at_ms=at_ms)
            break
    BotState.objects.filter(pk=state.pk).update(unprotected_since=None, unprotected_reason="")
    _refused(in_position, "without a stop at the venue and without a reason")


def test_more_positions_than_an_account_may_have_are_named(in_position: World) -> None:
    ExchangeAccount.objects.update(max_open_positions=0)
    _refused(in_position, "has [12] positions, 0 allowed")


def test_an_entry_after_a_limit_of_its_day_is_named(in_position: World) -> None:
    state = BotState.objects.filter(in_position=True).latest("pk")
    entry = state.bot.orders.filter(leg="e", status="filled").latest("pk")
    assert entry.sent_at is not None
    day = in_position.clock.market.date()
    in_position.promises.paused[state.pk, day] = entry.sent_at
    in_position.check()  # at the same moment is not after it
    in_position.promises.paused[state.pk, day] = entry.sent_at - timedelta(milliseconds=1)
    _refused(in_position, f"was sent after a limit of {day} had been reached")


def test_what_was_closed_elsewhere_is_booked_to_the_last_digit(stage: Stage) -> None:
    for seed in range(1, 20):
        world = World(stage, seed, markets=(Market.FUTURES,), bots=(2, 2), odds=NO_PERILS)
        with closing(world), world.answering():
            open_house(world)
            for _ in range(_ROUNDS):
                work_round(world)
                venue_events.close_elsewhere(world)
                if any("by another program" in line for line in world.trace.lines()):
                    calm_down(world)
                    world.check(is_quiet=True)
                    booked = Order.objects.filter(intent_reason="adopted", leg="x")
                    assert booked.count() == 1
                    return
    pytest.fail("no seed brought a bot into a position")


def _cancel(world: World, name: str) -> None:
    at_ms = world.clock.market_ms
    for order in world.venue.engine.orders.all_orders():
        if order.client_order_id == name:
            target = CancelTarget(client_order_id=name)
            world.venue.engine.cancel(order.uid, order.symbol, target, at_ms=at_ms)
    for other in world.venue.futures.books.all_orders():
        if other.client_order_id == name:
            world.venue.futures.cancel(
                other.uid, other.symbol, order_id=other.order_id, at_ms=at_ms
            )
