"""What the facts make of BotState and Trade rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from django.db import connection

from bots.domain.decision import IntentReason, Leg
from bots.domain.direction import Direction
from bots.domain.edits import entry_settings
from bots.engine.books import fold_books, mark_to_market
from bots.models import BotConfig, BotState, Fill, Incident, IncidentKind, Trade
from bots.tests.engine.booking import add_fill, add_order, pay_funding, rules_of, trade
from bots.tests.engine.conftest import AT_BUY, GoTo
from exchange.domain.types import Side
from exchange.registry import spot_gateway_for

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])
D = Decimal


@pytest.fixture
def futures_bot(bot: BotConfig) -> BotConfig:
    BotConfig.objects.filter(pk=bot.pk).update(position_type="futures", direction="both")
    return BotConfig.objects.select_related("api_key").get(pk=bot.pk)


def _fold(bot: BotConfig) -> tuple[BotState, list[Trade]]:
    state = BotState.objects.select_related("bot__api_key").get(pk=bot.pk)
    trades = fold_books(state, rules=rules_of(state.bot))
    state.save()
    return state, trades


def test_a_short_round_trip_on_futures(futures_bot: BotConfig) -> None:
    short: dict[str, Any] = {"direction": Direction.SHORT}
    trade(futures_bot, Side.SELL, "100", "2", leg=Leg.ENTRY, commission=D("0.1"), **short)
    state, (entry,) = _fold(futures_bot)
    assert (state.in_position, state.direction) == (True, "short")
    assert (state.current_position_size_coins, state.entry_price) == (D(2), D(100))
    assert state.position_cost == D("199.9")
    assert (entry.pnl, entry.realized_pnl) == (None, None)
    mark_to_market(state, D(90))
    assert state.unrealized_pnl == D("19.9")
    trade(futures_bot, Side.BUY, "90", "2", leg=Leg.EXIT, minute=5, commission=D("0.09"), **short)
    state, (exit_,) = _fold(futures_bot)
    assert (exit_.pnl, exit_.realized_pnl) == (D(20), D("19.81"))
    assert (state.in_position, state.entry_price) == (False, None)
    assert state.total_realized_pnl == D("19.81")
    assert (state.last_entry_time, state.last_close_time) == (
        AT_BUY,
        AT_BUY + timedelta(minutes=5),
    )


def test_funding_counts_at_once_and_in_the_trade_that_closes(futures_bot: BotConfig) -> None:
    trade(futures_bot, Side.BUY, "100", "1")
    _fold(futures_bot)
    pay_funding(futures_bot, "-0.5", minute=1)
    state, trades = _fold(futures_bot)
    assert (state.total_realized_pnl, state.total_funding, trades) == (D("-0.5"), D("-0.5"), [])
    trade(futures_bot, Side.SELL, "110", "1", minute=2)
    state, (exit_,) = _fold(futures_bot)
    assert (exit_.pnl, exit_.realized_pnl) == (D(10), D("9.5"))
    assert state.total_realized_pnl == D("9.5")


def test_funding_that_is_booked_late_corrects_the_trade_and_keeps_its_reason(
    futures_bot: BotConfig,
) -> None:
    trade(futures_bot, Side.BUY, "100", "1")
    trade(
        futures_bot, Side.SELL, "90", "1", minute=2, leg=Leg.STOP,
        intent_reason=IntentReason.PROTECTION, trigger_price=D(95),
    )  # fmt: skip
    BotState.objects.update(trailing_stop_price=D(95), stop_loss_price=D(80))
    _fold(futures_bot)
    assert Trade.objects.latest("id").reason == "trailing_stop"
    pay_funding(futures_bot, "-0.5", minute=3)
    state, (corrected,) = _fold(futures_bot)
    assert (corrected.realized_pnl, corrected.reason) == (D("-10.5"), "trailing_stop")
    assert state.total_realized_pnl == D("-10.5")
    assert Trade.objects.count() == 2


def test_a_stop_that_rested_below_the_trailing_one_is_a_stop_loss(bot: BotConfig) -> None:
    trade(bot, Side.BUY, "100", "1")
    BotState.objects.update(trailing_stop_price=D(99), stop_loss_price=D(98))
    trade(
        bot, Side.SELL, "98", "1", minute=2, leg=Leg.STOP,
        intent_reason=IntentReason.PROTECTION, trigger_price=D(98),
    )  # fmt: skip
    _fold(bot)
    assert Trade.objects.latest("id").reason == "stop_loss"


def test_a_commission_in_a_third_asset_waits_for_its_worth_and_then_counts(
    bot: BotConfig, go_to: GoTo
) -> None:
    BotConfig.objects.filter(pk=bot.pk).update(symbol="ETHUSDT")
    bot = BotConfig.objects.select_related("api_key").get(pk=bot.pk)
    assert bot.api_key is not None
    go_to(AT_BUY)
    fill = trade(bot, Side.BUY, "2500", "1", commission=D("0.0001"), commission_asset="BNB")
    BotState.objects.update(last_market_time=AT_BUY)
    rules = spot_gateway_for(bot.api_key).rules("ETHUSDT")
    state = BotState.objects.select_related("bot__api_key").get(pk=bot.pk)
    gateway = spot_gateway_for(bot.api_key)
    fold_books(state, rules=rules, gateway=gateway)  # this venue lists no BNBUSDT
    assert Fill.objects.get(pk=fill.pk).commission_quote is None
    assert (state.position_cost, state.last_folded_fill_id) == (D(2500), -1)
    # What is paid in bitcoin instead has a price here.
    Fill.objects.filter(pk=fill.pk).update(commission_asset="BTC")
    fold_books(state, rules=rules, gateway=gateway)
    (kline,) = gateway.klines("BTCUSDT", "1m", limit=1, end_time=AT_BUY.replace(second=0))
    worth = Fill.objects.get(pk=fill.pk).commission_quote
    assert worth == D("0.0001") * kline.close
    assert state.position_cost == D(2500) + D("0.0001") * kline.close
    assert state.last_folded_fill_id == fill.pk
    assert fold_books(state, rules=rules, gateway=gateway) == []


def test_a_worth_that_is_not_to_be_had_is_given_up_after_a_day(bot: BotConfig) -> None:
    fill = trade(bot, Side.BUY, "100", "1", commission=D(1), commission_asset="BNB")
    BotState.objects.update(last_market_time=AT_BUY + timedelta(hours=23))
    assert _fold(bot)[0].last_folded_fill_id == -1
    BotState.objects.update(last_market_time=AT_BUY + timedelta(hours=24))
    assert _fold(bot)[0].last_folded_fill_id == fill.pk


def test_fees_in_quote_and_base_are_valued_without_the_venue(bot: BotConfig) -> None:
    trade(bot, Side.BUY, "100", "1", commission=D("0.001"), commission_asset="BTC")
    trade(bot, Side.BUY, "100", "1", commission=D("0.1"), commission_asset="USDT")
    _fold(bot)
    worths = list(Fill.objects.order_by("id").values_list("commission_quote", flat=True))
    assert worths == [D("0.1"), D("0.1")]


def test_an_upgrade_values_the_commissions_that_it_can_and_has_all_books_folded_anew(
    bot: BotConfig,
) -> None:
    trade(bot, Side.BUY, "100", "1", commission=D("0.1"))
    trade(bot, Side.BUY, "100.5", "1", commission=D("0.001"), commission_asset="BTC")
    trade(bot, Side.BUY, "100", "1", commission=D("0.01"), commission_asset="BNB")
    trade(bot, Side.BUY, "100", "1", commission_asset="BNB")
    BotState.objects.update(last_folded_fill_id=4)
    migration = import_module("bots.migrations.0008_fold_anew")
    with connection.cursor() as cursor:
        cursor.execute(migration.VALUE)
        cursor.execute(migration.FOLD_ANEW)
    worths = list(Fill.objects.order_by("id").values_list("commission_quote", flat=True))
    assert worths == [D("0.1"), D("0.1005"), None, D(0)]
    assert BotState.objects.get().last_folded_fill_id == -1


def test_what_belonged_to_the_old_position_is_forgotten_when_it_is_gone(bot: BotConfig) -> None:
    trade(bot, Side.BUY, "100", "1")
    state, _ = _fold(bot)
    assert state.entry_settings == entry_settings(state.bot)
    BotState.objects.update(
        max_price_since_entry=D(120), min_price_since_entry=D(90), trailing_stop_price=D(110),
        stop_loss_price=D(95), take_profit_price=D(130), unprotected_since=datetime.now(UTC),
        unprotected_reason="no room", unprotected_seconds=D(7), stop_failures=2,
    )  # fmt: skip
    trade(bot, Side.SELL, "110", "1", minute=1)
    state, _ = _fold(bot)
    levels = (
        state.max_price_since_entry, state.min_price_since_entry, state.trailing_stop_price,
        state.stop_loss_price, state.take_profit_price,
    )  # fmt: skip
    assert levels == (None,) * 5
    assert (state.unprotected_since, state.unprotected_reason) == (None, "")
    assert (state.unprotected_seconds, state.stop_failures) == (D(0), 0)
    assert state.entry_settings == {}


def test_more_of_the_same_position_keeps_its_levels_and_its_settings(bot: BotConfig) -> None:
    trade(bot, Side.BUY, "100", "1", minute=1)
    _fold(bot)
    kept = {"strategy": "what it was"}
    BotState.objects.update(trailing_stop_price=D(95), unprotected_seconds=3, entry_settings=kept)
    trade(bot, Side.BUY, "101", "1", minute=2)
    trade(bot, Side.BUY, "99", "1", minute=0)  # an execution that is heard of late
    state, _ = _fold(bot)
    assert (state.trailing_stop_price, state.unprotected_seconds) == (D(95), 3)
    assert state.entry_settings == kept
    assert state.position_opened_at == AT_BUY


def test_a_position_that_was_turned_around_between_two_looks_is_another_one(
    futures_bot: BotConfig,
) -> None:
    trade(futures_bot, Side.BUY, "100", "1")
    _fold(futures_bot)
    BotState.objects.update(trailing_stop_price=D(95), unprotected_seconds=3)
    trade(futures_bot, Side.SELL, "100", "1", minute=1)
    trade(futures_bot, Side.BUY, "100", "1", minute=2)
    state, _ = _fold(futures_bot)
    assert state.in_position
    assert (state.trailing_stop_price, state.unprotected_seconds) == (None, 0)


def test_an_order_that_still_fills_is_folded_again_and_has_no_trade_yet(bot: BotConfig) -> None:
    order = add_order(bot, Side.BUY, quantity=D(2), status="partially_filled")
    add_fill(order, "100", "1")
    state, trades = _fold(bot)
    assert (state.in_position, trades, state.last_folded_fill_id) == (True, [], -1)
    add_fill(order, "100", "1", minute=1)
    order.status = "filled"
    order.save(using="journal")
    state, (only,) = _fold(bot)
    assert (only.quantity_filled, state.current_position_size_coins) == (D(2), D(2))


def test_coins_sold_without_being_held_open_one_incident(bot: BotConfig) -> None:
    trade(bot, Side.SELL, "100", "1")
    _fold(bot)
    BotState.objects.update(last_folded_fill_id=-1)
    _fold(bot)
    incident = Incident.objects.get()
    assert (incident.kind, incident.is_blocking) == (IncidentKind.BOOKS, True)
    assert "more than the bot's fills had bought" in incident.message
    trade(bot, Side.BUY, "100", "1", minute=-1)  # heard of late
    _fold(bot)
    assert Incident.objects.get().resolution == "gone"


def test_an_entry_that_came_to_nothing_is_not_forgotten_by_the_next_fold(bot: BotConfig) -> None:
    later = AT_BUY + timedelta(hours=1)
    BotState.objects.update(last_order_time=later, last_entry_time=later, folded_for=_name(bot))
    trade(bot, Side.BUY, "100", "1")
    state, _ = _fold(bot)
    assert (state.last_order_time, state.last_entry_time) == (later, later)


def _name(bot: BotConfig) -> str:
    assert bot.api_key is not None
    return f"{bot.api_key.account_id}:spot:BTCUSDT"
