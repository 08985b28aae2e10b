"""What an account is told of the steps that concern it, and when."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exchange.demo.accounts import parse_account
from exchange.demo.errors import VenueError
from exchange.demo.trading.changes import ListEvent, OrderEvent, StepChange, WalletChange
from exchange.demo.trading.ledger import Holding
from exchange.demo.trading.orders import Fill, Order
from exchange.demo.trading.tests.engine_world import FLAT, START, SWING, D, World


class Heard(list[tuple[int, object]]):
    """A listener that writes down what it is told."""

    def __call__(self, uid: int, change: object) -> None:
        self.append((uid, change))

    def steps(self) -> list[StepChange]:
        """Return the steps so far, and forget them."""
        found = [change for _, change in self if isinstance(change, StepChange)]
        self.clear()
        return found

    def step(self) -> StepChange:
        """Return the one step so far, and forget it."""
        found = self.steps()
        assert len(found) == 1
        return found[0]


@pytest.fixture
def heard() -> Heard:
    return Heard()


def listening(heard: Heard, **kwargs: Any) -> World:
    return World(on_change=heard, **kwargs)


def short(change: StepChange) -> list[tuple[Any, ...]]:
    """Return id, status and filled quantity of order events, and the status of lists."""
    return [
        (one.order_list.list_id, one.order_list.order_status)
        if isinstance(one, ListEvent)
        else (one.order.order_id, one.order.status, one.order.executed)
        for one in change.events
    ]


def fills(change: StepChange) -> list[Fill]:
    return [one.fill for one in change.events if isinstance(one, OrderEvent) and one.fill]


def order_events(change: StepChange) -> list[OrderEvent]:
    return [one for one in change.events if isinstance(one, OrderEvent)]


def held(change: StepChange) -> dict[str, tuple[Decimal, Decimal]]:
    return {one.asset: (one.free, one.locked) for one in change.holdings}


def test_a_market_order_is_told_as_new_and_then_as_traded(heard: Heard) -> None:
    world = listening(heard)
    world.place("BUY", "MARKET", 1, client_order_id="mine")
    change = heard.step()
    assert short(change) == [(1, "NEW", 0), (1, "FILLED", 1)]
    assert change.at_ms == START
    assert fills(change) == world.fills()
    assert held(change) == {
        "BTC": (D("10.999"), D(0)),
        "USDT": (D(99900), D(0)),
    }
    assert {one.uid for one in change.holdings} == {world.uid}


def test_an_account_is_told_only_when_the_step_is_committed() -> None:
    seen: list[tuple[str, bool]] = []

    def listen(uid: int, change: object) -> None:
        assert isinstance(change, StepChange)
        told = order_events(change)[-1].order
        kept = world.engine.orders.by_id(uid, told.symbol, told.order_id)
        is_open = told.order_id in {
            one.order_id for one in world.engine.orders.open_orders(uid, None)
        }
        seen.append((told.status, kept == told and is_open == told.is_open))

    world = World(on_change=listen)
    placed = world.place("BUY", "LIMIT", 1, price=90)
    world.cancel(placed.order.order_id)
    assert seen == [("NEW", True), ("CANCELED", True)]


def test_a_refused_order_is_not_told(heard: Heard) -> None:
    world = listening(heard, balances="USDT=50")
    with pytest.raises(VenueError):
        world.place("BUY", "MARKET", 1)
    with pytest.raises(VenueError):
        world.place("BUY", "LIMIT", 1, price=99)
    assert heard == []
    world.place("BUY", "LIMIT", "0.1", price=99)
    assert short(heard.step()) == [(1, "NEW", 0)]


def test_a_resting_order_tells_what_it_locks_and_gives_it_back_when_canceled(heard: Heard) -> None:
    world = listening(heard)
    placed = world.place("BUY", "LIMIT", 2, price=80, client_order_id="mine")
    assert held(heard.step()) == {"USDT": (D(99840), D(160))}
    world.go(7)
    world.cancel(placed.order.order_id, cancel_client_id="stop-it")
    change = heard.step()
    (event,) = order_events(change)
    assert (event.order.status, event.order.client_order_id) == ("CANCELED", "mine")
    assert event.cancel_client_id == "stop-it"
    assert event.at_ms == START + 7
    assert held(change) == {"USDT": (D(100000), D(0))}


def test_a_cancel_that_was_not_named_is_told_by_the_name_that_its_reply_has(heard: Heard) -> None:
    world = listening(heard)
    placed = world.place("BUY", "LIMIT", 2, price=80)
    heard.clear()
    canceled = world.cancel(placed.order.order_id)
    assert order_events(heard.step())[0].cancel_client_id == canceled.cancel_client_id


def test_every_fill_of_a_taker_is_told_with_what_was_filled_until_then(heard: Heard) -> None:
    world = listening(heard, slippage_bps=D(10), volume=60)
    world.place("BUY", "MARKET", 3)
    change = heard.step()
    executed = [one.order.executed for one in order_events(change) if one.fill]
    told = fills(change)
    assert len(told) > 1
    assert executed == [sum((x.quantity for x in told[: n + 1]), D(0)) for n in range(len(told))]
    assert executed[-1] == 3
    assert [one.trade_id for one in told] == [one.trade_id for one in world.fills()]


def test_a_resting_order_tells_every_fill_in_a_step_of_its_own(heard: Heard) -> None:
    world = listening(
        heard, minutes={"BTCUSDT": [FLAT, (100, 100, 95, 95), (95, 95, 95, 95)]}, volume=10
    )
    world.place("BUY", "LIMIT", 3, price=98)
    heard.clear()
    world.go(6 * 60_000)
    steps = heard.steps()
    assert len(steps) > 1
    told = [one for step in steps for one in fills(step)]
    assert told == world.fills()
    assert all(one.is_maker for one in told)
    assert [step.at_ms for step in steps] == [one.at_ms for one in told]
    assert steps[-1].events[-1].order.status == "FILLED"  # type: ignore[union-attr]


def test_how_often_the_engine_advances_changes_nothing_of_what_is_told() -> None:
    told = []
    for stride in (1_000, 7_001, 180_000):
        heard = Heard()
        world = listening(heard, minutes={"BTCUSDT": [SWING, SWING, FLAT]}, volume=50)
        world.place("BUY", "LIMIT", 1, price=92, client_order_id="a")
        world.place("SELL", "LIMIT", 2, price=108, client_order_id="b")
        world.place("BUY", "STOP_LOSS", 1, stop_price=105, client_order_id="c")
        while world.now < START + 180_000:
            world.go(min(stride, START + 180_000 - world.now))
        told.append([change for _, change in heard])
    assert told[0] == told[1] == told[2]
    assert len(told[0]) > 4


def test_a_stop_that_triggers_is_told_as_on_the_book_before_it_trades(heard: Heard) -> None:
    world = listening(heard)
    world.place("SELL", "STOP_LOSS", 1, stop_price=95)
    assert not order_events(heard.step())[0].order.is_working
    world.go(60_000)
    change = heard.step()
    first, second = order_events(change)
    assert (first.order.status, first.fill, first.order.is_working) == ("NEW", None, True)
    assert second.order.status == "FILLED"
    assert second.fill is not None


def test_a_list_is_told_when_it_begins_and_when_it_is_done(heard: Heard) -> None:
    world = listening(heard)
    world.place_list(
        "OCO",
        world.ask("SELL", "LIMIT_MAKER", 1, price=108),
        world.ask("SELL", "STOP_LOSS", 1, stop_price=85),
        name="both",
    )
    begun = heard.step()
    assert short(begun) == [(1, "NEW", 0), (2, "NEW", 0), (1, "EXECUTING")]
    assert held(begun) == {"BTC": (D(9), D(1))}
    world.go(60_000)
    done = heard.step()
    assert short(done) == [(1, "EXPIRED", 0), (2, "FILLED", 1), (1, "ALL_DONE")]
    last = done.events[-1]
    assert isinstance(last, ListEvent)
    assert (last.order_list.client_order_id, len(last.orders)) == ("both", 2)
    assert order_events(done)[0].order.expiry_reason == "OCO_TRIGGER"


def test_pending_orders_are_told_as_pending_and_as_new_when_their_working_order_is_filled(
    heard: Heard,
) -> None:
    world = listening(heard)
    world.place_list(
        "OTOCO",
        world.ask("BUY", "LIMIT", 1, price=95),
        world.ask("SELL", "LIMIT_MAKER", 1, price=120),
        world.ask("SELL", "STOP_LOSS", 1, stop_price=80),
    )
    assert short(heard.step()) == [
        (1, "NEW", 0),
        (2, "PENDING_NEW", 0),
        (3, "PENDING_NEW", 0),
        (1, "EXECUTING"),
    ]
    world.go(60_000)
    assert short(heard.step()) == [(1, "FILLED", 1), (2, "NEW", 0), (3, "NEW", 0)]


def test_a_list_that_is_over_at_once_is_told_to_begin_before_it_is_done(heard: Heard) -> None:
    world = listening(heard)
    world.place_list(
        "OTO",
        world.ask("BUY", "LIMIT", 1, price=101),
        world.ask("SELL", "LIMIT", 1, price=99),
    )
    assert short(heard.step()) == [
        (1, "NEW", 0),
        (2, "PENDING_NEW", 0),
        (1, "EXECUTING"),
        (1, "FILLED", 1),
        (2, "NEW", 0),
        (2, "FILLED", 1),
        (1, "ALL_DONE"),
    ]


def test_whoever_cancels_one_order_of_a_list_is_told_of_all_of_it(heard: Heard) -> None:
    world = listening(heard)
    placed = world.place_list(
        "OCO",
        world.ask("SELL", "LIMIT_MAKER", 1, price=120),
        world.ask("SELL", "STOP_LOSS", 1, stop_price=80),
    )
    heard.clear()
    world.cancel(placed.orders[0].order_id, cancel_client_id="off")
    change = heard.step()
    assert short(change) == [(1, "CANCELED", 0), (2, "CANCELED", 0), (1, "ALL_DONE")]
    assert [one.cancel_client_id for one in order_events(change)] == ["off", "off"]
    assert held(change) == {"BTC": (D(10), D(0))}


def test_canceling_everything_is_one_change_with_a_name_for_each_cancel(heard: Heard) -> None:
    world = listening(heard)
    for price in (80, 81):
        world.place("BUY", "LIMIT", 1, price=price)
    heard.clear()
    canceled = world.engine.cancel_all(world.uid, "BTCUSDT", at_ms=world.now)
    change = heard.step()
    assert short(change) == [(1, "CANCELED", 0), (2, "CANCELED", 0)]
    told = [one.cancel_client_id for one in order_events(change)]
    assert told == [one.cancel_client_id for one in canceled]
    assert len(set(told)) == 2


def test_a_step_that_concerns_two_accounts_tells_each_of_its_own_orders_once(heard: Heard) -> None:
    world = listening(heard)
    spec = parse_account(f"{'other' * 6}:{'other' * 6}:USDT=1000")
    other = world.engine.ledger.open_account(spec, market_ms=START)
    world.place("BUY", "LIMIT", 1, price=80)
    world.engine.place(other, world.ask("BUY", "LIMIT", 2, price=81), at_ms=world.now)
    assert [uid for uid, _ in heard] == [world.uid, other]
    heard.clear()
    world.engine.delist("BTCUSDT")
    assert [uid for uid, _ in heard] == [world.uid, other]
    first, second = heard.steps()
    assert short(first) == [(1, "EXPIRED", 0)]
    assert short(second) == [(2, "EXPIRED", 0)]
    assert held(first) == {"USDT": (D(100000), D(0))}
    assert held(second) == {"USDT": (D(1000), D(0))}


def test_a_changed_symbol_or_setting_is_told_to_nobody(heard: Heard) -> None:
    world = listening(heard)
    world.engine.set_symbol_status("BTCUSDT", "HALT")
    world.engine.set_symbol_rules("BTCUSDT", tick=D("0.1"))
    world.engine.set_bnb_burn(world.uid, is_on=True)
    world.go(60_000)
    assert heard == []


def test_numbers_of_events_rise_also_after_a_restart(tmp_path: Path, heard: Heard) -> None:
    world = listening(heard, directory=tmp_path)
    world.place("BUY", "LIMIT", 1, price=80)
    with pytest.raises(VenueError):
        world.place("BUY", "LIMIT", 100_000, price=99)
    world.place("BUY", "MARKET", 1)
    world.reopen(tmp_path)
    world.place("BUY", "LIMIT", 1, price=81)
    world.close()
    numbers = [event.number for step in heard.steps() for event in order_events(step)]
    assert len(numbers) == 4
    assert numbers == sorted(set(numbers))


def test_a_deposit_is_told_with_the_balance_after_it(heard: Heard) -> None:
    world = listening(heard)
    world.place("BUY", "LIMIT", 1, price=80)
    heard.clear()
    world.engine.deposit(world.uid, "USDT", D(5), at_ms=START + 1)
    holding = Holding(world.uid, "spot", "USDT", D(99925), D(80))
    assert heard == [(world.uid, WalletChange(delta=D(5), holding=holding, at_ms=START + 1))]
    assert world.is_sound()


def test_what_is_told_adds_up_to_the_books(heard: Heard) -> None:
    """Whoever only listens knows every order, fill and balance of the account."""
    world = listening(heard, minutes={"BTCUSDT": [SWING] * 3}, volume=30, slippage_bps=D(5))
    world.engine.set_bnb_burn(world.uid, is_on=False)
    world.place("BUY", "MARKET", 2)
    world.place("SELL", "LIMIT", 3, price=109)
    world.place("BUY", "LIMIT", 1, price=200, time_in_force="FOK")
    world.place("BUY", "LIMIT", 50, price=101, time_in_force="IOC")
    world.place("SELL", "STOP_LOSS_LIMIT", 1, price=93, stop_price=94)
    oco = (
        world.ask("SELL", "LIMIT_MAKER", 1, price=112),
        world.ask("SELL", "STOP_LOSS", 1, stop_price=91),
    )
    world.place_list("OCO", *oco)
    pair = world.ask("BUY", "LIMIT", 1, price=92), world.ask("SELL", "LIMIT", None, price=107)
    world.place_list("OPO", *pair)
    last = world.place("BUY", "LIMIT", 1, price=50)
    world.go(200_000)
    world.cancel(last.order.order_id)
    orders: dict[int, Order] = {}
    told: list[Fill] = []
    balances: dict[str, tuple[Decimal, Decimal]] = {}
    for step in heard.steps():
        told += fills(step)
        balances |= held(step)
        orders |= {one.order.order_id: one.order for one in order_events(step)}
    assert list(orders.values()) == world.engine.orders.all_orders()
    assert told == world.fills()
    assert balances == {asset: world.balance(asset) for asset in ("BTC", "USDT")}
