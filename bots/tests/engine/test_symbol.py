"""A symbol that is halted, about to go, gone, or has new rules overnight."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from bots.engine.symbol import note_symbol
from bots.engine.tick import run_tick
from bots.models import BotConfig, BotEvent, BotState, EventKind, Order, Tick
from bots.services import BotError, start_bot, stop_bot
from bots.tests.engine.conftest import AT_BUY, AT_SELL, BEFORE_BUY, BEFORE_SELL, GoTo
from exchange.binance.rules_cache import rules_cache_of
from exchange.demo.testing import RunningExchange
from exchange.domain.types import Market
from exchange.models import APIKey
from exchange.registry import gateway_for

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

SYMBOL_EVENTS = (EventKind.SYMBOL_TROUBLE, EventKind.SYMBOL_WELL)
UNKNOWN_SYMBOL = {"when": "before", "action": "error", "code": -1121, "times": None}


def _state(bot: BotConfig) -> BotState:
    return BotState.objects.get(pk=bot.pk)


def _change(venue: RunningExchange, **changes: object) -> None:
    """Change the symbol at the venue, and let the bots see it as if their hour had passed."""
    venue.control("symbols", {"symbol": "BTCUSDT", **changes})
    _forget(venue)


def _forget(venue: RunningExchange) -> None:
    rules_cache_of(venue.url).forget("BTCUSDT")


def _symbol_events() -> list[BotEvent]:
    return list(BotEvent.objects.filter(kind__in=SYMBOL_EVENTS).order_by("id"))


@pytest.fixture
def holding_bot(started_bot: BotConfig, go_to: GoTo) -> BotConfig:
    """Return the bot after it has bought."""
    go_to(AT_BUY)
    run_tick(started_bot.pk)
    assert _state(started_bot).in_position
    return started_bot


@pytest.mark.parametrize("status", ["CANCEL_ONLY", "HALT", "BREAK"])
def test_a_symbol_that_is_not_trading_is_not_bought_and_a_person_is_told_once(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange, status: str
) -> None:
    go_to(BEFORE_BUY)
    _change(venue, status=status)
    run_tick(started_bot.pk)
    trouble = f"BTCUSDT is not trading at the venue (status {status})"
    assert _state(started_bot).last_sentence == f"Waits: {trouble}."
    go_to(AT_BUY)
    assert run_tick(started_bot.pk) == "Done"
    run_tick(started_bot.pk)

    assert venue.ledger()["orders"] == []
    assert Order.objects.count() == 0
    state = _state(started_bot)
    assert state.status == "running (demo mode)"
    assert state.last_error_message == f"{trouble}."
    (denial,) = Tick.objects.order_by("id")[1].decision["denials"]
    assert denial == {"code": "symbol_not_trading", "detail": trouble}
    (event,) = _symbol_events()
    assert event.kind == EventKind.SYMBOL_TROUBLE
    assert event.message == f"{trouble}. No position is opened. A person has to look at it."
    assert event.data == {"symbol": "BTCUSDT", "status": status}


def test_a_symbol_that_trades_again_is_journaled_once_and_its_trouble_is_no_longer_shown(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(BEFORE_BUY)
    _change(venue, status="HALT")
    run_tick(started_bot.pk)
    _change(venue, status="CANCEL_ONLY")
    run_tick(started_bot.pk)
    _change(venue, status="TRADING")
    run_tick(started_bot.pk)
    go_to(AT_BUY)
    run_tick(started_bot.pk)

    assert [event.kind for event in _symbol_events()] == [
        EventKind.SYMBOL_TROUBLE,
        EventKind.SYMBOL_TROUBLE,
        EventKind.SYMBOL_WELL,
    ]
    assert _symbol_events()[-1].message == "BTCUSDT is trading again at the venue."
    assert _state(started_bot).last_error_message == ""
    assert _state(started_bot).in_position


def test_an_exit_that_the_venue_cannot_take_is_shown_and_goes_out_when_it_can(
    holding_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(BEFORE_SELL)
    run_tick(holding_bot.pk)
    held = _state(holding_bot).current_position_size_coins
    _change(venue, status="HALT")
    go_to(AT_SELL)
    run_tick(holding_bot.pk)
    run_tick(holding_bot.pk)

    state = _state(holding_bot)
    assert (state.in_position, state.current_position_size_coins) == (True, held)
    assert state.last_sentence.startswith("Did not sell (EMA 9 crossed below EMA 21")
    assert "BTCUSDT is not trading at the venue (status HALT); the position is kept" in (
        state.last_sentence
    )
    (denial,) = Tick.objects.latest("id").decision["denials"]
    assert denial["code"] == "symbol_not_trading"
    assert len(venue.ledger()["orders"]) == 1  # the venue was not bothered with what it refuses
    (event,) = _symbol_events()
    assert "The one that is held is kept" in event.message

    _change(venue, status="TRADING")
    run_tick(holding_bot.pk)
    assert not _state(holding_bot).in_position
    assert [order["side"] for order in venue.ledger()["orders"]] == ["BUY", "SELL"]


def test_processes_that_remember_different_rules_do_not_tell_it_twice(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(BEFORE_BUY)
    run_tick(started_bot.pk)  # this process remembers that the symbol trades
    venue.control("symbols", {"symbol": "BTCUSDT", "status": "CANCEL_ONLY"})
    # Another process has seen the halt and told it.
    BotState.objects.update(symbol_trouble="BTCUSDT CANCEL_ONLY")

    run_tick(started_bot.pk)
    run_tick(started_bot.pk)

    assert _symbol_events() == []
    assert _state(started_bot).symbol_trouble == "BTCUSDT CANCEL_ONLY"
    # And the other way round: this one still remembers the halt.
    venue.control("symbols", {"symbol": "BTCUSDT", "status": "TRADING"})
    BotState.objects.update(symbol_trouble="")
    run_tick(started_bot.pk)
    assert _symbol_events() == []
    assert _state(started_bot).symbol_trouble == ""


def test_an_exit_that_waits_for_the_end_of_a_halt_does_not_wait_a_minute_longer(
    holding_bot: BotConfig, go_to: GoTo, venue: RunningExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_to(BEFORE_SELL)
    _change(venue, status="HALT")
    go_to(AT_SELL)
    run_tick(holding_bot.pk)
    assert [order["side"] for order in venue.ledger()["orders"]] == ["BUY"]

    venue.control("symbols", {"symbol": "BTCUSDT", "status": "TRADING"})
    run_tick(holding_bot.pk)
    assert [order["side"] for order in venue.ledger()["orders"]] == ["BUY"]
    monkeypatch.setattr("bots.engine.symbol.HALTED_EXIT_SECONDS", 0.0)  # as if they had passed
    run_tick(holding_bot.pk)

    assert [order["side"] for order in venue.ledger()["orders"]] == ["BUY", "SELL"]


def test_a_halt_that_only_an_order_meets_is_seen_by_the_next_tick(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(BEFORE_BUY)
    run_tick(started_bot.pk)
    venue.control("symbols", {"symbol": "BTCUSDT", "status": "HALT"})  # our rules are still fresh
    go_to(AT_BUY)
    run_tick(started_bot.pk)
    assert Order.objects.get().status == "rejected"
    assert _symbol_events() == []
    run_tick(started_bot.pk)

    assert Order.objects.count() == 1
    assert [event.data["status"] for event in _symbol_events()] == ["HALT"]


def test_a_symbol_that_is_gone_keeps_the_position_and_asks_for_a_person_once(
    holding_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    held = _state(holding_bot).current_position_size_coins
    _change(venue, listed=False)
    go_to(AT_SELL)
    answers = [run_tick(holding_bot.pk) for _ in range(3)]

    assert answers == ["Price data not available"] * 3
    state = _state(holding_bot)
    # The one error that heals by itself: any other would leave the position alone.
    assert state.status == "error (price data)"
    assert "what is held is kept until somebody has looked at it" in state.last_error_message
    assert (state.in_position, state.current_position_size_coins) == (True, held)
    assert len(venue.ledger()["orders"]) == 1
    (event,) = _symbol_events()
    assert event.kind == EventKind.SYMBOL_TROUBLE
    assert event.message.startswith("The venue does not know BTCUSDT, it may be delisted or ren")
    assert event.data["status"] == "NOT_LISTED"
    assert state.next_due_at is not None  # once a check interval, not in a loop


def test_a_symbol_that_only_the_prices_do_not_know_does_not_flap(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    """The rules are an hour old at the most, the prices are new."""
    go_to(BEFORE_BUY)
    run_tick(started_bot.pk)
    venue.set_fault(endpoint="GET /api/v3/ticker/24hr", **UNKNOWN_SYMBOL)
    for _ in range(3):
        run_tick(started_bot.pk)
    assert [event.kind for event in _symbol_events()] == [EventKind.SYMBOL_TROUBLE]
    venue.clear_faults()
    assert run_tick(started_bot.pk) == "Done"

    assert [event.kind for event in _symbol_events()] == list(SYMBOL_EVENTS)
    assert _state(started_bot).status == "running (demo mode)"


def test_a_symbol_without_rules_is_still_sold_by_the_last_ones_but_never_bought(
    holding_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(BEFORE_SELL)
    run_tick(holding_bot.pk)
    venue.set_fault(endpoint="GET /api/v3/exchangeInfo", **UNKNOWN_SYMBOL)
    _forget(venue)
    run_tick(holding_bot.pk)
    assert _state(holding_bot).last_sentence.endswith(
        "; the venue no longer lists BTCUSDT, it may be delisted or renamed."
    )
    go_to(AT_SELL)
    run_tick(holding_bot.pk)
    run_tick(holding_bot.pk)

    assert [order["side"] for order in venue.ledger()["orders"]] == ["BUY", "SELL"]
    assert not _state(holding_bot).in_position
    assert [event.data["status"] for event in _symbol_events()] == ["NOT_LISTED"]
    assert Tick.objects.latest("id").inputs["rules"]["status"] == "NOT_LISTED"


def test_a_bot_that_never_ticked_a_symbol_has_no_rules_to_fall_back_on(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(BEFORE_BUY)
    venue.set_fault(endpoint="GET /api/v3/exchangeInfo", **UNKNOWN_SYMBOL)
    _forget(venue)

    assert run_tick(started_bot.pk) == "Price data not available"
    assert len(_symbol_events()) == 1


def test_another_symbols_trouble_does_not_follow_a_bot_that_was_given_a_new_one(
    started_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(BEFORE_BUY)
    _change(venue, status="HALT")
    run_tick(started_bot.pk)
    BotConfig.objects.filter(pk=started_bot.pk).update(symbol="ETHUSDT")
    run_tick(started_bot.pk)

    assert [event.kind for event in _symbol_events()] == [EventKind.SYMBOL_TROUBLE]
    assert _state(started_bot).symbol_trouble == ""


def test_a_coarser_step_overnight_sells_what_it_allows_and_the_rest_is_dust(
    holding_bot: BotConfig, go_to: GoTo, venue: RunningExchange
) -> None:
    go_to(BEFORE_SELL)
    run_tick(holding_bot.pk)
    held = _state(holding_bot).current_position_size_coins
    _change(venue, step="0.001")
    go_to(AT_SELL)
    run_tick(holding_bot.pk)

    sold = Decimal(venue.ledger()["orders"][-1]["executedQty"])
    assert sold == held // Decimal("0.001") * Decimal("0.001")
    assert 0 < sold < held
    assert not _state(holding_bot).in_position


@pytest.mark.parametrize("changes", [{"status": "HALT"}, {"listed": False}])
def test_a_bot_starts_in_a_troubled_symbol_only_to_look_after_what_it_holds(
    holding_bot: BotConfig, venue: RunningExchange, changes: dict[str, object]
) -> None:
    _change(venue, **changes)
    stop_bot(bot_id=holding_bot.pk, actor=None)
    start_bot(bot_id=holding_bot.pk, actor=None)
    assert _state(holding_bot).status == "pending"

    stop_bot(bot_id=holding_bot.pk, actor=None)
    BotState.objects.filter(pk=holding_bot.pk).update(in_position=False)
    with pytest.raises(BotError, match=r"BTCUSDT is not being traded|does not list BTCUSDT"):
        start_bot(bot_id=holding_bot.pk, actor=None)
    assert _state(holding_bot).status == "stopped"


def test_a_status_of_many_words_fits_into_the_books_and_is_journaled_once(
    started_bot: BotConfig, api_key: APIKey
) -> None:
    state = _state(started_bot)
    rules = gateway_for(api_key, Market.SPOT).rules("BTCUSDT")
    odd = replace(rules, status="A_STATUS_OF_THE_FUTURE_" * 5, is_trading=False)

    for _ in range(2):
        note_symbol(state, odd)
        state.save()
        state.refresh_from_db()
    note_symbol(state, rules)

    assert [event.kind for event in _symbol_events()] == list(SYMBOL_EVENTS)
