"""A tick against the demo exchange over HTTP: what it does, and what it must not do."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.test import override_settings
from django.utils import timezone

from accounts.models import User
from bots.domain.status import Reason, State, Status
from bots.engine.tick import run_tick
from bots.models import BotConfig, BotEvent, BotState, EventKind, Fill, Order, Tick, Trade
from bots.models.fields import plain
from bots.services import start_bot, stop_bot
from bots.tests.engine.conftest import AT_BUY, AT_SELL, BEFORE_BUY, BEFORE_SELL, GoTo
from conftest import DEMO_KEY, DEMO_SECRET
from exchange.demo.testing import RunningExchange
from exchange.models import APIKey, ExchangeAccount
from exchange.registry import close_gateways
from exchange.services import add_api_key, revoke_api_key

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


def _state(bot: BotConfig) -> BotState:
    return BotState.objects.get(pk=bot.pk)


def test_a_quiet_market_makes_no_order_and_says_why(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(BEFORE_BUY)
    assert run_tick(started_bot.pk) == "Done"
    state = _state(started_bot)
    assert state.status == "running (demo mode)"
    assert state.last_sentence != ""
    assert Tick.objects.get().sentence == state.last_sentence
    assert Order.objects.count() == 0
    assert venue.ledger()["orders"] == []


def test_a_round_trip_leaves_books_that_equal_the_exchanges_ledger(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    run_tick(started_bot.pk)
    bought = _state(started_bot)
    assert bought.in_position
    go_to(BEFORE_SELL)
    run_tick(started_bot.pk)
    go_to(AT_SELL)
    run_tick(started_bot.pk)

    ledger = venue.ledger()
    assert [o["side"] for o in ledger["orders"]] == ["BUY", "SELL"]
    assert list(Order.objects.order_by("id").values_list("status", flat=True)) == ["filled"] * 2
    ours = {fill.trade_id: fill for fill in Fill.objects.all()}
    assert {str(fill["id"]) for fill in ledger["fills"]} == set(ours)
    for fill in ledger["fills"]:
        assert ours[str(fill["id"])].price == Decimal(fill["price"])
        assert ours[str(fill["id"])].quantity == Decimal(fill["qty"])
        assert ours[str(fill["id"])].commission == Decimal(fill["commission"])
    entry, exit_ = Trade.objects.order_by("id")
    assert (entry.side, entry.pnl, entry.realized_pnl) == ("BUY", None, None)
    assert (exit_.side, exit_.reason) == ("SELL", "exit_signal")
    assert exit_.pnl is not None
    assert exit_.realized_pnl is not None
    assert exit_.realized_pnl < exit_.pnl  # fees
    (account,) = ledger["balances"].values()
    state = _state(started_bot)
    assert not state.in_position
    assert state.current_position_size_coins == Decimal(account["spot"]["BTC"]["free"])
    assert state.total_realized_pnl == exit_.realized_pnl
    gain = Decimal(account["spot"]["USDT"]["free"]) - 10000
    assert gain == exit_.realized_pnl - state.position_cost


def test_the_next_tick_after_a_buy_is_due_at_once_and_sets_stop_and_target(
    bot: BotConfig, go_to: GoTo
) -> None:
    bot.stop_loss_perc, bot.take_profit_perc = Decimal(2), Decimal(4)
    bot.save()
    start_bot(bot_id=bot.pk, actor=None)
    go_to(AT_BUY)
    run_tick(bot.pk)
    assert _state(bot).next_due_at is None
    run_tick(bot.pk)
    state = _state(bot)
    assert state.entry_price is not None
    assert state.stop_loss_price is not None
    assert state.take_profit_price is not None
    assert Decimal("0.0199") < 1 - state.stop_loss_price / state.entry_price <= Decimal("0.02")
    assert state.take_profit_price >= state.entry_price * Decimal("1.04")


def test_a_price_below_the_stop_sells_everything_that_is_held(
    bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    bot.stop_loss_perc = Decimal(2)
    bot.save()
    start_bot(bot_id=bot.pk, actor=None)
    go_to(AT_BUY)
    run_tick(bot.pk)
    venue.set_price("BTCUSDT", "101000.00")
    run_tick(bot.pk)
    assert Trade.objects.latest("id").reason == "stop_loss"
    state = _state(bot)
    assert not state.in_position
    # Prices of the old position must not guard the next one.
    assert (state.stop_loss_price, state.max_price_since_entry) == (None, None)
    # The cross of that kline is spent: nothing is bought back on it.
    venue.set_price("BTCUSDT", None)
    run_tick(bot.pk)
    legs = sorted(Order.objects.values_list("leg", "status"))
    # The market stands still, so its stop has not fired: the bot's own look at the level closes.
    assert legs == [("e", "filled"), ("s", "canceled"), ("x", "filled")]


def test_the_same_kline_seen_twice_buys_once(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    run_tick(started_bot.pk)
    run_tick(started_bot.pk)
    run_tick(started_bot.pk)
    assert len(venue.ledger()["orders"]) == 1


def test_a_bot_that_is_not_active_is_left_alone(bot: BotConfig, venue: RunningExchange) -> None:
    assert run_tick(bot.pk) == "Bot not active"
    assert Tick.objects.count() == 0


def test_a_missing_state_is_healed_as_stopped(bot: BotConfig) -> None:
    BotState.objects.filter(pk=bot.pk).delete()
    assert run_tick(bot.pk) == "Bot not active"
    assert _state(bot).status == "stopped"


def test_a_bot_that_does_not_exist_is_no_error() -> None:
    assert run_tick(987654) == "Bot not active"


def test_a_bot_without_a_key_shows_it(started_bot: BotConfig) -> None:
    BotConfig.objects.update(api_key=None)
    assert run_tick(started_bot.pk) == "API key not found"
    state = _state(started_bot)
    assert (state.state, state.last_error_message) == ("error", "API key not found")


def test_a_revoked_key_counts_as_not_found(started_bot: BotConfig, api_key: APIKey) -> None:
    APIKey.objects.filter(pk=api_key.pk).update(revoked_at=timezone.now())
    assert run_tick(started_bot.pk) == "API key not found"
    assert _state(started_bot).status == "error"


def test_a_key_that_cannot_be_decrypted_shows_it(started_bot: BotConfig, api_key: APIKey) -> None:
    close_gateways()  # as a process that starts now would find it
    with override_settings(FERNET_KEYS=["another key that never encrypted anything"]):
        answer = run_tick(started_bot.pk)
    assert answer == "API key decrypt failed"
    assert _state(started_bot).status == "error (api key decrypt failed)"


def test_an_unknown_strategy_is_named(started_bot: BotConfig, venue: RunningExchange) -> None:
    BotConfig.objects.update(strategy="astrology")
    run_tick(started_bot.pk)
    state = _state(started_bot)
    assert (state.status, state.last_error_message) == ("error", "Unknown strategy: astrology")
    assert venue.ledger()["orders"] == []


def test_missing_prices_are_shown_and_heal_by_themselves(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    always = settings.BINANCE_RETRY_MAX_ATTEMPTS
    venue.set_fault(endpoint="GET /api/v3/klines", when="before", action="html", times=always)
    assert run_tick(started_bot.pk) == "Price data not available"
    assert _state(started_bot).status == "error (price data)"
    assert run_tick(started_bot.pk) == "Done"
    state = _state(started_bot)
    assert (state.status, state.last_error_message) == ("running (demo mode)", "")


def test_an_error_that_waits_for_a_person_is_not_healed_by_a_tick(
    started_bot: BotConfig, api_key: APIKey
) -> None:
    BotConfig.objects.update(api_key=None)
    run_tick(started_bot.pk)
    BotConfig.objects.update(api_key=api_key)
    assert run_tick(started_bot.pk) == "API key not found"
    assert _state(started_bot).state == "error"
    start_bot(bot_id=started_bot.pk, actor=None)
    assert run_tick(started_bot.pk) == "Done"


def test_a_size_below_the_filters_waits(bot: BotConfig, go_to: GoTo) -> None:
    BotConfig.objects.update(position_size_fixed=Decimal(4))
    start_bot(bot_id=bot.pk, actor=None)
    go_to(AT_BUY)
    run_tick(bot.pk)
    assert _state(bot).status == "waiting (qty below filters)"
    assert Order.objects.count() == 0
    (denial,) = Tick.objects.latest("id").decision["denials"]
    assert denial["code"] == "quantity_below_filters"


def test_a_daily_limit_pauses_entries_and_the_next_day_wakes_the_bot(
    bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    BotConfig.objects.update(max_daily_trades=1)
    start_bot(bot_id=bot.pk, actor=None)
    go_to(AT_BUY)
    run_tick(bot.pk)
    go_to(AT_SELL)
    run_tick(bot.pk)
    run_tick(bot.pk)
    state = _state(bot)
    assert (state.status, state.daily_trades_count) == ("paused (max_daily_trades reached)", 1)
    assert BotConfig.objects.get().is_active
    go_to(AT_SELL.replace(day=13, hour=0, minute=1))
    run_tick(bot.pk)
    state = _state(bot)
    assert state.current == Status(State.RUNNING, Reason.NONE)
    assert (state.daily_trades_count, state.trading_day) == (0, date(2025, 5, 13))


def test_a_stop_keeps_the_position_and_says_so(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(AT_BUY)
    run_tick(started_bot.pk)
    stop_bot(bot_id=started_bot.pk, actor=None)
    state = _state(started_bot)
    assert (state.status, state.in_position) == ("stopped", True)
    assert "position kept" in state.last_sentence
    assert run_tick(started_bot.pk) == "Watched"
    state = _state(started_bot)
    assert (state.status, state.in_position) == ("stopped", True)
    assert len(venue.ledger()["orders"]) == 1


def test_a_bot_that_is_given_another_symbol_begins_books_of_its_own(
    started_bot: BotConfig, go_to: GoTo
) -> None:
    go_to(AT_BUY)
    run_tick(started_bot.pk)
    go_to(AT_SELL)
    run_tick(started_bot.pk)
    bitcoin = _state(started_bot)
    assert bitcoin.total_realized_pnl != 0
    BotConfig.objects.update(symbol="ETHUSDT")
    run_tick(started_bot.pk)
    ether = _state(started_bot)
    assert (ether.total_realized_pnl, ether.current_position_size_coins) == (0, 0)
    assert (ether.daily_pnl, ether.daily_trades_count) == (0, 0)
    BotConfig.objects.update(symbol="BTCUSDT")
    run_tick(started_bot.pk)
    assert _state(started_bot).total_realized_pnl == bitcoin.total_realized_pnl


def test_live_entries_wait_for_the_switch_and_live_exits_do_not(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    APIKey.objects.update(environment="live")
    urls = {**settings.EXCHANGE_URLS, "live": settings.EXCHANGE_URLS["demo"]}
    with override_settings(EXCHANGE_URLS=urls, LIVE_TRADING_ENABLED=False):
        go_to(AT_BUY)
        run_tick(started_bot.pk)
        assert "LIVE_TRADING_ENABLED" in _state(started_bot).last_sentence
        assert venue.ledger()["orders"] == []
        with override_settings(LIVE_TRADING_ENABLED=True):
            run_tick(started_bot.pk)
        assert _state(started_bot).status == "running"
        go_to(AT_SELL)
        run_tick(started_bot.pk)
        assert [order["side"] for order in venue.ledger()["orders"]] == ["BUY", "SELL"]


def test_a_bot_that_is_given_another_account_begins_books_of_its_own(
    started_bot: BotConfig, go_to: GoTo, api_key: APIKey
) -> None:
    go_to(AT_BUY)
    run_tick(started_bot.pk)
    go_to(AT_SELL)
    run_tick(started_bot.pk)
    paper = _state(started_bot)
    assert paper.total_realized_pnl != 0
    other = ExchangeAccount.objects.create(environment="demo", uid="another", owner=api_key.owner)
    APIKey.objects.update(account=other)
    run_tick(started_bot.pk)
    state = _state(started_bot)
    assert (state.total_realized_pnl, state.current_position_size_coins) == (0, 0)
    APIKey.objects.update(account=api_key.account)
    run_tick(started_bot.pk)
    assert _state(started_bot).total_realized_pnl == paper.total_realized_pnl


def test_a_position_whose_key_is_gone_can_be_given_another_key_to_its_account(
    started_bot: BotConfig, go_to: GoTo, trader: User, api_key: APIKey
) -> None:
    go_to(AT_BUY)
    run_tick(started_bot.pk)
    revoke_api_key(api_key=api_key)
    assert run_tick(started_bot.pk) == "API key not found"
    assert _state(started_bot).in_position

    bot = BotConfig.objects.get()
    bot.api_key = add_api_key(
        owner=trader, environment="demo", label="second", key=DEMO_KEY, secret=DEMO_SECRET
    )
    bot.full_clean()
    bot.save()
    start_bot(bot_id=bot.pk, actor=None)
    go_to(AT_SELL)
    run_tick(bot.pk)
    assert not _state(bot).in_position
    assert Trade.objects.latest("id").reason == "exit_signal"


def test_what_a_bot_trades_cannot_be_changed_while_it_holds_a_position(
    started_bot: BotConfig, go_to: GoTo
) -> None:
    go_to(AT_BUY)
    run_tick(started_bot.pk)
    bot = BotConfig.objects.get()
    bot.symbol, bot.api_key, bot.stop_loss_perc = "ETHUSDT", None, Decimal(3)
    with pytest.raises(ValidationError) as refused:
        bot.full_clean()
    assert set(refused.value.message_dict) == {"symbol", "api_key"}


def test_the_journal_says_in_words_what_was_traded(started_bot: BotConfig, go_to: GoTo) -> None:
    go_to(AT_BUY)
    run_tick(started_bot.pk)
    run_tick(started_bot.pk)
    event = BotEvent.objects.get(kind=EventKind.TRADED)
    trade = Trade.objects.get()
    assert event.message == (
        f"Bought {plain(trade.quantity_filled)} BTCUSDT at {plain(round(trade.price, 8))} "
        "(entry signal)."
    )
