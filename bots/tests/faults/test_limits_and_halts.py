"""Real incidents with limits, halts, days and the database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import pytest
from django.db import connections, transaction

from bots.domain.halting import HaltLevel
from bots.engine.reset import wake_daily_pauses
from bots.locks import HaltScope, halt_for_update
from bots.models import BotEvent, EventKind, Order
from bots.services import stop_bot
from bots.services.halts import lift_halt, set_halt
from bots.tasks import run_bot_task
from bots.tests.engine.conftest import AT_SELL
from bots.tests.faults.conftest import MakeStage
from bots.tests.faults.promises import assert_promises, placed_by_us
from bots.tests.faults.recovery import recover
from bots.tests.faults.scenarios import Action, Market, place_of
from bots.tests.faults.stage import Stage, until
from bots.tests.faults.striking import Blow, Call
from bots.tests.faults.table import Row
from bots.tests.faults.test_stops_and_positions import is_flat, is_guarded, level

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "journal"]),
    pytest.mark.long,
]

WorkerThread = Callable[[Callable[[], Any]], Future[Any]]
BOTH: Final = pytest.mark.parametrize("market", list(Market))
SAVE: Final = Call(target="bots.engine.tick.save_and_publish")
MIDNIGHT: Final = datetime(2025, 5, 13, 0, 0, 30, tzinfo=UTC)


def test_a_daily_limit_is_broken_by_what_is_not_realized_and_the_worker_dies_over_it(
    make_holder: MakeStage, row: Row
) -> None:
    market = Market.SPOT
    stage = make_holder(market, max_daily_loss_perc=Decimal("0.2"))
    stage.move_price(level(stage, "-1.8"))
    stage.strike(SAVE, Blow.KILL)
    row.ticks = recover(stage, until=lambda one: one.state.state == "paused")
    assert stage.state.status == "paused (max_daily_loss_perc reached)"
    assert is_guarded(stage)
    assert len([one for one in placed_by_us(stage.venue.ledger()) if one.filled]) == 1


def test_midnight_passes_while_workers_die_and_the_day_begins_once(
    make_holder: MakeStage, row: Row
) -> None:
    market = Market.FUTURES
    stage = make_holder(market, stop_loss_perc=Decimal(15), take_profit_perc=Decimal(40))
    stage.go_to(MIDNIGHT)
    stage.strike(SAVE, Blow.KILL)
    stage.forget_waits()
    stage.pass_time()
    stage.strike(Call(target="bots.engine.tick.commit_decision", is_after=True), Blow.CUT)
    wake_daily_pauses(lambda *_: stage.venue.market_time())
    row.ticks = recover(stage)
    assert stage.state.trading_day == MIDNIGHT.date()
    assert BotEvent.objects.filter(kind=EventKind.DAY_ROLLED).count() <= 2


@BOTH
def test_everything_is_halted_while_an_entry_is_in_flight(
    market: Market, make_stage: MakeStage, worker_thread: WorkerThread, row: Row
) -> None:
    row.did = "filled"
    stage = make_stage(market, entry_slippage_perc=None)
    place = place_of(Action.EXIT, market)
    stage.venue.set_fault(endpoint=place, when="after", action="delay", seconds=0.5)
    assert stage.claims()
    ticking = worker_thread(lambda: run_bot_task(stage.bot.pk))
    until(lambda: placed_by_us(stage.venue.ledger()))
    set_halt(scope=HaltScope(), level=HaltLevel.EVERYTHING, reason="a test", actor=None)
    assert ticking.result(20) == "Done"
    row.ticks = recover(stage, until=is_guarded)  # what was in flight is followed and protected
    stage.go_to(AT_SELL)
    assert stage.tick()
    assert stage.state.in_position
    assert not Order.objects.filter(leg="x", sent_at__isnull=False).exists()
    lift_halt(scope=HaltScope(), actor=None)
    row.ticks += recover(stage, until=is_flat)


@BOTH
def test_a_bot_is_stopped_while_an_entry_is_in_flight_and_the_worker_dies(
    market: Market, make_stage: MakeStage, row: Row
) -> None:
    row.did = "filled"
    stage = make_stage(market, entry_slippage_perc=None)
    stage.strike(Call(target="bots.journal.apply_report"), Blow.KILL)
    stop_bot(bot_id=stage.bot.pk, actor=None)
    stage.forget_waits()
    row.ticks = recover(stage, until=is_guarded)
    assert stage.state.status == "stopped"
    assert len([one for one in placed_by_us(stage.venue.ledger()) if one.filled]) == 1


def test_the_journal_waits_too_long_for_a_lock_before_the_order_goes_out(
    make_stage: MakeStage, worker_thread: WorkerThread, row: Row
) -> None:
    market = Market.SPOT
    stage = make_stage(market)
    assert stage.claims()
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            halt_for_update(HaltScope())
            held.set()
            release.wait(20)

    holder = worker_thread(hold)
    assert held.wait(10)
    answer = worker_thread(lambda: _impatient(stage)).result(20)
    release.set()
    holder.result(10)
    assert answer == "Database not available"
    assert placed_by_us(stage.venue.ledger()) == []
    row.ticks = recover(stage, until=is_guarded)


def _impatient(stage: Stage) -> str:
    with connections["journal"].cursor() as cursor:
        cursor.execute("SET lock_timeout = '200ms'")
    return str(run_bot_task(stage.bot.pk))


@BOTH
def test_the_lock_is_lost_in_the_middle_of_a_send_and_another_worker_ticks(
    market: Market, make_holder: MakeStage, worker_thread: WorkerThread, row: Row
) -> None:
    row.did = "sold"
    stage = make_holder(market)
    stage.go_to(AT_SELL)
    place = place_of(Action.EXIT, market)
    stage.venue.set_fault(endpoint=place, when="after", action="delay", seconds=0.6)
    assert stage.claims()
    backends: list[int] = []
    slow = worker_thread(lambda: _tell_backends(stage, backends))
    until(lambda: _sold(stage))
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", backends[:1])
    assert run_bot_task(stage.bot.pk) == "Done"
    assert slow.result(20) == "Database not available"
    row.ticks = recover(stage, until=is_flat)
    assert _sold(stage) == 1


@BOTH
def test_two_workers_and_two_beats_at_once(
    market: Market, make_stage: MakeStage, worker_thread: WorkerThread, row: Row
) -> None:
    row.did = "filled"
    stage = make_stage(market)
    begin = threading.Barrier(4)

    def beat_and_work() -> list[str]:
        begin.wait()
        stage.claims()
        return [str(run_bot_task(stage.bot.pk)) for _ in range(2)]

    working = [worker_thread(beat_and_work) for _ in range(4)]
    answers = [answer for each in working for answer in each.result(40)]
    assert set(answers) <= {"Done", "Skipped (locked)"}
    assert "Done" in answers
    assert_promises(stage)
    row.ticks = recover(stage, until=is_guarded)
    assert len([one for one in placed_by_us(stage.venue.ledger()) if one.filled]) == 1


def _tell_backends(stage: Stage, backends: list[int]) -> str:
    connections["default"].ensure_connection()
    backends.append(connections["default"].connection.info.backend_pid)
    return str(run_bot_task(stage.bot.pk))


def _sold(stage: Stage) -> int:
    ours = placed_by_us(stage.venue.ledger())
    return len([one for one in ours if one.side == "SELL" and one.filled])
