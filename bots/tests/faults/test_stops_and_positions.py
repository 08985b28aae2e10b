"""Real incidents with stops, positions and what other hands do on the account."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from accounts.models import User
from bots.domain.decision import IntentReason
from bots.models import BotConfig, Incident, Order, Trade
from bots.services import BotError, dismiss_incident, start_bot
from bots.tests.engine.conftest import AT_SELL
from bots.tests.faults.conftest import MakeStage
from bots.tests.faults.promises import assert_at_most_once, placed_by_us
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
SAVE: Final = Call(target="bots.engine.tick.save_and_publish")


def is_flat(stage: Stage) -> bool:
    """Say whether the bot holds nothing."""
    return not stage.state.in_position


def is_guarded(stage: Stage) -> bool:
    """Say whether the bot holds something and its stop rests."""
    return stage.state.in_position and stage.state.resting_stop_price is not None


def level(stage: Stage, percent: str) -> str:
    """Return the entry price moved by some percent, in whole units."""
    entry = stage.state.entry_price
    assert entry is not None
    return str((entry * (100 + Decimal(percent)) / 100).quantize(Decimal(1)))


@BOTH
def test_nobody_watched_for_hours_while_the_stop_fired_and_no_stream_told_of_it(
    market: Market, make_holder: MakeStage, row: Row
) -> None:
    row.did = "sold by the stop"
    stage = make_holder(market)
    stage.move_price(level(stage, "-3"))
    stage.venue.set_price("BTCUSDT", None)
    stage.pass_time(timedelta(hours=3))
    row.ticks = recover(stage, until=is_flat)
    assert Trade.objects.latest("pk").reason == IntentReason.STOP_LOSS
    sides = [one.side for one in placed_by_us(stage.venue.ledger()) if one.filled]
    assert sides == ["BUY", "SELL"]


def test_a_bot_that_was_silent_for_days_takes_up_its_position(
    make_holder: MakeStage, row: Row
) -> None:
    market = Market.FUTURES
    stage = make_holder(market, stop_loss_perc=Decimal(15), take_profit_perc=Decimal(40))
    stage.strike_when_due(SAVE, Blow.KILL)
    stage.pass_time(timedelta(days=3))
    row.ticks = recover(stage)
    assert stage.state.trading_day == stage.venue.market_time().date()


def test_an_old_stop_is_canceled_and_the_venue_forgets_it_before_its_reply_arrives(
    make_holder: MakeStage, row: Row
) -> None:
    row.did = "canceled and forgotten"
    stage = make_holder(Market.FUTURES, stop_loss_perc=Decimal(15), take_profit_perc=Decimal(40))
    stage.pass_time(timedelta(days=4))
    _age_stops(days=4)
    stage.strike(Request(endpoint="DELETE /fapi/v1/algoOrder", is_after=True), Blow.KILL)
    row.ticks = recover(stage, until=is_flat)
    assert not Incident.objects.filter(closed_at=None).exists()


def _age_stops(*, days: int) -> None:
    """Let stops and targets look as if they had been signed some days earlier."""
    for order in Order.objects.filter(leg__in="st"):
        old = order.signed_at_ms - timedelta(days=days) // timedelta(milliseconds=1)
        Order.objects.filter(pk=order.pk).update(signed_at_ms=old)


def test_a_stop_fires_and_its_child_order_is_ours_and_the_bot_turns_around(
    make_holder: MakeStage, row: Row
) -> None:
    row.did = "bought back by the stop"
    stage = make_holder(Market.FUTURES, direction="both")
    stage.move_price(level(stage, "-3"))
    stage.strike(SAVE, Blow.KILL)
    stage.venue.set_price("BTCUSDT", None)
    stage.go_to(AT_SELL)
    row.ticks = recover(stage, until=is_guarded)
    assert stage.state.direction == "short"
    stop = Order.objects.filter(leg="s").order_by("pk")[0]
    assert stop.status == "filled"
    assert stop.child_venue_order_id
    assert Incident.objects.count() == 0


_LOOKS: Final = {
    Market.SPOT: ("GET /api/v3/openOrders", "GET /api/v3/order"),
    Market.FUTURES: ("GET /fapi/v1/openAlgoOrders", "GET /fapi/v1/algoOrder"),
}


@BOTH
def test_stops_are_not_found_any_more_and_no_second_one_is_placed(
    market: Market, make_holder: MakeStage, row: Row
) -> None:
    row.did = "had both resting"
    stage = make_holder(market)
    _age_stops(days=4)  # so old that the venue would have forgotten them, had we canceled them
    before = placed_by_us(stage.venue.ledger())
    listing, asking = _LOOKS[market]
    empty = {"when": "before", "action": "status", "status": 200, "body": "[]", "times": None}
    stage.venue.set_fault(endpoint=listing, **empty)
    stage.venue.set_fault(endpoint=asking, when="before", action="error", code=-2013, times=None)
    for _ in range(6):
        stage.pass_time()
        stage.tick()
    assert placed_by_us(stage.venue.ledger()) == before
    assert {one.kind for one in Incident.objects.all()} == {"order_trouble"}
    row.ticks = recover(stage, until=lambda one: is_guarded(one) and _closed_all())
    assert placed_by_us(stage.venue.ledger()) == before


def _closed_all() -> bool:
    return not Incident.objects.filter(closed_at=None).exists()


def test_stops_are_refused_until_the_policy_closes_the_position(
    make_stage: MakeStage, row: Row
) -> None:
    row.did = "refused every stop"
    stage = make_stage(Market.FUTURES, entry_slippage_perc=None)
    _refuse_stops(stage, Market.FUTURES, -4120)
    stage.forget_waits()
    for _ in range(4):
        stage.tick()
        stage.pass_time()
        assert_at_most_once(stage)
        _assert_naked_or_flat(stage)
    assert is_flat(stage)
    assert Order.objects.get(leg="x").intent_reason == IntentReason.UNPROTECTED
    row.ticks = recover(stage, until=is_flat)


def test_stops_are_refused_and_the_policy_keeps_the_position_until_they_rest(
    make_stage: MakeStage, row: Row
) -> None:
    row.did = "refused every stop"
    stage = make_stage(Market.FUTURES, entry_slippage_perc=None, unprotected_policy="keep")
    _refuse_stops(stage, Market.FUTURES, -4120)
    stage.forget_waits()
    for _ in range(5):
        stage.tick()
        stage.pass_time()
        _assert_naked_or_flat(stage)
    assert Incident.objects.get().kind == "unprotected"
    row.ticks = recover(stage, until=is_guarded)
    assert stage.state.unprotected_seconds > 0
    assert Incident.objects.get().resolution == "gone"


def test_a_pair_is_refused_on_spot_and_the_position_is_not_naked_without_a_word(
    make_stage: MakeStage, row: Row
) -> None:
    row.did = "refused the pair"
    stage = make_stage(Market.SPOT, entry_slippage_perc=None)
    _refuse_stops(stage, Market.SPOT, -2010)
    stage.tick()
    state = stage.state
    assert state.in_position
    assert state.resting_stop_price is not None or state.unprotected_reason
    row.ticks = recover(stage, until=is_guarded)


def _refuse_stops(stage: Stage, market: Market, code: int) -> None:
    error = {"when": "before", "action": "error", "message": "no."}
    endpoint = place_of(Action.PLACE, market)
    stage.venue.set_fault(endpoint=endpoint, code=code, times=None, **error)


def _assert_naked_or_flat(stage: Stage) -> None:
    state = stage.state
    if state.in_position:
        assert state.unprotected_since is not None
        assert state.unprotected_reason


def test_a_target_fills_in_part_and_then_the_bot_exits(make_stage: MakeStage, row: Row) -> None:
    row.did = "filled a part"
    stage = make_stage(Market.SPOT, position_size_fixed=Decimal(4_000_000))
    stage.deposit("USDT", "50000000")
    stage.configure(entry_slippage_perc=None, take_profit_perc=Decimal(3))
    assert stage.tick()
    stage.move_price(level(stage, "3.2"), span=timedelta(seconds=60))
    stage.strike(Call(target="bots.engine.sending.release_stops", is_after=True), Blow.KILL)
    target = Order.objects.get(leg="t")
    assert target.status == "canceled"
    assert 0 < target.filled_quantity < target.quantity
    row.ticks = recover(stage, until=is_flat)
    sold = Order.objects.get(leg="x", status="filled").filled_quantity
    assert sold + target.filled_quantity == target.quantity


@BOTH
def test_a_symbol_takes_cancels_alone_and_then_trades_again(
    market: Market, make_holder: MakeStage, row: Row
) -> None:
    row.did = "refused the exit"
    stage = make_holder(market)
    stage.set_symbol(market, status="CANCEL_ONLY" if market == Market.SPOT else "SETTLING")
    stage.go_to(AT_SELL)
    stage.forget_waits()
    for _ in range(2):
        stage.tick()
        stage.pass_time()
        assert_at_most_once(stage)
        assert stage.state.in_position
    stage.set_symbol(market, status="TRADING")
    # A halt is believed for some seconds of wall time.
    stage.patch.setattr("bots.engine.symbol.HALTED_EXIT_SECONDS", 0.0)
    row.ticks = recover(stage, until=lambda one: is_flat(one) or is_guarded(one))


@BOTH
def test_increments_change_overnight(market: Market, make_holder: MakeStage, row: Row) -> None:
    stage = make_holder(market)
    stage.set_symbol(market, tick="1", step="0.001" if market == Market.SPOT else "0.002")
    stage.forget_rules()
    stage.configure(trailing_stop_active=True)
    stage.move_price(level(stage, "3"))
    stage.tick()
    row.ticks = recover(stage, until=lambda one: one.state.stop_basis != "")


def test_a_futures_position_is_closed_by_hand(make_holder: MakeStage, row: Row) -> None:
    row.did = "closed it for somebody"
    stage = make_holder(Market.FUTURES)
    held = stage.state.current_position_size_coins
    _by_hand(stage, f"-{held}")
    row.ticks = recover(stage, until=is_flat)
    assert Order.objects.get(leg="x").intent_reason == IntentReason.ADOPTED


def test_a_futures_position_is_closed_by_hand_while_the_worker_dies(
    make_holder: MakeStage, row: Row
) -> None:
    row.did = "closed a part for somebody"
    stage = make_holder(Market.FUTURES)
    _by_hand(stage, "-0.005")
    stage.strike_when_due(Call(target="bots.journal.book_external", is_after=True), Blow.KILL)
    row.ticks = recover(stage, until=is_guarded)


def _by_hand(stage: Stage, amount: str) -> None:
    stage.venue.control("positions", {"key_number": 1, "symbol": "BTCUSDT", "amount": amount})


def test_a_futures_position_is_liquidated_because_its_stop_hung(
    make_holder: MakeStage, row: Row
) -> None:
    row.did = "liquidated it"
    stage = make_holder(Market.FUTURES)
    stage.venue.control("algo", {"on_trigger": "stuck", "times": None})
    stage.move_price(level(stage, "-25"))
    assert stage.venue.ledger()["positions"] == [] or all(
        Decimal(one["positionAmt"]) == 0 for one in stage.venue.ledger()["positions"]
    )
    stage.strike(Call(target="bots.journal.book_external", is_after=True), Blow.KILL)
    stage.venue.control("algo", method="DELETE")
    row.ticks = recover(stage, until=is_flat)
    assert Trade.objects.latest("pk").reason == IntentReason.LIQUIDATION


def test_coins_are_paid_in_by_somebody_and_are_nobodys_position(
    make_holder: MakeStage, row: Row
) -> None:
    row.did = "taken a deposit"
    stage = make_holder(Market.SPOT)
    before = stage.state.current_position_size_coins
    stage.deposit("BTC", "0.5")
    row.ticks = recover(stage, until=is_guarded)
    assert stage.state.current_position_size_coins == before


@BOTH
def test_a_foreign_order_blocks_entries_until_it_is_dismissed(
    market: Market, make_stage: MakeStage, trader: User, row: Row
) -> None:
    row.did = "somebody else's order"
    stage = make_stage(market)
    stage.place_foreign()
    assert stage.tick()
    stage.pass_time()
    stage.tick()
    assert Order.objects.count() == 0
    incident = Incident.objects.get()
    dismiss_incident(incident.pk, actor=trader, note="My own order.")
    row.ticks = recover(stage, until=is_guarded)
    assert stage.foreign_now()["status"] == "NEW"


def test_a_position_of_somebody_else_keeps_a_bot_from_starting_and_is_not_flattened(
    make_stage: MakeStage, row: Row
) -> None:
    row.did = "somebody else's position"
    stage = make_stage(Market.FUTURES)
    stage.configure(is_active=False)
    stage.set_up_margin()
    _by_hand(stage, "0.01")
    with pytest.raises(BotError, match="position"):
        start_bot(bot_id=stage.bot.pk, actor=None)
    assert stage.venue.ledger()["positions"][0]["positionAmt"] == "0.01"
    assert Order.objects.count() == 0
    assert not BotConfig.objects.get().is_active
    row.ticks = 0


@BOTH
def test_a_stop_is_edited_while_a_position_is_open_and_the_worker_dies_over_it(
    market: Market, make_holder: MakeStage, row: Row
) -> None:
    row.did = "acted"
    stage = make_holder(market)
    stage.configure(stop_loss_perc=Decimal(3), ema_fast=5)
    before: dict[str, Any] = dict(stage.state.entry_settings)
    stage.strike_when_due(Call(target="bots.journal.mark_sent", is_after=True), Blow.KILL)
    row.ticks = recover(stage, until=is_guarded)
    state = stage.state
    assert state.entry_price is not None
    assert state.stop_loss_price is not None
    assert state.stop_loss_price < state.entry_price * Decimal("0.975")
    assert state.entry_settings == before  # what waits for the next entry is as it was
