"""Real incidents in which the venue itself, or a person past the bot, changes what it holds."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final

import pytest

from bots.domain.decision import IntentReason
from bots.engine.venue import open_gateway
from bots.models import BotEvent, EventKind, Incident, Order, Trade
from bots.services import start_bot
from bots.tests.account.conftest import Hand
from bots.tests.engine.conftest import AT_SELL
from bots.tests.faults.conftest import MakeStage
from bots.tests.faults.promises import assert_at_most_once, placed_by_us
from bots.tests.faults.recovery import recover
from bots.tests.faults.scenarios import Market
from bots.tests.faults.stage import SYMBOL, Stage
from bots.tests.faults.striking import Blow, Call
from bots.tests.faults.table import Row
from bots.tests.faults.test_orders_and_replies import TRADES, lose_the_entry, the_entry
from bots.tests.faults.test_stops_and_positions import is_flat, is_guarded, level
from exchange.demo.futures.asked import OrderRequest
from exchange.demo.venue import Venue
from exchange.domain.types import Side
from exchange.registry import spot_gateway_for

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "journal"]),
    pytest.mark.long,
]

_QUIET: Final = datetime(2025, 5, 12, 4, 13, 20, tzinfo=UTC)  # few contracts trade in this minute


def test_the_venue_deleverages_a_part_of_the_position_and_the_worker_dies_over_it(
    make_holder: MakeStage, row: Row
) -> None:
    row.did = "closed a part (ADL)"
    stage = make_holder(Market.FUTURES)
    before = stage.state.current_position_size_coins
    _deleverage(stage, Decimal("0.005"))
    stage.strike_when_due(Call(target="bots.journal.book_external", is_after=True), Blow.KILL)
    row.ticks = recover(stage, until=is_guarded)
    assert stage.state.current_position_size_coins == before - Decimal("0.005")
    assert Trade.objects.latest("pk").reason == IntentReason.LIQUIDATION
    (event,) = BotEvent.objects.filter(kind=EventKind.RECONCILED)
    assert "deleveraging" in event.message
    _deleverage(stage, stage.state.current_position_size_coins)  # under the same name again
    row.ticks += recover(stage, until=is_flat)
    assert Order.objects.filter(leg="x", intent_reason=IntentReason.LIQUIDATION).count() == 2
    assert not Incident.objects.exists()


def _deleverage(stage: Stage, quantity: Decimal) -> None:
    (key,) = stage.venue.control("keys")

    def close(venue: Venue) -> None:
        order = OrderRequest(
            symbol=venue.futures_market.symbols[SYMBOL],
            side="SELL",
            type="MARKET",
            quantity=quantity,
            reduce_only=True,
            client_order_id="adl_autoclose",
        )
        venue.futures.place(key["uid"], order, at_ms=venue.advance())

    stage.venue.run_inside(close)


def test_the_coins_are_sold_by_hand_and_bought_back_later(make_holder: MakeStage, row: Row) -> None:
    row.did = "sold the coins for somebody"
    stage = make_holder(Market.SPOT)
    held = stage.state.current_position_size_coins
    hand = Hand(stage.venue, open_gateway(stage.bot))
    _cancel_by_hand(stage)
    hand.market(Side.SELL, str(held.quantize(stage.step, rounding=ROUND_DOWN)))
    stage.forget_waits()
    stage.patch.setattr("bots.engine.account_watch.LOOK_EVERY", timedelta(0))
    for _ in range(3):
        stage.pass_time()
        stage.tick()
        assert_at_most_once(stage)
        assert stage.state.unprotected_since is not None
        assert "insufficient balance" in stage.state.unprotected_reason
    (incident,) = Incident.objects.all()
    assert incident.kind == "wallet_short"
    assert [one.leg for one in Order.objects.filter(status="filled")] == ["e"]
    hand.market(Side.BUY, "0.01")  # a little more, for the fee is taken out of it
    row.ticks = recover(stage, until=lambda one: is_flat(one) or is_guarded(one))
    assert Incident.objects.get().resolution == "gone"


def _cancel_by_hand(stage: Stage) -> None:
    assert stage.bot.api_key is not None
    name = Order.objects.get(leg="s").list_client_order_id
    spot_gateway_for(stage.bot.api_key).cancel_list(SYMBOL, name)


def test_a_symbol_is_delisted_under_a_position_and_comes_back(
    make_holder: MakeStage, row: Row
) -> None:
    row.did = "expired both"
    stage = make_holder(Market.SPOT)
    _list(stage, wanted=False)
    stage.forget_waits()
    for _ in range(3):
        stage.pass_time()
        stage.tick()
        assert_at_most_once(stage)
        assert stage.state.in_position
    assert not Order.objects.filter(leg="x").exists()
    _list(stage, wanted=True)
    row.ticks = recover(stage, until=is_guarded)
    assert stage.state.symbol_trouble == ""


def _list(stage: Stage, *, wanted: bool) -> None:
    stage.venue.control("symbols", {"symbol": SYMBOL, "listed": wanted})
    stage.forget_rules()


def test_a_key_may_not_trade_any_more_and_then_may_again(make_holder: MakeStage, row: Row) -> None:
    row.did = "refused the exit, -2015"
    stage = make_holder(Market.SPOT)
    _permit(stage, wanted=False)
    stage.go_to(AT_SELL)
    stage.forget_waits()
    for _ in range(2):
        stage.tick()
        stage.pass_time()
        assert_at_most_once(stage)
        assert stage.state.in_position
    stops = [one for one in placed_by_us(stage.venue.ledger()) if one.is_open]
    assert len(stops) == 2  # nothing was taken from under the position
    _permit(stage, wanted=True)
    start_bot(bot_id=stage.bot.pk, actor=None)
    row.ticks = recover(stage, until=lambda one: is_flat(one) or is_guarded(one))


def _permit(stage: Stage, *, wanted: bool) -> None:
    stage.venue.control("keys", {"key_number": 1, "enableSpotAndMarginTrading": wanted})


def test_executions_of_an_order_lie_beyond_the_history_that_the_venue_shows(
    make_stage: MakeStage, row: Row
) -> None:
    row.did = "filled"
    stage = lose_the_entry(make_stage, Market.FUTURES)
    _show_no_executions(stage)
    stage.forget_waits()
    for _ in range(6):
        stage.pass_time()
        stage.tick()
        assert_at_most_once(stage)
    (incident,) = Incident.objects.all()
    assert incident.kind == "order_trouble"
    assert the_entry().client_order_id in incident.message
    (placed,) = placed_by_us(stage.venue.ledger())  # nothing was flattened, nothing bought again
    assert placed.side == "BUY"
    row.ticks = recover(stage, until=is_guarded)
    assert Incident.objects.get().resolution == "gone"


def test_a_position_differs_and_what_changed_it_is_older_than_the_history(
    make_holder: MakeStage, row: Row
) -> None:
    row.did = "closed a part for somebody"
    stage = make_holder(Market.FUTURES)
    held = stage.state.current_position_size_coins
    stage.venue.control("positions", {"key_number": 1, "symbol": SYMBOL, "amount": "-0.005"})
    _show_no_executions(stage)
    stage.forget_waits()
    for _ in range(2):
        stage.pass_time()
        stage.tick()
        assert_at_most_once(stage)
    assert Incident.objects.get().kind == "position_differs"
    assert stage.state.current_position_size_coins == held
    assert is_guarded(stage)
    assert not Order.objects.filter(leg="x").exists()  # nobody flattened what nobody explains
    row.ticks = recover(stage, until=lambda one: one.state.current_position_size_coins < held)
    assert Incident.objects.get().resolution == "gone"


def _show_no_executions(stage: Stage) -> None:
    empty: dict[str, Any] = {"action": "status", "status": 200, "body": json.dumps([])}
    stage.venue.set_fault(endpoint=TRADES[Market.FUTURES], when="before", times=None, **empty)


def test_a_stop_fills_in_part_and_the_bot_closes_the_rest(make_stage: MakeStage, row: Row) -> None:
    row.did = "filled a part of the stop"
    stage = make_stage(Market.FUTURES)
    stage.venue.control(
        "deposits", {"key_number": 1, "asset": "USDT", "amount": "5000000", "wallet": "um"}
    )
    stage.configure(
        entry_slippage_perc=None, take_profit_perc=None, position_size_fixed=Decimal(800_000)
    )
    assert stage.tick()
    stage.go_to(_QUIET)
    stage.move_price(level(stage, "-2.5"))
    stage.strike(Call(target="bots.engine.tick.save_and_publish"), Blow.KILL)
    stop = Order.objects.get(leg="s", filled_quantity__gt=0)
    assert stop.filled_quantity < stop.quantity
    row.ticks = recover(stage, until=is_flat)
    closed = Order.objects.filter(leg__in="sx").exclude(pk=stop.pk)
    assert sum(one.filled_quantity for one in closed) + stop.filled_quantity == stop.quantity
