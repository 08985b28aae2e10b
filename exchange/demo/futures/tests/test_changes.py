"""When accounts are told of what happened to them: after it was committed, once, in order."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exchange.demo.accounts import parse_account
from exchange.demo.errors import VenueError
from exchange.demo.futures.asked import OrderRequest
from exchange.demo.futures.changes import (
    AccountPart,
    AlgoPart,
    Execution,
    FuturesChange,
    Notes,
    OrderPart,
)
from exchange.demo.futures.tests.algo_world import AlgoWorld
from exchange.demo.futures.tests.futures_world import BTC
from exchange.demo.futures.values import AlgoOrder
from exchange.demo.times import DAY_MS
from exchange.demo.trading.ledger import ConservationError
from exchange.demo.trading.tests.engine_world import FLAT, START, D
from exchange.demo.venue import ExchangeConfig, Venue


class Told:
    """Keeps what accounts are told."""

    def __init__(self) -> None:
        self.changes: list[tuple[int, FuturesChange]] = []

    def __call__(self, uid: int, change: object) -> None:
        assert isinstance(change, FuturesChange)
        self.changes.append((uid, change))

    def take(self) -> list[tuple[int, FuturesChange]]:
        taken, self.changes = self.changes, []
        return taken


def told_world(**more: Any) -> tuple[AlgoWorld, Told]:
    told = Told()
    world = AlgoWorld({BTC: [FLAT]}, on_change=told, **more)
    told.take()
    return world, told


def executions(change: FuturesChange) -> list[Execution]:
    found = [part.execution for part in change.parts if isinstance(part, OrderPart)]
    return [one for one in found if one is not None]


def last_results(told: Told) -> list[Decimal]:
    """Return what the position of the last fill has brought in all, as it was told."""
    (_, change) = told.take()[-1]
    return [state.realized for state in executions(change)[-1].account.positions]


def waiting(status: str = "NEW", **more: Any) -> AlgoOrder:
    """Return an algo order without anything special."""
    fields: dict[str, Any] = {"algo_id": 1, "uid": 7, "symbol": BTC, "client_algo_id": "a"}
    fields |= {"side": "SELL", "type": "STOP_MARKET", "at_ms": START, "updated_ms": START}
    return AlgoOrder(**(fields | {"status": status} | more))


def test_a_step_is_told_once_whatever_happened_in_it() -> None:
    world, told = told_world()
    world.buy(2)
    ((uid, change),) = told.take()
    assert uid == world.uid
    assert [type(part) for part in change.parts] == [OrderPart, OrderPart, OrderPart]
    assert [one.fill for one in executions(change)] == world.fills()


def test_it_is_told_after_the_commit() -> None:
    seen: list[tuple[str, Decimal]] = []

    def look(uid: int, _change: object) -> None:
        # A transaction can begin: none is open any more.
        with world.state.transaction():
            found = world.books.all_orders()
        wallet = world.ledger.free(uid, "USDT", wallet="um")
        seen.extend((one.status, wallet) for one in found)

    world, _ = told_world()
    world.engine._desk._on_change = look
    world.buy(1)
    assert seen == [("FILLED", world.wallet)]


def test_a_listener_may_act_at_once() -> None:
    world, told = told_world()

    def answer(uid: int, change: object) -> None:
        told(uid, change)
        if not world.books.all_algos():
            world.stop(95, reduce_only=True)

    world.engine._desk._on_change = answer
    world.buy(1)
    assert world.statuses(1) == ["NEW"]
    assert [type(change.parts[0]) for _, change in told.take()] == [OrderPart, AlgoPart]


def test_what_is_rolled_back_is_not_told() -> None:
    world, told = told_world(balances="UM.USDT=100")
    desk = world.engine._desk

    def make_money() -> None:
        with desk.step(world.now):
            desk.ledger.add(world.uid, "USDT", D(1), wallet="um")
            desk.note_account(world.uid, "DEPOSIT", world.now, change=D(1))

    with pytest.raises(VenueError):
        world.buy(100)
    with pytest.raises(ConservationError):
        make_money()
    assert told.take() == []
    world.buy(1)
    ((_, change),) = told.take()
    assert not [part for part in change.parts if isinstance(part, AccountPart)]


def test_a_result_that_was_rolled_back_is_not_counted() -> None:
    world, told = told_world()
    desk = world.engine._desk

    def count_and_fail() -> None:
        with desk.step(world.now):
            desk.count_realized(replace(world.fills()[0], realized_pnl=D(50)))
            raise RuntimeError("stop")

    world.buy(1)
    world.steer(101)
    with pytest.raises(RuntimeError, match="stop"):
        count_and_fail()
    world.sell(1)
    assert last_results(told) == [D(1)]


def test_results_of_before_a_restart_count() -> None:
    world, told = told_world()
    for price in (101, 103):
        world.buy(1)
        world.steer(price)
        world.sell(1)
        world.reopen()
    # Bought at 100 and 101, sold at 101 and 103.
    assert last_results(told) == [D(3)]


def test_two_accounts_are_told_of_the_same_stamp_each(tmp_path: Path) -> None:
    keys = ["firstkey" * 4, "otherkey" * 4]
    accounts = [parse_account(f"{key}:{key}:UM.USDT=100000") for key in keys]
    venue = Venue(ExchangeConfig(is_paused=True, accounts=accounts, state_dir=tmp_path))
    told = Told()
    uids = [venue.accounts[key].uid for key in keys]
    now_ms = venue.advance()
    for uid, side in zip(uids, ("BUY", "SELL"), strict=True):
        venue.futures.set_margin_type(uid, BTC, "ISOLATED", at_ms=now_ms)
        symbol = venue.futures_market.symbols[BTC]
        asked = OrderRequest(symbol=symbol, side=side, type="MARKET", quantity=D("0.1"))
        venue.futures.place(uid, asked, at_ms=now_ms)
    venue.account_listeners.append(told)
    venue.clock.jump_to(now_ms + DAY_MS // 3)
    venue.advance()
    changes = told.take()
    assert sorted(uid for uid, _ in changes) == sorted(uids)
    parts = {uid: change.parts for uid, change in changes}
    assert [
        [part.reason for part in parts[uid] if isinstance(part, AccountPart)] for uid in uids
    ] == [
        ["FUNDING_FEE"],
        ["FUNDING_FEE"],
    ]
    paid, got = (
        part.change for uid in uids for part in parts[uid] if isinstance(part, AccountPart)
    )
    assert paid == -got != 0
    venue.close()


def test_the_same_state_of_an_algo_order_is_noted_once() -> None:
    notes = Notes()
    notes.algo(None, waiting(), None)
    notes.algo(waiting(), waiting(peak=D(5), updated_ms=START + 1), None)
    ((uid, change),) = notes.take()
    assert (uid, change.parts) == (7, (AlgoPart(algo=waiting(), child=None),))
    assert notes.take() == []


def test_a_refusal_at_the_trigger_passes_by_triggering() -> None:
    notes = Notes()
    notes.algo(waiting(), waiting("REJECTED", reject_reason="no"), None)
    ((_, change),) = notes.take()
    algos = [part.algo for part in change.parts if isinstance(part, AlgoPart)]
    assert [(one.status, one.reject_reason) for one in algos] == [
        ("TRIGGERING", None),
        ("REJECTED", "no"),
    ]
    # One that hung has been told so.
    notes.algo(waiting("TRIGGERING"), waiting("REJECTED", reject_reason="no"), None)
    ((_, change),) = notes.take()
    assert len(change.parts) == 1
