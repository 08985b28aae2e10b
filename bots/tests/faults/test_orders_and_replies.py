"""Real incidents with orders: replies that are lost, late, false or come twice."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from bots.engine.execution import submit_orders
from bots.engine.venue import open_gateway
from bots.journal import apply_report
from bots.locks import bot_lock
from bots.models import Fill, Order
from bots.tasks import run_bot_task
from bots.tests.engine.conftest import AT_SELL
from bots.tests.faults.conftest import MakeStage
from bots.tests.faults.promises import assert_promises, placed_by_us
from bots.tests.faults.recovery import recover
from bots.tests.faults.scenarios import Action, Market, place_of
from bots.tests.faults.stage import Stage
from bots.tests.faults.striking import Blow, Call, Request
from bots.tests.faults.table import Row

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "journal"]),
    pytest.mark.long,
]

BOTH: Final = pytest.mark.parametrize("market", list(Market))
ASK: Final = {Market.SPOT: "GET /api/v3/order", Market.FUTURES: "GET /fapi/v1/order"}
TRADES: Final = {Market.SPOT: "GET /api/v3/myTrades", Market.FUTURES: "GET /fapi/v1/userTrades"}
SAVE: Final = Call(target="bots.engine.tick.save_and_publish")


def lose_the_entry(make_stage: MakeStage, market: Market) -> Stage:
    """Have the reply to an entry at the market lost; the venue has filled it."""
    stage = make_stage(market, entry_slippage_perc=None)
    endpoint = place_of(Action.EXIT, market)  # of every order that is placed alone
    stage.strike(Request(endpoint=endpoint, is_after=True), Blow.LOST)
    stage.venue.clear_faults()
    assert the_entry().status == "unknown"
    return stage


def the_entry() -> Order:
    """Return the only entry that there is."""
    return Order.objects.get(leg="e")


def is_guarded(stage: Stage) -> bool:
    """Say whether the bot holds something and its stop rests."""
    return stage.state.in_position and stage.state.resting_stop_price is not None


def bought_once(stage: Stage) -> bool:
    """Say whether exactly one order has been filled at the venue."""
    return len([one for one in placed_by_us(stage.venue.ledger()) if one.filled]) == 1


@BOTH
def test_not_found_at_first_and_found_later(
    market: Market, make_stage: MakeStage, row: Row
) -> None:
    row.did = "filled"
    stage = lose_the_entry(make_stage, market)
    error = {"when": "before", "action": "error", "code": -2013}
    stage.venue.set_fault(endpoint=ASK[market], times=2, **error)
    stage.let_nothing_arrive()
    stage.pass_time()
    assert stage.tick()
    assert (the_entry().status, the_entry().not_found_looks) == ("unknown", 1)
    row.ticks = recover(stage, until=is_guarded)
    assert bought_once(stage)


def test_the_venue_cannot_be_reached_for_minutes_after_a_lost_reply(
    make_stage: MakeStage, row: Row
) -> None:
    market = Market.SPOT
    row.did = "filled"
    stage = lose_the_entry(make_stage, market)
    stage.let_nothing_arrive()
    stage.venue.set_fault(endpoint="*", when="before", action="drop", times=None)
    stage.forget_waits()
    for _ in range(2):
        stage.pass_time()
        assert stage.tick()
        assert (the_entry().status, the_entry().not_found_looks) == ("unknown", 0)
    assert stage.state.status == "error (price data)"
    row.ticks = recover(stage, until=is_guarded)
    assert bought_once(stage)


@BOTH
def test_canceled_and_nothing_filled_says_the_order_and_its_trades_say_otherwise(
    market: Market, make_stage: MakeStage, row: Row
) -> None:
    row.did = "filled"
    stage = lose_the_entry(make_stage, market)
    (true,) = stage.venue.ledger()["orders" if market == Market.SPOT else "futures_orders"]
    nothing = {"executedQty": "0", "cummulativeQuoteQty": "0", "cumQuote": "0"}
    said = true | {key: value for key, value in nothing.items() if key in true}
    body = json.dumps(said | {"status": "CANCELED"})
    answer: dict[str, Any] = {"when": "before", "action": "status", "status": 200, "body": body}
    stage.venue.set_fault(endpoint=ASK[market], **answer)
    stage.pass_time()
    assert stage.tick()
    assert the_entry().status == "filled"
    row.ticks = 1 + recover(stage, until=is_guarded)
    assert bought_once(stage)


def test_executions_come_twice_and_in_the_wrong_order(make_stage: MakeStage, row: Row) -> None:
    market = Market.FUTURES
    row.did = "filled"
    stage = lose_the_entry(make_stage, market)
    name = "fills" if market == Market.SPOT else "futures_fills"
    told = stage.venue.ledger()[name][::-1] * 2
    answer = {"when": "before", "action": "status", "status": 200, "body": json.dumps(told)}
    stage.venue.set_fault(endpoint=TRADES[market], times=None, **answer)
    stage.pass_time()
    assert stage.tick()
    row.ticks = 1 + recover(stage, until=is_guarded)
    assert Fill.objects.count() == len(told) // 2
    assert bought_once(stage)


def test_a_filled_order_is_emitted_again(make_holder: MakeStage, row: Row) -> None:
    market = Market.SPOT
    row.did = "filled"
    stage = make_holder(market)
    entries = list(Order.objects.filter(leg="e"))
    gateway = open_gateway(stage.bot)
    with bot_lock(stage.bot.pk):
        submit_orders(entries, gateway=gateway)
        stale = [Order(**_columns(one) | {"status": "intended"}) for one in entries]
        submit_orders(stale, gateway=gateway)  # a copy that thinks that it was never sent
    row.ticks = recover(stage, until=is_guarded)
    assert bought_once(stage)


def _columns(order: Order) -> dict[str, Any]:
    return {field.attname: getattr(order, field.attname) for field in Order._meta.concrete_fields}


def test_a_report_is_replayed_after_the_worker_died_with_it(
    make_stage: MakeStage, row: Row
) -> None:
    market = Market.SPOT
    row.did = "filled"
    stage = make_stage(market, entry_slippage_perc=None)
    stage.strike(Call(target="bots.journal.apply_report", is_after=True), Blow.KILL)
    entry = the_entry()
    assert entry.status == "filled"
    gateway = open_gateway(stage.bot)
    report = gateway.order_by_client_id(entry.symbol, entry.client_order_id)
    assert report is not None
    trades = gateway.trades_of_order(
        entry.symbol, report.venue_order_id, filled_quantity=report.filled_quantity
    )
    for _ in range(2):
        apply_report(entry, report, trades, complete=True)
    assert Fill.objects.count() == len(trades)
    row.ticks = recover(stage, until=is_guarded)
    assert bought_once(stage)


@BOTH
def test_a_task_is_delivered_twice_and_once_more_too_late(
    market: Market, make_stage: MakeStage, row: Row
) -> None:
    row.did = "filled"
    stage = make_stage(market)
    (claim,) = stage.claims()
    assert stage.claims() == []  # the beat of a second host comes too late for this slot
    for _ in range(2):
        assert run_bot_task(claim.bot_id) == "Done"
    stage.go_to(AT_SELL)
    assert stage.tick()
    assert not stage.state.in_position
    assert run_bot_task(claim.bot_id) == "Done"  # the delivery of long ago
    stage.venue.clear_faults()
    assert_promises(stage)
    row.ticks = recover(stage, until=lambda one: not one.state.in_position)
    sides = [one.side for one in placed_by_us(stage.venue.ledger()) if one.filled]
    assert sides == ["BUY", "SELL"]


_REFUSALS: Final = [
    pytest.param(Market.SPOT, {"action": "error", "code": -1021}, id="a clock that drifted, -1021"),
    pytest.param(
        Market.SPOT,
        {"action": "error", "code": -1003, "status": 429, "seconds": 1},
        id="too much weight, 429 with Retry-After",
    ),
    pytest.param(Market.FUTURES, {"action": "error", "code": -1015}, id="too many orders, -1015"),
    pytest.param(Market.FUTURES, {"action": "ban", "seconds": 1}, id="banned, 418"),
    pytest.param(Market.SPOT, {"action": "html", "status": 502}, id="a proxy's page"),
]


@pytest.mark.parametrize(("market", "fault"), _REFUSALS)
def test_the_venue_refuses_the_request(
    market: Market,
    fault: dict[str, Any],
    make_stage: MakeStage,
    row: Row,
    request: pytest.FixtureRequest,
) -> None:
    row.name, row.did = f"the venue refuses: {request.node.callspec.id}", "nothing"
    stage = make_stage(market, entry_slippage_perc=None)
    endpoint = place_of(Action.EXIT, market)
    stage.venue.set_fault(endpoint=endpoint, when="before", times=1, **fault)
    assert stage.tick()
    assert [one["hits"] for one in stage.venue.faults()] == [1]
    stage.venue.clear_faults()
    if "seconds" in fault:
        stage.wait_for_the_venue()
    row.ticks = recover(stage)
    sides = [one.side for one in placed_by_us(stage.venue.ledger()) if one.filled]
    assert sides in ([], ["BUY"])
    if fault.get("code") == -1021:
        assert Order.objects.filter(leg="e", resigned=True, status="filled").count() == 1
